"""Query-to-document attention as graphs of plain ONNX operators.

Needs the package ``onnx``, which only export and tests have; running the graphs does not.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kernels.block_sparse.onnx_graph import IR_VERSION, OPSET
from kernels.cross.reference import TOKEN_SCALE


def segments_model() -> onnx.ModelProto:
    """Best cosine of each query token in segments of equal length.

    Inputs (Q query tokens, T tokens of width D, P segments of L tokens):
        ``query`` float32 ``[Q, D]``, ``tokens`` int8 ``[T, D]``, ``index`` int64 ``[P, L]``, the
        tokens of each segment, the last one again and again behind its end.

    Outputs:
        ``best`` float32 ``[P, Q]``, and ``place`` int64 ``[P, Q]``, where in the segment it stands
        first.
    """
    nodes = [
        helper.make_node("Gather", ["tokens", "index"], ["gathered"], axis=0),
        helper.make_node("Cast", ["gathered"], ["rows"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["query"], ["query_columns"], perm=[1, 0]),
        helper.make_node("MatMul", ["rows", "query_columns"], ["products"]),
        helper.make_node("Div", ["products", "token_scale"], ["cosines"]),
        helper.make_node("ReduceMax", ["cosines", "axis_1"], ["best"], keepdims=0),
        helper.make_node("ArgMax", ["cosines"], ["place"], axis=1, keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("index", TensorProto.INT64, ["P", "L"])]
    outputs = [
        helper.make_tensor_value_info("best", TensorProto.FLOAT, ["P", "Q"]),
        helper.make_tensor_value_info("place", TensorProto.INT64, ["P", "Q"]),
    ]
    return _model("late_interaction", nodes, inputs, outputs)


def attention_model() -> onnx.ModelProto:
    """Attention of query tokens over chosen tokens.

    Inputs (Q query tokens, T tokens of width D, M chosen ones):
        ``query`` float32 ``[Q, D]``, ``tokens`` int8 ``[T, D]``, ``index`` int64 ``[M]``,
        ``weights`` float32 ``[Q]`` and ``sharpness``, one over the temperature, float32 ``[]``.

    Outputs:
        ``cosines`` float32 ``[Q, M]``, and ``share`` float32 ``[M]``, the weighted sum over query
        tokens of their softmax.
    """
    nodes = [
        helper.make_node("Gather", ["tokens", "index"], ["chosen"], axis=0),
        helper.make_node("Cast", ["chosen"], ["chosen_rows"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["chosen_rows"], ["chosen_columns"], perm=[1, 0]),
        helper.make_node("MatMul", ["query", "chosen_columns"], ["products"]),
        helper.make_node("Div", ["products", "token_scale"], ["cosines"]),
        helper.make_node("Mul", ["cosines", "sharpness"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["attention"], axis=-1),
        helper.make_node("MatMul", ["weights", "attention"], ["share"]),
    ]
    inputs = [
        helper.make_tensor_value_info("index", TensorProto.INT64, ["M"]),
        helper.make_tensor_value_info("weights", TensorProto.FLOAT, ["Q"]),
        helper.make_tensor_value_info("sharpness", TensorProto.FLOAT, []),
    ]
    outputs = [
        helper.make_tensor_value_info("cosines", TensorProto.FLOAT, ["Q", "M"]),
        helper.make_tensor_value_info("share", TensorProto.FLOAT, ["M"]),
    ]
    return _model("query_to_document_attention", nodes, inputs, outputs)


def _model(
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    shared = [
        helper.make_tensor_value_info("query", TensorProto.FLOAT, ["Q", "D"]),
        helper.make_tensor_value_info("tokens", TensorProto.INT8, ["T", "D"]),
    ]
    constants = [
        numpy_helper.from_array(np.array(TOKEN_SCALE, np.float32), "token_scale"),
        numpy_helper.from_array(np.array([1]), "axis_1"),
    ]
    graph = helper.make_graph(nodes, name, shared + inputs, outputs, constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="chumoku"
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model
