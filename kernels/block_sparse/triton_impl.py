"""The attention of :mod:`kernels.block_sparse.reference` as a forward Triton kernel.

One program instance computes one query block of one head. Needs torch and triton; runs on a GPU, or
on the CPU under ``TRITON_INTERPRET=1``, which is slow and meant for tests.
"""

# ruff: noqa: N803 - constants of a Triton kernel are written in capitals
# Triton's compiler gives arguments their types; a type checker sees plain values instead.
# pyright: reportMissingImports=false, reportIndexIssue=false
# pyright: reportArgumentType=false, reportOperatorIssue=false
import numpy as np
import torch
import triton
import triton.language as tl

from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import rotary_angles

HEAD_WIDTHS = (32, 64, 128)
BLOCKS = (16, 32, 64, 128)
DTYPES = (torch.float16, torch.bfloat16, torch.float32)
# float32 as three tf32 products: nearly exact, and on tensor cores.
PRECISION = "tf32x3"


@triton.jit
def _scores(
    query_a, query_b, key_ptr, cos_ptr, sin_ptr, kept, index, tokens, scale,
    base_offset, block_stride, row_offsets, half_offsets,
    NEAR: tl.constexpr, BLOCK: tl.constexpr, HALF: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Scaled scores ``[BLOCK, BLOCK]`` of one key block; -inf where its tokens are padding."""
    start = key_ptr + base_offset + kept.to(tl.int64) * block_stride
    real = kept * BLOCK + row_offsets < tokens
    place = row_offsets[:, None] * (2 * HALF) + half_offsets[None, :]
    key_a = tl.load(start + place, mask=real[:, None], other=0.0)
    key_b = tl.load(start + place + HALF, mask=real[:, None], other=0.0)
    delta = kept - index
    is_near = (delta <= NEAR) & (delta >= -NEAR)
    # The last row of the tables turns by nothing: far keys are stored as they are read.
    row = tl.where(is_near, delta + NEAR, 2 * NEAR + 1)
    cos = tl.load(cos_ptr + row * HALF + half_offsets)[None, :]
    sin = tl.load(sin_ptr + row * HALF + half_offsets)[None, :]
    wide_a, wide_b = key_a.to(tl.float32), key_b.to(tl.float32)
    turned_a = (wide_a * cos - wide_b * sin).to(key_a.dtype)
    turned_b = (wide_b * cos + wide_a * sin).to(key_b.dtype)
    result = tl.dot(query_a, tl.trans(turned_a), input_precision=PRECISION)
    result += tl.dot(query_b, tl.trans(turned_b), input_precision=PRECISION)
    return tl.where(real[None, :], result * scale, float("-inf"))


@triton.jit
def _block_sparse_fwd_kernel(
    query_ptr, key_ptr, value_ptr, kept_ptr, cos_ptr, sin_ptr,
    output_ptr, mass_ptr, lse_ptr, tokens, scale,
    HEADS: tl.constexpr, SLOTS: tl.constexpr, NEAR: tl.constexpr, BLOCK: tl.constexpr,
    HALF: tl.constexpr, PRECISION: tl.constexpr, WITH_MASS: tl.constexpr,
):  # fmt: skip
    # Addresses in 64 bits: 2^31 elements are passed at 8 million tokens of width 256.
    index = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1).to(tl.int64)
    block_stride = HEADS * BLOCK * 2 * HALF
    base_offset = head * BLOCK * 2 * HALF
    rows = tl.arange(0, BLOCK)
    half = tl.arange(0, HALF)
    width = tl.arange(0, 2 * HALF)
    real_query = index * BLOCK + rows < tokens
    start = query_ptr + index * block_stride + base_offset
    place = rows[:, None] * (2 * HALF) + half[None, :]
    query_a = tl.load(start + place, mask=real_query[:, None], other=0.0)
    query_b = tl.load(start + place + HALF, mask=real_query[:, None], other=0.0)

    peak = tl.full((BLOCK,), float("-inf"), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    output = tl.zeros((BLOCK, 2 * HALF), tl.float32)
    for slot in range(SLOTS):
        kept = tl.load(kept_ptr + index * SLOTS + slot)
        if kept >= 0:
            scores = _scores(
                query_a, query_b, key_ptr, cos_ptr, sin_ptr, kept, index, tokens, scale,
                base_offset, block_stride, rows, half, NEAR, BLOCK, HALF, PRECISION,
            )  # fmt: skip
            higher = tl.maximum(peak, tl.max(scores, axis=1))
            faded = tl.exp(peak - higher)
            weights = tl.exp(scores - higher[:, None])
            real = kept * BLOCK + rows < tokens
            value_start = value_ptr + base_offset + kept.to(tl.int64) * block_stride
            values = tl.load(
                value_start + rows[:, None] * (2 * HALF) + width[None, :],
                mask=real[:, None],
                other=0.0,
            )
            output = output * faded[:, None]
            output += tl.dot(weights.to(values.dtype), values, input_precision=PRECISION)
            total = total * faded + tl.sum(weights, axis=1)
            peak = higher
    output = output / total[:, None]
    output_start = output_ptr + index * block_stride + base_offset
    tl.store(
        output_start + rows[:, None] * (2 * HALF) + width[None, :],
        output.to(output_ptr.dtype.element_ty),
        mask=real_query[:, None],
    )
    lse_place = (index * HEADS + head) * BLOCK + rows
    tl.store(lse_ptr + lse_place, peak + tl.log(total), mask=real_query)
    if WITH_MASS:
        count = tl.sum(real_query.to(tl.float32), axis=0)
        for slot in range(SLOTS):
            kept = tl.load(kept_ptr + index * SLOTS + slot)
            share = tl.sum(tl.zeros((BLOCK,), tl.float32), axis=0)
            if kept >= 0:
                scores = _scores(
                    query_a, query_b, key_ptr, cos_ptr, sin_ptr, kept, index, tokens, scale,
                    base_offset, block_stride, rows, half, NEAR, BLOCK, HALF, PRECISION,
                )  # fmt: skip
                weights = tl.exp(scores - peak[:, None]) / total[:, None]
                weights = tl.where(real_query[:, None], weights, 0.0)
                share = tl.sum(tl.sum(weights, axis=1), axis=0) / count
            tl.store(mass_ptr + (index * HEADS + head) * SLOTS + slot, share)


def attend(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    kept: torch.Tensor,
    tokens: int,
    pattern: BlockPattern,
    *,
    with_mass: bool = True,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Attend for all query blocks of a document.

    Args:
        queries: Rotated queries, ``[NB, H, B, D]``, contiguous, on the device to run on.
        keys: Far-rotated keys, same shape and dtype.
        values: Same shape and dtype.
        kept: Key blocks of each query block, int32 ``[NB, K]``, -1 where unused; the block itself
            is always among them.
        tokens: Real tokens.
        pattern: The rule.
        with_mass: Whether to compute the mass of each key block, which takes a second pass over
            the keys.

    Returns:
        Output ``[NB, H, B, D]`` in the dtype of ``queries`` (padding rows stay zero), log-sum-exp
        float32 ``[NB, H, B]`` (NaN in padding rows), and mass float32 ``[NB, K]`` or None.

    Raises:
        ValueError: A shape or dtype above is not met, or not one that the kernel is made for.
    """
    blocks, heads, block, width = queries.shape
    if width not in HEAD_WIDTHS or block not in BLOCKS or block != pattern.block:
        raise ValueError(f"no kernel for blocks of {block} tokens and heads of width {width}")
    if queries.dtype not in DTYPES:
        raise ValueError(f"no kernel for {queries.dtype}")
    for name, x in (("queries", queries), ("keys", keys), ("values", values)):
        if x.shape != queries.shape or x.dtype != queries.dtype or not x.is_contiguous():
            raise ValueError(f"{name} must be contiguous {queries.dtype} {tuple(queries.shape)}")
    if kept.dtype != torch.int32 or len(kept) != blocks or not kept.is_contiguous():
        raise ValueError(f"kept must be contiguous int32 [{blocks}, K], got {tuple(kept.shape)}")
    cos, sin = _turn_tables(pattern, width, queries.device)
    output = torch.zeros_like(queries)
    lse = torch.full((blocks, heads, block), torch.nan, device=queries.device)
    shares = torch.zeros((blocks, heads, kept.shape[1]), device=queries.device)
    _block_sparse_fwd_kernel[(blocks, heads)](
        queries, keys, values, kept, cos, sin, output, shares, lse,
        tokens, width**-0.5,
        HEADS=heads, SLOTS=kept.shape[1], NEAR=pattern.near, BLOCK=block, HALF=width // 2,
        PRECISION=PRECISION, WITH_MASS=with_mass,
    )  # fmt: skip
    return output, lse, shares.mean(dim=1) if with_mass else None


def _turn_tables(
    pattern: BlockPattern, width: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    turns = [pattern.far_offset + pattern.block * d for d in range(-pattern.near, pattern.near + 1)]
    angles = torch.from_numpy(rotary_angles(np.array([*turns, 0]), width, pattern.rotary_base))
    return angles.cos().float().to(device), angles.sin().float().to(device)
