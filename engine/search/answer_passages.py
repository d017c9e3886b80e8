"""Passages read for the phrase that answers a question: which of the best holds it, and where."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.progress import CancelToken
from engine.records import QueryEncoding, Span
from engine.search import lexical
from engine.search.answer_features import PassageTokens
from engine.search.answering import Reading, answer_evidence, answer_marks, language, read
from engine.search.attention import passage_attention, segments
from engine.search.index import Index
from engine.search.question import Question

# As many as are shown, which are read for their marks anyway.
MOST_READ = 10


def read_best(
    questions: Sequence[Question],
    index: Index,
    rows: np.ndarray,
    scores: np.ndarray,
    table: Mapping[str, Any],
    cancel: CancelToken,
) -> tuple[dict[int, Reading], np.ndarray]:
    """Read the best candidates that are prose in the question's language.

    Nobody has marked answers in tables and drawings, whose neighbours are other cells and not a
    sentence: the weights say nothing of them.

    Args:
        questions: What each of N candidates is asked, with the model.
        index: Scope.
        rows: The candidates, ascending.
        scores: Their scores so far, ``[N]``.
        table: The pack's ``highlights`` section; may be empty.
        cancel: Checked between passages.

    Returns:
        What was read, by place among the candidates, and each one's share of what speaks for an
        answer, ``[N]`` in 0..1: 0 for prose that was not read, NaN where the weights say nothing.
    """
    readings: dict[int, Reading] = {}
    evidence: dict[int, float] = {}
    shares = np.full(len(rows), np.nan)
    wanted = language(questions[0].text) if questions else ""
    if wanted not in table.get("passages", {}):
        return readings, shares
    for at in np.lexsort((rows, -scores))[:MOST_READ].tolist():
        cancel.check()
        row, query = int(rows[at]), questions[at].encoding
        if query is None or not _is_prose(index, row, wanted):
            continue
        echoes = lexical.match_spans(questions[at].asked, index.passage_text(row))
        reading = read_passage(query, index, row, echoes)
        if reading is None:
            continue
        readings[at] = reading
        found = answer_evidence(reading, table)
        if found is not None:
            evidence[at] = found
    if evidence:
        shares[[_is_prose(index, row, wanted) for row in rows.tolist()]] = 0.0
        known = np.array(list(evidence.values()))
        shares[list(evidence)] = np.exp(known - np.logaddexp.reduce(known))
    return readings, np.round(shares, 6)


def _is_prose(index: Index, row: int, wanted: str) -> bool:
    kind = index.passage(row).kind
    return kind not in ("row", "entity") and language(index.passage_text(row)) == wanted


def read_passage(
    query: QueryEncoding, index: Index, row: int, echoes: Sequence[Span]
) -> Reading | None:
    """Read a passage for a phrase that answers the question.

    Args:
        query: The question.
        index: Scope.
        row: The passage.
        echoes: Spans of the passage's text that repeat words of the question.

    Returns:
        None where the question asks for no phrase, or the passage has none.
    """
    tokens = index.tokens(index.revision_of(row))
    if tokens is None or not len(query.token_vectors):
        return None
    passage = index.passage(row)
    first, last = segments(index, np.array([row]), tokens)[0]
    held = PassageTokens(
        index.passage_text(row),
        tuple((start - passage.start, end - passage.start) for start, end in passage.sentences),
        tokens.spans[first:last] - passage.start,
        tokens.vectors[first:last],
        tuple(echoes),
    )
    return read(query, held)


def passage_marks(
    query: QueryEncoding,
    index: Index,
    row: int,
    reading: Reading | None,
    table: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """What to highlight of a passage: what answers the question, else what it attends to.

    Args:
        query: The question.
        index: Scope.
        row: The passage.
        reading: The passage, read, or None.
        table: The pack's ``highlights`` section; may be empty.

    Returns:
        Spans into the document's text, int32 ``[N, 2]``, and weights, float32 ``[N]``.
    """
    found = answer_marks(reading, table) if reading is not None else None
    if found is None:
        return passage_attention(query, index, row)
    spans = np.array([(start, end) for start, end, _ in found], np.int32)
    weights = np.array([weight for _, _, weight in found], np.float32)
    return spans + np.int32(index.passage(row).start), weights
