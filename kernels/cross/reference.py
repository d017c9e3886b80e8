"""The specification of query-to-document attention, in NumPy and in the dtype of the query.

Shapes: Q query tokens, T document tokens, NB blocks of B tokens, vectors of width D. No array of
Q times more than ``CHUNK`` tokens is ever made, and no more than ``KEPT_COSINES`` numbers are kept
of them. The maths and its sources stand in README.md.
"""

from dataclasses import dataclass

import numpy as np

# Exponent of the mean over a question's tokens: words that are found count for more than words
# that are only come near to.
SHARPNESS = 2.0
CHUNK = 4096
# Cosines that may be kept from the first pass for the second: 4 MB in float32.
KEPT_COSINES = 2**20
TOKEN_SCALE = 127.0


@dataclass(frozen=True, slots=True)
class CrossAttention:
    """What a question attended to in a document.

    Attributes:
        blocks: Blocks that were read, ascending, int64 ``[K]``.
        block_scores: Score by which each was chosen, ``[K]``.
        dropped: Blocks that were not read.
        tokens: Tokens that were read, ascending, int64 ``[M]``.
        weights: Attention weight of each, ``[M]``; sums to 1.
        segment_scores: Late-interaction score of each segment over the tokens read, ``[P]``; NaN
            where none of its tokens was read.
    """

    blocks: np.ndarray
    block_scores: np.ndarray
    dropped: int
    tokens: np.ndarray
    weights: np.ndarray
    segment_scores: np.ndarray


@dataclass(frozen=True, slots=True)
class SegmentScores:
    """Late interaction of a question with segments.

    Attributes:
        scores: Power mean of the best similarities, ``[P]``; NaN for an empty segment.
        similarities: Best similarity of each query token in each segment, ``[P, Q]``.
        tokens: Document token that it was reached at, int64 ``[P, Q]``; -1 for an empty segment.
    """

    scores: np.ndarray
    similarities: np.ndarray
    tokens: np.ndarray


def score_blocks(query: np.ndarray, summaries: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over query tokens of their dot product with each block's mean, ``[NB]``."""
    return summaries.astype(query.dtype) @ (weights @ query)


def choose_blocks(scores: np.ndarray, budget: int) -> np.ndarray:
    """The ``budget`` best blocks in ascending order; ties go to the lower index."""
    best = np.argsort(-scores, kind="stable")[:budget]
    return np.sort(best)


def tokens_of_blocks(blocks: np.ndarray, block: int, tokens: int) -> np.ndarray:
    """Tokens of blocks in ascending order, int64; the last block may be short."""
    index = (blocks[:, None] * block + np.arange(block)).reshape(-1)
    return index[index < tokens]


def similarities(query: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Cosine of unit query vectors ``[Q, D]`` and int8 unit vectors ``[n, D]``: ``[Q, n]``."""
    products = query @ tokens.T.astype(query.dtype)
    products /= query.dtype.type(TOKEN_SCALE)
    return products


def power_mean(best: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted power mean over query tokens of their best cosines in segments.

    Args:
        best: ``[P, Q]``; what is below 0 counts as 0.
        weights: Summing to 1, ``[Q]``.

    Returns:
        ``[P]`` in 0..1; NaN where a cosine is.
    """
    return (np.maximum(best, 0.0) ** SHARPNESS @ weights) ** (1.0 / SHARPNESS)


def attend(
    query: np.ndarray,
    tokens: np.ndarray,
    summaries: np.ndarray,
    segments: np.ndarray,
    weights: np.ndarray,
    budget: int,
    temperature: float,
    block: int,
) -> CrossAttention:
    """See :func:`kernels.cross.api.attend`; here every argument is given and valid."""
    scores = score_blocks(query, summaries, weights)
    blocks = choose_blocks(scores, budget)
    index = tokens_of_blocks(blocks, block, len(tokens))
    scale = query.dtype.type(1.0 / temperature)

    parts = [index[start : start + CHUNK] for start in range(0, len(index), CHUNK)]
    keeps = len(query) * len(index) <= KEPT_COSINES
    kept: list[tuple[np.ndarray, np.ndarray]] = []

    peak = np.full(len(query), -np.inf, query.dtype)
    total = np.zeros(len(query), query.dtype)
    best = np.full((len(segments), len(query)), -np.inf, query.dtype)
    for part in parts:
        cosines = similarities(query, np.take(tokens, part, axis=0))
        raise_best(best, cosines, segments, part)
        higher = np.maximum(peak, cosines.max(axis=1) * scale)
        exponentials = _exponentials(cosines, scale, higher)
        total *= np.exp(peak - higher)
        total += exponentials.sum(axis=1)
        peak = higher
        if keeps:
            kept.append((exponentials, higher))

    share = np.empty(len(index), query.dtype)
    for number, part in enumerate(parts):
        if keeps:
            exponentials, top = kept[number]
        else:
            exponentials = _exponentials(
                similarities(query, np.take(tokens, part, axis=0)), scale, peak
            )
            top = peak
        start = number * CHUNK
        factors = weights * np.exp(top - peak) / total
        share[start : start + CHUNK] = factors @ exponentials
    seen = np.isfinite(best).all(axis=1)
    segment_scores = np.full(len(segments), np.nan, query.dtype)
    segment_scores[seen] = power_mean(best[seen], weights)
    return CrossAttention(
        blocks, scores[blocks], len(summaries) - len(blocks), index, share, segment_scores
    )


def _exponentials(cosines: np.ndarray, scale: np.floating, peak: np.ndarray) -> np.ndarray:
    """``exp(cosine * scale - peak)``, in the place of the cosines."""
    cosines *= scale
    cosines -= peak[:, None]
    return np.exp(cosines, out=cosines)


def raise_best(
    best: np.ndarray, cosines: np.ndarray, segments: np.ndarray, part: np.ndarray
) -> None:
    """Raise the best cosines ``[P, Q]`` of segments to those of the tokens ``part`` (ascending)."""
    first = np.searchsorted(part, segments[:, 0], side="left")
    last = np.searchsorted(part, segments[:, 1], side="left")
    rows = np.flatnonzero(last > first)
    if not len(rows):
        return
    # Every second stretch of reduceat lies between segments. A bound must be a column's number,
    # so the last column is looked at separately.
    final = len(part) - 1
    bounds = np.stack([first[rows], np.minimum(last[rows], final)], axis=1).reshape(-1)
    found = np.maximum.reduceat(cosines, bounds, axis=1)[:, ::2].T
    open_end = last[rows] > final
    found[open_end] = np.maximum(found[open_end], cosines[:, final])
    best[rows] = np.maximum(best[rows], found)


def score_segments(
    query: np.ndarray, tokens: np.ndarray, segments: np.ndarray, weights: np.ndarray
) -> SegmentScores:
    """See :func:`kernels.cross.api.score_segments`; here every argument is given and valid.

    Every segment is multiplied on its own: how a matrix product rounds depends on its shape, and
    a passage's score must not depend on which others are scored beside it.
    """
    shape = (len(segments), len(query))
    best = np.full(shape, -np.inf, query.dtype)
    where = np.full(shape, -1, np.int64)
    columns = np.arange(len(query))
    for row, (start, end) in enumerate(segments.tolist()):
        for first in range(start, end, CHUNK):
            part = tokens[first : min(first + CHUNK, end)]
            products = query @ part.T.astype(query.dtype)
            place = products.argmax(axis=1)
            value = products[columns, place]
            if first == start:
                best[row], where[row] = value, place + first
                continue
            better = value > best[row]
            best[row, better] = value[better]
            where[row, better] = first + place[better]
    best /= query.dtype.type(TOKEN_SCALE)
    best[segments[:, 1] <= segments[:, 0]] = np.nan
    return SegmentScores(power_mean(best, weights), best, where)
