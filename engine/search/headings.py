"""What a question finds in the headings above a passage.

A passage below 「エンドカバーの締付トルク」 need not say again what its numbers are about. Its
headings are no part of it: each is encoded once a document, and every passage below it counts with
what the question's tokens find there.
"""

from collections.abc import Sequence

import numpy as np

from engine.search.index import TokenArrays
from kernels.cross import score_segments


def reached(
    query_vectors: np.ndarray, tokens: TokenArrays, paths: Sequence[tuple[str, ...]]
) -> np.ndarray:
    """Best cosine of each token of a question with the headings above each passage.

    Args:
        query_vectors: Unit vectors, float32 ``[Q, D]``, Q at least 1.
        tokens: Of the revision.
        paths: Headings above each of P passages.

    Returns:
        float32 ``[P, Q]``; 0 where there is no heading or nothing alike.
    """
    best = np.zeros((len(paths), len(query_vectors)), np.float32)
    distinct = dict.fromkeys(heading for path in paths for heading in path)
    names = [name for name in distinct if len(tokens.headings.get(name, ()))]
    if not names:
        return best
    vectors = [tokens.headings[name] for name in names]
    ends = np.cumsum([len(one) for one in vectors])
    ranges = np.stack([ends - [len(one) for one in vectors], ends], axis=1)
    found = score_segments(query_vectors, np.concatenate(vectors), ranges).similarities
    places = {name: place for place, name in enumerate(names)}
    by_path: dict[tuple[str, ...], np.ndarray] = {}
    for row, path in enumerate(paths):
        if path not in by_path:
            above = [places[heading] for heading in path if heading in places]
            by_path[path] = found[above].max(axis=0, initial=0.0)
        best[row] = by_path[path]
    return best
