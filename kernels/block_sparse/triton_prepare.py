"""What the Triton kernels need before they attend: far keys, pooled vectors, rotation tables.

Needs torch and triton.
"""

# ruff: noqa: N803 - constants of a Triton kernel are written in capitals
# Triton's compiler gives arguments their types; a type checker sees plain values instead.
# pyright: reportMissingImports=false, reportIndexIssue=false
# pyright: reportArgumentType=false, reportOperatorIssue=false
# pyright: reportCallIssue=false
import math
from functools import lru_cache

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.block_sparse.pattern import BlockPattern, block_count
from kernels.block_sparse.reference import rotary_angles


@triton.jit(do_not_specialize=["tokens"])
def _prepare_kernel(
    query_ptr, key_ptr, query_cos_ptr, query_sin_ptr, key_cos_ptr, key_sin_ptr,
    far_key_ptr, query_mean_ptr, key_mean_ptr, tokens,
    HEADS: tl.constexpr, BLOCK: tl.constexpr, HALF: tl.constexpr, WITH_MEANS: tl.constexpr,
):  # fmt: skip
    """Far keys of one block and head, and the means of its rotated queries and far keys."""
    index = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1).to(tl.int64)
    rows = tl.arange(0, BLOCK)
    half = tl.arange(0, HALF)
    real = (index * BLOCK + rows < tokens)[:, None]
    turn = rows[:, None] * HALF + half[None, :]
    token = (index * BLOCK + rows)[:, None]
    source = (token * HEADS + head) * (2 * HALF) + half[None, :]
    key_a = tl.load(key_ptr + source, mask=real, other=0.0).to(tl.float32)
    key_b = tl.load(key_ptr + source + HALF, mask=real, other=0.0).to(tl.float32)
    cos, sin = tl.load(key_cos_ptr + turn), tl.load(key_sin_ptr + turn)
    far_a, far_b = key_a * cos - key_b * sin, key_b * cos + key_a * sin
    stored = (index * HEADS + head) * (BLOCK * 2 * HALF) + rows[:, None] * (2 * HALF)
    stored += half[None, :]
    tl.store(far_key_ptr + stored, far_a.to(far_key_ptr.dtype.element_ty))
    tl.store(far_key_ptr + stored + HALF, far_b.to(far_key_ptr.dtype.element_ty))
    if WITH_MEANS:
        count = tl.minimum(tokens - index * BLOCK, BLOCK).to(tl.float32)
        mean = (index * HEADS + head) * (2 * HALF) + half
        tl.store(key_mean_ptr + mean, tl.sum(far_a, axis=0) / count)
        tl.store(key_mean_ptr + mean + HALF, tl.sum(far_b, axis=0) / count)
        query_a = tl.load(query_ptr + source, mask=real, other=0.0).to(tl.float32)
        query_b = tl.load(query_ptr + source + HALF, mask=real, other=0.0).to(tl.float32)
        cos, sin = tl.load(query_cos_ptr + turn), tl.load(query_sin_ptr + turn)
        turned_a, turned_b = query_a * cos - query_b * sin, query_b * cos + query_a * sin
        tl.store(query_mean_ptr + mean, tl.sum(turned_a, axis=0) / count)
        tl.store(query_mean_ptr + mean + HALF, tl.sum(turned_b, axis=0) / count)


def prepare(
    q: torch.Tensor, k: torch.Tensor, pattern: BlockPattern, *, with_means: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Store far keys and pool queries and keys.

    Args:
        q: Queries before rotation, contiguous ``[T, H, D]``, T at least 1.
        k: Keys before rotation, same shape and dtype.
        pattern: The rule.
        with_means: Whether to pool; if not, no query is read and both means are empty.

    Returns:
        Far-rotated keys ``[NB, H, B, D]`` in the dtype of ``k``, zero where padded; mean rotated
        query and mean far key over the real tokens of each block, float32 ``[NB, H, D]``.
    """
    tokens, heads, width = q.shape
    blocks = block_count(tokens, pattern.block)
    far_keys = torch.empty((blocks, heads, pattern.block, width), dtype=k.dtype, device=k.device)
    pooled = blocks if with_means else 0
    query_means = torch.empty((pooled, heads, width), device=q.device)
    key_means = torch.empty((pooled, heads, width), device=q.device)
    _prepare_kernel[(blocks, heads)](
        q, k, *_offset_tables(pattern, width, q.device), far_keys, query_means, key_means, tokens,
        HEADS=heads, BLOCK=pattern.block, HALF=width // 2, WITH_MEANS=with_means,
        num_warps=4 if pattern.block * width <= 64 * 64 else 8,
    )  # fmt: skip
    return far_keys, query_means, key_means


@lru_cache(maxsize=16)
def query_tables(
    pattern: BlockPattern, width: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine that turn queries, float32 ``[near_slots + 1, B, D/2]``.

    Row ``delta + near`` turns a query as far keys of a near block want it; the last row is that
    of far blocks. Both carry the scale of the scores and log2(e).
    """
    deltas = np.arange(-pattern.near, pattern.near + 1)
    shifts = np.append(pattern.far_offset + deltas * pattern.block, 0)
    positions = np.arange(pattern.block) - shifts[:, None]
    angles = torch.from_numpy(rotary_angles(positions, width, pattern.rotary_base))
    scale = math.log2(math.e) / math.sqrt(width)
    cos, sin = angles.cos() * scale, angles.sin() * scale
    return cos.float().to(device), sin.float().to(device)


@lru_cache(maxsize=16)
def _offset_tables(
    pattern: BlockPattern, width: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cosine and sine of the turns of queries, then of far keys, float32 ``[B, D/2]`` each."""
    offsets = np.arange(pattern.block)
    tables = []
    for positions in (offsets, offsets - pattern.far_offset):
        angles = torch.from_numpy(rotary_angles(positions, width, pattern.rotary_base))
        tables += [angles.cos().float().to(device), angles.sin().float().to(device)]
    return tables[0], tables[1], tables[2], tables[3]
