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
    """Best cosine of each token of a question with the headings of each path.

    Args:
        query_vectors: Unit vectors, float32 ``[Q, D]``, Q at least 1.
        tokens: Of the revision.
        paths: P paths of headings; distinct ones, see :meth:`engine.search.index.Index.paths`,
            since thousands of passages may share one.

    Returns:
        float32 ``[P, Q]``; 0 where there is no heading or nothing alike.
    """
    names = dict.fromkeys(heading for path in paths for heading in path)
    held = {name: tokens.headings[name] for name in names if len(tokens.headings.get(name, ()))}
    best = np.zeros((len(paths), len(query_vectors)), np.float32)
    if held:
        ends = np.cumsum([len(one) for one in held.values()])
        ranges = np.stack([ends - [len(one) for one in held.values()], ends], axis=1)
        vectors = np.concatenate(list(held.values()))
        found = score_segments(query_vectors, vectors, ranges).similarities
        places = {name: place for place, name in enumerate(held)}
        for row, path in enumerate(paths):
            above = [places[heading] for heading in path if heading in places]
            best[row] = found[above].max(axis=0, initial=0.0)
    return best
