"""The attention of a group of query blocks as an ONNX graph of plain operators.

Needs the package ``onnx``, which only export and tests have; running the graph does not.
"""

from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import rotary_angles

OPSET = 20
IR_VERSION = 10

Storage = Literal["float16", "float32"]


def turn_tables(pattern: BlockPattern, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine that make a far key a near one, float32 ``[near_slots, D/2]``.

    Row ``delta + near`` turns by ``(near + 1 + delta) * block`` positions, the same for every
    token of the block.
    """
    turns = pattern.far_offset + pattern.block * np.arange(-pattern.near, pattern.near + 1)
    angles = rotary_angles(turns, width, pattern.rotary_base)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def attention_model(
    pattern: BlockPattern, heads: int, width: int, *, tail: bool, storage: Storage = "float16"
) -> onnx.ModelProto:
    """Build the graph for query blocks that all read N near and F far blocks.

    Inputs (Q query blocks, NB blocks, K = N + F):
        ``q`` ``[Q, H, B, D]``, ``keys`` and ``values`` ``[NB, H, B, D]`` in ``storage``: rotated
        queries, far-rotated keys, values; ``near_index``, ``near_turn`` int64 ``[Q, N]`` (turn is
        delta + near); ``far_index`` int64 ``[Q, F]``; with ``tail`` also ``key_bias`` float32
        ``[Q, 1, 1, K * B]`` (0 or a large negative number), ``key_mask`` float32
        ``[Q, 1, K * B, 1]`` (1 or 0) and ``query_weight`` float32 ``[Q, 1, 1, B]`` (1 over the
        number of real queries, or 0).

    Outputs:
        ``context`` float32 ``[Q * B, H * D]`` and ``mass`` float32 ``[Q, K]``.

    Args:
        pattern: The rule.
        heads: H.
        width: D.
        tail: Whether key blocks or query blocks may be padded.
        storage: Type of ``q``, ``keys`` and ``values``; arithmetic is float32.
    """
    block = pattern.block
    stored = TensorProto.FLOAT16 if storage == "float16" else TensorProto.FLOAT
    cos, sin = turn_tables(pattern, width)
    nodes: list[onnx.NodeProto] = []
    constants = [
        numpy_helper.from_array(cos[:, None, None, :], "turn_cos"),
        numpy_helper.from_array(sin[:, None, None, :], "turn_sin"),
        numpy_helper.from_array(np.array(1.0 / np.sqrt(width), np.float32), "scale"),
        numpy_helper.from_array(np.array([0, 0, -1, width]), "rows_shape"),
        numpy_helper.from_array(np.array([-1, heads * width]), "context_shape"),
        numpy_helper.from_array(np.array([0, -1, block]), "slots_shape"),
        numpy_helper.from_array(np.array([2]), "axis_2"),
        numpy_helper.from_array(np.array([1, 2]), "axes_1_2"),
    ]

    def add(kind: str, inputs: list[str], output: str | list[str], **attributes: Any) -> str:
        outputs = [output] if isinstance(output, str) else output
        nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))
        return outputs[0]

    def as_float(name: str) -> str:
        if storage == "float32":
            return name
        return add("Cast", [name], f"{name}_f32", to=TensorProto.FLOAT)

    near = as_float(add("Gather", ["keys", "near_index"], "near_keys", axis=0))
    add("Split", [near], ["near_a", "near_b"], axis=-1, num_outputs=2)
    add("Gather", ["turn_cos", "near_turn"], "cos", axis=0)  # [Q, N, 1, 1, D/2]
    add("Gather", ["turn_sin", "near_turn"], "sin", axis=0)
    add("Mul", ["near_a", "cos"], "a_cos")
    add("Mul", ["near_b", "sin"], "b_sin")
    add("Mul", ["near_b", "cos"], "b_cos")
    add("Mul", ["near_a", "sin"], "a_sin")
    add("Sub", ["a_cos", "b_sin"], "turned_a")
    add("Add", ["b_cos", "a_sin"], "turned_b")
    add("Concat", ["turned_a", "turned_b"], "near_turned", axis=-1)
    far = as_float(add("Gather", ["keys", "far_index"], "far_keys", axis=0))
    add("Concat", ["near_turned", far], "all_keys", axis=1)  # [Q, K, H, B, D]
    add("Transpose", ["all_keys"], "keys_by_head", perm=[0, 2, 1, 3, 4])
    add("Reshape", ["keys_by_head", "rows_shape"], "key_rows")  # [Q, H, K*B, D]
    add("Transpose", ["key_rows"], "key_columns", perm=[0, 1, 3, 2])
    add("Mul", [as_float("q"), "scale"], "q_scaled")
    scores = add("MatMul", ["q_scaled", "key_columns"], "scores")
    if tail:
        scores = add("Add", [scores, "key_bias"], "masked")
    add("Softmax", [scores], "weights", axis=-1)

    add("Concat", ["near_index", "far_index"], "index", axis=1)
    gathered = as_float(add("Gather", ["values", "index"], "all_values", axis=0))
    add("Transpose", [gathered], "values_by_head", perm=[0, 2, 1, 3, 4])
    rows = add("Reshape", ["values_by_head", "rows_shape"], "value_rows")
    if tail:
        # A weight of 0 does not silence a padded value that is infinite or NaN; Where does.
        add("Cast", ["key_mask"], "key_real", to=TensorProto.BOOL)
        constants.append(numpy_helper.from_array(np.array(0.0, np.float32), "zero"))
        rows = add("Where", ["key_real", rows, "zero"], "real_rows")
    add("MatMul", ["weights", rows], "by_head")  # [Q, H, B, D]
    add("Transpose", ["by_head"], "by_token", perm=[0, 2, 1, 3])
    add("Reshape", ["by_token", "context_shape"], "context")

    if tail:
        add("MatMul", ["query_weight", "weights"], "received")  # [Q, H, 1, K*B]
    else:
        add("Identity", ["weights"], "received")
    add("ReduceSum", ["received", "axes_1_2"], "column", keepdims=0)
    add("Reshape", ["column", "slots_shape"], "by_slot")
    add("ReduceSum", ["by_slot", "axis_2"], "slot_sum", keepdims=0)
    add("Mul", ["slot_sum", "mean_weight"], "mass")

    rows_summed = heads if tail else heads * block
    mean_weight = np.array(1.0 / rows_summed, np.float32)
    constants.append(numpy_helper.from_array(mean_weight, "mean_weight"))

    inputs = [
        helper.make_tensor_value_info("q", stored, ["Q", heads, block, width]),
        helper.make_tensor_value_info("keys", stored, ["NB", heads, block, width]),
        helper.make_tensor_value_info("values", stored, ["NB", heads, block, width]),
        helper.make_tensor_value_info("near_index", TensorProto.INT64, ["Q", "N"]),
        helper.make_tensor_value_info("near_turn", TensorProto.INT64, ["Q", "N"]),
        helper.make_tensor_value_info("far_index", TensorProto.INT64, ["Q", "F"]),
    ]
    if tail:
        for name, shape in (
            ("key_bias", ["Q", 1, 1, "KB"]),
            ("key_mask", ["Q", 1, "KB", 1]),
            ("query_weight", ["Q", 1, 1, block]),
        ):
            inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    outputs = [
        helper.make_tensor_value_info("context", TensorProto.FLOAT, ["QB", heads * width]),
        helper.make_tensor_value_info("mass", TensorProto.FLOAT, ["Q", "K"]),
    ]
    graph = helper.make_graph(nodes, "block_sparse_attention", inputs, outputs, constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="chumoku"
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model
