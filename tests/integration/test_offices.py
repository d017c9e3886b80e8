"""Questions over documents as offices have them, by writers who knew nothing of the program.

The floors stand a little under what was measured; ``tests/data/README.md`` has the figures.
"""

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.passages.passages import split_passages
from engine.progress import run
from engine.service import Library

DATA = Path(__file__).resolve().parents[1] / "data"
OFFICES = DATA / "offices"
QUESTIONS = [
    json.loads(line) for line in (DATA / "offices.jsonl").read_text(encoding="utf-8").splitlines()
]


def squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("offices")) as library:
        files = sorted(path for path in OFFICES.rglob("*") if path.is_file())
        results = run(library.add(files))
        assert {(result.status, result.reason) for result in results} == {("added", None)}
        yield library


@pytest.fixture(scope="module")
def ranks(offices: Library) -> dict[str, list[int | None]]:
    """Rank of the right passage for each question, by kind."""
    found: dict[str, list[int | None]] = {}
    for question in QUESTIONS:
        path, wanted = OFFICES / question["document"], squeezed(question["contains"])
        hits = offices.search(question["query"]).hits
        right = (hit for hit in hits if Path(hit.path) == path and wanted in squeezed(hit.text))
        rank = next((hit.rank for hit in right), None)
        found.setdefault(question["kind"], []).append(rank)
    return found


@pytest.mark.timeout(900)
def test_every_answer_stands_in_one_passage(offices: Library):
    texts = {}
    for info in offices.documents():
        assert info.revision_id is not None
        document = offices.content(info.revision_id)
        texts[Path(info.path)] = [
            squeezed(document.text[passage.start : passage.end])
            for passage in split_passages(document)
        ]
    torn = [
        question["query"]
        for question in QUESTIONS
        if not any(
            squeezed(question["contains"]) in text for text in texts[OFFICES / question["document"]]
        )
    ]
    assert torn == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kind", "first", "among_five"),
    [
        ("exact", 0.85, 0.95),
        ("table", 0.78, 0.93),
        ("own", 0.93, 0.95),
        ("other", 0.27, 0.5),
        ("english", 0.6, 0.85),
    ],
)
def test_right_passage_is_found(
    ranks: dict[str, list[int | None]], kind: str, first: float, among_five: float
):
    found = ranks[kind]
    assert sum(rank == 1 for rank in found) >= first * len(found)
    assert sum(rank is not None and rank <= 5 for rank in found) >= among_five * len(found)
