"""Word alignment by co-occurrence: association measure and IBM Model 1.

Sentences are sets of word numbers in compressed rows: ``ids[starts[s]:starts[s + 1]]``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Cells (a word beside a word in one sentence pair) that are held unsorted at a time.
_CELLS = 12_000_000
# Share of a Model 1 word that the empty word may claim before anything is known.
_EMPTY = 0.1


@dataclass(frozen=True, slots=True)
class Rows:
    """Sets of word numbers, one row per sentence.

    Attributes:
        ids: All word numbers, int32.
        starts: Start of each row and the end of the last, int64 ``[rows + 1]``.
        size: How many different words there are.
    """

    ids: np.ndarray
    starts: np.ndarray
    size: int

    @classmethod
    def of(cls, rows: list[list[int]], size: int) -> "Rows":
        """Compress lists of word numbers."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        starts = np.concatenate([[0], np.cumsum(lengths)])
        ids = np.fromiter((one for row in rows for one in row), np.int32, int(starts[-1]))
        return cls(ids, starts, size)

    def counts(self) -> np.ndarray:
        """In how many rows each word stands, int64 ``[size]``."""
        return np.bincount(self.ids, minlength=self.size)


@dataclass(frozen=True, slots=True)
class Alignment:
    """Expected counts of aligned words (P pairs).

    Attributes:
        left: Left word of each pair, int64 ``[P]``.
        right: Right word of each pair, int64 ``[P]``.
        right_given_left: How many right tokens the left word explains, ``[P]``.
        left_given_right: How many left tokens the right word explains, ``[P]``.
    """

    left: np.ndarray
    right: np.ndarray
    right_given_left: np.ndarray
    left_given_right: np.ndarray


def _cells(left: Rows, right: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of ``(place in left.ids, place in right.ids)`` of all cells."""
    left_lengths, right_lengths = np.diff(left.starts), np.diff(right.starts)
    ends = np.cumsum(left_lengths * right_lengths)
    row = 0
    while row < len(ends):
        before = ends[row - 1] if row else 0
        stop = max(int(np.searchsorted(ends, before + _CELLS, side="right")), row + 1)
        within = left_lengths[row:stop] * right_lengths[row:stop]
        total = int(within.sum())
        of_row = np.repeat(np.arange(row, stop), within)
        place = np.arange(total) - np.repeat(np.cumsum(within) - within, within)
        width = right_lengths[of_row]
        yield left.starts[of_row] + place // width, right.starts[of_row] + place % width
        row = stop


def log_likelihood_ratio(
    both: np.ndarray, left: np.ndarray, right: np.ndarray, rows: int
) -> np.ndarray:
    """Signed log-likelihood ratio of two words standing in the same rows.

    Args:
        both: Rows that hold both words, ``[P]``.
        left: Rows that hold the left word, ``[P]``.
        right: Rows that hold the right word, ``[P]``.
        rows: Number of rows.

    Returns:
        ``[P]``; negative where they avoid each other.

    Source:
        Dunning 1993, Accurate methods for the statistics of surprise and coincidence.
    """
    both, left, right = (np.asarray(item, np.float64) for item in (both, left, right))

    def entropy(*counts: np.ndarray) -> np.ndarray:
        return sum((count * np.log(np.maximum(count, 1e-12)) for count in counts), np.zeros(()))

    table = (both, left - both, right - both, rows - left - right + both)
    total = entropy(np.asarray(rows, np.float64))
    ratio = 2 * (
        entropy(*table) + total - entropy(left, rows - left) - entropy(right, rows - right)
    )
    return np.where(both * rows >= left * right, ratio, -ratio)


def associated_pairs(left: Rows, right: Rows, least: float, together: int) -> np.ndarray:
    """Pairs of words that stand together more than by chance.

    Args:
        left: Sentences of one language.
        right: The same sentences in the other.
        least: Lowest log-likelihood ratio.
        together: Fewest sentence pairs that hold both.

    Returns:
        Keys ``left * right.size + right``, ascending, int64 ``[P]``.
    """
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for left_place, right_place in _cells(left, right):
        block = left.ids[left_place].astype(np.int64) * right.size + right.ids[right_place]
        some, times = np.unique(block, return_counts=True)
        joined, inverse = np.unique(np.concatenate([keys, some]), return_inverse=True)
        counts = np.bincount(inverse, np.concatenate([counts, times]), len(joined)).astype(np.int64)
        keys = joined
    often = counts >= together
    keys, counts = keys[often], counts[often]
    rows = len(left.starts) - 1
    ratio = log_likelihood_ratio(
        counts, left.counts()[keys // right.size], right.counts()[keys % right.size], rows
    )
    return keys[ratio >= least]


def align(left: Rows, right: Rows, keys: np.ndarray, iterations: int) -> Alignment:
    """IBM Model 1 in both directions over chosen pairs.

    Each word of a sentence is explained by the words of the other sentence or by the empty word.

    Args:
        left: Sentences of one language.
        right: The same sentences in the other.
        keys: Pairs that may be aligned, as ``associated_pairs`` gives them.
        iterations: Rounds of expectation maximisation.

    Source:
        Brown et al. 1993, The mathematics of statistical machine translation, section 4.1.
    """
    pairs, left_places, right_places = [], [], []
    for left_place, right_place in _cells(left, right):
        block = left.ids[left_place].astype(np.int64) * right.size + right.ids[right_place]
        at = np.minimum(np.searchsorted(keys, block), max(len(keys) - 1, 0))
        known = keys[at] == block if len(keys) else np.zeros(len(block), bool)
        pairs.append(at[known].astype(np.int32))
        left_places.append(left_place[known].astype(np.int32))
        right_places.append(right_place[known].astype(np.int32))
    pair = np.concatenate([*pairs, np.zeros(0, np.int32)])
    left_token = np.concatenate([*left_places, np.zeros(0, np.int32)])
    right_token = np.concatenate([*right_places, np.zeros(0, np.int32)])
    left_word, right_word = keys // right.size, keys % right.size
    return Alignment(
        left_word,
        right_word,
        _expected(pair, right_token, right, left_word, left.size, iterations),
        _expected(pair, left_token, left, right_word, right.size, iterations),
    )


def _expected(
    pair: np.ndarray,
    token: np.ndarray,
    explained: Rows,
    source: np.ndarray,
    sources: int,
    iterations: int,
) -> np.ndarray:
    """Expected counts of each pair, ``[P]``, explaining the tokens of one language.

    Args:
        pair: Pair of each cell, ``[C]``.
        token: Place of the explained token of each cell, ``[C]``.
        explained: The language that is explained.
        source: The explaining word of each pair, ``[P]``.
        sources: How many explaining words there are.
        iterations: Rounds.
    """
    probability = np.full(len(source), 1.0 / max(explained.size, 1))
    frequency = explained.counts() / max(len(explained.ids), 1)
    empty = frequency.copy()
    expected = np.zeros(len(source))
    for _ in range(iterations):
        chance = probability[pair]
        by_empty = _EMPTY * empty[explained.ids]
        total = np.bincount(token, chance, len(explained.ids)) + by_empty
        expected = np.bincount(pair, chance / total[token], len(source))
        of_source = np.bincount(source, expected, sources)
        probability = expected / np.maximum(of_source[source], 1e-12)
        claimed = np.bincount(explained.ids, by_empty / total, explained.size)
        empty = claimed / max(claimed.sum(), 1e-12)
    return expected


def agreement(found: Alignment, left: Rows, right: Rows) -> tuple[np.ndarray, np.ndarray]:
    """How sure both directions are that two words are aligned.

    Returns:
        Geometric mean of the shares of either word's rows in which the directions, again by
        geometric mean, align them, and the lower of the two shares, each ``[P]``.

    Source:
        Liang, Taskar and Klein 2006, Alignment by agreement.
    """
    counted = np.sqrt(found.right_given_left * found.left_given_right)
    forward = counted / np.maximum(left.counts()[found.left], 1)
    backward = counted / np.maximum(right.counts()[found.right], 1)
    return np.sqrt(forward * backward), np.minimum(forward, backward)
