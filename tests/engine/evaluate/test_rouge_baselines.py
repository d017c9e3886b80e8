import pytest

from engine.evaluate.baselines import lead, words
from engine.evaluate.rouge import rouge_n, units


def test_rouge_by_hand():
    made, wanted = units("the cat sat on the mat"), units("The cat is on the mat.")
    assert rouge_n(made, wanted, 1) == pytest.approx(2 * 5 / 12)
    assert rouge_n(made, wanted, 2) == pytest.approx(2 * 3 / 10)
    assert rouge_n(made, made, 2) == 1.0
    assert rouge_n(units("dog"), wanted, 2) == 0.0


def test_japanese_counts_characters_whatever_their_width():
    assert units("トルクは、ＡＢ 12。") == list("トルクはab12")
    assert rouge_n(units("検査する"), units("検査した"), 1) == pytest.approx(0.5)


def test_words_of_both_languages():
    assert words("Check the torque of the bolts.") == ("check", "torque", "bolts")
    assert words("締付トルクを測る") == ("締付", "付ト", "トル", "ルク", "測")


def test_lead_is_the_first():
    assert lead([(0, 2), (2, 4), (4, 6)], 2) == [(0, 2), (2, 4)]


def test_ranked_by_sumy():
    pytest.importorskip("sumy")
    from engine.evaluate.baselines import ranked

    sentences = [
        "Lunch is served at noon.",
        "The pump is loud.",
        "The oil is warm.",
        "The pump moves oil from the tank through the filter.",
        "The tank leaks.",
        "A filter clogs.",
        "Rain fell on Monday.",
    ]
    text = " ".join(sentences)
    spans = [(text.index(one), text.index(one) + len(one)) for one in sentences]
    for kind in ("lexrank", "textrank"):
        assert ranked(kind, text, spans, 1) == [spans[3]]
        assert ranked(kind, text, spans, 20) == spans
