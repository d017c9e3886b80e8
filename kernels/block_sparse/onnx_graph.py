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
    """Cosine and sine of turns by whole blocks, float32 ``[rows, D/2]``.

    Row r turns by ``r * block`` positions: row 0 leaves a far key as it is, row ``near + 1 +
    delta`` makes it the near key of the block at distance delta. ONNX Runtime wants no fewer rows
    than a query block has slots.
    """
    rows = np.arange(max(pattern.near_slots + 1, pattern.slots))
    angles = rotary_angles(rows * pattern.block, width, pattern.rotary_base)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def attention_model(
    pattern: BlockPattern, heads: int, width: int, *, tail: bool, storage: Storage = "float16"
) -> onnx.ModelProto:
    """Build the graph for Q query blocks that all read K blocks.

    A row is one block of one head, ``block_index * H + head``; query blocks are taken head by
    head, so that nothing needs to be transposed before the products.

    Inputs:
        ``queries``, ``keys`` and ``values`` ``[NB * H, B * D]`` in ``storage``: rotated queries,
        far-rotated keys and values of a document; ``query_rows`` int64 ``[Q * H]``; ``key_rows``
        and ``turns`` int64 ``[Q * H, K]``: what is read, and the row of :func:`turn_tables` that
        it is turned by; with ``tail`` also ``key_bias`` float32 ``[Q * H, 1, K * B]`` (0 or a
        large negative number), ``key_real`` bool ``[Q * H, K * B, 1]`` and ``query_weight``
        float32 ``[Q * H, 1, B]`` (1 over H times the number of real queries, or 0).

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

    def read(source: str, rows: str) -> str:
        found = add("Gather", [source, rows], f"{source}_read", axis=0)
        if storage == "float32":
            return found
        return add("Cast", [found], f"{source}_float", to=TensorProto.FLOAT)

    def shaped(source: str, *shape: int) -> str:
        name = constant(f"{source}_shape", np.array(shape))
        return add("Reshape", [source, name], f"{source}_shaped")

    cos, sin = turn_tables(pattern, width)
    turning = ["turns", constant("turn_cos", cos), constant("turn_sin", sin)]
    # The tokens of a block, which all turn alike, take the place of heads here.
    keys = add(
        "RotaryEmbedding",
        [read("keys", "key_rows"), *turning],
        "keys_turned",
        domain=RUNTIME_DOMAIN,
        num_heads=block,
        rotary_embedding_dim=width,
    )
    columns = add("Transpose", [shaped(keys, 0, -1, width)], "key_columns", perm=[0, 2, 1])
    queries = shaped(read("queries", "query_rows"), -1, block, width)
    scale = constant("scale", np.array(1.0 / np.sqrt(width), np.float32))
    scores = add("MatMul", [add("Mul", [queries, scale], "queries_scaled"), columns], "scores")
    if tail:
        scores = add("Add", [scores, "key_bias"], "scores_masked")
    weights = add("Softmax", [scores], "weights", axis=-1)  # [Q*H, B, K*B]

    values = shaped(read("values", "key_rows"), 0, -1, width)
    if tail:
        # A weight of 0 does not silence a padded value that is infinite or NaN; Where does.
        zero = constant("zero", np.array(0.0, np.float32))
        values = add("Where", ["key_real", values, zero], "values_real")
    by_head = shaped(add("MatMul", [weights, values], "by_head"), -1, heads, block, width)
    by_token = add("Transpose", [by_head], "by_token", perm=[0, 2, 1, 3])
    constant("context_shape", np.array([-1, heads * width]))
    add("Reshape", [by_token, "context_shape"], "context")

    axis_1 = constant("axis_1", np.array([1]))
    if tail:
        received = add("MatMul", ["query_weight", weights], "received")  # [Q*H, 1, K*B]
        by_key = add("ReduceSum", [shaped(received, -1, heads, 0), axis_1], "by_key", keepdims=0)
    else:
        rows = shaped(weights, -1, heads * block, 0)
        by_key = add("ReduceMean", [rows, axis_1], "by_key", keepdims=0)
    by_slot = shaped(by_key, 0, -1, block)
    add("ReduceSum", [by_slot, constant("axis_2", np.array([2]))], "mass", keepdims=0)

    info = helper.make_tensor_value_info
    inputs = [info(name, stored, ["R", block * width]) for name in ("queries", "keys", "values")]
    inputs.append(info("query_rows", TensorProto.INT64, ["QH"]))
    inputs += [info(name, TensorProto.INT64, ["QH", "K"]) for name in ("key_rows", "turns")]
    if tail:
        inputs += [
            info("key_bias", TensorProto.FLOAT, ["QH", 1, "KB"]),
            info("key_real", TensorProto.BOOL, ["QH", "KB", 1]),
            info("query_weight", TensorProto.FLOAT, ["QH", 1, block]),
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
