"""The encoder's parts with float32 weights, and its layers with dense attention."""

import numpy as np
import onnx
from onnx import TensorProto

from engine.training import onnx_parts
from engine.training.onnx_parts import PartBuilder, Quantised
from engine.training.weights import TrainedWeights
from kernels.block_sparse.onnx_graph import RUNTIME_DOMAIN, attention_model


class FloatPartBuilder(PartBuilder):
    """Writes products of float32 matrices in place of int8 ones."""

    def quantise(self, x: str, square: str | None = None) -> Quantised:
        """``x`` as it is."""
        return Quantised(x, "", "")

    def quantise_above(self, x: str, floor: float) -> Quantised:
        """``x`` as it is."""
        return Quantised(x, "", "")

    def linear(
        self, name: str, x: Quantised, weight: np.ndarray, row_factor: str | None = None
    ) -> str:
        """``x @ weight.T``."""
        product = self.add("MatMul", x.whole, self.stored_matrix(name, weight))
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


def dense_model(source: TrainedWeights, layer: int) -> onnx.ModelProto:
    """``x`` ``[T, W]`` with ``cos`` and ``sin`` ``[T, 1, D/2]`` to ``context`` ``[T, W]``.

    Attention of every token to every other by ONNX Runtime's MultiHeadAttention, which without a
    mask goes through the keys in pieces, so that scores need no memory. Positions are rotary.
    """
    config = source.config
    width, heads, head_width = config["width"], config["heads"], source.head_width
    prefix = f"layers.{layer}."
    norm = source.weights[prefix + "attention_norm.weight"]
    part = FloatPartBuilder(f"layer_{layer:02d}_dense")
    factor = part.inverse_rms(part.add("Mul", "x", "x"), config["norm_eps"])
    qkv = part.linear(
        "qkv", part.quantise("x"), source.weights[prefix + "qkv.weight"] * norm, factor
    )
    tensors = part.add("Split", qkv, outputs=3, axis=1, num_outputs=3)
    biases = source.weights[prefix + "qk_bias"].reshape(2, width)
    for place, name in enumerate(("q", "k")):
        shifted = part.add("Add", tensors[place], part.constant(f"{name}_bias", biases[place]))
        shaped = part.add("Reshape", shifted, part.integers(-1, heads, head_width))
        first, second = part.add("Split", shaped, outputs=2, axis=-1, num_outputs=2)
        tensors[place] = part.add(
            "Concat",
            part.add("Sub", part.add("Mul", first, "cos"), part.add("Mul", second, "sin")),
            part.add("Add", part.add("Mul", second, "cos"), part.add("Mul", first, "sin")),
            axis=-1,
        )
    batched = [part.add("Reshape", one, part.integers(1, -1, width)) for one in tensors]
    mixed = part.add("MultiHeadAttention", *batched, num_heads=heads, domain=RUNTIME_DOMAIN)
    part.add("Reshape", mixed, part.integers(-1, width), output="context")
    angle: tuple[int, list[int | str]] = (TensorProto.FLOAT, ["T", 1, head_width // 2])
    whole: tuple[int, list[int | str]] = (TensorProto.FLOAT, ["T", width])
    return part.model({"x": whole, "cos": angle, "sin": angle}, {"context": whole})


def float_models(source: TrainedWeights) -> dict[str, onnx.ModelProto]:
    """The parts of a pack in float32, by name; queries and keys are stored in float16."""
    heads, width = source.config["heads"], source.head_width
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
        models[f"{name}_project"] = onnx_parts.project_model(source, layer, FloatPartBuilder)
        models[f"{name}_finish"] = onnx_parts.finish_model(source, layer, FloatPartBuilder)
    return models


def dense_models(source: TrainedWeights) -> dict[str, onnx.ModelProto]:
    """The dense attention of every layer, by name."""
    layers = range(source.config["layers"])
    return {f"layer_{layer:02d}_dense": dense_model(source, layer) for layer in layers}
