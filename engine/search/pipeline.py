"""A question from words to ranked passages.

Words, meaning and attention each propose candidates; every candidate is then scored by all three,
and the scores are fused. What cannot run is left out: without a model the words still answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.errors import QueryError
from engine.notation.folding import fold
from engine.notation.identifiers import identifiers
from engine.progress import CancelToken
from engine.records import (
    DocumentId,
    Identifier,
    Parts,
    PassageId,
    QueryEncoding,
    RevisionId,
    SearchSettings,
    Span,
)
from engine.search import attention, dense, fusion, lexical
from engine.search.attention import Attended
from engine.search.index import Index
from engine.search.lexical_query import QueryTerm, RequiredPhrase
from engine.search.lexical_terms import identifier_terms
from engine.search.query import is_contents, scripts, shape, token_weights
from engine.search.translation import Translator

LONGEST_QUERY = 2000
LEXICAL_CANDIDATES = 100
DENSE_CANDIDATES = 100
# A passage with fewer letters and digits answers nothing; only its very words find it.
SHORTEST_ANSWER = 6
# Revisions whose tokens are read for one question.
MOST_SURVEYED = 24

_NUMBER = re.compile(r"(?<!\d)\d{3,}(?!\d)")


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


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows worth scoring and their raw scores; the input of the fusion.

    Attributes:
        rows: Ascending, int64 ``[N]``.
        raw: Raw parts of each.
        foreign: Whether each is in another language than the question, bool ``[N]``.
        contents: Whether each is a piece of a table of contents, bool ``[N]``.
        attended: By position of the revision.
        relaxed: Whether nothing in the scope holds what the question puts in quotes, so that the
            quotes were ignored.
    """

    rows: np.ndarray
    raw: fusion.RawParts
    foreign: np.ndarray
    contents: np.ndarray
    attended: Mapping[int, Attended]
    relaxed: bool = False


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
        marking: The ``highlights`` section of the pack; without it what is attended to is marked.

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
    scores = np.round(
        fusion.fuse(
            found.raw, fitted, kind=shape(query), foreign=found.foreign, contents=found.contents
        ),
        6,
    )
    parts = fusion.calibrated(found.raw, fitted)
    order = np.lexsort((found.rows, -scores))
    chosen = _distinct(index, found.rows, order, settings.top)
    cancel.check()
    passages = tuple(
        _ranked(index, asked, query_encoding, settings, found, scores, parts, at, marking or {})
        for at in chosen
    )
    within = {passage.revision_id for passage in passages}
    return RankedPassages(
        passages,
        {seen.revision_id: seen for seen in found.attended.values() if seen.revision_id in within},
        _query_tokens(query_encoding),
        _notes(settings, index, query_encoding, found.relaxed),
    )


def gather(
    query: str,
    settings: SearchSettings,
    index: Index,
    postings: lexical.Postings,
    query_encoding: QueryEncoding | None,
    cancel: CancelToken,
    asked: lexical.QueryTerms | None = None,
) -> Candidates:
    """Collect candidates from every part and score each by every part.

    ``asked`` is the question taken apart, with its translations; without it there are none.
    """
    asked = asked or lexical.query_terms(query)
    relaxed = bool(asked.required) and not _holding(asked, asked.required, index, postings)
    if relaxed:
        # Quotes also name titles and terms; an answer elsewhere is better than none.
        asked = replace(asked, required=())
    by_meaning = settings.use_dense and query_encoding is not None
    # Whoever asks for words alone wants those of the question.
    asked = asked if by_meaning else replace(asked, associations=())
    words = _words(asked, index, postings) if settings.use_lexical else {}
    cancel.check()
    proposed = sorted(words, key=lambda row: (-sum(words[row]), row))[:LEXICAL_CANDIDATES]
    rows = set(proposed)
    cosines = None
    if by_meaning and query_encoding is not None:
        cosines = dense.cosines(query_encoding.vector, index)
        rows.update(dense.best_rows(cosines, DENSE_CANDIDATES).tolist())
        cancel.check()
    attended: dict[int, Attended] = {}
    attends = settings.use_attention and query_encoding is not None
    if attends and query_encoding is not None:
        for position in _surveyed(index, rows):
            cancel.check()
            seen = attention.survey(query_encoding, index, position)
            if seen is not None:
                rows.update(seen[0].tolist())
                attended[position] = seen[1]

    rows = {row for row in rows if row in words or _answers(index.passage_text(row))}
    ordered = np.array(sorted(_admitted(asked, index, postings, rows)), np.int64)
    absent = np.full(len(ordered), np.nan)
    held = np.array([words.get(row, (0.0, 0.0)) for row in ordered.tolist()]).reshape(-1, 2)
    raw = fusion.RawParts(
        lexical=held[:, 0] if settings.use_lexical else absent,
        associated=held[:, 1],
        exact=_exact(query, index, ordered),
        dense=absent if cosines is None else cosines[ordered].astype(np.float64),
        attention=attention.score_rows(query_encoding, index, ordered, cancel)
        if attends and query_encoding is not None
        else absent,
    )
    contents = [
        is_contents(index.passage_text(row), index.passage(row).heading_path)
        for row in ordered.tolist()
    ]
    return Candidates(
        ordered,
        raw,
        _foreign(query, index, ordered),
        np.array(contents, bool),
        attended,
        relaxed,
    )


def _words(
    asked: lexical.QueryTerms, index: Index, postings: lexical.Postings
) -> dict[int, tuple[float, float]]:
    """What each row earns by words and by their associations."""
    found = {}
    for hit in lexical.rank(asked, postings):
        row = index.row(hit.passage_id)
        if row is not None:
            found[row] = (round(hit.score, 6), round(hit.associated, 6))
    return found


def _answers(text: str) -> bool:
    return sum(map(str.isalnum, text)) >= SHORTEST_ANSWER


def _admitted(
    asked: lexical.QueryTerms, index: Index, postings: lexical.Postings, rows: set[int]
) -> set[int]:
    """Rows that hold what the question puts in quotes and nothing that it excludes."""
    if asked.required:
        rows = rows & _holding(asked, asked.required, index, postings)
    for phrase in asked.excluded:
        rows = rows - _holding(asked, (phrase,), index, postings)
    return rows


def _holding(
    asked: lexical.QueryTerms,
    phrases: tuple[RequiredPhrase, ...],
    index: Index,
    postings: lexical.Postings,
) -> set[int]:
    terms = tuple(
        QueryTerm(forms, 1.0) for phrase in phrases for segment in phrase for forms in segment
    )
    only = replace(
        asked, terms=terms, phrases=(), required=phrases, excluded=(), concepts=(), associations=()
    )
    found = (index.row(hit.passage_id) for hit in lexical.rank(only, postings))
    return {row for row in found if row is not None}


def _surveyed(index: Index, rows: set[int]) -> list[int]:
    """Revisions worth attending to: all of a small scope, else those with most candidates."""
    if len(index.revisions) <= MOST_SURVEYED:
        return list(range(len(index.revisions)))
    counts = np.bincount([index.revision_of(row) for row in rows], minlength=len(index.revisions))
    best = np.lexsort((np.arange(len(counts)), -counts))[:MOST_SURVEYED]
    return sorted(int(position) for position in best)


def _exact(query: str, index: Index, rows: np.ndarray) -> np.ndarray:
    """Share of the question's identifiers and long numbers that stand in each passage, or, where
    it has none, whether the whole question stands there unbroken."""
    named = identifiers(query)
    wanted = {identifier_terms(found)[0] for found in named} | _numbers(query, named)
    whole = _squeezed(query)
    exact = np.zeros(len(rows))
    for at, row in enumerate(rows.tolist()):
        text = index.passage_text(row)
        if wanted:
            here = identifiers(text)
            # A tolerance also stands where its unit is written behind it.
            held = {term for found in here for term in identifier_terms(found)}
            exact[at] = len(wanted & (held | _numbers(text, here))) / len(wanted)
        elif whole:
            exact[at] = float(whole in _squeezed(text))
    return exact


def _numbers(text: str, named: Sequence[Identifier]) -> set[str]:
    """Numbers outside identifiers that are long enough to name something, such as a serial."""
    rest = list(text)
    for found in named:
        rest[found.start : found.end] = " " * (found.end - found.start)
    return set(_NUMBER.findall(fold("".join(rest)).text))


def _squeezed(text: str) -> str:
    return "".join(fold(text).text.split()).rstrip("。.?!")


def _foreign(query: str, index: Index, rows: np.ndarray) -> np.ndarray:
    japanese, latin = scripts(query)
    foreign = np.zeros(len(rows), bool)
    if japanese == latin:
        return foreign
    for at, row in enumerate(rows.tolist()):
        # Japanese text full of English names is Japanese.
        foreign[at] = scripts(index.passage_text(row))[0] != japanese
    return foreign


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
    marking: Mapping[str, Any],
) -> RankedPassage:
    row = int(found.rows[at])
    revision = index.revisions[index.revision_of(row)]
    passage = index.passage(row)
    text = index.passage_text(row)
    terms = lexical.match_spans(asked, text)
    if settings.use_attention and query_encoding is not None:
        spans, weights = attention.passage_marks(query_encoding, index, row, terms, marking)
    else:
        spans, weights = np.zeros((0, 2), np.int32), np.zeros(0, np.float32)
    if not settings.use_lexical:
        terms = []
    related = lexical.related_spans(asked, text) if found.raw.associated[at] > 0 else []

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
        Parts(*(_known(parts[name][at]) for name in fusion.PARTS)),
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
