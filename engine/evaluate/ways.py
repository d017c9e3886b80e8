"""The ways of finding that are measured, each on its own and together.

All but the product's own look at every passage of the scope, so that what is measured is the
scores and not the choice of candidates.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from engine.evaluate.bm25 import Bm25
from engine.evaluate.collection import Collection
from engine.evaluate.set_documents import Model
from engine.progress import CancelToken
from engine.records import QueryEncoding, SearchSettings
from engine.search import lexical
from engine.search.attention import segments
from engine.search.dense import best_rows, cosines
from engine.search.headings import named, reached
from engine.search.index import Index
from engine.search.query import token_weights
from engine.search.question import put
from engine.search.ranking import rank
from engine.search.translation import shipped_translator
from kernels.cross import power_mean, score_segments

# Passages that a ranking holds; the measures look no deeper.
DEPTH = 10
# Questions whose tokens are compared with the passages' in one product.
BATCH = 32

BM25, LEXICAL, DENSE, ATTENTION, FUSED = "bm25", "lexical", "dense", "attention", "fused"
Rankings = dict[str, list[int]]


class Ways:
    """Ranks the passages of a collection in every way.

    Args:
        collection: The scope.
        encoder: The model.
        product: Whether to rank by the product's words and by its fused search too, which make
            little sense where passages are single sentences to be paired.
    """

    def __init__(self, collection: Collection, encoder: Model, *, product: bool = True) -> None:
        self._collection = collection
        self._index = collection.index
        self._encoder = encoder
        self._product = product
        self._translator = shipped_translator(encoder.pack.lexicon)
        self._widths = encoder.pack.config.passage_widths
        self._bm25 = Bm25([self._index.passage_text(row) for row in range(len(self._index))])

    def rank(self, queries: Sequence[str], cancel: CancelToken) -> Iterator[Rankings]:
        """Yield for each question the best rows by way, best first, ties by row."""
        for first in range(0, len(queries), BATCH):
            encoded = []
            for query in queries[first : first + BATCH]:
                cancel.check()
                encoded.append(self._encoder.encode_query(query))
            attended = late_scores(encoded, self._index, cancel)
            for query, attention in zip(encoded, attended, strict=True):
                cancel.check()
                yield self._rank(query, attention, cancel)

    def _rank(self, query: QueryEncoding, attention: np.ndarray, cancel: CancelToken) -> Rankings:
        words = self._bm25.scores(query.text)
        dense = cosines(query.vector, self._index)
        both = standard(words) + standard(attention)
        ranked = {
            BM25: best(np.where(words > 0, words, np.nan)),
            DENSE: best(dense),
            **{
                f"{DENSE}@{width}": best(cosines(query.vector, self._index, width))
                for width in self._widths
            },
            ATTENTION: best(attention),
            f"{BM25}+{ATTENTION}": best(both),
            f"{BM25}+{ATTENTION}+{DENSE}": best(both + standard(dense)),
        }
        if self._product:
            ranked[LEXICAL] = self._lexical(query.text)
            ranked[FUSED] = self._fused(query, cancel)
        return ranked

    def _lexical(self, query: str) -> list[int]:
        asked = self._translator.terms(query)
        hits = lexical.rank(asked, self._collection.postings, names=self._index.names)
        rows = (self._index.row(hit.passage_id) for hit in hits[:DEPTH] if hit.score)
        return [row for row in rows if row is not None]

    def _fused(self, query: QueryEncoding, cancel: CancelToken) -> list[int]:
        found = rank(
            put(query.text, self._translator.terms, self._encoder.encode_query),
            SearchSettings(top=DEPTH),
            self._index,
            self._collection.postings,
            self._encoder.pack.fusion,
            self._encoder.pack.highlights,
            cancel,
        )
        return [int(found.found.rows[at]) for at in found.order]


def best(scores: np.ndarray) -> list[int]:
    """The first ``DEPTH`` rows by score; NaN is left out."""
    # The last bits depend on how many rows are multiplied at once.
    return best_rows(np.round(scores, 6), DEPTH).tolist()


def standard(scores: np.ndarray) -> np.ndarray:
    """Scores of one question in standard deviations; NaN as the lowest."""
    known = scores[~np.isnan(scores)]
    if not len(known):
        return np.zeros(len(scores))
    filled = np.nan_to_num(scores, nan=float(known.min()))
    deviation = float(filled.std())
    return (filled - filled.mean()) / deviation if deviation else np.zeros(len(scores))


def late_scores(
    queries: Sequence[QueryEncoding], index: Index, cancel: CancelToken
) -> list[np.ndarray]:
    """Late interaction of questions with every passage below its headings, as search scores it.

    The tokens of all questions go through one call, which reads the passages' tokens once.

    Returns:
        float64 ``[N]`` for each question; NaN where a passage has no tokens.
    """
    scores = [np.full(len(index), np.nan) for _ in queries]
    ends = np.cumsum([len(query.token_vectors) for query in queries])
    stacked = np.concatenate([query.token_vectors for query in queries])
    weights = [token_weights(query) for query in queries]
    for position, (first, last) in enumerate(zip(index.starts, index.starts[1:], strict=False)):
        cancel.check()
        tokens = index.tokens(position)
        rows = np.arange(first, last)
        if tokens is None or not len(tokens.spans) or not len(rows) or not len(stacked):
            continue
        similar = score_segments(
            stacked, tokens.vectors, segments(index, rows, tokens)
        ).similarities
        paths, path_of = index.paths(position)
        similar = np.maximum(similar, reached(stacked, tokens, paths)[path_of])
        file = index.revisions[position].path
        for place, (end, weight) in enumerate(zip(ends, weights, strict=True)):
            mine = np.maximum(similar[:, end - len(weight) : end], named(queries[place], file))
            scores[place][first:last] = power_mean(mine, weight / weight.sum())
    return scores
