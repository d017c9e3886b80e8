import numpy as np
import pytest

from engine.records import QueryEncoding
from engine.search.query import (
    character_weights,
    scripts,
    shape,
    span_weights,
    token_weights,
)


@pytest.mark.parametrize(
    ("query", "heavy", "light"),
    [
        ("締付トルクはいくつですか?", ["締付トルク"], "はいくつですか?"),
        ("What is the torque of bolt AB-12?", ["torque", "bolt", "AB-12"], "What is the"),
        ("ねじの呼び径", ["ねじ", "呼び径"], "の"),
        ("はめあい公差", ["はめあい公差"], ""),
        ("公差は±0.05 mmですか", ["公差", "±0.05 mm"], "ですか"),
    ],
)
def test_words_outweigh_particles(query, heavy, light):
    weights = character_weights(query)
    for word in heavy:
        start = query.index(word)
        assert weights[start : start + len(word)].min() >= 0.5
    start = query.index(light)
    assert (weights[start : start + len(light)] <= np.float32(0.1)).all()


def test_english_stop_words_are_light_but_capitals_are_not():
    query = "is the IT grade given"
    weights = character_weights(query)
    assert weights[0] == weights[3] == np.float32(0.1)
    assert weights[query.index("IT")] == 1.0


def encoded(text, spans):
    count = len(spans)
    vectors = np.eye(max(count, 1), 4, dtype=np.float32)[:count]
    even = np.full(count, 0.25, np.float32)
    return QueryEncoding(
        text,
        np.array(spans, np.int32).reshape(-1, 2),
        vectors,
        np.ones(4, np.float32),
        even,
        vectors,
        even,
    )


def test_token_weight_is_the_mean_of_its_characters():
    assert token_weights(encoded("検査は?", [(0, 2), (1, 3), (3, 4)])) == pytest.approx(
        [1.0, 0.55, 0.0]
    )


def test_span_weights_are_cut_at_the_ends():
    spans = np.array([[-3, 2], [1, 3], [3, 9]])
    assert span_weights("検査は?", spans) == pytest.approx([1.0, 0.55, 0.0])


def test_weights_are_never_all_zero():
    assert token_weights(encoded("??", [(0, 1), (1, 2)])).tolist() == [1.0, 1.0]
    assert len(token_weights(encoded("", []))) == 0


@pytest.mark.parametrize(
    ("text", "japanese", "latin"),
    [
        ("한국어 문서", False, False),
        ("ﾎﾟﾝﾌﾟ 神", True, False),
        ("締付トルク", True, False),
        ("tightening torque", False, True),
        ("ＡＢ－１２３４", False, False),
        ("M8×1.25", False, False),
        ("CHUMOKU の torque を確認する", True, True),
        ("締付トルクをトルクレンチで確認するときは rev 3 に従うこと", True, False),
    ],
)
def test_scripts(text, japanese, latin):
    assert scripts(text) == (japanese, latin)


@pytest.mark.parametrize(
    ("query", "short"),
    [
        ("公差", 1.0),
        ("ＡＢ－１２３４", 1.0),
        ("±0.05", 1.0),
        ("ねじ", 1.0),
        ("締付 トルク", 0.5),
        ("締付トルクはいくつですか", 0.0),
        ("What is the tightening torque of the cover?", 0.0),
    ],
)
def test_short_queries_are_told_from_sentences(query, short):
    assert shape(query).short == short
