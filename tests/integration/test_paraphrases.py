"""The paraphrase set over the sample documents: its quotations stand there, its words do not."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.notation.folding import fold, fold_width
from engine.notation.stems import stem
from engine.passages.passages import split_passages
from engine.reading.limits import Limits
from engine.reading.registry import read
from engine.search.lexical_query import query_terms
from engine.search.lexical_stopwords import ENGLISH_STOPWORDS, function_mask
from engine.search.lexical_terms import index_terms, runs
from resources.samples import sample_paths

DATA = Path(__file__).resolve().parents[1] / "data"
LANGUAGE_OF = {"paraphrase": "ja", "paraphrase_ja_en": "ja", "paraphrase_en_ja": "en"}
FIELDS = {"query", "document", "contains", "kind", "language", "split"}
FEWEST = 150
MOST_OF_A_PASSAGE = 3
# Share of terms that two questions to one passage may have in common.
MOST_ALIKE = 0.4

# A noun of its own or the stem of a verb; in a text a verb may stand right after a noun (時間回す).
LONE_KANJI = re.compile("(?<![一-鿿々])[一-鿿](?![一-鿿々])")
LAST_KANJI = re.compile("[一-鿿](?![一-鿿々])")
KANA = re.compile("[ぁ-ゖァ-ヺ]")


@dataclass(frozen=True, slots=True)
class Place:
    """A passage of a sample document, as the program cuts it."""

    document: str
    ordinal: int
    text: str
    headings: str


Places = Mapping[str, Sequence[Place]]


def shared_words(question: str, text: str) -> list[str]:
    """Content of a question that stands in a text.

    Every term for which the index of words would count the text: bigrams and single characters of
    Japanese in both kana, words, identifiers. Beyond the index, stems of English words, and kanji
    that stand alone in the question, so that 止まる in the text forbids 止める.
    """
    held = set(index_terms(text))
    found = [
        term.forms[0]
        for term in query_terms(question).terms
        if any(form in held for form in term.forms)
    ]
    found += sorted(english_stems(question) & english_stems(text))
    found += sorted(lone_kanji(question) & set(LAST_KANJI.findall(fold_width(text).text)))
    return list(dict.fromkeys(found))


def english_stems(text: str) -> set[str]:
    words = (run.text for run in runs(fold(text).text) if not run.cjk)
    return {stem(word) for word in words if word not in ENGLISH_STOPWORDS}


def lone_kanji(question: str) -> set[str]:
    """Kanji of a question that stand alone and belong to no function word."""
    return {
        run.text[place]
        for run in runs(fold_width(question).text)
        if run.cjk
        for place, function in enumerate(function_mask(run.text))
        if not function and LONE_KANJI.match(run.text, place)
    }


def places_of(line: Mapping[str, str], places: Places) -> list[Place]:
    """Passages that hold the quotation; white space does not count."""
    wanted = "".join(line["contains"].split())
    return [
        place for place in places.get(line["document"], ()) if wanted in "".join(place.text.split())
    ]


def faults_of(line: Mapping[str, str], places: Places) -> list[str]:
    """What is wrong with one line."""
    if set(line) != FIELDS or not all(isinstance(v, str) and v.strip() for v in line.values()):
        return ["fields"]
    faults = []
    if LANGUAGE_OF.get(line["kind"]) != line["language"] or line["split"] not in ("dev", "test"):
        faults.append("kind, language or split")
    if bool(KANA.search(line["query"])) != (line["language"] == "ja"):
        faults.append("not in its language")
    if re.search(r"\d", line["query"]):
        faults.append("a number")
    found = places_of(line, places)
    if len(found) != 1:
        faults.append(f"the quotation stands in {len(found)} passages")
    for place in found:
        faults += [f"shared: {word}" for word in shared_words(line["query"], place.text)]
        faults += [f"shared: {word}" for word in shared_words(line["query"], place.headings)]
        if bool(KANA.search(place.text)) != (line["kind"] != "paraphrase_ja_en"):
            faults.append("the passage is in the other language")
    return faults


def faults(lines: Sequence[Mapping[str, str]], places: Places) -> list[str]:
    """What is wrong with a set, each with the question it concerns."""
    found = [f"{line.get('query')}: {fault}" for line in lines for fault in faults_of(line, places)]
    if found:
        return found
    asked = Counter(fold(line["query"]).text for line in lines)
    found = [f"{question}: asked twice" for question, times in asked.items() if times > 1]
    of_place: dict[Place, list[Mapping[str, str]]] = {}
    for line in lines:
        of_place.setdefault(places_of(line, places)[0], []).append(line)
    for held in of_place.values():
        first = held[0]["query"]
        if len(held) > MOST_OF_A_PASSAGE:
            found.append(f"{first}: more than {MOST_OF_A_PASSAGE} questions to its passage")
        if len({line["split"] for line in held}) > 1:
            found.append(f"{first}: its passage is in both halves")
        found += [
            f"{line['query']}: much like {other['query']}"
            for number, line in enumerate(held)
            for other in held[:number]
            if alike(line["query"], other["query"]) > MOST_ALIKE
        ]
    return found


def alike(first: str, second: str) -> float:
    """Share of the terms of two questions that both have."""
    one, other = ({t.forms for t in query_terms(text).terms} for text in (first, second))
    return len(one & other) / max(len(one | other), 1)


def lines_of(name: str) -> list[dict[str, str]]:
    return list(map(json.loads, (DATA / name).read_text(encoding="utf-8").splitlines()))


def places_in(paths: Iterable[Path]) -> Places:
    held: dict[str, list[Place]] = {}
    for path in paths:
        document = read(path, Limits())
        held[path.name] = [
            Place(
                path.name,
                passage.ordinal,
                document.text[passage.start : passage.end],
                "\n".join(passage.heading_path),
            )
            for passage in split_passages(document)
        ]
    return held


@pytest.fixture(scope="module")
def places() -> Places:
    return places_in(sample_paths())


LINES = lines_of("paraphrases.jsonl")
GOOD = {
    "query": "オイルがしけっているとわかったら、どの機械をどれだけ動かすか",
    "document": "WP-HV-112_組立検査作業手順書.pdf",
    "contains": "脱水装置を8時間回す",
    "kind": "paraphrase",
    "language": "ja",
    "split": "dev",
}


def test_every_line_quotes_its_document_and_shares_no_word_with_the_passage(places: Places):
    assert faults(LINES, places) == []


def test_no_question_is_one_of_the_other_set():
    others = {fold(line["query"]).text for line in lines_of("questions.jsonl")}
    assert not others & {fold(line["query"]).text for line in LINES}


def test_there_are_enough_of_every_kind_in_either_half():
    kinds = Counter(line["kind"] for line in LINES)
    assert len(LINES) >= FEWEST
    assert kinds["paraphrase"] > len(LINES) / 2
    assert min(kinds[kind] for kind in LANGUAGE_OF) >= 30
    assert {line["document"] for line in LINES} == {path.name for path in sample_paths()}
    for kind, total in kinds.items():
        dev = sum(line["kind"] == kind and line["split"] == "dev" for line in LINES)
        assert 0.45 * total <= dev <= 0.55 * total, kind


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"contains": "脱水装置を80時間回す"}, "0 passages"),
        ({"contains": "脱水装置を8時間回さない"}, "0 passages"),
        ({"document": "QM-001_quality_manual.pdf"}, "0 passages"),
        ({"contains": "項目"}, "passages"),
        ({"query": "水分が多いとわかったら、どの機械を動かすか"}, "shared: 水分"),
        ({"query": "機械を回せばよいのはどんなときか"}, "shared: 回"),
        ({"query": "オイルがしけったら、どの装置を動かすか"}, "shared: 装置"),
        ({"query": "しけったオイルはロ過でよいか"}, "shared: ロ過"),
        ({"query": "しけったオイルは油の管理でどう扱うか"}, "shared: 管理"),
        ({"query": "しけったオイルはISOにかなうか"}, "shared: iso"),
        ({"query": "機械を8時間も動かすのはどんなときか"}, "a number"),
        ({"query": "Which machine removes moisture?"}, "not in its language"),
        ({"kind": "paraphrase_en_ja"}, "kind, language or split"),
        ({"split": "train"}, "kind, language or split"),
        ({"split": " "}, "fields"),
        (
            {
                "query": "時計を決めれば休めるか",
                "document": "QM-001_quality_manual.pdf",
                "contains": "Auditors do not audit their own work",
            },
            "the passage is in the other language",
        ),
        (
            {
                "query": "Who is an auditor?",
                "document": "QM-001_quality_manual.pdf",
                "contains": "Auditors do not audit their own work",
                "kind": "paraphrase_en_ja",
                "language": "en",
            },
            "shared: auditor",
        ),
    ],
)
def test_a_bad_line_is_told(change: dict[str, str], fault: str, places: Places):
    assert faults([GOOD], places) == []
    assert any(fault in one for one in faults([GOOD | change], places))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, "asked twice"),
        ({"query": "オイルがしけっているとわかったら、どの機械を動かすか"}, "much like"),
        ({"query": "しけったオイルは捨ててよいか", "split": "test"}, "both halves"),
    ],
)
def test_bad_neighbours_are_told(change: dict[str, str], fault: str, places: Places):
    assert any(fault in one for one in faults([GOOD, GOOD | change], places))


def test_a_passage_is_asked_for_three_times_at_most(places: Places):
    queries = (
        "しけったオイル",
        "ドライにするべき潤滑剤",
        "ぬれた液のあつかい",
        "湿っぽさの始末",
    )
    asked = [GOOD | {"query": query} for query in queries]
    assert faults(asked[:3], places) == []
    assert any("more than 3" in one for one in faults(asked, places))
