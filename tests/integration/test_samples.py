"""Questions over the sample documents: each finds the right passage first."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.progress import run
from engine.records import SearchSettings
from engine.service import Library
from resources.samples import sample_paths

QUESTIONS = [
    json.loads(line)
    for line in (Path(__file__).resolve().parents[1] / "data" / "questions.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
SEMANTIC = ("paraphrase", "english_to_japanese", "japanese_to_english")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("samples")) as library:
        results = run(library.add(sample_paths()))
        assert {result.status for result in results} == {"added"}
        assert {result.reason for result in results} == {None}
        yield library


def rank_of(question: dict, library: Library, settings: SearchSettings | None = None) -> int | None:
    for hit in library.search(question["query"], settings).hits:
        if Path(hit.path).name == question["document"] and question["contains"] in hit.text:
            return hit.rank
    return None


@pytest.mark.parametrize(
    "question",
    [item for item in QUESTIONS if item["kind"] not in SEMANTIC],
    ids=lambda item: item["query"],
)
def test_words_numbers_and_rows_are_found_first(question: dict, samples: Library):
    assert rank_of(question, samples) == 1


@pytest.mark.parametrize(
    "query",
    [
        "寒い時期の週明けだけおかしくなったのはどうしてか",
        "May I use an O-ring that was dropped on the floor?",
        "図面を電子メールで送ってもよいか",
        "偽造品の疑いがある部品は返してよいか",
    ],
)
def test_other_words_and_the_other_language_find_it_first(query: str, samples: Library):
    assert rank_of(next(item for item in QUESTIONS if item["query"] == query), samples) == 1


@pytest.mark.parametrize("path", sample_paths(), ids=lambda path: path.name)
def test_file_is_found_by_its_name(path: Path, samples: Library):
    for query in (path.name, path.stem, path.stem.replace("_", " ")):
        assert Path(samples.search(query).hits[0].path).name == path.name, query


def test_question_about_a_file_is_answered_from_it(samples: Library):
    hits = samples.search("NC-2025-018 の不適合の根本原因は").hits
    assert hits[0].named == ("NC-2025-018", "不適合")
    assert Path(hits[0].path).name.startswith("NC-2025-018")


def test_meaning_finds_what_words_do_not(samples: Library):
    """Floors under the figures of the pack that ships.

    Measured: a mean reciprocal rank of 0.72, 24 of 27 among the first five, and 9 of the 12
    questions that share no word with their passage among the first ten (words alone none).
    """
    questions = [item for item in QUESTIONS if item["kind"] in SEMANTIC]
    words_only = SearchSettings(use_dense=False, use_attention=False)
    ranks = [rank_of(item, samples) or 1000 for item in questions]
    assert sum(1 / rank for rank in ranks) / len(ranks) > 0.64
    assert sum(rank <= 5 for rank in ranks) >= 20
    others = [item for item in questions if item["kind"] == "paraphrase"]
    assert not any(rank_of(item, samples, words_only) for item in others)
    assert sum(rank_of(item, samples) is not None for item in others) >= 8


def test_related_words_that_counted_are_named(samples: Library):
    query = "おかしいと思った人が機械の流れを中断したら叱られるのか"
    (first, *_) = samples.search(query).hits
    assert "ラインを止める" in first.text
    assert first.related_words and all(word in first.text for word in first.related_words)
    by_words = SearchSettings(use_dense=False, use_attention=False)
    assert not any(hit.related for hit in samples.search(query, by_words).hits)


def test_a_workshops_words_are_found_by_those_of_the_other_language(samples: Library):
    for hit in samples.search("tightening torque of the end cover").hits[:3]:
        read = " ".join((*hit.heading_path, hit.text))
        assert "トルク" in read and "エンドカバー" in read
