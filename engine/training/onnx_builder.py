"""Builds ONNX graphs whose products are int8.

Weights are int8 with one scale per output channel and stay within -63..63: products of two such
weights with unsigned 8-bit activations then fit the 16-bit sums that processors without VNNI use,
so that every PC computes the same integers. Activations are quantised per token, on the fly: the
result of a token does not depend on which others stand in the same chunk.

The operators are ONNX's own but for two of ONNX Runtime's: the integer product that multiplies by
the channels' scales as it stores, and the rotation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engine.training.quantisation import SMALLEST_SCALE, Matrix
from kernels.block_sparse.onnx_graph import IR_VERSION, RUNTIME_DOMAIN, operator_sets

# Steps below zero of what hardly falls below it: few, so that zero itself is exact.
STEPS_BELOW = 16


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

    def linear(self, name: str, x: Quantised, matrix: Matrix, row_factor: str | None = None) -> str:
        """``x @ matrix.T`` in int8, ``[T, in]`` to ``[T, out]``.

        Args:
            name: Stem of the constants' names.
            x: Input.
            matrix: ``[out, in]``.
            row_factor: Tensor ``[T, 1]`` that multiplies the result, such as the inverse RMS.
        """
        product = self.add(
            "MatMulIntegerToFloat",
            x.whole,
            self.constant(f"{name}_int8", matrix.whole.T),
            self.scalar(1.0),
            self.constant(f"{name}_scale", matrix.scale),
            x.zero,
            domain=RUNTIME_DOMAIN,
        )
        factor = x.step if row_factor is None else self.add("Mul", x.step, row_factor)
        return self.add("Mul", product, factor)

    def stored_matrix(self, name: str, weight: np.ndarray) -> str:
        """``weight.T`` as float32 ``[in, out]``, stored in float16."""
        stored = self.constant(f"{name}_half", weight.T.astype(np.float16))
        return self.add("Cast", stored, to=TensorProto.FLOAT)

    def normalise(self, x: str, output: str) -> str:
        """Unit rows; a zero row stays zero."""
        square = self.add("ReduceSumSquare", x, self.integers(1), keepdims=1)
        length = self.add("Max", self.add("Sqrt", square), self.scalar(SMALLEST_SCALE))
        return self.add("Div", x, length, output=output)
