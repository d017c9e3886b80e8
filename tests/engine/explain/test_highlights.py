import itertools

import numpy as np

from engine.explain.highlights import highlights


def marks(text, weighted, start=0, end=None):
    spans = np.array([span for span, _ in weighted], np.int32).reshape(-1, 2)
    weights = np.array([weight for _, weight in weighted], np.float32)
    return highlights(text, start, len(text) if end is None else end, spans, weights)


def test_strongest_has_weight_one_and_weak_ones_go():
    text = "締付トルクを確認する"
    found = marks(text, [((0, 2), 0.02), ((2, 5), 0.4), ((6, 8), 0.2), ((8, 10), 0.01)])
    assert found == ((2, 5, 1.0), (6, 8, 0.5))


def test_neighbours_of_equal_weight_are_one_span():
    assert marks("検査基準", [((0, 2), 0.3), ((2, 4), 0.3)]) == ((0, 4, 1.0),)


def test_part_number_is_not_cut():
    text = "部品 AB-1234/5 を使う"
    found = marks(text, [((6, 8), 0.5)])
    assert [text[start:end] for start, end, _ in found] == ["AB-1234/5"]


def test_number_with_sign_and_decimals_is_not_cut():
    text = "公差は±0.05とする"
    found = marks(text, [((6, 8), 0.5)])
    assert [text[start:end] for start, end, _ in found] == ["±0.05"]


def test_katakana_word_is_not_cut():
    text = "スピンドルの回転"
    found = marks(text, [((0, 3), 1.0)])
    assert [text[start:end] for start, end, _ in found] == ["スピンドル"]


def test_spans_stay_inside_the_passage_and_skip_punctuation():
    text = "前の文。検査する。次の文"
    found = marks(text, [((2, 6), 1.0), ((8, 11), 1.0)], start=4, end=9)
    assert found == ((4, 6, 1.0),)


def test_no_attention_no_marks():
    assert marks("検査", []) == ()
    assert marks("検査", [((0, 2), 0.0)]) == ()


def test_random_tokens_give_ordered_disjoint_spans():
    generator = np.random.default_rng(7)
    alphabet = list("検査値トルクabc12.- 、。")
    for _ in range(200):
        text = "".join(generator.choice(alphabet, 40))
        cuts = np.sort(generator.choice(np.arange(41), 12, replace=False))
        weighted = [
            ((int(a), int(b)), float(generator.random())) for a, b in itertools.pairwise(cuts)
        ]
        found = marks(text, weighted, start=5, end=35)
        assert all(5 <= start < end <= 35 and 0 < weight <= 1 for start, end, weight in found)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))
