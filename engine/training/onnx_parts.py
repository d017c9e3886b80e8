"""The encoder's linear parts as int8 ONNX graphs.

Weights are int8 with one scale per output channel and stay within -63..63: products of two such
weights with unsigned 8-bit activations then fit the 16-bit sums that processors without VNNI use,
so that every PC computes the same integers. Activations are quantised per token, on the fly: the
result of a token does not depend on which others stand in the same chunk. Another ``builder`` may
write the products in another way.

The operators are ONNX's own but for two of ONNX Runtime's: the integer product that multiplies by
the channels' scales as it stores, and the rotation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engine.training.weights import TrainedWeights
from kernels.block_sparse.onnx_graph import IR_VERSION, RUNTIME_DOMAIN, operator_sets
from kernels.block_sparse.reference import rotary_angles

WEIGHT_LIMIT = 63
GELU_FLOOR = 0.1701  # gelu(x) > -0.1701 for every x, also by tanh
# Steps below zero of what hardly falls below it: few, so that zero itself is exact.
STEPS_BELOW = 16
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


@dataclass(frozen=True, slots=True)
class Quantised:
    """Rows of 8-bit activations in a graph: ``x = step * (whole - zero)``.

    Attributes:
        whole: Tensor of uint8 ``[T, in]``.
        step: Tensor of float32 ``[T, 1]``.
        zero: Constant, the zero point.
    """

    whole: str
    step: str
    zero: str


class PartBuilder:
    """Collects nodes and constants of one graph."""

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
        model = helper.make_model(graph, opset_imports=operator_sets(), producer_name="chumoku")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model)
        return model

    def inverse_rms(self, square: str, epsilon: float) -> str:
        """``1 / sqrt(mean(x^2) + eps)`` per row ``[T, 1]``, from ``square = x^2``."""
        mean = self.add("ReduceMean", square, self.integers(1), keepdims=1)
        return self.add("Reciprocal", self.add("Sqrt", self.add("Add", mean, self.scalar(epsilon))))

    def quantise(self, x: str, square: str | None = None) -> Quantised:
        """Quantise each row of ``x`` by its largest magnitude; ``square = x^2`` if there is one."""
        if square is None:
            peak = self.add("ReduceMax", self.add("Abs", x), self.integers(1), keepdims=1)
        else:
            peak = self.add("Sqrt", self.add("ReduceMax", square, self.integers(1), keepdims=1))
        return self._steps(x, self.add("Mul", peak, self.scalar(1.0 / 127.0)), 128)

    def quantise_above(self, x: str, floor: float) -> Quantised:
        """Quantise each row of ``x``, all of which exceeds ``-floor``, with most steps above 0."""
        peak = self.add("ReduceMax", x, self.integers(1), keepdims=1)
        step = self.add("Mul", peak, self.scalar(1.0 / (255 - STEPS_BELOW)))
        return self._steps(x, step, STEPS_BELOW, floor / STEPS_BELOW)

    def _steps(self, x: str, step: str, zero: int, least: float = SMALLEST_SCALE) -> Quantised:
        step = self.add("Max", step, self.scalar(least))
        flat = self.add("Reshape", step, self.integers(-1))
        point = self.constant(f"zero_{zero}", np.array(zero, np.uint8))
        points = self.add("Expand", point, self.add("Shape", flat))
        return Quantised(self.add("QuantizeLinear", x, flat, points, axis=0), step, point)

    def linear(
        self, name: str, x: Quantised, weight: np.ndarray, row_factor: str | None = None
    ) -> str:
        """``x @ weight.T`` in int8, ``[T, in]`` to ``[T, out]``.

        Args:
            name: Stem of the constants' names.
            x: Input.
            weight: ``[out, in]``.
            row_factor: Tensor ``[T, 1]`` that multiplies the result, such as the inverse RMS.
        """
        whole, scale = quantise_rows(weight, WEIGHT_LIMIT)
        product = self.add(
            "MatMulIntegerToFloat",
            x.whole,
            self.constant(f"{name}_int8", whole.T),
            self.scalar(1.0),
            self.constant(f"{name}_scale", scale),
            x.zero,
            domain=RUNTIME_DOMAIN,
        )
        factor = x.step if row_factor is None else self.add("Mul", x.step, row_factor)
        return self.add("Mul", product, factor)

    def stored_matrix(self, name: str, weight: np.ndarray) -> str:
        """``weight.T`` as float32 ``[in, out]`` out of an int8 constant.

        Not as DequantizeLinear, of which ONNX Runtime makes a product that is slow for many rows.
        """
        whole, scale = quantise_rows(weight, 127)
        stored = self.constant(f"{name}_int8", whole.T)
        return self.add(
            "Mul",
            self.add("Cast", stored, to=TensorProto.FLOAT),
            self.constant(f"{name}_scale", scale),
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

    Raises:
        ValueError: The weights are so large that a float16 could overflow.
    """
    config, pattern = checkpoint.config, checkpoint.pattern
    width, heads, head_width = config["width"], config["heads"], checkpoint.head_width
    prefix = f"layers.{layer}."
    norm = checkpoint.weights[prefix + "attention_norm.weight"]
    weights = np.split(checkpoint.weights[prefix + "qkv.weight"] * norm, 3)
    biases = checkpoint.weights[prefix + "qk_bias"].reshape(2, width)
    part = builder(f"layer_{layer:02d}_project")
    square = part.add("Mul", "x", "x")
    factor = part.inverse_rms(square, config["norm_eps"])
    x = part.quantise("x", square)
    outputs: dict[str, tuple[int, list[int | str]]] = {}
    for place, (name, shift) in enumerate((("q", 0), ("k", -pattern.far_offset), ("v", None))):
        bias = biases[place] if shift is not None else np.zeros(width, np.float32)
        if _largest(weights[place], bias) > HALF_LIMIT:
            raise ValueError(f"layer {layer}: {name} may be too large for float16")
        tokens = part.linear(name, x, weights[place], factor)
        if shift is not None:
            tokens = part.add("Add", tokens, part.constant(f"{name}_bias", bias))
            by_block = part.add("Reshape", tokens, part.integers(-1, pattern.block, width))
            angles = rotary_angles(
                np.arange(pattern.block) + shift, head_width, pattern.rotary_base
            )
            tokens = part.add(
                "RotaryEmbedding",
                by_block,
                part.integers(0),
                part.constant(f"{name}_cos", np.cos(angles).astype(np.float32)),
                part.constant(f"{name}_sin", np.sin(angles).astype(np.float32)),
                domain=RUNTIME_DOMAIN,
                num_heads=heads,
                rotary_embedding_dim=head_width,
            )
            mean = part.add("ReduceMean", tokens, part.integers(1), keepdims=0)
            shape = part.integers(-1, heads, head_width)
            part.add("Reshape", mean, shape, output=f"{name}_mean")
            outputs[f"{name}_mean"] = (TensorProto.FLOAT, ["NB", heads, head_width])
        shape = part.integers(-1, pattern.block, heads, head_width)
        by_head = part.add("Transpose", part.add("Reshape", tokens, shape), perm=[0, 2, 1, 3])
        part.add("Cast", by_head, to=TensorProto.FLOAT16, output=name)
        outputs[name] = (TensorProto.FLOAT16, ["NB", heads, pattern.block, head_width])
    return part.model({"x": (TensorProto.FLOAT, ["T", width])}, outputs)


def _largest(weight: np.ndarray, bias: np.ndarray) -> float:
    """Bound on what rows of RMS 1 times ``weight`` ``[out, in]`` plus ``bias`` can give, turned.

    Cauchy-Schwarz; a turn mixes two values, and quantising adds less than a tenth.
    """
    lengths = np.linalg.norm(weight.astype(np.float64), axis=1)
    peak = float((lengths * np.sqrt(weight.shape[1]) + np.abs(bias)).max())
    return 1.1 * float(np.sqrt(2.0)) * peak


def finish_model(
    checkpoint: TrainedWeights, layer: int, builder: type[PartBuilder] = PartBuilder
) -> onnx.ModelProto:
    """``x`` and ``context`` ``[T, W]`` to ``y`` ``[T, W]``: output projection and feed-forward."""
    config, prefix = checkpoint.config, f"layers.{layer}."
    weights, width = checkpoint.weights, config["width"]
    part = builder(f"layer_{layer:02d}_finish")
    output = part.linear("output", part.quantise("context"), weights[prefix + "output.weight"])
    mixed = part.add("Add", "x", output)
    square = part.add("Mul", mixed, mixed)
    factor = part.inverse_rms(square, config["norm_eps"])
    up = weights[prefix + "up.weight"] * weights[prefix + "feed_norm.weight"]
    inner = part.linear("up", part.quantise(mixed, square), up, factor)
    # By tanh it is within 5e-4 of the exact form, a small part of an 8-bit step, and faster.
    active = part.quantise_above(part.add("Gelu", inner, approximate="tanh"), GELU_FLOOR)
    part.add("Add", mixed, part.linear("down", active, weights[prefix + "down.weight"]), output="y")
    shape = (TensorProto.FLOAT, ["T", width])
    return part.model({"x": shape, "context": shape}, {"y": shape})


def head_model(
    checkpoint: TrainedWeights, builder: type[PartBuilder] = PartBuilder
) -> onnx.ModelProto:
    """``x`` ``[T, W]`` to ``states`` ``[T, W]`` and unit ``token_vectors`` ``[T, token_width]``."""
    config = checkpoint.config
    part = builder("head")
    square = part.add("Mul", "x", "x")
    scaled = part.add("Mul", "x", part.inverse_rms(square, config["norm_eps"]))
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
