"""The encoder's parts with float32 weights: what int8 is measured against."""

import numpy as np
import onnx
from onnx import TensorProto

from engine.training import onnx_parts
from engine.training.onnx_builder import PartBuilder, Quantised
from engine.training.quantisation import Matrix, layer_matrices
from engine.training.weights import TrainedWeights
from kernels.block_sparse.onnx_graph import attention_model


class FloatPartBuilder(PartBuilder):
    """Writes products of float32 matrices in place of int8 ones."""

    def quantise(self, x: str, square: str | None = None) -> Quantised:
        """``x`` as it is."""
        return Quantised(x, "", "")

    def quantise_above(self, x: str, floor: float) -> Quantised:
        """``x`` as it is."""
        return Quantised(x, "", "")

    def linear(self, name: str, x: Quantised, matrix: Matrix, row_factor: str | None = None) -> str:
        """``x @ matrix.T``."""
        product = self.add("MatMul", x.whole, self.stored_matrix(name, matrix.exact))
        return product if row_factor is None else self.add("Mul", product, row_factor)

    def stored_matrix(self, name: str, weight: np.ndarray) -> str:
        """``weight.T`` as float32 ``[in, out]``."""
        return self.constant(f"{name}_float", weight.T.astype(np.float32))


def embed_model(source: TrainedWeights) -> onnx.ModelProto:
    """``ids`` int64 ``[T]`` to ``x`` float32 ``[T, W]``."""
    weight = source.weights["embedding.weight"]
    part = FloatPartBuilder("embed")
    part.add("Gather", part.constant("table", weight), "ids", axis=0, output="x")
    return part.model(
        {"ids": (TensorProto.INT64, ["T"])}, {"x": (TensorProto.FLOAT, ["T", weight.shape[1]])}
    )


def float_models(source: TrainedWeights) -> dict[str, onnx.ModelProto]:
    """The parts of a pack in float32, by name; queries and keys are stored in float16."""
    heads, width = source.config["heads"], source.head_width
    folded = source.folded()
    matrices = layer_matrices(folded)
    models = {
        "embed": embed_model(source),
        "attend": attention_model(source.pattern, heads, width, tail=False),
        "attend_tail": attention_model(source.pattern, heads, width, tail=True),
        "head": onnx_parts.head_model(source, FloatPartBuilder),
        "passage": onnx_parts.passage_model(source, FloatPartBuilder),
        "question": onnx_parts.question_model(source, FloatPartBuilder),
    }
    for layer in range(source.config["layers"]):
        name = f"layer_{layer:02d}"
        models[f"{name}_project"] = onnx_parts.project_model(
            folded, layer, matrices, FloatPartBuilder
        )
        models[f"{name}_finish"] = onnx_parts.finish_model(
            folded, layer, matrices, FloatPartBuilder
        )
    return models
