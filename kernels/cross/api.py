"""Query-to-document attention: checks its input and picks an implementation."""

import importlib
import importlib.util
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from kernels.cross import reference
from kernels.cross.reference import CrossAttention, SegmentScores, power_mean
from kernels.errors import ImplementationUnavailableError

Implementation = Literal["auto", "reference", "onnx", "triton"]

_PACKAGES = {"onnx": ("onnx", "onnxruntime"), "triton": ("torch", "triton")}
BUDGET = 64
TEMPERATURE = 0.05


def attend(
    query: np.ndarray,
    tokens: np.ndarray,
    summaries: np.ndarray,
    segments: np.ndarray | None = None,
    *,
    query_weights: np.ndarray | None = None,
    budget: int = BUDGET,
    temperature: float = TEMPERATURE,
    block: int = 64,
    impl: Implementation = "auto",
) -> CrossAttention:
    """Let a question attend to the blocks of a document that suit it best.

    Block summaries choose at most ``budget`` blocks. Each query token then spreads a softmax of
    ``cosine / temperature`` over all tokens of these blocks; the weighted mean over query tokens
    is a token's weight. A segment's score is the weighted power mean over query tokens of
    their best cosine among the segment's tokens that were read.

    Args:
        query: Unit vectors, float32 or float64 ``[Q, D]``, Q at least 1.
        tokens: Unit vectors times 127, int8 ``[T, D]``.
        summaries: Mean unit vector of each block of ``block`` tokens, float ``[NB, D]``.
        segments: Half-open token ranges, integers ``[P, 2]``; none if None.
        query_weights: Weight of each query token, ``[Q]``, not negative; equal if None.
        budget: Most blocks to read.
        temperature: Of the softmax, positive.
        block: Tokens per block.
        impl: ``"reference"`` (NumPy, any float dtype), ``"onnx"`` (float32, needs the package
            ``onnx``), ``"triton"`` (float32, on a GPU) or ``"auto"``: the reference, which is the
            fastest on a CPU at every size that was measured. A named one runs or raises.

    Raises:
        ValueError: A shape, dtype or range above is not met.
        ImplementationUnavailableError: ``impl`` is named and cannot run here.

    Source:
        Blocks: Lu et al. 2025 (MoBA), section 2.2, with means of keys; segments: Khattab and
        Zaharia 2020 (ColBERT), section 3.3.
    """
    weights = _check(query, tokens, query_weights)
    if block < 1 or budget < 1 or not temperature > 0.0:
        raise ValueError("block, budget and temperature must be positive")
    expected = -(-len(tokens) // block)
    if summaries.shape != (expected, query.shape[1]):
        raise ValueError(f"summaries are {summaries.shape}, not {(expected, query.shape[1])}")
    ranges = _ranges(segments, len(tokens))
    runner = _runner(impl, query) if len(tokens) else reference
    return runner.attend(query, tokens, summaries, ranges, weights, budget, temperature, block)


def score_segments(
    query: np.ndarray,
    tokens: np.ndarray,
    segments: np.ndarray,
    *,
    query_weights: np.ndarray | None = None,
    reached: np.ndarray | None = None,
    impl: Implementation = "auto",
) -> SegmentScores:
    """Score segments by late interaction with all of their tokens, whatever blocks hold them.

    Args:
        query: Unit vectors, float32 or float64 ``[Q, D]``, Q at least 1.
        tokens: Unit vectors times 127, int8 ``[T, D]``.
        segments: Half-open token ranges, integers ``[P, 2]``.
        query_weights: Weight of each query token, ``[Q]``, not negative; equal if None.
        reached: Cosines that the query tokens have reached already at what belongs to each segment
            but does not stand in it, ``[P, Q]``. Scores count the better of both; similarities
            and tokens are those of the segment alone.
        impl: ``"reference"`` (NumPy, any float dtype), ``"onnx"`` (float32, needs the package
            ``onnx``), ``"triton"`` (float32, on a GPU) or ``"auto"``: the reference, which is the
            fastest on a CPU at every size that was measured. A named one runs or raises.

    Raises:
        ValueError: A shape, dtype or range above is not met.
        ImplementationUnavailableError: ``impl`` is named and cannot run here.

    Source:
        Khattab and Zaharia 2020 (ColBERT), section 3.3, as a power mean instead of a sum.
    """
    weights = _check(query, tokens, query_weights)
    ranges = _ranges(segments, len(tokens))
    if reached is not None and reached.shape != (len(ranges), len(query)):
        raise ValueError(f"reached is {reached.shape}, not {(len(ranges), len(query))}")
    found = _runner(impl, query).score_segments(query, tokens, ranges, weights)
    if reached is None:
        return found
    # An empty segment stays NaN: a passage is not found by its headings alone.
    best = np.maximum(found.similarities, reached.astype(query.dtype))
    return replace(found, scores=power_mean(best, weights))


def _runner(impl: Implementation, query: np.ndarray) -> Any:
    """The module whose ``attend`` and ``score_segments`` have the arguments of the reference."""
    if impl in ("auto", "reference"):
        return reference
    if impl not in _PACKAGES:
        raise ImplementationUnavailableError(f"{impl}: not known here")
    for package in _PACKAGES[impl]:
        if importlib.util.find_spec(package) is None:
            raise ImplementationUnavailableError(f"{impl}: package {package} is not installed")
    if query.dtype != np.float32:
        raise ImplementationUnavailableError(f"{impl}: needs float32, got {query.dtype}")
    # By name, since search imports this module and must not come to depend on torch.
    return importlib.import_module(f"kernels.cross.{impl}_runner")


def _check(query: np.ndarray, tokens: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    if query.ndim != 2 or len(query) == 0 or query.dtype not in (np.float32, np.float64):
        raise ValueError(f"query must be float [Q, D] with Q > 0, got {query.dtype} {query.shape}")
    if tokens.dtype != np.int8 or tokens.ndim != 2 or tokens.shape[1] != query.shape[1]:
        raise ValueError(f"tokens must be int8 [T, {query.shape[1]}], got {tokens.shape}")
    if weights is None:
        return np.full(len(query), 1.0 / len(query), query.dtype)
    if weights.shape != (len(query),) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("query_weights must be finite, not negative and one per query token")
    total = float(weights.sum())
    if total <= 0.0:
        raise ValueError("query_weights are all zero")
    return (weights / total).astype(query.dtype)


def _ranges(segments: np.ndarray | None, tokens: int) -> np.ndarray:
    if segments is None:
        return np.zeros((0, 2), np.int64)
    ranges = np.asarray(segments, np.int64).reshape(-1, 2)
    wrong = (ranges[:, 0] < 0) | (ranges[:, 1] > tokens) | (ranges[:, 0] > ranges[:, 1])
    if wrong.any():
        raise ValueError(f"segment {ranges[wrong][0]} does not lie within {tokens} tokens")
    return ranges
