"""A question from words to ranked passages.

Candidates are gathered, the scores of each are fused, the best are marked. What cannot run is left
out: without a model the words still answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.errors import QueryError
from engine.notation.folding import fold
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
from engine.search import lexical
from engine.search.answer_passages import passage_marks, read_passage
from engine.search.attention import Attended
from engine.search.fusion_features import PARTS
from engine.search.index import Index
from engine.search.names import readable
from engine.search.query import token_weights
from engine.search.question import Question, put
from engine.search.ranking import Ranking, rank
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
        named: What the file's name holds of the question's words, and numbers of the question that
            its document, section or sheet goes by.
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
    named: tuple[str, ...]


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
    encode: Callable[[str], QueryEncoding] | None,
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
        encode: The model, or None if it cannot run.
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
    wanted = settings.use_dense or settings.use_attention
    question = put(query, (translator or Translator()).terms, encode if wanted else None)
    ranking = rank(question, settings, index, postings, calibration, marking or {}, cancel)
    found = ranking.found
    cancel.check()
    passages = tuple(
        _ranked(index, question, settings, ranking, at, marking or {}) for at in ranking.order
    )
    within = {passage.revision_id for passage in passages}
    return RankedPassages(
        passages,
        {seen.revision_id: seen for seen in found.attended.values() if seen.revision_id in within},
        _query_tokens(question.encoding),
        _notes(settings, index, question.encoding, found.relaxed),
    )


def _ranked(
    index: Index,
    question: Question,
    settings: SearchSettings,
    ranking: Ranking,
    at: int,
    marking: Mapping[str, Any],
) -> RankedPassage:
    row, reading = int(ranking.found.rows[at]), ranking.readings.get(at)
    asked = question.asked if ranking.guessed[at] else replace(question.asked, associations=())
    about = question.about(bool(ranking.by_topic[at]))
    revision = index.revisions[index.revision_of(row)]
    passage = index.passage(row)
    text = index.passage_text(row)
    terms = lexical.match_spans(asked, text)
    if settings.use_attention and about.encoding is not None:
        echoes = lexical.match_spans(about.asked, text)
        reading = reading or read_passage(about.encoding, index, row, echoes)
        spans, weights = passage_marks(about.encoding, index, row, reading, marking)
    else:
        spans, weights = np.zeros((0, 2), np.int32), np.zeros(0, np.float32)
    name = readable(revision.path)
    named = [name[start:end] for start, end in lexical.match_spans(asked, name)]
    known = {fold(word).text for word in named}
    named += [
        number
        for number, held in ranking.found.designated.items()
        if held[at] and fold(number).text not in known
    ]
    if not settings.use_lexical:
        terms, named = [], []
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
        round(float(ranking.scores[at]), 6),
        Parts(*(_known(ranking.parts[name][at]) for name in (*PARTS, "answer"))),
        spans,
        weights,
        placed(terms),
        placed(related),
        tuple(dict.fromkeys(named)),
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
