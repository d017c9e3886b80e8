"""BM25 over character bigrams: the reference that every other way is held against."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

K1 = 1.2
B = 0.75


class Bm25:
    """An index over N passages.

    Text is lowered and white space dropped; a question's bigrams count once each.

    Source:
        Robertson and Zaragoza 2009, The Probabilistic Relevance Framework, equation 3.15, with
        Lucene's idf, which is always positive.
    """

    def __init__(self, passages: Sequence[str]) -> None:
        """Index passages."""
        self._size = len(passages)
        counted = [Counter(bigrams(passage)) for passage in passages]
        lengths = [counts.total() for counts in counted]
        mean = sum(lengths) / max(len(lengths), 1) or 1.0
        places: dict[str, tuple[list[int], list[float]]] = {}
        for row, (counts, length) in enumerate(zip(counted, lengths, strict=True)):
            norm = K1 * (1 - B + B * length / mean)
            for gram, count in counts.items():
                rows, gains = places.setdefault(gram, ([], []))
                rows.append(row)
                gains.append(count * (K1 + 1) / (count + norm))
        self._places = {
            gram: (np.array(rows), self._idf(len(rows)) * np.array(gains))
            for gram, (rows, gains) in places.items()
        }

    def _idf(self, holding: int) -> float:
        return math.log(1 + (self._size - holding + 0.5) / (holding + 0.5))

    def scores(self, query: str) -> np.ndarray:
        """Score of every passage, float64 ``[N]``."""
        scores = np.zeros(self._size)
        for gram in dict.fromkeys(bigrams(query)):
            if gram in self._places:
                rows, gains = self._places[gram]
                scores[rows] += gains
        return scores


def bigrams(text: str) -> list[str]:
    """Pairs of neighbouring characters; a text of one character stands for itself."""
    folded = "".join(text.lower().split())
    return [folded[at : at + 2] for at in range(len(folded) - 1)] or list(folded)
