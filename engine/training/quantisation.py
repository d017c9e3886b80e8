"""Weights as int8 rows, rounded to lose least on real text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.model.tokenizer import Tokenizer
from engine.training import oracle
from engine.training.weights import TrainedWeights

# Two products of such weights with unsigned 8-bit activations fit a signed 16-bit sum.
WEIGHT_LIMIT = 63
EMBEDDING_LIMIT = 127
SMALLEST_SCALE = 1e-12
# Added to the diagonal of the moments, as a share of its mean: they may be singular.
_DAMPING = 0.01


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix of a product and its int8 form, ``whole * scale[:, None]``.

    Attributes:
        exact: float32 ``[out, in]``.
        whole: int8 ``[out, in]``.
        scale: float32 ``[out]``.
    """

    exact: np.ndarray
    whole: np.ndarray
    scale: np.ndarray

    def split(self, count: int) -> list["Matrix"]:
        """Equal parts of the rows."""
        parts = (np.split(one, count) for one in (self.exact, self.whole, self.scale))
        return [Matrix(*part) for part in zip(*parts, strict=True)]


def nearest_rows(weight: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
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


def calibrated_rows(
    weight: np.ndarray, moments: np.ndarray, limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Quantise each row ``[out, in]`` so that its products with real inputs change least.

    Column by column; the columns still to come make up for what rounding one of them did
    (OPTQ, Frantar et al. 2023, arXiv:2210.17323). Those of the largest inputs come first. The
    scales are those of :func:`nearest_rows`.

    Args:
        weight: ``[out, in]``.
        moments: Sum of ``x x^T`` over inputs x, float64 ``[in, in]``.
        limit: Largest magnitude of an integer.

    Returns:
        int8 ``[out, in]`` and float32 scales ``[out]``.
    """
    _, scale = nearest_rows(weight, limit)
    diagonal = np.diag(moments)
    order = np.argsort(-diagonal, kind="stable")
    damped = moments + np.diag(np.full(len(moments), _DAMPING * diagonal.mean() + SMALLEST_SCALE))
    inverse = np.linalg.inv(damped[np.ix_(order, order)])
    # Rows of this factor are what OPTQ's updated inverses have for the column that is next.
    factor = np.linalg.cholesky(inverse).T
    left = weight[:, order].astype(np.float64) / scale[:, None]
    whole = np.empty_like(left)
    for at in range(len(order)):
        whole[:, at] = np.clip(np.rint(left[:, at]), -limit, limit)
        lost = (left[:, at] - whole[:, at]) / factor[at, at]
        left[:, at + 1 :] -= np.outer(lost, factor[at, at + 1 :])
    return whole[:, np.argsort(order)].astype(np.int8), scale


def input_moments(source: TrainedWeights, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Second moments of what the layers' matrices are multiplied by, by the matrix's name.

    Args:
        source: The weights, as :meth:`TrainedWeights.folded` gives them.
        texts: Texts, each of which is encoded on its own.

    Raises:
        ValueError: No text has a token.
    """
    moments: dict[str, np.ndarray] = {}

    def watch(name: str, rows: np.ndarray) -> None:
        exact = rows.astype(np.float64)
        moments[name] = moments.get(name, 0.0) + exact.T @ exact

    tokenizer = Tokenizer(source.tokenizer)
    for text in texts:
        ids = tokenizer.tokenize(text).ids
        if len(ids):
            oracle.encode(source, ids, np.float32, watch)
    if not moments:
        raise ValueError("no text to calibrate on has a token")
    return moments


def layer_matrices(
    source: TrainedWeights, moments: Mapping[str, np.ndarray] | None = None
) -> dict[str, Matrix]:
    """The matrices of all layers, by name.

    Args:
        source: The weights, as :meth:`TrainedWeights.folded` gives them.
        moments: From :func:`input_moments`; None to round every number to the nearest.
    """
    found = {}
    for name, weight in source.weights.items():
        if name.startswith("layers.") and weight.ndim == 2:
            if moments is None:
                rounded = nearest_rows(weight, WEIGHT_LIMIT)
            else:
                rounded = calibrated_rows(weight, moments[name], WEIGHT_LIMIT)
            found[name] = Matrix(weight, *rounded)
    return found
