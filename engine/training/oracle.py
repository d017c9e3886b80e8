"""The encoder in plain NumPy from unquantised weights: what the exported pack is held against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from engine.training.weights import TrainedWeights
from kernels.block_sparse.reference import Attention, block_sparse_attention


@dataclass(frozen=True, slots=True)
class OracleEncoding:
    """States of T tokens.

    Attributes:
        states: After the final norm, ``[T, W]``.
        token_vectors: Unit vectors, ``[T, token_width]``.
        attention: What each layer attended to.
    """

    states: np.ndarray
    token_vectors: np.ndarray
    attention: tuple[Attention, ...]


def rms_norm(x: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
    """Root-mean-square norm over the last axis (Zhang and Sennrich 2019)."""
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + epsilon) * weight


def erf(x: np.ndarray) -> np.ndarray:
    """Error function to 1.2e-7 (Press et al., Numerical Recipes, erfcc)."""
    z = np.abs(x)
    t = 1.0 / (1.0 + 0.5 * z)
    series = (
        -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806,
        0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
    )  # fmt: skip
    total = np.zeros_like(x)
    for coefficient in reversed(series):
        total = total * t + coefficient
    tail = t * np.exp(-z * z + total)
    return np.sign(x) * (1.0 - tail)


def gelu(x: np.ndarray) -> np.ndarray:
    """Gaussian error linear unit, exact form."""
    return x * 0.5 * (1.0 + erf(x / sqrt(2.0)))


def normalise(x: np.ndarray) -> np.ndarray:
    """Unit vectors along the last axis; a zero vector stays zero."""
    return x / np.maximum(np.sqrt((x * x).sum(axis=-1, keepdims=True)), 1e-12)


def encode(
    checkpoint: TrainedWeights,
    ids: np.ndarray,
    dtype: type[np.floating] = np.float64,
    watch: Callable[[str, np.ndarray], None] | None = None,
) -> OracleEncoding:
    """Run token ids through the encoder.

    Args:
        checkpoint: The weights.
        ids: Token ids, ``[T]``.
        dtype: Arithmetic; float64 for a yardstick.
        watch: Told the name of each layer's matrix and the rows ``[T, in]`` that it multiplies.
    """
    config, pattern = checkpoint.config, checkpoint.pattern
    weights = {name: weight.astype(dtype) for name, weight in checkpoint.weights.items()}
    epsilon = config["norm_eps"]

    def product(rows: np.ndarray, name: str) -> np.ndarray:
        if watch is not None:
            watch(name, rows)
        return rows @ weights[name].T

    heads, head_width = config["heads"], checkpoint.head_width
    x = weights["embedding.weight"][ids]
    attended = []
    for layer in range(config["layers"]):
        prefix = f"layers.{layer}."
        normed = rms_norm(x, weights[prefix + "attention_norm.weight"], epsilon)
        qkv = product(normed, prefix + "qkv.weight").reshape(-1, 3, heads, head_width)
        qkv[:, :2] += weights[prefix + "qk_bias"].reshape(2, heads, head_width)
        attention = block_sparse_attention(qkv[:, 0], qkv[:, 1], qkv[:, 2], pattern)
        attended.append(attention)
        x = x + product(attention.output.reshape(len(x), -1), prefix + "output.weight")
        normed = rms_norm(x, weights[prefix + "feed_norm.weight"], epsilon)
        inner = gelu(product(normed, prefix + "up.weight"))
        x = x + product(inner, prefix + "down.weight")
    states = rms_norm(x, weights["final_norm.weight"], epsilon)
    tokens = normalise(states @ weights["token_head.weight"].T)
    return OracleEncoding(states, tokens, tuple(attended))


def passage_vectors(
    checkpoint: TrainedWeights, states: np.ndarray, spans: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Unit vectors of half-open token spans, ``[P, passage_width]``; zero for an empty span."""
    pooled = np.zeros((len(spans), states.shape[1]), states.dtype)
    for row, (start, end) in enumerate(spans):
        if end > start:
            pooled[row] = states[start:end].mean(axis=0)
    head = checkpoint.weights["passage_head.weight"].astype(states.dtype)
    return normalise(pooled @ head.T)


def question(
    checkpoint: TrainedWeights, states: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What ``states`` ``[Q, W]`` of a question say about it.

    Returns:
        How much each token counts ``[Q]``, unit pointer vectors ``[Q, token_width]`` and the
        share of each token in pointing ``[Q]``.
    """
    weights = {
        name: checkpoint.weights[f"{name}_head.weight"].astype(states.dtype)
        for name in ("weight", "pointer")
    }
    counts = np.logaddexp(0.0, states @ weights["weight"][0])
    found = states @ weights["pointer"].T
    shares = np.exp(found[:, -1] - found[:, -1].max())
    return counts, normalise(found[:, :-1]), shares / shares.sum()
