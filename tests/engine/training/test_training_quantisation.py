"""Weights rounded on real text, against rounding to the nearest and against numbers by hand."""

import numpy as np
import pytest

from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.model.tokenizer import Tokenizer
from engine.training import oracle
from engine.training.export import calibration_texts, export_pack
from engine.training.quantisation import (
    WEIGHT_LIMIT,
    calibrated_rows,
    input_moments,
    layer_matrices,
    nearest_rows,
)
from engine.training.weights import load_weights

TEXTS = ["ボルトの締付トルクを確認する。", "Check the torque of the bolt.", "検査記録 12 kPa", " "]


def test_the_columns_to_come_make_up_for_a_rounded_one():
    """Two inputs that are always equal: only the sum of the two weights counts."""
    weight = np.array([[0.4, 0.4, 3.0]], np.float32)
    moments = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    near, scale = nearest_rows(weight, 3)
    assert scale == pytest.approx(1.0)
    assert near.tolist() == [[0, 0, 3]]  # the sum is 0.8 short
    whole, scale = calibrated_rows(weight, moments, 3)
    assert scale == pytest.approx(1.0)
    assert sorted(whole[0, :2].tolist()) == [0, 1]  # 0.2 over
    assert whole[0, 2] == 3


def test_independent_inputs_are_rounded_to_the_nearest():
    weight = np.random.default_rng(0).standard_normal((5, 12)).astype(np.float32)
    moments = np.diag(np.arange(12, 0, -1.0))
    whole, scale = calibrated_rows(weight, moments, WEIGHT_LIMIT)
    near = nearest_rows(weight, WEIGHT_LIMIT)
    np.testing.assert_array_equal(whole, near[0])
    np.testing.assert_array_equal(scale, near[1])


def test_products_with_inputs_that_depend_on_each_other_change_less():
    generator = np.random.default_rng(1)
    weight = generator.standard_normal((24, 64)).astype(np.float32)
    mixing = generator.standard_normal((10, 64)) + 0.1 * generator.standard_normal((1, 64))
    inputs = generator.standard_normal((400, 10)) @ mixing
    inputs += 0.1 * generator.standard_normal(inputs.shape)
    errors = []
    for whole, scale in (
        nearest_rows(weight, WEIGHT_LIMIT),
        calibrated_rows(weight, inputs.T @ inputs, WEIGHT_LIMIT),
    ):
        assert np.abs(whole.astype(int)).max() <= WEIGHT_LIMIT
        errors.append(((inputs @ (whole * scale[:, None] - weight).T) ** 2).mean())
    assert errors[1] < 0.4 * errors[0]


def test_inputs_that_are_never_there_do_no_harm():
    weight = np.random.default_rng(2).standard_normal((3, 8)).astype(np.float32)
    whole, _ = calibrated_rows(weight, np.zeros((8, 8)), WEIGHT_LIMIT)
    np.testing.assert_array_equal(whole, nearest_rows(weight, WEIGHT_LIMIT)[0])


def test_moments_are_those_of_what_the_matrices_multiply(tiny_checkpoint):
    source = load_weights(tiny_checkpoint).folded()
    moments = input_moments(source, TEXTS)
    assert set(moments) == set(layer_matrices(source))
    square = moments["layers.0.qkv.weight"]
    tokenizer = Tokenizer(source.tokenizer)
    tokens = sum(len(tokenizer.tokenize(text).ids) for text in TEXTS)
    width = source.config["width"]
    assert np.trace(square) == pytest.approx(tokens * width, rel=1e-3)  # rows of RMS 1
    with pytest.raises(ValueError, match="no text"):
        input_moments(source, [" ", ""])


def test_norms_can_be_folded_into_the_matrices(tiny_checkpoint):
    source = load_weights(tiny_checkpoint)
    ids = np.arange(40)
    before, after = oracle.encode(source, ids), oracle.encode(source.folded(), ids)
    np.testing.assert_allclose(after.token_vectors, before.token_vectors, atol=1e-6)
    assert not np.array_equal(
        source.weights["layers.0.up.weight"], source.folded().weights["layers.0.up.weight"]
    )


def test_a_pack_calibrated_on_its_texts_is_nearer_to_its_checkpoint(
    tiny_checkpoint, tiny_pack, long_text, tmp_path
):
    texts = [long_text[start : start + 300] for start in range(0, 3000, 300)]
    pack = export_pack(tiny_checkpoint, tmp_path / "pack", name="tiny", revision="1", texts=texts)
    source, text = load_weights(tiny_checkpoint), long_text[3000:3800]
    errors = []
    for one in (tiny_pack, load_pack(pack.folder)):
        encoder = Encoder.load(one, threads=1)
        exact = oracle.encode(source, encoder.tokenizer.tokenize(text).ids, np.float32)
        found = encoder.encode_query(text).token_vectors
        errors.append(1 - float((found * exact.token_vectors).sum(axis=1).mean()))
    assert errors[1] < 0.8 * errors[0]
    assert pack.encoder_hash != tiny_pack.encoder_hash
    cards = [(one.folder / "MODEL_CARD.md").read_text("utf-8") for one in (tiny_pack, pack)]
    assert "rounded to the nearest" in cards[0] and "calibrated on 10 texts" in cards[1]


def test_lessons_in_both_languages_are_calibrated_on():
    texts = calibration_texts()
    assert len(texts) >= 400
    assert sum(text.isascii() for text in texts) > 100 < sum("の" in text for text in texts)
