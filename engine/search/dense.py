"""Search by meaning: cosine of the question's vector and those of a passage's sentences."""

import numpy as np

from engine.search.index import Index

# Vectors are compared in pieces: as float32 they would take twice the memory of the index.
_AT_ONCE = 16_384


def cosines(vector: np.ndarray, index: Index, width: int | None = None) -> np.ndarray:
    """Cosine of a query with every row: that of the sentence, or the whole, that is nearest.

    Args:
        vector: Unit vector, ``[D]``.
        index: Scope, N rows.
        width: Compare the first numbers of the vectors only.

    Returns:
        float32 ``[N]``, NaN for rows that have no vector.
    """
    similar = np.empty(len(index.vectors), np.float32)
    asked = vector.astype(np.float32)
    for first in range(0, len(similar), _AT_ONCE):
        piece = index.vectors[first : first + _AT_ONCE].astype(np.float32)
        found = piece @ asked if width is None else cut_cosines(asked, piece, width)
        similar[first : first + len(piece)] = found
    # The last bits of a product depend on how many rows are multiplied at once; a replay over
    # another number of rows must see the same numbers.
    similar = np.round(similar, 6)
    scores = np.full(len(index), np.nan, np.float32)
    rows = np.flatnonzero(np.diff(index.vector_starts))
    if len(rows):
        scores[rows] = np.maximum.reduceat(similar, index.vector_starts[rows])
    return scores


def cut_cosines(vector: np.ndarray, vectors: np.ndarray, width: int) -> np.ndarray:
    """Cosines of the first ``width`` numbers of a vector ``[D]`` and of vectors ``[N, D]``.

    Source:
        Kusupati et al. 2022, Matryoshka Representation Learning, section 3.
    """
    head, heads = vector[:width].astype(np.float32), vectors[:, :width]
    norms = np.linalg.norm(heads, axis=1) * np.linalg.norm(head)
    return heads @ head / np.maximum(norms, 1e-12)


def best_rows(scores: np.ndarray, count: int) -> np.ndarray:
    """The rows with the highest scores, best first, ties by row; NaN rows are left out.

    Args:
        scores: ``[N]``.
        count: At most so many.

    Returns:
        int64 ``[min(count, rows with a score)]``.
    """
    rows = np.flatnonzero(~np.isnan(scores))
    if len(rows) > count:
        # Everything at or above the count-th best, so that ties are not cut at random.
        threshold = np.partition(scores[rows], len(rows) - count)[len(rows) - count]
        rows = rows[scores[rows] >= threshold]
    order = np.lexsort((rows, -scores[rows]))
    return rows[order][:count]
