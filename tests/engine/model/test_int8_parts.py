"""The int8 graphs against the integers that they are said to compute."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from engine.training.onnx_builder import STEPS_BELOW, PartBuilder
from engine.training.onnx_parts import GELU_FLOOR, finish_model, project_model
from engine.training.quantisation import WEIGHT_LIMIT, Matrix, layer_matrices, nearest_rows
from engine.training.weights import load_weights

ROWS, WIDTH, OUT = 9, 64, 24


def run(session: onnxruntime.InferenceSession, **feeds: np.ndarray) -> np.ndarray:
    return np.asarray(session.run(["y"], feeds)[0])


def linear(x: np.ndarray, weight: np.ndarray, floor: float | None = None) -> np.ndarray:
    part = PartBuilder("linear")
    rows = part.quantise("x") if floor is None else part.quantise_above("x", floor)
    part.add(
        "Identity",
        part.linear("w", rows, Matrix(weight, *nearest_rows(weight, WEIGHT_LIMIT))),
        output="y",
    )
    model = part.model(
        {"x": (TensorProto.FLOAT, ["T", x.shape[1]])},
        {"y": (TensorProto.FLOAT, ["T", len(weight)])},
    )
    return run(onnxruntime.InferenceSession(model.SerializeToString()), x=x)


@pytest.fixture
def numbers() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    x = generator.standard_normal((ROWS, WIDTH)) * 10.0 ** np.arange(-4, 5)[:, None]
    return x.astype(np.float32), generator.standard_normal((OUT, WIDTH)).astype(np.float32)


def test_a_row_is_quantised_by_its_own_peak(numbers):
    x, weight = numbers
    whole, scale = nearest_rows(weight, WEIGHT_LIMIT)
    step = np.abs(x).max(axis=1, keepdims=True).astype(np.float64) / 127
    steps = np.rint(x / step)
    expected = steps @ whole.T.astype(np.float64) * scale * step
    close = np.abs(whole).sum(axis=1) * scale * step * 0.02  # less than one step of one input
    assert (np.abs(linear(x, weight) - expected) < close).all()
    assert np.abs(linear(x, weight) - x @ weight.T).max(axis=1).min() > 0  # it is int8


def test_sums_of_the_largest_integers_are_exact():
    """On a processor with 16-bit sums, larger weights than 63 would saturate here."""
    x = np.ones((3, 256), np.float32)
    x[1] = -1.0
    x[2, ::2] = -1.0
    weight = np.ones((2, 256), np.float32)
    weight[1] = -1.0
    np.testing.assert_allclose(linear(x, weight), [[256, -256], [-256, 256], [0, 0]], rtol=1e-5)


@pytest.mark.parametrize("peak", [0.3, 3.0, 30.0])
def test_values_above_a_floor_use_nearly_all_steps(numbers, peak):
    weight = numbers[1]
    x = np.random.default_rng(5).uniform(-GELU_FLOOR, peak, (ROWS, WIDTH)).astype(np.float32)
    whole, scale = nearest_rows(weight, WEIGHT_LIMIT)
    exact = x.astype(np.float64) @ (whole * scale[:, None]).T.astype(np.float64)
    step = np.maximum(x.max(axis=1, keepdims=True) / 239, GELU_FLOOR / STEPS_BELOW)
    bound = np.abs(whole * scale[:, None]).sum(axis=1) * step * 0.51
    assert (np.abs(linear(x, weight, GELU_FLOOR) - exact) <= bound).all()


def test_zero_rows_stay_zero(numbers):
    x = np.zeros((2, WIDTH), np.float32)
    assert (linear(x, numbers[1]) == 0).all()
    assert (linear(x, numbers[1], GELU_FLOOR) == 0).all()


def test_a_token_does_not_depend_on_its_neighbours(tiny_checkpoint):
    source = load_weights(tiny_checkpoint).folded()
    model = finish_model(source, 0, layer_matrices(source))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    generator = np.random.default_rng(6)
    x, context = generator.standard_normal((2, 40, WIDTH)).astype(np.float32)
    together = run(session, x=x, context=context)
    each = [slice(row, row + 1) for row in range(len(x))]
    alone = [run(session, x=x[row], context=context[row]) for row in each]
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-5)


def test_weights_that_float16_cannot_store_are_refused(tiny_checkpoint):
    source = load_weights(tiny_checkpoint).folded()
    project_model(source, 1, layer_matrices(source))
    source.weights["layers.1.qkv.weight"] = source.weights["layers.1.qkv.weight"] * 1e4
    with pytest.raises(ValueError, match="layer 1"):
        project_model(source, 1, layer_matrices(source))
