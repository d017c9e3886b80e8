import math

import numpy as np
import pytest

from engine.evaluate.retrieval import (
    estimate,
    figures,
    ndcg_at,
    recall_at,
    reciprocal_rank,
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


def test_figures_of_two_questions():
    found = figures([[1, 2], [2, 1]], [frozenset({1}), frozenset({1})])
    assert found["recall@1"].mean == 0.5
    assert found["recall@3"].mean == 1.0
    assert found["mrr"].mean == 0.75
