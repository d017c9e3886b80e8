"""The encoder's linear parts as int8 ONNX graphs of plain operators.

Weights are int8 with one scale per output channel and stay within -63..63: products of two such
weights with unsigned 8-bit activations then fit the 16-bit sums that processors without VNNI use,
so that every PC computes the same integers. Activations are quantised per token, on the fly: the
result of a token does not depend on which others stand in the same chunk. Another ``builder`` may
write the products in another way.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engine.training.weights import TrainedWeights
from kernels.block_sparse.onnx_graph import IR_VERSION, OPSET
from kernels.block_sparse.reference import rotary_angles

WEIGHT_LIMIT = 63
GELU_FLOOR = 0.17  # gelu(x) > -0.17 for every x
SMALLEST_SCALE = 1e-12
HALF_LIMIT = 65504.0


def quantise_rows(weight: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantise each row ``[out, in]`` to ``-limit..limit`` with the scale of least squared error.

    Returns:
        int8 ``[out, in]`` and float32 scales ``[out]``.
    """
    peak = np.maximum(np.abs(weight).max(axis=1, keepdims=True), SMALLEST_SCALE)
    best_error = np.full(len(weight), np.inf)
    best_scale = peak[:, 0] / limit
    for share in np.linspace(0.7, 1.0, 13):
        scale = peak * share / limit
        error = ((np.clip(np.rint(weight / scale), -limit, limit) * scale - weight) ** 2).sum(1)
        better = error < best_error
        best_error[better] = error[better]
        best_scale = np.where(better, scale[:, 0], best_scale)
    scale = best_scale.astype(np.float32)
    whole = np.clip(np.rint(weight / scale[:, None]), -limit, limit).astype(np.int8)
    return whole, scale


class PartBuilder:
    """Collects nodes and constants of one graph.

    Attributes:
        opsets: Versions of the operator sets that its nodes are of, by domain.
    """

    opsets: Mapping[str, int] = MappingProxyType({"": OPSET})

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._count = 0

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a named constant."""
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def scalar(self, value: float) -> str:
        """A float32 constant."""
        return self.constant(f"scalar_{value:g}", np.array(value, np.float32))

    def integers(self, *values: int) -> str:
        """An int64 vector constant."""
        return self.constant("ints_" + "_".join(map(str, values)), np.array(values, np.int64))

    def add(
        self,
        kind: str,
        *inputs: str,
        output: str | None = None,
        outputs: int = 1,
        **attributes: Any,
    ) -> Any:
        """Add a node; gives its output name, or a list of names where it has several."""
        self._count += 1
        stem = output or f"{kind.lower()}_{self._count}"
        names = [stem] if outputs == 1 else [f"{stem}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, name=stem, **attributes))
        return names[0] if outputs == 1 else names

    def model(
        self,
        inputs: dict[str, tuple[int, list[int | str]]],
        outputs: dict[str, tuple[int, list[int | str]]],
    ) -> onnx.ModelProto:
        """Close the graph with its typed inputs and outputs."""
        ends = [
            [
                helper.make_tensor_value_info(name, kind, shape)
                for name, (kind, shape) in side.items()
            ]
            for side in (inputs, outputs)
        ]
        graph = helper.make_graph(
            self._nodes, self._name, ends[0], ends[1], list(self._constants.values())
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(*each) for each in self.opsets.items()],
            producer_name="chumoku",
        )
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model)
        return model

    def inverse_rms(self, x: str, epsilon: float) -> str:
        """``1 / sqrt(mean(x^2) + eps)`` per row, ``[T, 1]``."""
        square = self.add("Mul", x, x)
        mean = self.add("ReduceMean", square, self.integers(1), keepdims=1)
        return self.add("Reciprocal", self.add("Sqrt", self.add("Add", mean, self.scalar(epsilon))))

    def linear(
        self,
        name: str,
        x: str,
        weight: np.ndarray,
        row_factor: str | None = None,
        above: float | None = None,
    ) -> str:
        """``x @ weight.T`` in int8, ``[T, in]`` to ``[T, out]``.

        Args:
            name: Stem of the constants' names.
            x: Input tensor.
            weight: ``[out, in]``.
            row_factor: Tensor ``[T, 1]`` that multiplies the result, such as the inverse RMS.
            above: Every value of ``x`` exceeds minus this; all 256 steps are then used above it.
        """
        whole, scale = quantise_rows(weight, WEIGHT_LIMIT)
        matrix = self.constant(f"{name}_int8", whole.T)
        columns = self.constant(f"{name}_scale", scale)
        smallest = self.scalar(SMALLEST_SCALE)
        if above is None:
            peak = self.add("ReduceMax", self.add("Abs", x), self.integers(1), keepdims=1)
            steps, zero = self.scalar(1.0 / 127.0), np.uint8(128)
        else:
            x = self.add("Add", x, self.scalar(above))
            peak = self.add("ReduceMax", x, self.integers(1), keepdims=1)
            steps, zero = self.scalar(1.0 / 255.0), np.uint8(0)
        step = self.add("Max", self.add("Mul", peak, steps), smallest)  # [T, 1]
        flat = self.add("Reshape", step, self.integers(-1))
        zero_point = self.constant(f"zero_{zero}", np.array(zero))
        zeros = self.add("Expand", zero_point, self.add("Shape", flat))
        whole_x = self.add("QuantizeLinear", x, flat, zeros, axis=0)
        product = self.add("MatMulInteger", whole_x, matrix, zero_point)
        result = self.add("Mul", self.add("Cast", product, to=TensorProto.FLOAT), columns)
        factor = step if row_factor is None else self.add("Mul", step, row_factor)
        result = self.add("Mul", result, factor)
        if above is not None:
            lifted = -above * (whole * scale[:, None]).sum(axis=1, dtype=np.float64)
            result = self.add(
                "Add", result, self.constant(f"{name}_bias", lifted.astype(np.float32))
            )
        return result

    def stored_matrix(self, name: str, weight: np.ndarray) -> str:
        """``weight.T`` as float32 ``[in, out]`` out of an int8 constant."""
        whole, scale = quantise_rows(weight, 127)
        return self.add(
            "DequantizeLinear",
            self.constant(f"{name}_int8", whole.T),
            self.constant(f"{name}_scale", scale),
            axis=1,
        )

    def normalise(self, x: str, output: str) -> str:
        """Unit rows; a zero row stays zero."""
        square = self.add("ReduceSumSquare", x, self.integers(1), keepdims=1)
        length = self.add("Max", self.add("Sqrt", square), self.scalar(SMALLEST_SCALE))
        return self.add("Div", x, length, output=output)


def embed_model(checkpoint: TrainedWeights) -> onnx.ModelProto:
    """``ids`` int64 ``[T]`` to ``x`` float32 ``[T, W]``."""
    weight = checkpoint.weights["embedding.weight"]
    whole, scale = quantise_rows(weight, 127)
    part = PartBuilder("embed")
    rows = part.add("Gather", part.constant("table", whole), "ids", axis=0)
    scales = part.add("Gather", part.constant("table_scale", scale[:, None]), "ids", axis=0)
    part.add("Mul", part.add("Cast", rows, to=TensorProto.FLOAT), scales, output="x")
    return part.model(
        {"ids": (TensorProto.INT64, ["T"])}, {"x": (TensorProto.FLOAT, ["T", weight.shape[1]])}
    )


def project_model(
    checkpoint: TrainedWeights, layer: int, builder: type[PartBuilder] = PartBuilder
) -> onnx.ModelProto:
    """``x`` ``[T, W]`` to rotated queries, far-rotated keys, values and the pooled first two.

    ``q``, ``k``, ``v`` are float16 ``[NB, H, B, D]``; ``q_mean``, ``k_mean`` float32
    ``[NB, H, D]`` average over all B tokens of a block.
    """
    config, pattern = checkpoint.config, checkpoint.pattern
    width, heads, head_width = config["width"], config["heads"], checkpoint.head_width
    prefix = f"layers.{layer}."
    norm = checkpoint.weights[prefix + "attention_norm.weight"]
    part = builder(f"layer_{layer:02d}_project")
    factor = part.inverse_rms("x", config["norm_eps"])
    qkv = part.linear("qkv", "x", checkpoint.weights[prefix + "qkv.weight"] * norm, factor)
    parts = part.add("Split", qkv, outputs=3, axis=1, num_outputs=3)
    biases = checkpoint.weights[prefix + "qk_bias"].reshape(2, width)
    for place, name in enumerate(("q", "k")):
        parts[place] = part.add("Add", parts[place], part.constant(f"{name}_bias", biases[place]))
    outputs: dict[str, tuple[int, list[int | str]]] = {}
    for name, tensor, shift in zip(
        ("q", "k", "v"), parts, (0, -pattern.far_offset, None), strict=True
    ):
        shaped = part.add("Reshape", tensor, part.integers(-1, pattern.block, heads, head_width))
        shaped = part.add("Transpose", shaped, perm=[0, 2, 1, 3])
        if shift is not None:
            positions = np.arange(pattern.block) + shift
            angles = rotary_angles(positions, head_width, pattern.rotary_base)
            cos = part.constant(f"{name}_cos", np.cos(angles).astype(np.float32))
            sin = part.constant(f"{name}_sin", np.sin(angles).astype(np.float32))
            first, second = part.add("Split", shaped, outputs=2, axis=-1, num_outputs=2)
            shaped = part.add(
                "Concat",
                part.add("Sub", part.add("Mul", first, cos), part.add("Mul", second, sin)),
                part.add("Add", part.add("Mul", second, cos), part.add("Mul", first, sin)),
                axis=-1,
            )
            part.add("ReduceMean", shaped, part.integers(2), output=f"{name}_mean", keepdims=0)
            outputs[f"{name}_mean"] = (TensorProto.FLOAT, ["NB", heads, head_width])
        limited = part.add("Clip", shaped, part.scalar(-HALF_LIMIT), part.scalar(HALF_LIMIT))
        part.add("Cast", limited, output=name, to=TensorProto.FLOAT16)
        outputs[name] = (TensorProto.FLOAT16, ["NB", heads, pattern.block, head_width])
    return part.model({"x": (TensorProto.FLOAT, ["T", width])}, outputs)


def finish_model(
    checkpoint: TrainedWeights, layer: int, builder: type[PartBuilder] = PartBuilder
) -> onnx.ModelProto:
    """``x`` and ``context`` ``[T, W]`` to ``y`` ``[T, W]``: output projection and feed-forward."""
    config, prefix = checkpoint.config, f"layers.{layer}."
    weights, width = checkpoint.weights, config["width"]
    part = builder(f"layer_{layer:02d}_finish")
    mixed = part.add(
        "Add", "x", part.linear("output", "context", weights[prefix + "output.weight"])
    )
    factor = part.inverse_rms(mixed, config["norm_eps"])
    up = weights[prefix + "up.weight"] * weights[prefix + "feed_norm.weight"]
    inner = part.add("Gelu", part.linear("up", mixed, up, factor), approximate="none")
    down = part.linear("down", inner, weights[prefix + "down.weight"], above=GELU_FLOOR)
    part.add("Add", mixed, down, output="y")
    shape = (TensorProto.FLOAT, ["T", width])
    return part.model({"x": shape, "context": shape}, {"y": shape})


def head_model(
    checkpoint: TrainedWeights, builder: type[PartBuilder] = PartBuilder
) -> onnx.ModelProto:
    """``x`` ``[T, W]`` to ``states`` ``[T, W]`` and unit ``token_vectors`` ``[T, token_width]``."""
    config = checkpoint.config
    part = builder("head")
    scaled = part.add("Mul", "x", part.inverse_rms("x", config["norm_eps"]))
    norm = part.constant("norm", checkpoint.weights["final_norm.weight"])
    part.add("Mul", scaled, norm, output="states")
    matrix = part.stored_matrix("token_head", checkpoint.weights["token_head.weight"])
    part.normalise(part.add("MatMul", "states", matrix), "token_vectors")
    width = (TensorProto.FLOAT, ["T", config["width"]])
    return part.model(
        {"x": width},
        {"states": width, "token_vectors": (TensorProto.FLOAT, ["T", config["token_width"]])},
    )


def passage_model(
    checkpoint: TrainedWeights, builder: type[PartBuilder] = PartBuilder
) -> onnx.ModelProto:
    """``pooled`` ``[P, W]`` to unit ``vectors`` ``[P, passage_width]``."""
    config = checkpoint.config
    part = builder("passage")
    matrix = part.stored_matrix("passage_head", checkpoint.weights["passage_head.weight"])
    part.normalise(part.add("MatMul", "pooled", matrix), "vectors")
    return part.model(
        {"pooled": (TensorProto.FLOAT, ["P", config["width"]])},
        {"vectors": (TensorProto.FLOAT, ["P", config["passage_width"]])},
    )


def question_model(
    checkpoint: TrainedWeights, builder: type[PartBuilder] = PartBuilder
) -> onnx.ModelProto:
    """``states`` ``[T, W]`` of a question to what its tokens count and where they point.

    ``token_weights`` ``[T]`` are positive, ``pointer_vectors`` ``[T, token_width]`` unit vectors,
    ``pointer_weights`` ``[T]`` sum to 1.
    """
    config, weights = checkpoint.config, checkpoint.weights
    width = config["token_width"]
    part = builder("question")
    counts = part.add(
        "MatMul", "states", part.stored_matrix("weight_head", weights["weight_head.weight"])
    )
    part.add("Reshape", part.add("Softplus", counts), part.integers(-1), output="token_weights")
    found = part.add(
        "MatMul", "states", part.stored_matrix("pointer_head", weights["pointer_head.weight"])
    )
    pointers = part.add("Slice", found, part.integers(0), part.integers(width), part.integers(1))
    gates = part.add(
        "Slice", found, part.integers(width), part.integers(width + 1), part.integers(1)
    )
    part.normalise(pointers, "pointer_vectors")
    part.add(
        "Softmax",
        part.add("Reshape", gates, part.integers(-1)),
        output="pointer_weights",
        axis=0,
    )
    return part.model(
        {"states": (TensorProto.FLOAT, ["T", config["width"]])},
        {
            "token_weights": (TensorProto.FLOAT, ["T"]),
            "pointer_vectors": (TensorProto.FLOAT, ["T", width]),
            "pointer_weights": (TensorProto.FLOAT, ["T"]),
        },
    )
