import numpy as np
import pytest

from engine.evaluate.regression import fit_choice, fit_logistic


def test_logistic_finds_the_weights_that_made_the_labels():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(20000, 3)) * [1.0, 5.0, 0.2]
    truth, bias = np.array([1.5, 0.4, 6.0]), -1.0
    chance = 1 / (1 + np.exp(-(features @ truth + bias)))
    labels = generator.random(20000) < chance
    found, offset = fit_logistic(features, labels, ridge=1e-6)
    assert found == pytest.approx(truth, rel=0.1)
    assert offset == pytest.approx(bias, rel=0.1)


def test_logistic_without_features_gives_the_share():
    found, bias = fit_logistic(np.zeros((10, 1)), np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]))
    assert found.tolist() == [0.0]
    assert 1 / (1 + np.exp(-bias)) == pytest.approx(0.3, abs=1e-3)


def test_logistic_weights_are_never_negative():
    generator = np.random.default_rng(1)
    features = generator.normal(size=(3000, 2))
    labels = generator.random(3000) < 1 / (1 + np.exp(-(features[:, 0] - 2 * features[:, 1])))
    found, _ = fit_logistic(features, labels)
    assert found[0] > 0.5
    assert found[1] == 0.0


def test_logistic_counts_examples_by_their_weight():
    labels = np.array([1, 0])
    _, bias = fit_logistic(np.zeros((2, 1)), labels, np.array([3.0, 1.0]))
    assert 1 / (1 + np.exp(-bias)) == pytest.approx(0.75, abs=1e-3)


def questions(truth, count=1500, seed=2):
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        features = generator.normal(size=(12, len(truth)))
        logits = features @ truth
        chance = np.exp(logits - logits.max())
        labels = np.zeros(12)
        labels[generator.choice(12, p=chance / chance.sum())] = 1
        made.append((features, labels))
    return made


def test_choice_finds_the_weights_that_made_the_choices():
    truth = np.array([1.0, 0.5, 2.0])
    found = fit_choice(questions(truth), np.zeros(3, bool), ridge=1e-6)
    assert found == pytest.approx(truth, rel=0.12)


def test_choice_keeps_weights_from_turning_negative_unless_they_may():
    made = questions(np.array([1.0, -1.0]))
    bound = fit_choice(made, np.zeros(2, bool))
    assert bound[0] > 0.5 and bound[1] == 0.0
    assert fit_choice(made, np.array([False, True]))[1] == pytest.approx(-1.0, rel=0.15)


def test_choice_weighs_questions_by_their_shares():
    some, others = questions(np.array([3.0, 0.5]), 200, 1), questions(np.array([0.5, 3.0]), 200, 2)
    free = np.zeros(2, bool)
    shares = np.repeat([3.0, 1.0], 200)
    weighed = fit_choice(some + others, free, shares)
    assert weighed == pytest.approx(fit_choice(some * 3 + others, free), rel=1e-2)
    assert weighed[0] > weighed[1] + 0.5


def test_choice_ignores_questions_without_an_answer_and_constant_features():
    made = questions(np.array([1.0]), 300)
    silent = [(np.ones((4, 1)), np.zeros(4)), (np.ones((4, 1)), np.ones(4))]
    free = np.zeros(1, bool)
    assert fit_choice(made + silent, free) == pytest.approx(fit_choice(made, free), rel=1e-2)
    assert fit_choice(silent, free).tolist() == [0.0]
