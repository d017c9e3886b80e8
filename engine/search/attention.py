"""Search by attention: a question's tokens look at the stored tokens of the documents.

Block summaries choose the blocks of a document that suit the question; a softmax over their tokens
says what it attends to there, and each passage is scored by late interaction with its tokens. The
mathematics stands in ``kernels/cross/README.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.progress import CancelToken
from engine.records import QueryEncoding, RevisionId
from engine.search.dense import best_rows
from engine.search.headings import above, reached
from engine.search.index import Index, TokenArrays
from engine.search.query import span_weights, token_weights
from kernels.cross import attend, power_mean, score_segments

BUDGET_BLOCKS = 128
TEMPERATURE = 0.05
# Passages of one revision that attention alone may propose.
PROPOSED = 12
# Attended tokens below this share of the strongest are not kept.
FAINT = 0.01


@dataclass(frozen=True, slots=True)
class Attended:
    """What a question attended to in one revision.

    Attributes:
        token_spans: Spans of the attended tokens, int32 ``[N, 2]``, in order of the text.
        token_weights: Their weights relative to the strongest, float32 ``[N]``.
        kept: ``(block, start, end, score)`` of each block read, best first.
        dropped: Number of blocks that were not read.
    """

    revision_id: RevisionId
    token_spans: np.ndarray
    token_weights: np.ndarray
    kept: tuple[tuple[int, int, int, float], ...]
    dropped: int


def segments(index: Index, rows: np.ndarray, tokens: TokenArrays) -> np.ndarray:
    """Token ranges of passages, int64 ``[len(rows), 2]``."""
    passages = [index.passage(int(row)) for row in rows]
    starts = np.array([passage.start for passage in passages], np.int64)
    ends = np.array([passage.end for passage in passages], np.int64)
    first = np.searchsorted(tokens.spans[:, 1], starts, side="right")
    last = np.searchsorted(tokens.spans[:, 0], ends, side="left")
    return np.stack([first, np.maximum(first, last)], axis=1)


def survey(query: QueryEncoding, index: Index, position: int) -> tuple[np.ndarray, Attended] | None:
    """Let a question attend to one revision and see which passages draw it.

    Args:
        query: The question.
        index: Scope.
        position: Of the revision in ``index.revisions``.

    Returns:
        Rows of the passages that attention proposes, those drawn by their own tokens before those
        drawn by the headings above them, and what was attended to; None if the revision has no
        tokens.
    """
    tokens = index.tokens(position)
    if tokens is None or not len(tokens.spans) or not len(query.token_vectors):
        return None
    rows = np.arange(index.starts[position], index.starts[position + 1])
    seen = attend(
        query.token_vectors,
        tokens.vectors,
        tokens.summaries,
        segments(index, rows, tokens),
        query_weights=token_weights(query),
        budget=BUDGET_BLOCKS,
        temperature=TEMPERATURE,
        block=tokens.block,
    )
    scores = np.round(seen.segment_scores, 6)
    own = best_rows(scores, PROPOSED)
    paths, path_of = index.paths(position)
    weights = token_weights(query)
    found = power_mean(reached(query.token_vectors, tokens, paths), weights / weights.sum())
    below = best_rows(np.where(found > 0.0, np.round(found, 6), np.nan)[path_of], PROPOSED)
    proposed = dict.fromkeys([*own.tolist(), *below.tolist()])
    return rows[list(proposed)], _attended(index, position, tokens, seen)


def _attended(index: Index, position: int, tokens: TokenArrays, seen) -> Attended:
    peak = float(seen.weights.max()) if len(seen.weights) else 0.0
    strong = np.flatnonzero(seen.weights >= FAINT * peak) if peak > 0 else np.zeros(0, np.int64)
    order = np.lexsort((seen.blocks, -seen.block_scores))
    kept = []
    for slot in order:
        block = int(seen.blocks[slot])
        first, last = block * tokens.block, min((block + 1) * tokens.block, len(tokens.spans)) - 1
        kept.append(
            (
                block,
                int(tokens.spans[first, 0]),
                int(tokens.spans[last, 1]),
                round(float(seen.block_scores[slot]), 6),
            )
        )
    return Attended(
        index.revisions[position].revision_id,
        tokens.spans[seen.tokens[strong]],
        (seen.weights[strong] / peak).astype(np.float32) if peak > 0 else np.zeros(0, np.float32),
        tuple(kept),
        int(seen.dropped),
    )


def late_interaction(
    query: QueryEncoding,
    vectors: np.ndarray,
    ranges: np.ndarray,
    over: np.ndarray | None = None,
) -> np.ndarray:
    """Attention scores of stretches of tokens: late interaction weighted as search weighs tokens.

    Args:
        query: The question, at least one token.
        vectors: Unit token vectors times 127, int8 ``[T, D]``.
        ranges: Half-open token ranges, ``[P, 2]``.
        over: What the question finds above each, ``[P, Q]``, see ``headings.above``.

    Returns:
        ``[P]`` in 0..1; NaN for an empty range.
    """
    return score_segments(
        query.token_vectors,
        vectors,
        ranges,
        query_weights=token_weights(query),
        reached=over,
    ).scores


def score_rows(
    query: QueryEncoding, index: Index, rows: np.ndarray, cancel: CancelToken
) -> np.ndarray:
    """Attention scores of passages below headings and file names, see :func:`late_interaction`.

    Args:
        query: The question.
        index: Scope.
        rows: Passages, int ``[N]``.
        cancel: Checked between revisions.

    Returns:
        float64 ``[N]``; NaN where a passage has no tokens.
    """
    scores = np.full(len(rows), np.nan)
    if not len(query.token_vectors):
        return scores
    positions = index.revisions_of(rows)
    for position in np.unique(positions):
        cancel.check()
        tokens = index.tokens(int(position))
        if tokens is None:
            continue
        here = np.flatnonzero(positions == position)
        paths, path_of = index.paths(int(position))
        over = above(query, tokens, paths, index.revisions[position].path)
        scores[here] = late_interaction(
            query,
            tokens.vectors,
            segments(index, rows[here], tokens),
            over[path_of[rows[here] - index.starts[position]]],
        )
    return np.round(scores, 6)


def passage_attention(
    query: QueryEncoding, index: Index, row: int
) -> tuple[np.ndarray, np.ndarray]:
    """What a question attends to inside one passage.

    Query tokens that find nothing alike in the passage count for less, or their attention would
    fall on tokens at random; and so do particles and endings of the passage, which match those of
    any question.

    Returns:
        Spans of the passage's tokens, int32 ``[N, 2]``, and their weights, float32 ``[N]``,
        summing to 1 (empty if it has none).
    """
    tokens = index.tokens(index.revision_of(row))
    if tokens is None or not len(query.token_vectors):
        return np.zeros((0, 2), np.int32), np.zeros(0, np.float32)
    first, last = segments(index, np.array([row]), tokens)[0]
    vectors = tokens.vectors[first:last]
    if not len(vectors):
        return np.zeros((0, 2), np.int32), np.zeros(0, np.float32)
    found = score_segments(query.token_vectors, vectors, np.array([[0, len(vectors)]]))
    weights = token_weights(query) * np.maximum(found.similarities[0], 0.0) ** 2
    if not weights.any():
        weights = token_weights(query)
    seen = attend(
        query.token_vectors,
        vectors,
        np.zeros((1, vectors.shape[1]), np.float32),
        query_weights=weights,
        budget=1,
        temperature=TEMPERATURE,
        block=len(vectors),
    )
    passage = index.passage(row)
    informs = span_weights(index.passage_text(row), tokens.spans[first:last] - passage.start)
    drawn = seen.weights * informs
    total = float(drawn.sum())
    if total > 0.0:
        drawn = drawn / total
    return tokens.spans[first:last], drawn.astype(np.float32)


def passage_scorer(
    query: QueryEncoding,
    tokens: TokenArrays,
    start: int,
    end: int,
    path: tuple[str, ...] = (),
    file: str = "",
) -> tuple[np.ndarray, Callable[[np.ndarray], float]]:
    """The attention score of a span as a function of which of its tokens remain.

    Args:
        query: The question.
        tokens: The revision's token arrays.
        start: First code point of the span.
        end: One past its last.
        path: Headings above it, which remain.
        file: Path of its file, whose name remains.

    Returns:
        Spans of its N tokens, int32 ``[N, 2]``, and a function of a mask, bool ``[N]``, that gives
        the score; when nothing remains, what the headings and the name alone reach.
    """
    first = int(np.searchsorted(tokens.spans[:, 1], start, side="right"))
    last = max(first, int(np.searchsorted(tokens.spans[:, 0], end, side="left")))
    vectors = tokens.vectors[first:last]
    over = above(query, tokens, [path], file)

    def score(remaining: np.ndarray) -> float:
        kept = vectors[remaining]
        if not len(kept):
            weights = token_weights(query)
            return round(float(power_mean(over, weights / weights.sum())[0]), 6)
        return round(float(late_interaction(query, kept, np.array([[0, len(kept)]]), over)[0]), 6)

    return tokens.spans[first:last], score
