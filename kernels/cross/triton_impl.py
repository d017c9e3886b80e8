"""Query-to-document attention on a GPU, for collections of up to millions of tokens.

Token vectors are read as the int8 numbers they are stored as and multiplied in float32. Needs torch
and triton; runs on a GPU, or on the CPU under ``TRITON_INTERPRET=1``, which is slow and meant for
tests. Many documents are one call: their tokens one behind the other, their passages as segments.
"""

# ruff: noqa: N803 - constants of a Triton kernel are written in capitals
# Triton's compiler gives arguments their types; a type checker sees plain values instead.
# pyright: reportMissingImports=false, reportIndexIssue=false
# pyright: reportArgumentType=false, reportOperatorIssue=false
from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl

from kernels.cross.reference import SHARPNESS, TOKEN_SCALE

# float32 as three tf32 products; an int8 number is exact in the first of them.
PRECISION = "tf32x3"
# Fewest rows and depth of a matrix product, most query tokens and tokens per step.
SMALLEST = 16
MOST_QUERIES = 64
TILE = 128


@dataclass(frozen=True, slots=True)
class DeviceSegments:
    """Late interaction with segments, as :class:`kernels.cross.reference.SegmentScores`."""

    scores: torch.Tensor
    similarities: torch.Tensor
    tokens: torch.Tensor


@dataclass(frozen=True, slots=True)
class DeviceAttention:
    """Attention, as :class:`kernels.cross.reference.CrossAttention` with tensors for arrays."""

    blocks: torch.Tensor
    block_scores: torch.Tensor
    dropped: int
    tokens: torch.Tensor
    weights: torch.Tensor
    segment_scores: torch.Tensor


@triton.jit
def _load_queries(
    query_ptr, first, queries, WIDTH: tl.constexpr, PADDED: tl.constexpr, QUERIES: tl.constexpr
):
    """Query tokens from ``first``, ``[QUERIES, PADDED]``; zero where there is none."""
    rows = first + tl.arange(0, QUERIES)
    width = tl.arange(0, PADDED)
    inside = (rows < queries)[:, None] & (width < WIDTH)[None, :]
    return tl.load(query_ptr + rows[:, None] * WIDTH + width[None, :], mask=inside, other=0.0)


@triton.jit
def _similarities(
    query, token_ptr, position, real,
    WIDTH: tl.constexpr, PADDED: tl.constexpr, SCALE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Cosines ``[QUERIES, TILE]``; -inf where a token is not real."""
    width = tl.arange(0, PADDED)
    inside = real[None, :] & (width < WIDTH)[:, None]
    place = position[None, :] * WIDTH + width[:, None]
    token = tl.load(token_ptr + place, mask=inside, other=0).to(tl.float32)
    cosines = tl.dot(query, token, input_precision=PRECISION) / SCALE
    return tl.where(real[None, :], cosines, float("-inf"))


@triton.jit(do_not_specialize=["queries", "block"])
def _segment_kernel(
    query_ptr, token_ptr, segment_ptr, read_ptr, best_ptr, where_ptr, queries, block,
    WIDTH: tl.constexpr, PADDED: tl.constexpr, QUERIES: tl.constexpr, TILE: tl.constexpr,
    SCALE: tl.constexpr, PRECISION: tl.constexpr, READ_ALL: tl.constexpr,
):  # fmt: skip
    """Best cosine of each query token in one segment, over the tokens of the blocks read."""
    row = tl.program_id(0).to(tl.int64)
    first_query = tl.program_id(1) * QUERIES
    query = _load_queries(query_ptr, first_query, queries, WIDTH, PADDED, QUERIES)
    start = tl.load(segment_ptr + 2 * row)
    end = tl.load(segment_ptr + 2 * row + 1)
    best = tl.full((QUERIES,), float("-inf"), tl.float32)
    where = tl.full((QUERIES,), -1, tl.int64)
    for step in range((end - start + TILE - 1) // TILE):
        first = start + step * TILE
        position = first + tl.arange(0, TILE)
        real = position < end
        if not READ_ALL:
            real = real & (tl.load(read_ptr + position // block, mask=real, other=0) != 0)
        cosines = _similarities(query, token_ptr, position, real, WIDTH, PADDED, SCALE, PRECISION)
        value, column = tl.max(cosines, axis=1, return_indices=True)
        better = value > best
        best = tl.where(better, value, best)
        where = tl.where(better, first + column, where)
    rows = first_query + tl.arange(0, QUERIES)
    tl.store(best_ptr + row * queries + rows, best, mask=rows < queries)
    tl.store(where_ptr + row * queries + rows, where, mask=rows < queries)


@triton.jit(do_not_specialize=["tokens", "queries", "block"])
def _normaliser_kernel(
    query_ptr, token_ptr, block_ptr, peak_ptr, total_ptr, tokens, queries, block, sharpness,
    WIDTH: tl.constexpr, PADDED: tl.constexpr, QUERIES: tl.constexpr, TILE: tl.constexpr,
    SCALE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Maximum, and sum of exponentials below it, of each query token over one block."""
    row = tl.program_id(0).to(tl.int64)
    first_query = tl.program_id(1) * QUERIES
    query = _load_queries(query_ptr, first_query, queries, WIDTH, PADDED, QUERIES)
    start = tl.load(block_ptr + row) * block
    end = tl.minimum(start + block, tokens)
    # Not -inf: the difference of two of them is not a number.
    peak = tl.full((QUERIES,), -1e30, tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    for step in range((block + TILE - 1) // TILE):
        position = start + step * TILE + tl.arange(0, TILE)
        cosines = _similarities(
            query, token_ptr, position, position < end, WIDTH, PADDED, SCALE, PRECISION
        )
        higher = tl.maximum(peak, tl.max(cosines, axis=1) * sharpness)
        weights = tl.exp(cosines * sharpness - higher[:, None])
        total = total * tl.exp(peak - higher) + tl.sum(weights, axis=1)
        peak = higher
    rows = first_query + tl.arange(0, QUERIES)
    tl.store(peak_ptr + row * queries + rows, peak, mask=rows < queries)
    tl.store(total_ptr + row * queries + rows, total, mask=rows < queries)


@triton.jit(do_not_specialize=["tokens", "queries", "block"])
def _weight_kernel(
    query_ptr, token_ptr, block_ptr, lse_ptr, weight_ptr, share_ptr,
    tokens, queries, block, sharpness,
    WIDTH: tl.constexpr, PADDED: tl.constexpr, QUERIES: tl.constexpr, TILE: tl.constexpr,
    SCALE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Attention weights of ``TILE`` tokens of one block."""
    row = tl.program_id(0).to(tl.int64)
    start = tl.load(block_ptr + row) * block
    offset = tl.program_id(1) * TILE + tl.arange(0, TILE)
    position = start + offset
    real = (position < tokens) & (offset < block)
    share = tl.zeros((TILE,), tl.float32)
    for step in range((queries + QUERIES - 1) // QUERIES):
        query = _load_queries(query_ptr, step * QUERIES, queries, WIDTH, PADDED, QUERIES)
        rows = step * QUERIES + tl.arange(0, QUERIES)
        lse = tl.load(lse_ptr + rows, mask=rows < queries, other=0.0)
        weight = tl.load(weight_ptr + rows, mask=rows < queries, other=0.0)
        cosines = _similarities(query, token_ptr, position, real, WIDTH, PADDED, SCALE, PRECISION)
        share += tl.sum(tl.exp(cosines * sharpness - lse[:, None]) * weight[:, None], axis=0)
    tl.store(share_ptr + row * block + offset, share, mask=real)


def score_segments(
    query: torch.Tensor,
    tokens: torch.Tensor,
    segments: torch.Tensor,
    weights: torch.Tensor,
) -> DeviceSegments:
    """Score segments by late interaction with all of their tokens.

    Args:
        query: Unit vectors, float32 ``[Q, D]``, on the device to run on like all that follows.
        tokens: Unit vectors times 127, int8 ``[T, D]``.
        segments: Half-open token ranges within ``T``, int64 ``[P, 2]``.
        weights: Of the query tokens, summing to 1, float32 ``[Q]``.

    Raises:
        ValueError: A shape or dtype above is not met, or a tensor is not contiguous.
    """
    _check(query, tokens, segments, weights)
    best, where = _best(query, tokens, segments, None, 1)
    best = torch.where(where < 0, torch.nan, best)
    return DeviceSegments(_power_mean(best, weights), best, where)


def attend(
    query: torch.Tensor,
    tokens: torch.Tensor,
    summaries: torch.Tensor,
    segments: torch.Tensor,
    weights: torch.Tensor,
    budget: int,
    temperature: float,
    block: int,
) -> DeviceAttention:
    """Let a question attend to the blocks that suit it best, see :mod:`kernels.cross.reference`.

    Args:
        query: Unit vectors, float32 ``[Q, D]``, on the device to run on like all that follows.
        tokens: Unit vectors times 127, int8 ``[T, D]``, T at least 1.
        summaries: Mean unit vector of each block, float ``[NB, D]``.
        segments: Half-open token ranges within ``T``, int64 ``[P, 2]``.
        weights: Of the query tokens, summing to 1, float32 ``[Q]``.
        budget: Most blocks to read.
        temperature: Of the softmax, positive.
        block: Tokens per block.

    Raises:
        ValueError: A shape or dtype above is not met, or a tensor is not contiguous.
    """
    _check(query, tokens, segments, weights)
    count, queries, device = len(tokens), len(query), query.device
    scores = summaries.float() @ (weights @ query)
    order = torch.argsort(scores, descending=True, stable=True)
    blocks = torch.sort(order[:budget]).values
    peak = torch.empty((len(blocks), queries), device=device)
    total = torch.empty_like(peak)
    options = _options(query)
    grid = (len(blocks), triton.cdiv(queries, options["QUERIES"]))
    _normaliser_kernel[grid](
        query, tokens, blocks, peak, total, count, queries, block, 1.0 / temperature, **options
    )
    lse = torch.logsumexp(peak + total.log(), dim=0)
    share = torch.zeros((len(blocks), block), device=device)
    _weight_kernel[(len(blocks), triton.cdiv(block, TILE))](
        query, tokens, blocks, lse, weights, share, count, queries, block, 1.0 / temperature,
        **options,
    )  # fmt: skip
    index = blocks[:, None] * block + torch.arange(block, device=device)
    real = index < count
    read = torch.zeros(len(summaries), dtype=torch.int8, device=device)
    read[blocks] = 1
    best, where = _best(query, tokens, segments, read, block)
    best = torch.where(where < 0, torch.nan, best)
    return DeviceAttention(
        blocks, scores[blocks], len(summaries) - len(blocks), index[real], share[real],
        _power_mean(best, weights),
    )  # fmt: skip


def _best(
    query: torch.Tensor,
    tokens: torch.Tensor,
    segments: torch.Tensor,
    read: torch.Tensor | None,
    block: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Best cosines and where they stand, ``[P, Q]``; -1 where a segment has no token read."""
    shape = (len(segments), len(query))
    best = torch.empty(shape, device=query.device)
    where = torch.empty(shape, dtype=torch.int64, device=query.device)
    options = _options(query)
    if len(segments):
        _segment_kernel[(len(segments), triton.cdiv(len(query), options["QUERIES"]))](
            query, tokens, segments, tokens if read is None else read, best, where,
            len(query), block, READ_ALL=read is None, **options,
        )  # fmt: skip
    return best, where


def _power_mean(best: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """See :func:`kernels.cross.reference.power_mean`."""
    return (best.clamp(min=0.0) ** SHARPNESS @ weights) ** (1.0 / SHARPNESS)


def _options(query: torch.Tensor) -> dict[str, Any]:
    count, width = query.shape
    return {
        "WIDTH": width,
        "PADDED": max(SMALLEST, triton.next_power_of_2(width)),
        "QUERIES": min(MOST_QUERIES, max(SMALLEST, triton.next_power_of_2(count))),
        "TILE": TILE,
        "SCALE": TOKEN_SCALE,
        "PRECISION": PRECISION,
    }


def _check(
    query: torch.Tensor, tokens: torch.Tensor, segments: torch.Tensor, weights: torch.Tensor
) -> None:
    width = query.shape[-1]
    for name, x, dtype, shape in (
        ("query", query, torch.float32, (len(query), width)),
        ("tokens", tokens, torch.int8, (len(tokens), width)),
        ("segments", segments, torch.int64, (len(segments), 2)),
        ("weights", weights, torch.float32, (len(query),)),
    ):
        if x.dtype != dtype or x.shape != shape or not x.is_contiguous():
            raise ValueError(f"{name} must be contiguous {dtype} {shape}, got {tuple(x.shape)}")
