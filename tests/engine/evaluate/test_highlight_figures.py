import numpy as np
import pytest

from engine.evaluate.fit_highlights import Example, fit, judge
from engine.evaluate.highlights import overlap_f1
from engine.search.phrases import Phrase


def test_f1_of_marked_characters():
    assert overlap_f1([(0, 4)], [(2, 6)], 10) == pytest.approx(0.5)
    assert overlap_f1([(0, 4), (2, 6)], [(2, 6)], 10) == pytest.approx(0.8)
    assert overlap_f1([(0, 2)], [(8, 10), (0, 2)], 10) == 1.0
    assert overlap_f1([], [(0, 2)], 10) == 0.0


def examples(count, seed):
    """The answer is the phrase that is near and no echo."""
    generator = np.random.default_rng(seed)
    made = []
    for number in range(count):
        found = tuple(Phrase(4 * at, 4 * at + 4, "kanji") for at in range(6))
        near, echo = generator.random(6), generator.integers(0, 2, 6).astype(float)
        best = int(np.argmax(near - 2 * echo))
        rows = tuple({"near": float(a), "echo": float(b)} for a, b in zip(near, echo, strict=True))
        quality = np.zeros(6)
        quality[best] = 1.0
        made.append(
            Example(f"t{number % 5}", 24, found, rows, quality, ((4 * best, 4 * best + 4),))
        )
    return made


def test_fit_finds_what_answers():
    weights = fit(examples(200, 1))
    assert weights["near"] > 0 > weights["echo"]
    unseen = examples(100, 2)
    assert np.mean(judge(unseen, weights, 0.7)) > 0.75
    assert np.mean(judge(unseen, {"near": -1.0}, 0.7)) < 0.2
