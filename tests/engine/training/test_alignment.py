import numpy as np
import pytest

from engine.training import alignment
from engine.training.alignment import Rows, align, associated_pairs, log_likelihood_ratio

# the house / das Haus, the book / das Buch, a book / ein Buch (Brown et al.'s way of learning):
# 0 the, 1 house, 2 book, 3 a; 0 das, 1 Haus, 2 Buch, 3 ein.
LEFT = Rows.of([[0, 1], [0, 2], [3, 2]], 4)
RIGHT = Rows.of([[0, 1], [0, 2], [3, 2]], 4)
TOGETHER = {(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 2), (2, 3), (3, 2), (3, 3)}


def all_keys():
    return np.array(sorted(left * 4 + right for left, right in TOGETHER), np.int64)


def expected(iterations):
    found = align(LEFT, RIGHT, all_keys(), iterations)
    pairs = zip(found.left.tolist(), found.right.tolist(), strict=True)
    return dict(zip(pairs, found.right_given_left.tolist(), strict=True)), found


def test_one_round_worked_by_hand():
    # All t are 1/4. Each right word stands in 6 tokens as 2, 1, 2, 1, so the empty word offers
    # 0.1 * 1/3 to das and Buch and 0.1 * 1/6 to Haus and ein.
    counts, _ = expected(1)
    das, haus = 0.25 / (0.5 + 0.1 / 3), 0.25 / (0.5 + 0.1 / 6)
    assert counts[0, 0] == pytest.approx(2 * das)
    assert counts[1, 0] == pytest.approx(das)
    assert counts[1, 1] == pytest.approx(haus)


def test_two_rounds_worked_by_hand():
    # After one round: t(das|the) = 2 das / (3 das + haus) with das and haus as above, as "the" is
    # beside das twice, beside Buch once (the same share) and beside Haus once.
    das, haus = 0.25 / (0.5 + 0.1 / 3), 0.25 / (0.5 + 0.1 / 6)
    of_the = 3 * das + haus
    das_the, haus_the = 2 * das / of_the, haus / of_the
    das_house, haus_house = das / (das + haus), haus / (das + haus)
    # The empty word: each right token's share, summed by word and normalised.
    by_das, by_haus = 2 * (0.1 / 3) / (0.5 + 0.1 / 3), (0.1 / 6) / (0.5 + 0.1 / 6)
    empty_haus = by_haus / (2 * by_das + 2 * by_haus)
    counts, _ = expected(2)
    total = haus_the + haus_house + 0.1 * empty_haus
    assert counts[1, 1] == pytest.approx(haus_house / total)
    assert counts[0, 1] == pytest.approx(haus_the / total)
    assert das_the > das_house


def test_the_right_translations_win_in_both_directions():
    counts, found = expected(20)
    for right in (0, 1):
        assert counts[right, right] > 0.9 > 0.2 > counts[1 - right, right]
    backward = dict(
        zip(zip(found.left.tolist(), found.right.tolist(), strict=True),
            found.left_given_right.tolist(), strict=True)
    )  # fmt: skip
    assert backward[2, 2] > 1.8
    assert backward[2, 3] < 0.2


def test_small_blocks_give_the_same(monkeypatch):
    whole, _ = expected(3)
    keys = associated_pairs(LEFT, RIGHT, -1e9, 1)
    monkeypatch.setattr(alignment, "_CELLS", 3)
    assert expected(3)[0] == pytest.approx(whole)
    assert associated_pairs(LEFT, RIGHT, -1e9, 1).tolist() == keys.tolist()


def test_every_pair_that_stands_together_is_found():
    assert associated_pairs(LEFT, RIGHT, -1e9, 1).tolist() == all_keys().tolist()
    assert associated_pairs(LEFT, RIGHT, -1e9, 2).tolist() == [0, 10]


def test_log_likelihood_ratio_worked_by_hand():
    # 2 x 2 table 10, 0, 0, 10: 2 * 20 * ln 2; independent words: 0; avoiding ones: negative.
    assert log_likelihood_ratio(np.array([10]), np.array([10]), np.array([10]), 20)[
        0
    ] == pytest.approx(40 * np.log(2))
    assert log_likelihood_ratio(np.array([5]), np.array([10]), np.array([10]), 20)[
        0
    ] == pytest.approx(0.0, abs=1e-9)
    assert log_likelihood_ratio(np.array([0]), np.array([10]), np.array([10]), 20)[
        0
    ] == pytest.approx(-40 * np.log(2))


def test_no_pair_survives_and_nothing_breaks():
    found = align(LEFT, RIGHT, np.zeros(0, np.int64), 2)
    assert len(found.left) == len(found.right_given_left) == 0
