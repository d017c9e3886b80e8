"""A question from words to ranked passages.

Candidates are gathered, the scores of each are fused, the best are marked. What cannot run is left
out: without a model the words still answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.errors import QueryError
from engine.progress import CancelToken
from engine.records import (
    DocumentId,
    Parts,
    PassageId,
    QueryEncoding,
    RevisionId,
    SearchSettings,
    Span,
)
from engine.search import fusion, lexical
from engine.search.answer_passages import passage_marks, read_best, read_passage
from engine.search.answering import Reading
from engine.search.attention import Attended
from engine.search.candidates import Candidates, gather
from engine.search.fusion_features import PARTS
from engine.search.index import Index
from engine.search.query import QueryShape, shape, token_weights
from engine.search.translation import Translator

LONGEST_QUERY = 2000


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A passage found, before its place on the page is looked up.

    Attributes:
        marked_spans: Its phrases that answer the question or, where it asks for none, its tokens,
            int32 ``[N, 2]``; none if attention did not run.
        marked_weights: How likely each is the answer, or how much the question attended to it,
            float32 ``[N]``.
        terms: Exact matches of the question's words, spans into the document's text.
        related: Words there that often answer the question's words, where they counted; likewise.
    """

    passage_id: PassageId
    document_id: DocumentId
    revision_id: RevisionId
    path: str
    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]
    score: float
    parts: Parts
    marked_spans: np.ndarray
    marked_weights: np.ndarray
    terms: tuple[Span, ...]
    related: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class RankedPassages:
    """The answer to a question.

    Attributes:
        passages: Best first; equal scores by revision and position.
        attended: What was attended to, for each revision that a passage stands in.
        query_tokens: ``(start, end, weight)`` of the question's tokens.
        notes: Codes: ``model_missing`` when the question could not be encoded,
            ``not_analysed:N`` when N revisions in the scope have no analysis yet,
            ``quotes_ignored`` when nothing in the scope holds what the question puts in quotes.
    """

    passages: tuple[RankedPassage, ...]
    attended: Mapping[RevisionId, Attended]
    query_tokens: tuple[tuple[int, int, float], ...]
    notes: tuple[str, ...]


def search(
    query: str,
    settings: SearchSettings,
    index: Index,
    postings: lexical.Postings,
    query_encoding: QueryEncoding | None,
    calibration: Mapping[str, Any],
    cancel: CancelToken | None = None,
    translator: Translator | None = None,
    marking: Mapping[str, Any] | None = None,
) -> RankedPassages:
    """Find the passages of a scope that answer a question.

    Args:
        query: The question, as typed.
        settings: Number of hits and which parts take part.
        index: Scope.
        postings: Words of the same scope.
        query_encoding: The question as the model sees it, or None if the model cannot run.
        calibration: The ``fusion`` section of the pack; may be empty.
        cancel: Checked between steps.
        translator: Gives words of the other language; None for none.
        marking: The ``highlights`` section of the pack; without it what is attended to is marked
            and no passage is read for an answer.

    Raises:
        QueryError: ``query_empty`` or ``query_too_long``.
        engine.errors.Cancelled: ``cancel`` was set.
    """
    cancel = cancel or CancelToken()
    query = query.strip()
    if not query:
        raise QueryError("query_empty")
    if len(query) > LONGEST_QUERY:
        raise QueryError("query_too_long", length=len(query), limit=LONGEST_QUERY)
    asked = (translator or Translator()).terms(query)
    found = gather(query, settings, index, postings, query_encoding, cancel, asked)
    fitted = fusion.Calibration.read(calibration)
    kind, foreign = shape(query), found.foreign
    scores = _scores(found, fitted, kind)
    readings: Mapping[int, Reading] = {}
    if marking and query_encoding is not None and settings.use_attention and settings.use_lexical:
        readings, answer = read_best(
            query_encoding, asked, index, found.rows, scores, marking, cancel
        )
        found = replace(found, raw=replace(found.raw, answer=answer))
        scores = _scores(found, fitted, kind)
    guessed = fusion.guessed(found.raw, fitted, kind=kind, foreign=foreign)
    parts = fusion.calibrated(found.raw, fitted)
    order = np.lexsort((found.rows, -scores))
    chosen = _distinct(index, found.rows, order, settings.top)
    cancel.check()
    passages = tuple(
        _ranked(
            index,
            asked if guessed[at] else replace(asked, associations=()),
            query_encoding,
            settings,
            found,
            scores,
            parts,
            at,
            readings.get(at),
            marking or {},
        )
        for at in chosen
    )
    within = {passage.revision_id for passage in passages}
    return RankedPassages(
        passages,
        {seen.revision_id: seen for seen in found.attended.values() if seen.revision_id in within},
        _query_tokens(query_encoding),
        _notes(settings, index, query_encoding, found.relaxed),
    )


def _scores(found: Candidates, fitted: fusion.Calibration, kind: QueryShape) -> np.ndarray:
    fused = fusion.fuse(
        found.raw, fitted, kind=kind, foreign=found.foreign, contents=found.contents
    )
    return np.round(fused, 6)


def _distinct(index: Index, rows: np.ndarray, order: np.ndarray, top: int) -> list[int]:
    """The best rows, of equal passages of one document only the first."""
    chosen: list[int] = []
    seen: set[tuple[DocumentId, str]] = set()
    for at in order.tolist():
        if len(chosen) >= top:
            break
        row = int(rows[at])
        key = (index.revisions[index.revision_of(row)].document_id, index.passage_text(row))
        if key not in seen:
            seen.add(key)
            chosen.append(at)
    return chosen


def _ranked(
    index: Index,
    asked: lexical.QueryTerms,
    query_encoding: QueryEncoding | None,
    settings: SearchSettings,
    found: Candidates,
    scores: np.ndarray,
    parts: Mapping[str, np.ndarray],
    at: int,
    reading: Reading | None,
    marking: Mapping[str, Any],
) -> RankedPassage:
    row = int(found.rows[at])
    revision = index.revisions[index.revision_of(row)]
    passage = index.passage(row)
    text = index.passage_text(row)
    terms = list(reading.passage.echoes) if reading else lexical.match_spans(asked, text)
    if settings.use_attention and query_encoding is not None:
        reading = reading or read_passage(query_encoding, index, row, terms)
        spans, weights = passage_marks(query_encoding, index, row, reading, marking)
    else:
        spans, weights = np.zeros((0, 2), np.int32), np.zeros(0, np.float32)
    if not settings.use_lexical:
        terms = []
    related = lexical.related_spans(asked, text, terms)

    def placed(spans: Sequence[Span]) -> tuple[Span, ...]:
        return tuple((passage.start + start, passage.start + end) for start, end in spans)

    return RankedPassage(
        index.passage_id(row),
        revision.document_id,
        revision.revision_id,
        revision.path,
        passage.start,
        passage.end,
        text,
        passage.heading_path,
        float(scores[at]),
        Parts(*(_known(parts[name][at]) for name in (*PARTS, "answer"))),
        spans,
        weights,
        placed(terms),
        placed(related),
    )


def _known(value: np.floating) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _query_tokens(query: QueryEncoding | None) -> tuple[tuple[int, int, float], ...]:
    if query is None:
        return ()
    weights = token_weights(query)
    return tuple(
        (int(start), int(end), round(float(weight), 6))
        for (start, end), weight in zip(query.token_spans, weights, strict=True)
    )


def _notes(
    settings: SearchSettings, index: Index, query: QueryEncoding | None, relaxed: bool
) -> tuple[str, ...]:
    notes = ["quotes_ignored"] if relaxed else []
    if settings.use_dense or settings.use_attention:
        waiting = sum(revision.vectors is None for revision in index.revisions)
        if query is None:
            notes.append("model_missing")
        elif waiting:
            notes.append(f"not_analysed:{waiting}")
    return tuple(notes)
