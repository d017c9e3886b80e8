import numpy as np
import pytest

from engine.errors import Cancelled
from engine.explain.deletion import deletion_test
from engine.progress import CancelToken

HEADINGS = 0.125


def passage_score(tokens, query):
    def score(remaining):
        kept = tokens[remaining]
        return float((query @ kept.T).max(axis=1).mean()) if len(kept) else HEADINGS

    return score


@pytest.fixture
def tokens():
    made = np.random.default_rng(3).normal(size=(40, 16))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_taking_the_attended_tokens_costs_more_than_taking_others(tokens):
    query = tokens[[4, 11, 29]]
    weights = np.full(40, 0.001)
    weights[[4, 11, 29]] = 1.0
    result = deletion_test(passage_score(tokens, query), weights, share=0.1)
    assert result.removed == 4
    assert result.before == pytest.approx(1.0)
    assert result.after < result.control <= result.before
    assert result.control == pytest.approx(1.0)
    assert result.headings == HEADINGS


def test_same_control_every_time(tokens):
    score = passage_score(tokens, tokens[:5] + 0.3)
    weights = np.random.default_rng(5).random(40)
    assert deletion_test(score, weights) == deletion_test(score, weights)


def test_nothing_attended_nothing_removed(tokens):
    result = deletion_test(passage_score(tokens, tokens[:2]), np.zeros(40))
    assert result.removed == 0
    assert result.before == result.after == result.control
    assert result.headings == HEADINGS


def test_cancel_stops_it(tokens):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        deletion_test(passage_score(tokens, tokens[:2]), np.ones(40), cancel)
