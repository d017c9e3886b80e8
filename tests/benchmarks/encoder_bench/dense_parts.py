"""The encoder's layers with dense attention, in float32."""

from collections.abc import Mapping

import onnx
from onnx import TensorProto

from engine.training.float_parts import FloatPartBuilder
from engine.training.quantisation import Matrix, layer_matrices
from engine.training.weights import TrainedWeights
from kernels.block_sparse.onnx_graph import RUNTIME_DOMAIN


def dense_model(
    source: TrainedWeights, layer: int, matrices: Mapping[str, Matrix]
) -> onnx.ModelProto:
    """``x`` ``[T, W]`` with ``cos`` and ``sin`` ``[T, 1, D/2]`` to ``context`` ``[T, W]``.

    Attention of every token to every other by ONNX Runtime's MultiHeadAttention, which without a
    mask goes through the keys in pieces, so that scores need no memory. Positions are rotary.
    ``source`` and ``matrices`` have the norms folded in.
    """
    config = source.config
    width, heads, head_width = config["width"], config["heads"], source.head_width
    prefix = f"layers.{layer}."
    part = FloatPartBuilder(f"layer_{layer:02d}_dense")
    factor = part.inverse_rms(part.add("Mul", "x", "x"), config["norm_eps"])
    qkv = part.linear("qkv", part.quantise("x"), matrices[prefix + "qkv.weight"], factor)
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


def dense_models(source: TrainedWeights) -> dict[str, onnx.ModelProto]:
    """The dense attention of every layer, by name."""
    folded = source.folded()
    matrices = layer_matrices(folded)
    return {
        f"layer_{layer:02d}_dense": dense_model(folded, layer, matrices)
        for layer in range(source.config["layers"])
    }
