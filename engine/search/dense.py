"""Search by meaning: cosine of the question's vector and the passages'."""

import numpy as np

from engine.search.index import Index


def cosines(vector: np.ndarray, index: Index) -> np.ndarray:
    """Cosine of a query with every row.

    Args:
        vector: Unit vector, ``[D]``.
        index: Scope, N rows.

    Returns:
        float32 ``[N]``, NaN for rows that have no vector.
    """
    if not index.has_vector.any():
        return np.full(len(index), np.nan, np.float32)
    # The last bits of a product depend on how many rows are multiplied at once; a replay over
    # another number of rows must see the same numbers.
    scores = np.round(index.vectors @ vector.astype(np.float32), 6)
    scores[~index.has_vector] = np.nan
    return scores


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
