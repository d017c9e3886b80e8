"""The attention of a group of query blocks as an ONNX graph.

The operators are ONNX's own but for the rotation, which ONNX Runtime has as one of its own. Needs
the package ``onnx``, which only export and tests have; running the graph does not.
"""

from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import rotary_angles

OPSET = 20
IR_VERSION = 10
RUNTIME_DOMAIN = "com.microsoft"

Storage = Literal["float16", "float32"]


def operator_sets() -> list[onnx.OperatorSetIdProto]:
    """What graphs of this program are made of: ONNX's operators and ONNX Runtime's."""
    return [helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIME_DOMAIN, 1)]


def turn_tables(pattern: BlockPattern, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of turns by whole blocks, float32 ``[near_slots + 1, D/2]``.

    Row r turns by ``r * block`` positions: row 0 leaves a far key as it is, row ``near + 1 +
    delta`` makes it the near key of the block at distance delta.
    """
    rows = np.arange(pattern.near_slots + 1)
    angles = rotary_angles(rows * pattern.block, width, pattern.rotary_base)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def attention_model(
    pattern: BlockPattern, heads: int, width: int, *, tail: bool, storage: Storage = "float16"
) -> onnx.ModelProto:
    """Build the graph for Q query blocks that all read K blocks.

    It works head by head, so that what a head gathers and computes still is in the cache when it is
    next needed. A row of the stored arrays is one block of one head, ``block_index * H + head``.

    Inputs:
        ``queries``, ``keys`` and ``values`` ``[NB * H, B * D]`` in ``storage``: rotated queries,
        far-rotated keys and values of a document; ``query_rows`` int64 ``[Q]`` and ``key_rows``
        int64 ``[Q * K, 1]``: rows of the first head; ``turns`` int64 ``[Q * K, 1]``: the row of
        :func:`turn_tables` by which a key block is turned; with ``tail`` also ``key_bias`` float32
        ``[Q, 1, K * B]`` (0 or a large negative number), ``key_real`` bool ``[Q, K * B, 1]`` and
        ``query_weight`` float32 ``[Q, 1, B]`` (1 over the number of real queries, or 0).

    Outputs:
        ``context`` float32 ``[Q * B, H * D]`` and ``mass`` float32 ``[Q, K]``.

    Args:
        pattern: The rule.
        heads: H.
        width: D.
        tail: Whether key blocks or query blocks may be padded.
        storage: Type of ``queries``, ``keys`` and ``values``; arithmetic is float32.
    """
    block = pattern.block
    stored = TensorProto.FLOAT16 if storage == "float16" else TensorProto.FLOAT
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    cos, sin = turn_tables(pattern, width)
    turning = ["turns", constant("turn_cos", cos), constant("turn_sin", sin)]
    scale = constant("scale", np.array(1.0 / np.sqrt(width), np.float32))
    zero = constant("zero", np.array(0.0, np.float32))
    one_block = constant("one_block", np.array([-1, block, width]))
    # ONNX Runtime turns no longer sequences than its tables have rows, so each slot is its own.
    count = add("Shape", ["query_rows"], "query_count")
    flat = add("Concat", [count, constant("slot_shape", np.array([-1, width]))], "flat", axis=0)
    axis_1 = constant("axis_1", np.array([1]))

    def of_head(head: int) -> tuple[str, str]:
        """Context ``[Q, B, D]`` and what each key received, ``[Q, K * B]``."""
        offset = constant(f"head_{head}", np.array(head))

        def read(source: str, rows: str) -> str:
            mine = add("Add", [rows, offset], f"{source}_rows_{head}")
            found = add("Gather", [source, mine], f"{source}_read_{head}", axis=0)
            if storage == "float32":
                return found
            return add("Cast", [found], f"{source}_float_{head}", to=TensorProto.FLOAT)

        # The tokens of a block, which all turn alike, take the place of heads here.
        turned = add(
            "RotaryEmbedding",
            [read("keys", "key_rows"), *turning],
            f"turned_{head}",
            domain=RUNTIME_DOMAIN,
            num_heads=block,
            rotary_embedding_dim=width,
        )
        keys = add("Reshape", [turned, flat], f"keys_{head}")  # [Q, K*B, D]
        columns = add("Transpose", [keys], f"columns_{head}", perm=[0, 2, 1])
        queries = add("Reshape", [read("queries", "query_rows"), one_block], f"queries_{head}")
        scaled = add("Mul", [queries, scale], f"scaled_{head}")
        scores = add("MatMul", [scaled, columns], f"scores_{head}")
        if tail:
            scores = add("Add", [scores, "key_bias"], f"masked_{head}")
        weights = add("Softmax", [scores], f"weights_{head}", axis=-1)  # [Q, B, K*B]
        counted = weights
        if tail:
            counted = add("MatMul", ["query_weight", weights], f"counted_{head}")
        received = add("ReduceSum", [counted, axis_1], f"received_{head}", keepdims=0)
        values = add("Reshape", [read("values", "key_rows"), flat], f"values_{head}")
        if tail:
            # A weight of 0 does not silence a padded value that is infinite or NaN; Where does.
            values = add("Where", ["key_real", values, zero], f"real_{head}")
        return add("MatMul", [weights, values], f"context_{head}"), received

    contexts, received = zip(*map(of_head, range(heads)), strict=True)
    by_token = add("Concat", list(contexts), "by_token", axis=2)
    add("Reshape", [by_token, constant("token_shape", np.array([-1, heads * width]))], "context")
    by_key = add("Sum", list(received), "by_key")
    by_slot = add("Reshape", [by_key, constant("slots", np.array([0, -1, block]))], "by_slot")
    total = add("ReduceSum", [by_slot, constant("axis_2", np.array([2]))], "total", keepdims=0)
    rows = heads if tail else heads * block
    add("Mul", [total, constant("mean_weight", np.array(1.0 / rows, np.float32))], "mass")

    info = helper.make_tensor_value_info
    inputs = [info(name, stored, ["R", block * width]) for name in ("queries", "keys", "values")]
    inputs.append(info("query_rows", TensorProto.INT64, ["Q"]))
    inputs += [info(name, TensorProto.INT64, ["QK", 1]) for name in ("key_rows", "turns")]
    if tail:
        inputs += [
            info("key_bias", TensorProto.FLOAT, ["Q", 1, "KB"]),
            info("key_real", TensorProto.BOOL, ["Q", "KB", 1]),
            info("query_weight", TensorProto.FLOAT, ["Q", 1, block]),
        ]
    outputs = [
        info("context", TensorProto.FLOAT, ["QB", heads * width]),
        info("mass", TensorProto.FLOAT, ["Q", "K"]),
    ]
    graph = helper.make_graph(nodes, "block_sparse_attention", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=operator_sets(), producer_name="chumoku")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model
