"""Measures of retrieval and similarity, with intervals that say how sure they are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
SEED = 20261123
# Bounds the memory of resampling.
RESAMPLED_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over questions with its 95 % interval."""

    mean: float
    low: float
    high: float
    questions: int


def first_rank(ranking: Sequence[int], relevant: frozenset[int]) -> int | None:
    """Rank, from 1, of the first relevant item; None if there is none."""
    return next((rank for rank, item in enumerate(ranking, start=1) if item in relevant), None)


def recall_at(ranking: Sequence[int], relevant: frozenset[int], k: int) -> float:
    """1 if a relevant item is among the first ``k``, else 0 (success at k)."""
    return float(any(item in relevant for item in ranking[:k]))


def reciprocal_rank(ranking: Sequence[int], relevant: frozenset[int]) -> float:
    """1 / rank of the first relevant item; 0 if there is none."""
    rank = first_rank(ranking, relevant)
    return 1.0 / rank if rank else 0.0


def ndcg_at(ranking: Sequence[int], relevant: frozenset[int], k: int = 10) -> float:
    """Normalised discounted cumulative gain with gains of 0 and 1.

    Source:
        Järvelin and Kekäläinen 2002, with the discount 1 / log2(rank + 1) from rank 1 on.
    """
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    gains = np.array([item in relevant for item in ranking[:k]], float)
    ideal = discounts[: min(len(relevant), k)].sum()
    return float((gains * discounts[: len(gains)]).sum() / ideal) if ideal else 0.0


def estimate(values: Sequence[float], *, resamples: int = RESAMPLES) -> Estimate:
    """Mean over questions and its 95 % percentile bootstrap interval, the same in every run.

    Source:
        Efron and Tibshirani 1993, section 13.3.
    """
    return estimates({"": values}, resamples=resamples)[""]


def estimates(
    values: Mapping[str, Sequence[float]], *, resamples: int = RESAMPLES
) -> dict[str, Estimate]:
    """:func:`estimate` of several values of the same questions, all with the same resamples."""
    held = np.array([np.asarray(one, float) for one in values.values()]).T
    count = len(held)
    if not count:
        return dict.fromkeys(values, Estimate(0.0, 0.0, 0.0, 0))
    generator = np.random.default_rng(SEED)
    step = max(1, RESAMPLED_AT_ONCE // count)
    means = []
    for first in range(0, resamples, step):
        rows = min(step, resamples - first)
        drawn = generator.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        means.append(times @ held / count)
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5], axis=0)
    return {
        name: Estimate(float(held[:, at].mean()), float(low[at]), float(high[at]), count)
        for at, name in enumerate(values)
    }


def difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Mean of ``first - second`` over the same questions, with its paired bootstrap interval."""
    return estimate((np.asarray(first, float) - np.asarray(second, float)).tolist())


def ranks(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing their mean, float64 ``[N]``."""
    _, inverse, counts = np.unique(
        np.asarray(values, float), return_inverse=True, return_counts=True
    )
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2.0)[inverse]


def spearman(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> float:
    """Rank correlation in -1..1: Pearson's of the ranks, so that ties count as they should.

    0 where one side is constant.

    Source:
        Spearman 1904; ties as in Kendall and Gibbons 1990, section 3.8.
    """
    one, two = ranks(first), ranks(second)
    one, two = one - one.mean(), two - two.mean()
    scale = math.sqrt(float((one @ one) * (two @ two)))
    return float(one @ two) / scale if scale else 0.0


def estimate_spearman(
    first: Sequence[float], second: Sequence[float], *, resamples: int = RESAMPLES
) -> Estimate:
    """Rank correlation and its 95 % percentile bootstrap interval over pairs."""
    one, two = np.asarray(first, float), np.asarray(second, float)
    if not len(one):
        return Estimate(0.0, 0.0, 0.0, 0)
    generator = np.random.default_rng(SEED)
    found = []
    for _ in range(resamples):
        chosen = generator.integers(0, len(one), len(one))
        found.append(spearman(one[chosen], two[chosen]))
    low, high = np.percentile(found, [2.5, 97.5])
    return Estimate(spearman(one, two), float(low), float(high), len(one))


def measured(
    rankings: Sequence[Sequence[int]], relevant: Sequence[frozenset[int]]
) -> dict[str, list[float]]:
    """Recall at 1, 5 and 10, reciprocal rank and nDCG at 10 of each question."""
    pairs = list(zip(rankings, relevant, strict=True))
    return {
        "recall@1": [recall_at(ranking, wanted, 1) for ranking, wanted in pairs],
        "recall@5": [recall_at(ranking, wanted, 5) for ranking, wanted in pairs],
        "recall@10": [recall_at(ranking, wanted, 10) for ranking, wanted in pairs],
        "mrr": [reciprocal_rank(ranking, wanted) for ranking, wanted in pairs],
        "ndcg@10": [ndcg_at(ranking, wanted) for ranking, wanted in pairs],
    }


def figures(
    rankings: Sequence[Sequence[int]], relevant: Sequence[frozenset[int]]
) -> dict[str, Estimate]:
    """Means of :func:`measured` over questions."""
    return estimates(measured(rankings, relevant))
