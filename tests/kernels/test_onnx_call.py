import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from kernels.onnx_call import run_into


@pytest.fixture(scope="module")
def session():
    """``y = 2 x`` of ``[N, 3]``."""
    rows = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
    doubled = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", [rows], [doubled])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def test_outputs_are_written_into_a_part_of_an_array(session):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    out = np.full((4, 3), -1, np.float32)
    run_into(session, {"x": x}, {"y": out[1:3]})
    np.testing.assert_array_equal(out[1:3], 2 * x)
    np.testing.assert_array_equal(out[[0, 3]], -1)


def test_an_input_may_be_written_over(session):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    run_into(session, {"x": x}, {"y": x})
    np.testing.assert_array_equal(x, 2 * np.arange(6).reshape(2, 3))


def test_inputs_need_not_be_contiguous(session):
    x = np.arange(12, dtype=np.float32).reshape(4, 3)[::2]
    out = np.empty((2, 3), np.float32)
    run_into(session, {"x": x}, {"y": out})
    np.testing.assert_array_equal(out, 2 * x)


def test_memory_that_does_not_fit_is_refused_and_left_alone(session):
    x = np.ones((2, 3), np.float32)
    wide = np.zeros((2, 6), np.float32)
    with pytest.raises(ValueError, match="contiguous"):
        run_into(session, {"x": x}, {"y": wide[:, :3]})
    short = np.zeros((1, 3), np.float32)
    with pytest.raises(RuntimeError, match="shape"):
        run_into(session, {"x": x}, {"y": short})
    with pytest.raises(RuntimeError, match="type"):
        run_into(session, {"x": x}, {"y": np.zeros((2, 3), np.float16)})
    assert not wide.any()
    assert not short.any()
