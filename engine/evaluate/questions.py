"""Figures of a whole library on known questions: ``python -m engine.evaluate.questions``.

A file of questions has one JSON object a line: ``query``, ``document`` (file name), ``contains``
(text that stands in the right passage) and ``kind``. The documents are read into a library of
their own, and each question goes through the same search as everywhere else.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.evaluate.retrieval import figures
from engine.progress import CancelToken, run
from engine.records import Hit, SearchSettings
from engine.service import Library

TOP = 20


@dataclass(frozen=True, slots=True)
class Known:
    """A question whose answer is known."""

    query: str
    document: str
    contains: str
    kind: str

    def answered_by(self, hit: Hit) -> bool:
        """Whether a hit is the right passage; white space does not count."""
        return Path(hit.path).name == self.document and _squeezed(self.contains) in _squeezed(
            hit.text
        )


def _squeezed(text: str) -> str:
    return "".join(text.split())


def read_questions(path: Path) -> list[Known]:
    """Read a file of questions."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        Known(item["query"], item["document"], item["contains"], item.get("kind", ""))
        for item in map(json.loads, filter(str.strip, lines))
    ]


def ask(library: Library, questions: Sequence[Known]) -> Iterator[tuple[Known, list[int]]]:
    """Search for each question; gives the ranks, from 1, of the right hits among the first 20."""
    for known in questions:
        hits = library.search(known.query, SearchSettings(top=TOP)).hits
        yield known, [hit.rank for hit in hits if known.answered_by(hit)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the documents, ask, and print each rank and the figures by kind."""
    parser = argparse.ArgumentParser(prog="python -m engine.evaluate.questions")
    parser.add_argument("--questions", type=Path, required=True, help="JSON lines of questions")
    parser.add_argument("--documents", type=Path, required=True, help="folder of the documents")
    parser.add_argument("--pack", type=Path, help="folder of the pack; the shipped one if absent")
    parser.add_argument("--library", type=Path, help="keep the library here; else it is temporary")
    options = parser.parse_args(arguments)
    questions = read_questions(options.questions)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.library or Path(temporary) / "library"
        with Library.open(folder, pack=options.pack) as library:
            run(library.add(library.expand([options.documents]), CancelToken()))
            found = list(ask(library, questions))
    for known, ranks in found:
        rank = ranks[0] if ranks else "-"
        sys.stdout.write(f"{rank}\t{known.kind}\t{known.query}\n")
    for kind in [*dict.fromkeys(known.kind for known, _ in found), ""]:
        # Ranks stand for themselves: item r is at rank r, and is right if it is among the ranks.
        of_kind = [ranks for known, ranks in found if kind in ("", known.kind)]
        made = figures([range(1, TOP + 1)] * len(of_kind), [frozenset(one) for one in of_kind])
        line = "  ".join(
            f"{name} {held.mean:.3f} [{held.low:.3f}, {held.high:.3f}]"
            for name, held in made.items()
            if name != "ndcg@10"
        )
        sys.stdout.write(f"{kind or 'all'} ({len(of_kind)}): {line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
