"""Block lists on the device: the rule of :mod:`kernels.block_sparse.pattern` as Triton kernels.

Two kernels go over the pooled keys tile by tile, one for the softmax's normaliser and one for the
best blocks, so that no array of blocks times blocks exists. Needs torch and triton.
"""

# ruff: noqa: N803 - constants of a Triton kernel are written in capitals
# Triton's compiler gives arguments their types; a type checker sees plain values instead.
# pyright: reportMissingImports=false, reportIndexIssue=false
# pyright: reportArgumentType=false, reportOperatorIssue=false
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.block_sparse.pattern import BlockPattern, select_blocks

# float32 as three tf32 products: nearly exact, and on tensor cores.
PRECISION = "tf32x3"
# Query blocks per program (the fewest rows of a matrix product) and key blocks per step.
ROWS = 16
COLUMNS = 64


@dataclass(frozen=True, slots=True)
class DeviceLists:
    """Key blocks of every query block, on the device.

    Attributes:
        kept: Near, then global, then selected blocks from the most probable, without gaps, int32
            ``[NB, slots]``, -1 behind the last.
        count: How many there are, int32 ``[NB]``.
        probability: Pooled probability of the selected blocks, float32 ``[NB, k_max]``, 0 where
            there are fewer.
    """

    kept: torch.Tensor
    count: torch.Tensor
    probability: torch.Tensor


@triton.jit
def _pooled_scores(
    query, key_mean_ptr, head, rows, columns, blocks, scale,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, NEAR: tl.constexpr, GLOBALS: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """Scores ``[ROWS, COLUMNS]`` of one head; -inf where a key block is not eligible."""
    width = tl.arange(0, WIDTH)
    place = (columns[:, None].to(tl.int64) * HEADS + head) * WIDTH + width[None, :]
    key = tl.load(key_mean_ptr + place, mask=columns[:, None] < blocks, other=0.0)
    scores = tl.dot(query, tl.trans(key), input_precision=PRECISION) * scale
    delta = columns[None, :] - rows[:, None]
    eligible = ((delta > NEAR) | (delta < -NEAR)) & (columns >= GLOBALS)[None, :]
    eligible = eligible & (columns < blocks)[None, :]
    return tl.where(eligible, scores, float("-inf"))


@triton.jit(do_not_specialize=["blocks"])
def _normaliser_kernel(
    query_mean_ptr, key_mean_ptr, lse_ptr, blocks, scale,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, NEAR: tl.constexpr, GLOBALS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Log-sum-exp of the pooled scores of ``ROWS`` query blocks in one head."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    head = tl.program_id(1).to(tl.int64)
    place = (rows[:, None].to(tl.int64) * HEADS + head) * WIDTH + tl.arange(0, WIDTH)[None, :]
    query = tl.load(query_mean_ptr + place, mask=rows[:, None] < blocks, other=0.0)
    # Not -inf: a tile in which a row has nothing eligible would give -inf - -inf.
    peak = tl.full((ROWS,), -1e30, tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    for start in range(0, blocks, COLUMNS):
        columns = start + tl.arange(0, COLUMNS)
        scores = _pooled_scores(
            query, key_mean_ptr, head, rows, columns, blocks, scale,
            HEADS, WIDTH, NEAR, GLOBALS, PRECISION,
        )  # fmt: skip
        higher = tl.maximum(peak, tl.max(scores, axis=1))
        total = total * tl.exp(peak - higher)
        total += tl.sum(tl.exp(scores - higher[:, None]), axis=1)
        peak = higher
    lse = (rows.to(tl.int64) * HEADS) + head
    tl.store(lse_ptr + lse, peak + tl.log(total), mask=rows < blocks)


@triton.jit(do_not_specialize=["blocks"])
def _select_kernel(
    query_mean_ptr, key_mean_ptr, lse_ptr, kept_ptr, count_ptr, probability_ptr,
    blocks, scale, mass,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, NEAR: tl.constexpr, GLOBALS: tl.constexpr,
    K_MIN: tl.constexpr, K_MAX: tl.constexpr, LISTED: tl.constexpr, SLOTS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Lists of ``ROWS`` query blocks; ``LISTED`` is the power of two from ``K_MAX``."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    wide_rows = rows.to(tl.int64)
    inside = rows < blocks
    slots = tl.arange(0, LISTED)
    # Slots beyond K_MAX hold a value that nothing replaces; empty ones lie below every block.
    value = tl.where(slots < K_MAX, -1.0, float("inf"))[None, :] + tl.zeros((ROWS, 1), tl.float32)
    # Empty slots are numbered apart, so that exactly one gives way.
    index = (blocks + slots)[None, :] + tl.zeros((ROWS, 1), tl.int32)
    for start in range(0, blocks, COLUMNS):
        columns = start + tl.arange(0, COLUMNS)
        probability = tl.zeros((ROWS, COLUMNS), tl.float32)
        for head in range(HEADS):
            place = (wide_rows[:, None] * HEADS + head) * WIDTH + tl.arange(0, WIDTH)[None, :]
            query = tl.load(query_mean_ptr + place, mask=inside[:, None], other=0.0)
            lse = tl.load(lse_ptr + wide_rows * HEADS + head, mask=inside, other=0.0)
            scores = _pooled_scores(
                query, key_mean_ptr, head, rows, columns, blocks, scale,
                HEADS, WIDTH, NEAR, GLOBALS, PRECISION,
            )  # fmt: skip
            probability += tl.exp(scores - lse[:, None])
        delta = columns[None, :] - rows[:, None]
        eligible = ((delta > NEAR) | (delta < -NEAR)) & (columns >= GLOBALS)[None, :]
        eligible = eligible & (columns < blocks)[None, :] & inside[:, None]
        probability = tl.where(eligible, probability / HEADS, -1.0)
        best = tl.max(probability, axis=1)
        lowest = tl.min(value, axis=1)
        # Blocks come in ascending order, so one that only equals a listed one stays behind it.
        while tl.max((best > lowest).to(tl.int32), axis=0) > 0:
            enters = best > lowest
            found = tl.where(probability == best[:, None], columns[None, :], 2147483647)
            block = tl.min(found, axis=1)
            leaving = tl.where(value == lowest[:, None], index, -1)
            leaves = (index == tl.max(leaving, axis=1)[:, None]) & (value == lowest[:, None])
            leaves = leaves & enters[:, None]
            value = tl.where(leaves, best[:, None], value)
            index = tl.where(leaves, block[:, None], index)
            taken = (columns[None, :] == block[:, None]) & enters[:, None]
            probability = tl.where(taken, -1.0, probability)
            best = tl.max(probability, axis=1)
            lowest = tl.min(value, axis=1)
    first = tl.maximum(rows - NEAR, 0)
    last = tl.minimum(rows + NEAR, blocks - 1)
    out = kept_ptr + wide_rows * SLOTS
    filled = last - first + 1
    for slot in range(2 * NEAR + 1):
        tl.store(out + slot, first + slot, mask=inside & (slot < filled))
    for slot in range(GLOBALS):
        far = (slot < first) | (slot > last)
        tl.store(out + filled, slot, mask=inside & far)
        filled += far.to(tl.int32)
    value = tl.where((slots < K_MAX)[None, :], value, -1.0)
    reached = tl.zeros((ROWS,), tl.float32)
    for slot in range(K_MAX):
        best = tl.max(value, axis=1)
        block = tl.min(tl.where(value == best[:, None], index, 2147483647), axis=1)
        wanted = inside & (best >= 0.0) & ((reached < mass) | (slot < K_MIN))
        tl.store(out + filled, block, mask=wanted)
        tl.store(probability_ptr + wide_rows * K_MAX + slot, best, mask=wanted)
        filled += wanted.to(tl.int32)
        reached += tl.where(wanted, best, 0.0)
        value = tl.where((index == block[:, None]) & (value == best[:, None]), -1.0, value)
    tl.store(count_ptr + wide_rows, filled, mask=inside)


def select(
    query_means: torch.Tensor, key_means: torch.Tensor, pattern: BlockPattern
) -> DeviceLists:
    """Choose the key blocks of every query block of a document longer than ``slots`` blocks.

    The rule is that of :func:`kernels.block_sparse.pattern.select_blocks`, in float32: a softmax
    over the eligible blocks for each head, the mean over heads, the best until ``mass`` is reached
    within ``k_min..k_max``, ties to the lower index. Time grows with the square of the number of
    blocks, memory with their number.

    Args:
        query_means: Mean rotated query of each block, contiguous float32 ``[NB, H, D]``.
        key_means: Mean far-rotated key of each block, same.
        pattern: The rule.
    """
    blocks, heads, width = query_means.shape
    device = query_means.device
    kept = torch.full((blocks, pattern.slots), -1, dtype=torch.int32, device=device)
    count = torch.empty(blocks, dtype=torch.int32, device=device)
    probability = torch.zeros((blocks, pattern.k_max), device=device)
    lse = torch.empty((blocks, heads), device=device)
    grid = triton.cdiv(blocks, ROWS)
    common = {
        "HEADS": heads, "WIDTH": width, "NEAR": pattern.near, "GLOBALS": pattern.global_blocks,
        "ROWS": ROWS, "COLUMNS": COLUMNS, "PRECISION": PRECISION,
    }  # fmt: skip
    _normaliser_kernel[(grid, heads)](
        query_means, key_means, lse, blocks, width**-0.5, **common
    )  # fmt: skip
    _select_kernel[(grid,)](
        query_means, key_means, lse, kept, count, probability, blocks, width**-0.5, pattern.mass,
        K_MIN=pattern.k_min, K_MAX=pattern.k_max, SLOTS=pattern.slots,
        LISTED=triton.next_power_of_2(max(pattern.k_max, 1)), **common,
    )  # fmt: skip
    return DeviceLists(kept, count, probability)


@lru_cache(maxsize=16)
def dense_lists(blocks: int, pattern: BlockPattern, device: torch.device) -> DeviceLists:
    """Lists of a document of at most ``slots`` blocks, in which every block reads every block."""
    nothing = np.zeros((blocks, 1, 1), np.float32)
    kept = np.ascontiguousarray(select_blocks(pattern, nothing, nothing).slots(pattern.slots))
    return DeviceLists(
        torch.from_numpy(kept).to(device),
        torch.full((blocks,), blocks, dtype=torch.int32, device=device),
        torch.zeros((blocks, pattern.k_max), device=device),
    )
