"""Block-sparse attention: checks its input and picks an implementation."""

import importlib.util
import logging
import os
from functools import lru_cache
from typing import Literal

import numpy as np

from kernels.block_sparse import reference
from kernels.block_sparse.onnx_runner import CHUNK, OnnxAttention
from kernels.block_sparse.pattern import (
    SELECT_CHUNK,
    BlockLists,
    BlockPattern,
    block_count,
    group_blocks,
    join_lists,
    lists_of_slots,
    select_blocks,
)
from kernels.block_sparse.reference import Attention
from kernels.errors import ImplementationUnavailableError

Implementation = Literal["auto", "reference", "onnx", "triton"]

_log = logging.getLogger(__name__)


class ShapeError(ValueError):
    """Shapes or dtypes do not fit together."""


def block_sparse_attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    pattern: BlockPattern | None = None,
    *,
    impl: Implementation = "auto",
) -> Attention:
    """Bidirectional attention in which each query block reads at most ``pattern.slots`` blocks.

    Args:
        q: Queries before rotation, ``[T, H, D]``, float32 or float64.
        k: Keys before rotation, same shape and dtype.
        v: Values, same shape and dtype.
        pattern: The rule; the default pattern if None.
        impl: ``"reference"`` (NumPy, any float dtype), ``"onnx"`` (float32), ``"triton"``
            (float32, on a GPU) or ``"auto"``: ONNX where it can run, else the reference, logged
            once. A named one runs or raises.

    Returns:
        Output, block lists and attention mass per block.

    Raises:
        ShapeError: A shape or dtype above is not met.
        ImplementationUnavailableError: ``impl`` is named and cannot run here.
        ValueError: The pattern is contradictory.
    """
    pattern = pattern or BlockPattern()
    pattern.validate()
    _check(q, k, v)
    if impl == "reference":
        return reference.block_sparse_attention(q, k, v, pattern)
    reason = _why_not_onnx(q)
    if impl == "onnx" and reason is not None:
        raise ImplementationUnavailableError(f"onnx: {reason}")
    if impl == "triton":
        return _run_triton(q, k, v, pattern)
    if impl not in ("onnx", "auto"):
        raise ImplementationUnavailableError(f"{impl}: not known here")
    if reason is not None:
        _log_fallback(reason)
        return reference.block_sparse_attention(q, k, v, pattern)
    if len(q) == 0:
        return reference.block_sparse_attention(q, k, v, pattern)
    return _run_onnx(q, k, v, pattern)


def _check(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> None:
    if q.ndim != 3:
        raise ShapeError(f"q must be [T, H, D], got shape {q.shape}")
    for name, x in (("k", k), ("v", v)):
        if x.shape != q.shape or x.dtype != q.dtype:
            raise ShapeError(f"{name} is {x.dtype} {x.shape}, q is {q.dtype} {q.shape}")
    if q.dtype not in (np.float32, np.float64):
        raise ShapeError(f"dtype must be float32 or float64, got {q.dtype}")
    if q.shape[2] % 2 or 0 in q.shape[1:]:
        raise ShapeError(f"need at least one head and an even head width, got {q.shape}")


def _why_not_onnx(q: np.ndarray) -> str | None:
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            return f"package {package} is not installed"
    if q.dtype != np.float32:
        return f"needs float32, got {q.dtype}"
    return None


@lru_cache(maxsize=8)
def _log_fallback(reason: str) -> None:
    _log.info("block-sparse attention runs on the reference: %s", reason)


@lru_cache(maxsize=4)
def _sessions(pattern: BlockPattern, heads: int, width: int) -> OnnxAttention:
    import onnxruntime

    from kernels.block_sparse.onnx_graph import attention_model

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    inner, tail = (
        onnxruntime.InferenceSession(
            attention_model(
                pattern, heads, width, tail=tail, storage="float32"
            ).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
        )
        for tail in (False, True)
    )
    return OnnxAttention(inner, tail, pattern)


def _prepare(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, pattern: BlockPattern
) -> tuple[np.ndarray, np.ndarray, np.ndarray, BlockLists]:
    """Rotated queries, far-rotated keys and values ``[NB, H, B, D]``, and the block lists."""
    tokens = len(q)
    queries = reference.rotate_queries(reference.to_blocks(q, pattern.block), pattern)
    keys = reference.rotate_far_keys(reference.to_blocks(k, pattern.block), pattern)
    values = np.ascontiguousarray(reference.to_blocks(v, pattern.block))
    query_means = reference.block_means(queries, tokens)
    key_means = reference.block_means(keys, tokens)
    lists = join_lists(
        [
            select_blocks(pattern, query_means[start : start + SELECT_CHUNK], key_means, start)
            for start in range(0, len(queries), SELECT_CHUNK)
        ]
    )
    return queries, keys, values, lists


def _run_onnx(q: np.ndarray, k: np.ndarray, v: np.ndarray, pattern: BlockPattern) -> Attention:
    tokens, heads, width = q.shape
    blocks = block_count(tokens, pattern.block)
    queries, keys, values, lists = _prepare(q, k, v, pattern)
    kept = lists.slots(pattern.slots)
    mass = np.zeros(kept.shape, np.float32)
    output = np.empty((blocks, pattern.block, heads, width), np.float32)
    runner = _sessions(pattern, heads, width)
    for group in group_blocks(lists, blocks - 1 if tokens % pattern.block else None):
        for piece in group.split(CHUNK):
            context, share = runner.attend(piece, queries, keys, values, tokens)
            output[piece.queries] = context.reshape(-1, pattern.block, heads, width)
            mass[piece.queries, : share.shape[1]] = share
    return Attention(output.reshape(-1, heads, width)[:tokens], lists, kept, mass)


def _run_triton(q: np.ndarray, k: np.ndarray, v: np.ndarray, pattern: BlockPattern) -> Attention:
    for package in ("torch", "triton"):
        if importlib.util.find_spec(package) is None:
            raise ImplementationUnavailableError(f"triton: package {package} is not installed")
    if q.dtype != np.float32:
        raise ImplementationUnavailableError(f"triton: needs float32, got {q.dtype}")
    import torch

    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if not interpreted and not torch.cuda.is_available():
        raise ImplementationUnavailableError("triton: no GPU")
    if len(q) == 0:
        return reference.block_sparse_attention(q, k, v, pattern)
    from kernels.block_sparse import triton_impl

    device = "cpu" if interpreted else "cuda"
    parts = [torch.from_numpy(np.ascontiguousarray(x)).to(device) for x in (q, k, v)]
    try:
        found = triton_impl.attend(parts[0], parts[1], parts[2], pattern, with_mass=True)
    except ValueError as error:
        raise ImplementationUnavailableError(f"triton: {error}") from error
    assert found.mass is not None
    kept = found.lists.kept.cpu().numpy()
    lists = lists_of_slots(kept, found.lists.probability.cpu().numpy(), pattern)
    return Attention(found.output.cpu().numpy(), lists, kept, found.mass.cpu().numpy())
