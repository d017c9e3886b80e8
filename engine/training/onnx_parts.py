"""The encoder's parts as ONNX graphs; another ``builder`` may write the products in another way."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto

from engine.training.onnx_builder import PartBuilder
from engine.training.quantisation import EMBEDDING_LIMIT, Matrix, nearest_rows
from engine.training.weights import TrainedWeights
from kernels.block_sparse.onnx_graph import RUNTIME_DOMAIN
from kernels.block_sparse.reference import rotary_angles

GELU_FLOOR = 0.1701  # gelu(x) > -0.1701 for every x, also by tanh
HALF_LIMIT = 65504.0


def embed_model(checkpoint: TrainedWeights) -> onnx.ModelProto:
    """``ids`` int64 ``[T]`` to ``x`` float32 ``[T, W]``."""
    weight = checkpoint.weights["embedding.weight"]
    whole, scale = nearest_rows(weight, EMBEDDING_LIMIT)
    part = PartBuilder("embed")
    rows = part.add("Gather", part.constant("table", whole), "ids", axis=0)
    scales = part.add("Gather", part.constant("table_scale", scale[:, None]), "ids", axis=0)
    part.add("Mul", part.add("Cast", rows, to=TensorProto.FLOAT), scales, output="x")
    return part.model(
        {"ids": (TensorProto.INT64, ["T"])}, {"x": (TensorProto.FLOAT, ["T", weight.shape[1]])}
    )


def project_model(
    checkpoint: TrainedWeights,
    layer: int,
    matrices: Mapping[str, Matrix],
    builder: type[PartBuilder] = PartBuilder,
) -> onnx.ModelProto:
    """``x`` ``[T, W]`` to rotated queries, far-rotated keys, values and the pooled first two.

    ``q``, ``k``, ``v`` are float16 ``[NB, H, B, D]``; ``q_mean``, ``k_mean`` float32
    ``[NB, H, D]`` average over all B tokens of a block. ``matrices`` are those of
    :func:`engine.training.quantisation.layer_matrices`.

    Raises:
        ValueError: The weights are so large that a float16 could overflow.
    """
    config, pattern = checkpoint.config, checkpoint.pattern
    width, heads, head_width = config["width"], config["heads"], checkpoint.head_width
    prefix = f"layers.{layer}."
    parts = matrices[prefix + "qkv.weight"].split(3)
    biases = checkpoint.weights[prefix + "qk_bias"].reshape(2, width)
    part = builder(f"layer_{layer:02d}_project")
    square = part.add("Mul", "x", "x")
    factor = part.inverse_rms(square, config["norm_eps"])
    x = part.quantise("x", square)
    outputs: dict[str, tuple[int, list[int | str]]] = {}
    for place, (name, shift) in enumerate((("q", 0), ("k", -pattern.far_offset), ("v", None))):
        bias = biases[place] if shift is not None else np.zeros(width, np.float32)
        if _largest(parts[place].exact, bias) > HALF_LIMIT:
            raise ValueError(f"layer {layer}: {name} may be too large for float16")
        tokens = part.linear(name, x, parts[place], factor)
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
    checkpoint: TrainedWeights,
    layer: int,
    matrices: Mapping[str, Matrix],
    builder: type[PartBuilder] = PartBuilder,
) -> onnx.ModelProto:
    """``x`` and ``context`` ``[T, W]`` to ``y`` ``[T, W]``: output projection and feed-forward.

    ``matrices`` are those of :func:`engine.training.quantisation.layer_matrices`.
    """
    config, width = checkpoint.config, checkpoint.config["width"]
    output_matrix, up_matrix, down_matrix = (
        matrices[f"layers.{layer}.{name}.weight"] for name in ("output", "up", "down")
    )
    part = builder(f"layer_{layer:02d}_finish")
    output = part.linear("output", part.quantise("context"), output_matrix)
    mixed = part.add("Add", "x", output)
    square = part.add("Mul", mixed, mixed)
    factor = part.inverse_rms(square, config["norm_eps"])
    inner = part.linear("up", part.quantise(mixed, square), up_matrix, factor)
    # By tanh it is within 5e-4 of the exact form, a small part of an 8-bit step, and faster.
    active = part.quantise_above(part.add("Gelu", inner, approximate="tanh"), GELU_FLOOR)
    part.add("Add", mixed, part.linear("down", active, down_matrix), output="y")
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
