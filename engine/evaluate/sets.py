"""Evaluation sets as JSON lines; their form is described in README.md.

A set is read line by line. What a line says is checked when it is read, and an error names the
file and the line.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.evaluate.set_lines import Files, Line, Pairs, Retrieval, Summaries, lines
from engine.evaluate.set_rows import (
    FILES,
    KINDS,
    RETRIEVAL,
    SIMILARITY,
    SUMMARY,
    Answer,
    Row,
    SetError,
    SetPair,
    SetQuestion,
    SetSummary,
)

SUFFIXES = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A set on disk, its first line read.

    Attributes:
        path: Its file.
        name: What the figures call it.
        kind: One of ``KINDS``.
        description: What it is, for people.
        documents: Folder of the documents of a set of kind ``files``.
    """

    path: Path
    name: str
    kind: str
    description: str = ""
    documents: Path = field(default_factory=Path)

    def rows(self) -> Iterator[Row]:
        """Read the set from its beginning.

        Raises:
            SetError: ``set_missing`` or ``set_broken`` with ``path``, ``line`` and ``reason``.
        """
        read = self._reader()
        for line in lines(self.path):
            if "set" not in line.values:
                yield from read(line)
            elif line.number > 1:
                raise line.wrong("a header must be the first line")

    def _reader(self) -> Callable[[Line], Iterator[Row]]:
        if self.kind == RETRIEVAL:
            return Retrieval(self.path.parent)
        if self.kind == SUMMARY:
            return Summaries(self.path.parent)
        return Files(self.documents) if self.kind == FILES else Pairs(self.kind == SIMILARITY)


def find_sets(paths: Iterable[Path], documents: Path | None = None) -> list[EvaluationSet]:
    """Open sets; a folder stands for the sets in it, by name.

    Args:
        paths: Files and folders.
        documents: Folder of the documents of sets of kind ``files``; the set's own if None.

    Raises:
        SetError: A set is missing or its first line is not that of a set.
    """
    found: list[EvaluationSet] = []
    for path in paths:
        inside = (
            [one for one in sorted(path.iterdir()) if _is_set(one)] if path.is_dir() else [path]
        )
        if not inside:
            raise SetError("set_missing", path=str(path))
        found += [open_set(one, documents) for one in inside]
    return found


def _is_set(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def open_set(path: Path, documents: Path | None = None) -> EvaluationSet:
    """Open a set and read its first line; see :func:`find_sets`."""
    first = next(lines(path), None)
    if first is None:
        raise SetError("set_broken", path=str(path), line=1, reason="the file is empty")
    folder = documents or path.parent
    stem = path.name.lower().removesuffix(".gz").removesuffix(".jsonl")
    if "set" not in first.values:
        if {"query", "document", "contains"} <= set(first.values):
            return EvaluationSet(path, stem, FILES, "", folder)
        raise first.wrong(
            'the first line must be a header such as {"set": "name", "kind": "pairs"}'
        )
    kind = first.text("kind")
    if kind not in KINDS:
        raise first.wrong(f"the kind {kind!r} is none of {', '.join(KINDS)}")
    return EvaluationSet(path, first.text("set"), kind, first.text("description", ""), folder)


def write_set(path: Path, name: str, kind: str, rows: Iterable[Row], description: str = "") -> None:
    """Write a set whole or not at all; the same rows give the same bytes."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        header = {"set": name, "kind": kind, "description": description}
        for values in (header, *map(_row_json, rows)):
            file.write(json.dumps(values, ensure_ascii=False) + "\n")
    temporary.replace(path)


def _row_json(row: Row) -> dict[str, Any]:
    if isinstance(row, SetPair):
        scored = {} if row.score is None else {"score": row.score}
        return {"first": row.first, "second": row.second, **scored}
    if isinstance(row, SetQuestion):
        answers = [
            {name: value for name in Answer.__slots__ if (value := getattr(one, name)) is not None}
            for one in row.answers
        ]
        made = {
            "question": row.query,
            "relevant": list(row.relevant),
            "answers": answers,
            "kind": row.kind,
            "split": row.split,
        }
        return {name: value for name, value in made.items() if value}
    if isinstance(row, SetSummary):
        held = row.document
        body = {"text": held.parts[0].text} if held.file is None else {"file": str(held.file)}
        asked = {"question": row.question} if row.question else {}
        return {
            "document": held.id,
            "title": held.title,
            **body,
            "reference": row.reference,
            **asked,
        }
    if row.file is not None:
        return {"document": row.id, "title": row.title, "file": str(row.file)}
    parts = [{"id": one.id, "heading": list(one.heading), "text": one.text} for one in row.parts]
    return {"document": row.id, "title": row.title, "whole": row.whole, "parts": parts}
