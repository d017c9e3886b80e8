import math

import numpy as np
import pytest

from engine.evaluate.retrieval import (
    difference,
    estimate,
    estimate_spearman,
    figures,
    ndcg_at,
    ranks,
    recall_at,
    reciprocal_rank,
    spearman,
)


def test_by_hand():
    ranking, relevant = [7, 3, 9, 1], frozenset({9, 1})
    assert [recall_at(ranking, relevant, k) for k in (1, 2, 3)] == [0, 0, 1]
    assert reciprocal_rank(ranking, relevant) == pytest.approx(1 / 3)
    gain = 1 / math.log2(4) + 1 / math.log2(5)
    assert ndcg_at(ranking, relevant) == pytest.approx(gain / (1 + 1 / math.log2(3)))
    assert ndcg_at(ranking, relevant, 2) == 0
    assert ndcg_at([9, 1, 7], relevant) == pytest.approx(1)


def test_nothing_relevant_and_nothing_found():
    assert reciprocal_rank([1, 2], frozenset()) == 0
    assert ndcg_at([1, 2], frozenset()) == 0
    assert recall_at([], frozenset({1}), 10) == 0


def test_interval_holds_the_mean_and_shrinks_with_more_questions():
    generator = np.random.default_rng(4)
    few = estimate((generator.random(40) < 0.7).tolist())
    many = estimate((generator.random(1000) < 0.7).tolist())
    assert few.low < few.mean < few.high
    assert many.high - many.low < few.high - few.low
    # The normal approximation: 1.96 standard errors each way.
    error = 1.96 * math.sqrt(many.mean * (1 - many.mean) / 1000)
    assert many.high - many.mean == pytest.approx(error, rel=0.2)
    assert estimate([]).questions == 0


def test_same_interval_every_time():
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    assert estimate(values) == estimate(values)


def test_difference_is_paired():
    # Where one way is always 0.25 better, there is nothing uncertain about it.
    first = [1.0, 0.5, 0.25, 0.75]
    found = difference(first, [value - 0.25 for value in first])
    assert (found.mean, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_ties_share_their_mean_rank():
    assert ranks([3.0, 1.0, 1.0, 5.0]).tolist() == [3.0, 1.5, 1.5, 4.0]


def test_spearman_by_hand():
    # No ties: 1 - 6 * (1 + 1 + 0 + 0) / (4 * 15).
    assert spearman([1, 2, 3, 4], [20, 10, 30, 40]) == pytest.approx(0.8)
    # Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: covariance 4.5, variances 4.5 and 5.
    assert spearman([1, 2, 2, 9], [1, 3, 2, 4]) == pytest.approx(4.5 / math.sqrt(4.5 * 5))
    assert spearman([1, 2, 3], [9, 4, 1]) == pytest.approx(-1)
    assert spearman([1, 1, 1], [1, 2, 3]) == 0


def test_interval_of_a_rank_correlation():
    generator = np.random.default_rng(3)
    first = generator.normal(size=300)
    second = first + generator.normal(size=300)
    found = estimate_spearman(first.tolist(), second.tolist())
    assert found.low < found.mean < found.high < 1
    # Fisher's approximation with the variance of Bonett and Wright 2000, 1.03 to 1.2 over n - 3.
    width = math.sqrt((1 + found.mean**2 / 2) / 297) * (1 - found.mean**2) * 2 * 1.96
    assert found.high - found.low == pytest.approx(width, rel=0.25)
    assert estimate_spearman(first.tolist(), second.tolist()) == found


def test_figures_of_two_questions():
    found = figures([[1, 2], [2, 1]], [frozenset({1}), frozenset({1})])
    assert found["recall@1"].mean == 0.5
    assert found["recall@5"].mean == 1.0
    assert found["mrr"].mean == 0.75
