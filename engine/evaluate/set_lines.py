"""Lines of evaluation sets, checked as they are read."""

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any

from engine.evaluate.set_rows import (
    Answer,
    Part,
    Row,
    SetDocument,
    SetError,
    SetPair,
    SetQuestion,
    SetSummary,
)
from engine.search.pipeline import LONGEST_QUERY


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a set with its place; its methods check what it says."""

    path: Path
    number: int
    values: Mapping[str, Any]

    def wrong(self, reason: str) -> SetError:
        """An error that names this line."""
        return SetError("set_broken", path=str(self.path), line=self.number, reason=reason)

    def text(self, name: str, default: str | None = None) -> str:
        """A text, not blank; ``default`` where it is absent."""
        value = self.values.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.wrong(f'"{name}" must be text')
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty where it is absent."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(f'"{name}" must be a list of texts')
        return tuple(value)

    def objects(self, name: str) -> list["Line"]:
        """A list of objects; empty where it is absent."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong(f'"{name}" must be a list of objects')
        return [Line(self.path, self.number, one) for one in value]

    def number_of(self, name: str) -> float:
        """A finite number."""
        value = self.values.get(name)
        try:
            number = float(value) if isinstance(value, int | float) else math.nan
        except OverflowError:
            number = math.nan
        if isinstance(value, bool) or not math.isfinite(number):
            raise self.wrong(f'"{name}" must be a number')
        return number

    def place(self, name: str) -> int | None:
        """A whole number, or None where it is absent."""
        value = self.values.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.wrong(f'"{name}" must be a whole number')
        return value

    def query(self, name: str) -> str:
        """A text that may be asked."""
        text = self.text(name)
        if len(text) > LONGEST_QUERY:
            raise self.wrong(f"the question is longer than {LONGEST_QUERY} characters")
        return text


def lines(path: Path) -> Iterator[Line]:
    """Read the lines of a file, plain or gzip, that are not blank.

    Raises:
        SetError: ``set_missing`` if the file cannot be read, ``set_broken`` if a line is no object.
    """
    try:
        with _opened(path) as file:
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    yield _line(path, number, raw)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SetError("set_missing", path=str(path), reason=reason) from error


def _line(path: Path, number: int, raw: bytes) -> Line:
    line = Line(path, number, {})
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        values = json.loads(text)
        # An escape may hold half of a surrogate pair, which is no text.
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise line.wrong("not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise line.wrong(f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise line.wrong("not a JSON object")
    return Line(path, number, values)


def _opened(path: Path) -> IO[bytes] | BufferedIOBase:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


class Retrieval:
    """Reads the lines of a set of kind ``retrieval``; documents come before their questions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._documents: set[str] = set()
        # Text of each part; None for files, whose text is not known yet.
        self._texts: dict[str, str | None] = {}

    def __call__(self, line: Line) -> Iterator[Row]:
        """Records of a line."""
        if "question" in line.values:
            yield self._question(line)
        elif "document" in line.values:
            yield self.document(line)
        else:
            raise line.wrong('neither "document" nor "question"')

    def document(self, line: Line) -> SetDocument:
        """The document of a line, new to the set."""
        name = line.text("document")
        if name in self._documents:
            raise line.wrong(f"a second document {name!r}")
        self._documents.add(name)
        title = line.text("title", "") or name
        forms = [form for form in ("parts", "text", "file") if form in line.values]
        if len(forms) != 1:
            raise line.wrong('a document has one of "parts", "text" and "file"')
        if forms == ["file"]:
            file = self._folder / line.text("file")
            if not file.is_file():
                raise line.wrong(f"there is no file {file}")
            self._know(line, name, None)
            return SetDocument(name, title, (), True, file, line.number)
        if forms == ["text"]:
            part = Part(name, line.text("text"))
            self._know(line, part.id, part.text)
            return SetDocument(name, title, (part,), True, None, line.number)
        parts = []
        for item in line.objects("parts"):
            part = Part(item.text("id"), item.text("text"), item.texts("heading"))
            self._know(line, part.id, part.text)
            parts.append(part)
        whole = line.values.get("whole", False)
        if not parts or not isinstance(whole, bool):
            raise line.wrong('"parts" must not be empty and "whole" must be true or false')
        return SetDocument(name, title, tuple(parts), whole, None, line.number)

    def _know(self, line: Line, name: str, text: str | None) -> None:
        if name in self._texts:
            raise line.wrong(f"a second part {name!r}")
        self._texts[name] = text

    def _question(self, line: Line) -> SetQuestion:
        relevant = line.texts("relevant")
        answers = tuple(self._answer(item) for item in line.objects("answers"))
        unknown = [name for name in relevant if name not in self._texts]
        if unknown:
            raise line.wrong(f"no part {unknown[0]!r} before this line")
        if not relevant and not answers:
            raise line.wrong('a question needs "relevant" or "answers"')
        return _question(line, "question", relevant, answers)

    def _answer(self, item: Line) -> Answer:
        name = item.text("id")
        if name not in self._texts:
            raise item.wrong(f"no part {name!r} before this line")
        text = self._texts[name]
        if "contains" in item.values:
            wanted = item.text("contains")
            if text is not None and squeezed(wanted) not in squeezed(text):
                raise item.wrong(f"{name!r} does not contain {wanted!r}")
            return Answer(name, contains=wanted)
        start, end = item.place("start"), item.place("end")
        if text is None or start is None or end is None or not 0 <= start < end <= len(text):
            raise item.wrong(f'"start" and "end" are no place in the text of {name!r}')
        return Answer(name, start, end)


def _question(
    line: Line, name: str, relevant: tuple[str, ...], answers: tuple[Answer, ...]
) -> SetQuestion:
    return SetQuestion(
        line.query(name),
        relevant,
        answers,
        line.text("kind", ""),
        line.number,
        line.text("split", ""),
    )


class Files:
    """Reads the lines of a set of kind ``files``: questions about files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()

    def __call__(self, line: Line) -> Iterator[Row]:
        """Records of a line."""
        name = line.text("document")
        if name not in self._known:
            self._known.add(name)
            file = self._folder / name
            if not file.is_file():
                raise line.wrong(f"there is no file {file}")
            yield SetDocument(name, name, (), True, file, line.number)
        answer = Answer(name, contains=line.text("contains"))
        yield _question(line, "query", (), (answer,))


class Pairs:
    """Reads the lines of a set of kind ``pairs`` or ``similarity``."""

    def __init__(self, scored: bool) -> None:
        self._scored = scored

    def __call__(self, line: Line) -> Iterator[Row]:
        """Records of a line."""
        score = line.number_of("score") if self._scored else None
        yield SetPair(line.query("first"), line.query("second"), score)


class Summaries:
    """Reads the lines of a set of kind ``summary``: a document each, and what a person wrote."""

    def __init__(self, folder: Path) -> None:
        self._documents = Retrieval(folder)

    def __call__(self, line: Line) -> Iterator[Row]:
        """Records of a line."""
        if "parts" in line.values:
            raise line.wrong('a document to be summarised has "text" or "file"')
        document = self._documents.document(line)
        question = line.query("question") if "question" in line.values else ""
        yield SetSummary(document, line.text("reference"), question)


def squeezed(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())
