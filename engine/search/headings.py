"""What a question finds above a passage: in its headings and in the name of its file.

A passage below 「エンドカバーの締付トルク」 need not say again what its numbers are about. Its
headings are no part of it: each is encoded once a document, and every passage below it counts with
what the question's tokens find there. Of a file's name only what the question says alike counts.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from engine.records import QueryEncoding
from engine.search.index import TokenArrays
from engine.search.lexical_query import QueryTerms, query_terms
from engine.search.lexical_spans import match_spans
from engine.search.names import readable
from kernels.cross import score_segments

# Cosine of what stands in a file's name: a little less than of what a passage says itself.
NAMED = 0.95


def above(
    query: QueryEncoding, tokens: TokenArrays, paths: Sequence[tuple[str, ...]], file: str
) -> np.ndarray:
    """What each token of a question finds above the passages of one file.

    Args:
        query: The question, at least one token.
        tokens: Of the revision.
        paths: P distinct paths of headings.
        file: The path of the file.

    Returns:
        Cosines, float32 ``[P, Q]``; 0 for nothing alike.
    """
    return np.maximum(reached(query.token_vectors, tokens, paths), named(query, file))


def named(query: QueryEncoding, file: str) -> np.ndarray:
    """What each token of a question finds in a file's name: ``NAMED`` or 0, float32 ``[Q]``."""
    starts, ends = query.token_spans.T
    held = np.zeros(len(starts), bool)
    for first, last in match_spans(_words(file), query.text):
        held |= (first <= starts) & (starts < ends) & (ends <= last)
    return np.where(held, np.float32(NAMED), np.float32(0.0))


@lru_cache(maxsize=4096)
def _words(file: str) -> QueryTerms:
    return query_terms(readable(file))


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
