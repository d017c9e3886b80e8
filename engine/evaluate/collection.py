"""Documents of evaluation sets in memory, as the library holds its own, with their questions."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from engine.evaluate.set_documents import Model, as_given, encode_apart, encode_whole, lay_out
from engine.evaluate.set_lines import squeezed
from engine.evaluate.set_rows import Answer, Row, SetDocument, SetError, SetQuestion
from engine.passages.passages import split_passages
from engine.progress import CancelToken, Job, Progress
from engine.reading.supervisor import ReaderProcess
from engine.records import (
    Document,
    DocumentId,
    Passage,
    PassageId,
    RevisionId,
    Span,
)
from engine.search.index import (
    Index,
    IndexedRevision,
    MeaningVectors,
    TokenArrays,
)
from engine.search.lexical import MemoryPostings
from engine.search.lexical_terms import passage_terms

T = TypeVar("T")


class Rows(Protocol):
    """A set of documents and questions, on disk or in memory."""

    @property
    def name(self) -> str:
        """What the figures call it."""
        ...

    @property
    def path(self) -> Path:
        """What errors call it."""
        ...

    def rows(self) -> Iterator[Row]:
        """Its rows, documents before the questions about them."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A question with the rows of the passages that answer it.

    Attributes:
        group: Name of its set.
        kind: Its kind within the set.
        query: The question.
        relevant: Rows of the index.
        split: See :class:`engine.evaluate.set_rows.SetQuestion`.
        answers: Rows of passages that hold a whole answer, each with the answers' spans in the
            passage's text; none for questions about whole parts.
    """

    group: str
    kind: str
    query: str
    relevant: frozenset[int]
    split: str = ""
    answers: tuple[tuple[int, tuple[Span, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """A scope with judged questions."""

    index: Index
    postings: MemoryPostings
    questions: tuple[Judged, ...]


def build(
    sets: Iterable[Rows], encoder: Model | None, cancel: CancelToken, *, together: bool = False
) -> Job[Collection]:
    """Split, encode and index documents as the library does, all in one scope.

    Questions of one set thus have the documents of the others around them.

    Args:
        sets: Where documents and questions come from.
        encoder: The model; None for an index without vectors.
        cancel: Stops the work.
        together: Encode the parts of every document in one pass. Else parts that are no whole
            document are encoded one by one, knowing nothing of each other.

    Yields:
        ``Progress("encode", documents done, None, name of the set)``.

    Raises:
        SetError: ``set_broken``: no passage holds an answer.
        engine.errors.ReadingError: A file cannot be read.
        engine.errors.Cancelled: ``cancel`` was set.
    """
    scope = _Scope(encoder, together)
    asked: list[tuple[Rows, dict[str, _Place], SetQuestion]] = []
    with ReaderProcess() as reader:
        for one in sets:
            places: dict[str, _Place] = {}
            for row in one.rows():
                cancel.check()
                if isinstance(row, SetDocument):
                    places |= yield from scope.add(row, reader, cancel)
                    yield Progress("encode", len(scope.revisions), None, one.name)
                elif isinstance(row, SetQuestion):
                    asked.append((one, places, row))
    index = Index(scope.revisions)
    questions = tuple(_judged(one, row, places, index) for one, places, row in asked)
    return Collection(index, MemoryPostings(scope.terms), questions)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part stands: position of its revision and span of its text."""

    position: int
    start: int
    end: int


class _Scope:
    """Revisions and words of a scope that is being built."""

    def __init__(self, encoder: Model | None, together: bool) -> None:
        self.revisions: list[IndexedRevision] = []
        self.terms: dict[PassageId, list[str]] = {}
        self._encoder = encoder
        self._together = together

    def add(
        self, row: SetDocument, reader: ReaderProcess, cancel: CancelToken
    ) -> Job[dict[str, _Place]]:
        """Add a document; gives the places of its parts."""
        if row.file is not None:
            document = yield from reader.read(row.file, cancel)
            spans: dict[str, Span] = {row.id: (0, len(document.text))}
        else:
            document, spans = lay_out(row)
        passages = split_passages(document) if row.whole else as_given(row, document.text, spans)
        if self._encoder is None:
            made = None
        elif row.whole or self._together:
            made = yield from encode_whole(self._encoder, document.text, passages, cancel)
        else:
            made = yield from encode_apart(self._encoder, document.text, passages, cancel)
        # A set's titles are no names of files: it is measured by its text alone.
        self._index(document, "" if row.file is None else str(row.file), passages, made)
        position = len(self.revisions) - 1
        return {name: _Place(position, *span) for name, span in spans.items()}

    def _index(
        self,
        document: Document,
        path: str,
        passages: Sequence[Passage],
        made: tuple[MeaningVectors, TokenArrays] | None,
    ) -> None:
        number = len(self.revisions) + 1
        vectors, tokens = made or (None, None)
        ids = tuple(PassageId(len(self.terms) + place) for place in range(len(passages)))
        for passage_id, passage in zip(ids, passages, strict=True):
            body = document.text[passage.start : passage.end]
            self.terms[passage_id] = passage_terms(body, passage.heading_path)
        self.revisions.append(
            IndexedRevision(
                DocumentId(number),
                RevisionId(number),
                path,
                tuple(passages),
                ids,
                vectors,
                lambda: document.text,
                None if tokens is None else lambda: tokens,
            )
        )


def _judged(source: Rows, question: SetQuestion, places: dict[str, _Place], index: Index) -> Judged:
    rows: set[int] = set()
    answers: dict[int, list[Span]] = {}
    for name in question.relevant:
        place = places[name]
        rows.update(_overlapping(index, place.position, place.start, place.end))
    for answer in question.answers:
        for row, spans in _answering(index, places[answer.id], answer):
            rows.add(row)
            if spans:
                answers.setdefault(row, []).extend(spans)
    if not rows:
        raise SetError(
            "set_broken",
            path=str(source.path),
            line=question.line,
            reason="no passage holds the answer",
        )
    held = tuple((row, tuple(spans)) for row, spans in answers.items())
    return Judged(source.name, question.kind, question.query, frozenset(rows), question.split, held)


def _answering(
    index: Index, place: _Place, answer: Answer
) -> Iterator[tuple[int, tuple[Span, ...]]]:
    """Right passages with the places of the answer in their text; none where it goes on beyond."""
    if answer.start is not None and answer.end is not None:
        start, end = place.start + answer.start, place.start + answer.end
        for row in _overlapping(index, place.position, start, end):
            passage = index.passage(row)
            whole = passage.start <= start and end <= passage.end
            yield row, ((start - passage.start, end - passage.start),) if whole else ()
        return
    wanted = squeezed(answer.contains or "")
    for row in _overlapping(index, place.position, place.start, place.end):
        text = index.passage_text(row)
        if wanted in squeezed(text):
            yield row, tuple(_occurrences(text, wanted))


def _occurrences(text: str, wanted: str) -> Iterator[Span]:
    """Where a text without white space stands in one that may have some."""
    places = [at for at, character in enumerate(text) if not character.isspace()]
    held = squeezed(text)
    at = held.find(wanted) if wanted else -1
    while at >= 0:
        yield places[at], places[at + len(wanted) - 1] + 1
        at = held.find(wanted, at + 1)


def _overlapping(index: Index, position: int, start: int, end: int) -> Iterator[int]:
    passages = index.revisions[position].passages
    first = bisect_right(passages, start, key=lambda passage: passage.end)
    for at in range(first, len(passages)):
        if passages[at].start >= end:
            return
        yield int(index.starts[position]) + at


def spread(items: Sequence[T], most: int | None) -> list[T]:
    """At most ``most`` items, evenly taken; all if None."""
    if most is None or len(items) <= most:
        return list(items)
    return [items[int(at)] for at in np.linspace(0, len(items) - 1, most)]
