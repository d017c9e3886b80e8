import math

import pytest

from engine.evaluate.bm25 import Bm25, bigrams


def test_bigrams_drop_space_and_case():
    assert bigrams("A b\nC") == ["ab", "bc"]
    assert bigrams("弁") == ["弁"]
    assert bigrams(" ") == []


def test_scores_by_hand():
    # Lengths 3, 1 and 2, mean 2; "ab" stands in two passages of three, twice in the first.
    index = Bm25(["abab", "ab", "xyz"])
    idf = math.log(1 + 1.5 / 2.5)
    first = idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2))
    second = idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 1 / 2))
    assert index.scores("ab") == pytest.approx([first, second, 0])
    # A bigram of the question counts once.
    assert index.scores("AB ab") == pytest.approx(
        [first + math.log(1 + 2.5 / 1.5) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 2)), second, 0]
    )


def test_nothing_to_find():
    assert Bm25(["", "ab"]).scores("zz").tolist() == [0, 0]
    assert Bm25([]).scores("ab").tolist() == []
