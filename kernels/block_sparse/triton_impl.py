"""Block-sparse attention on a GPU, the block lists built there too.

One program instance computes a query block of one head, or half of one. Needs torch and triton;
runs on a GPU, or on the CPU under ``TRITON_INTERPRET=1``, which is slow and meant for tests.
"""

# ruff: noqa: N803 - constants of a Triton kernel are written in capitals
# Triton's compiler gives arguments their types; a type checker sees plain values instead.
# pyright: reportMissingImports=false, reportIndexIssue=false
# pyright: reportArgumentType=false, reportOperatorIssue=false
# pyright: reportCallIssue=false, reportGeneralTypeIssues=false
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
import triton
import triton.language as tl

from kernels.block_sparse.pattern import BlockPattern, block_count
from kernels.block_sparse.triton_prepare import prepare, query_tables
from kernels.block_sparse.triton_select import PRECISION, DeviceLists, dense_lists, select

HEAD_WIDTHS = (32, 64, 128)
BLOCKS = (16, 32, 64, 128)
DTYPES = (torch.float16, torch.bfloat16, torch.float32)
# Masses of a query block stand in registers, one column a slot.
MOST_SLOTS = 64


class LaunchOptions(NamedTuple):
    """How the attention kernel is launched.

    Attributes:
        rows: Queries of one program, a block or half of one.
        keys: Keys that are multiplied at once, as many as registers allow.
        warps: Warps of 32 threads.
        near_stages: Steps whose keys, values and rotation tables are in flight, near blocks.
        stages: Steps whose keys and values are in flight, far blocks.
    """

    rows: int
    keys: int
    warps: int
    near_stages: int
    stages: int


@dataclass(frozen=True, slots=True)
class DeviceAttention:
    """What attention gave, on the device.

    Attributes:
        output: ``[T, H, D]`` in the dtype of the queries.
        lists: Key blocks that each query block read.
        lse: Natural log-sum-exp of the scaled scores of each query and head, float32 ``[T, H]``,
            or None.
        mass: Attention mass of each listed block, mean over heads and real queries, float32
            ``[NB, slots]``; a row sums to 1; or None.
    """

    output: torch.Tensor
    lists: DeviceLists
    lse: torch.Tensor | None
    mass: torch.Tensor | None


@triton.jit
def _turned(
    first, second, cos_ptr, sin_ptr, shift, rows, half,
    BLOCK: tl.constexpr, HALF: tl.constexpr, FACTOR: tl.constexpr,
):  # fmt: skip
    """Halves of queries turned and scaled by the tables of one shift."""
    turn = shift * (BLOCK * HALF) + rows[:, None] * HALF + half[None, :]
    cos, sin = tl.load(cos_ptr + turn), tl.load(sin_ptr + turn)
    wide_a, wide_b = first.to(tl.float32), second.to(tl.float32)
    turned_a = (wide_a * cos - wide_b * sin).to(first.dtype)
    turned_b = (wide_b * cos + wide_a * sin).to(first.dtype)
    return turned_a.to(FACTOR), turned_b.to(FACTOR)


@triton.jit
def _read_keys(
    query_a, query_b, key_ptr, value_ptr, kept, part, slot, tokens, head,
    peak, total, output, shares,
    HEADS: tl.constexpr, BLOCK: tl.constexpr, KEYS: tl.constexpr, HALF: tl.constexpr,
    COLUMNS: tl.constexpr, PRECISION: tl.constexpr, FACTOR: tl.constexpr,
    WITH_MASS: tl.constexpr,
):  # fmt: skip
    """``KEYS`` keys of a block: the running maximum, sum, output and masses after them."""
    offsets = part * KEYS + tl.arange(0, KEYS)
    half = tl.arange(0, HALF)
    width = tl.arange(0, 2 * HALF)
    base = (kept * HEADS + head) * (BLOCK * 2 * HALF)
    place = base + offsets[None, :] * (2 * HALF) + half[:, None]
    key_a = tl.load(key_ptr + place).to(FACTOR)
    key_b = tl.load(key_ptr + place + HALF).to(FACTOR)
    position = kept * BLOCK + offsets
    real = position < tokens
    # The scores are logarithms to the base 2: the scale and log2(e) are part of the queries.
    scores = tl.dot(query_a, key_a, input_precision=PRECISION)
    scores = tl.dot(query_b, key_b, scores, input_precision=PRECISION)
    scores = tl.where(real[None, :], scores, float("-inf"))
    higher = tl.maximum(peak, tl.max(scores, axis=1))
    faded = tl.exp2(peak - higher)
    weights = tl.exp2(scores - higher[:, None])
    values = tl.load(
        value_ptr + (position[:, None] * HEADS + head) * (2 * HALF) + width[None, :],
        mask=real[:, None],
        other=0.0,
    )
    rounded = weights.to(values.dtype).to(FACTOR)
    output = tl.dot(rounded, values.to(FACTOR), output * faded[:, None], input_precision=PRECISION)
    received = tl.sum(weights, axis=1)
    total = total * faded + received
    if WITH_MASS:
        here = tl.arange(0, COLUMNS)[None, :] == slot
        shares = shares * faded[:, None] + tl.where(here, received[:, None], 0.0)
    return higher, total, output, shares


@triton.jit(do_not_specialize=["tokens", "blocks"])
def _attention_kernel(
    query_ptr, key_ptr, value_ptr, kept_ptr, count_ptr, cos_ptr, sin_ptr,
    output_ptr, mass_ptr, lse_ptr, tokens, blocks,
    HEADS: tl.constexpr, SLOTS: tl.constexpr, NEAR: tl.constexpr, BLOCK: tl.constexpr,
    KEYS: tl.constexpr, HALF: tl.constexpr, COLUMNS: tl.constexpr, PRECISION: tl.constexpr,
    FACTOR: tl.constexpr, WITH_MASS: tl.constexpr, WITH_LSE: tl.constexpr,
    ROWS: tl.constexpr, NEAR_STAGES: tl.constexpr,
):  # fmt: skip
    # Addresses in 64 bits: 2^31 elements are passed at 8 million tokens of width 256.
    program = tl.program_id(0).to(tl.int64)
    index = program // (BLOCK // ROWS)
    head = tl.program_id(1).to(tl.int64)
    rows = (program % (BLOCK // ROWS)) * ROWS + tl.arange(0, ROWS)
    half = tl.arange(0, HALF)
    width = tl.arange(0, 2 * HALF)
    position = index * BLOCK + rows
    real = position < tokens
    source = (position[:, None] * HEADS + head) * (2 * HALF)
    raw_a = tl.load(query_ptr + source + half[None, :], mask=real[:, None], other=0.0)
    raw_b = tl.load(query_ptr + source + HALF + half[None, :], mask=real[:, None], other=0.0)

    peak = tl.full((ROWS,), float("-inf"), tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    output = tl.zeros((ROWS, 2 * HALF), tl.float32)
    shares = tl.zeros((ROWS, COLUMNS), tl.float32)
    first = tl.maximum(index - NEAR, 0)
    near_count = (tl.minimum(index + NEAR, blocks - 1) - first + 1).to(tl.int32)
    parts: tl.constexpr = BLOCK // KEYS
    # Near keys are turned by turning the queries the other way: keys stay as they are stored.
    for step in tl.range(near_count * parts, num_stages=NEAR_STAGES):
        slot = step // parts
        kept = first + slot
        query_a, query_b = _turned(
            raw_a, raw_b, cos_ptr, sin_ptr, kept - index + NEAR, rows, half, BLOCK, HALF, FACTOR
        )
        peak, total, output, shares = _read_keys(
            query_a, query_b, key_ptr, value_ptr, kept, step % parts, slot, tokens, head,
            peak, total, output, shares,
            HEADS, BLOCK, KEYS, HALF, COLUMNS, PRECISION, FACTOR, WITH_MASS,
        )  # fmt: skip
    query_a, query_b = _turned(
        raw_a, raw_b, cos_ptr, sin_ptr, 2 * NEAR + 1, rows, half, BLOCK, HALF, FACTOR
    )
    for step in range(near_count * parts, tl.load(count_ptr + index) * parts):
        slot = step // parts
        kept = tl.load(kept_ptr + index * SLOTS + slot).to(tl.int64)
        peak, total, output, shares = _read_keys(
            query_a, query_b, key_ptr, value_ptr, kept, step % parts, slot, tokens, head,
            peak, total, output, shares,
            HEADS, BLOCK, KEYS, HALF, COLUMNS, PRECISION, FACTOR, WITH_MASS,
        )  # fmt: skip

    tl.store(
        output_ptr + source + width[None, :],
        (output / total[:, None]).to(output_ptr.dtype.element_ty),
        mask=real[:, None],
    )
    if WITH_LSE:
        lse = (peak + tl.log2(total)) * 0.6931471805599453
        tl.store(lse_ptr + position * HEADS + head, lse, mask=real)
    if WITH_MASS:
        shares = tl.where(real[:, None], shares / total[:, None], 0.0)
        count = tl.minimum(tokens - index * BLOCK, BLOCK).to(tl.float32)
        columns = tl.arange(0, COLUMNS)
        tl.store(
            mass_ptr + (program * HEADS + head) * SLOTS + columns,
            tl.sum(shares, axis=0) / count,
            mask=columns < SLOTS,
        )


def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    pattern: BlockPattern,
    *,
    lists: DeviceLists | None = None,
    with_mass: bool = False,
    with_lse: bool = False,
) -> DeviceAttention:
    """Attention of every token over the key blocks of its query block.

    Four launches, or two for a document of at most ``slots`` blocks, in which nothing has to be
    chosen.

    Args:
        q: Queries before rotation, contiguous ``[T, H, D]`` on the device to run on, T at least 1.
        k: Keys before rotation, same shape and dtype.
        v: Values, same shape and dtype.
        pattern: The rule.
        lists: Key blocks to read, near ones first; chosen by the rule if None.
        with_mass: Whether to give the attention mass of each key block.
        with_lse: Whether to give the log-sum-exp.

    Raises:
        ValueError: A shape or dtype above is not met, or not one that the kernel is made for.
    """
    _check(q, k, v, pattern)
    tokens, heads, width = q.shape
    blocks = block_count(tokens, pattern.block)
    chooses = lists is None and blocks > pattern.slots
    far_keys, query_means, key_means = prepare(q, k, pattern, with_means=chooses)
    if chooses:
        lists = select(query_means, key_means, pattern)
    elif lists is None:
        lists = dense_lists(blocks, pattern, q.device)
    cos, sin = query_tables(pattern, width, q.device)
    output = torch.empty_like(q)
    slots = lists.kept.shape[1]
    lse = torch.empty((tokens, heads) if with_lse else (1,), device=q.device)
    launch = launch_options(pattern.block, width, q.element_size(), _shared_memory(q.device))
    pieces = pattern.block // launch.rows
    mass = torch.empty((blocks, pieces, heads, slots) if with_mass else (1,), device=q.device)
    _attention_kernel[(blocks * pieces, heads)](
        q, far_keys, v, lists.kept, lists.count, cos, sin, output, mass, lse, tokens, blocks,
        HEADS=heads, SLOTS=slots, NEAR=pattern.near, BLOCK=pattern.block, KEYS=launch.keys,
        HALF=width // 2, COLUMNS=triton.next_power_of_2(slots) if with_mass else 1,
        PRECISION=PRECISION, FACTOR=_factor_type(q), WITH_MASS=with_mass, WITH_LSE=with_lse,
        ROWS=launch.rows, NEAR_STAGES=launch.near_stages,
        num_warps=launch.warps, num_stages=launch.stages,
    )  # fmt: skip
    shares = mass.sum(dim=1).mean(dim=1) if with_mass else None
    return DeviceAttention(output, lists, lse if with_lse else None, shares)


def launch_options(block: int, width: int, item: int, shared: int) -> LaunchOptions:
    """How a kernel is launched: fixed by its shape, not tuned while it runs.

    Args:
        block: Tokens per block.
        width: Head width.
        item: Bytes of an element.
        shared: Shared memory that a program may use, in bytes.
    """
    rows = block // 2 if block * width * item > 128 * 128 * 2 else block
    keys = min(block, 32 if item * width > 256 else 64)
    tiles = 2 * keys * width * item
    if item == 4:
        tiles *= 2  # a float32 tile stands there as two tf32 ones as well
    room = shared - rows * width * item
    tables = rows * width * 4
    return LaunchOptions(
        rows=rows,
        keys=keys,
        warps=8 if rows * width * item > 64 * 64 * 2 else 4,
        near_stages=2 if tiles + tables <= room else 1,
        stages=max(1, min(3, room // tiles)),
    )


def _factor_type(q: torch.Tensor) -> tl.dtype:
    """Type of the factors of a product; Triton's interpreter cannot multiply bfloat16."""
    if q.dtype == torch.bfloat16:
        return tl.float32 if q.device.type == "cpu" else tl.bfloat16
    return tl.float16 if q.dtype == torch.float16 else tl.float32


@lru_cache(maxsize=16)
def _shared_memory(device: torch.device) -> int:
    if device.type == "cpu":
        return 0
    return torch.cuda.get_device_properties(device).shared_memory_per_block_optin


def _check(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, pattern: BlockPattern) -> None:
    if q.ndim != 3 or len(q) == 0:
        raise ValueError(f"q must be [T, H, D] with T > 0, got {tuple(q.shape)}")
    if q.shape[2] not in HEAD_WIDTHS or pattern.block not in BLOCKS:
        raise ValueError(
            f"no kernel for blocks of {pattern.block} tokens and heads of width {q.shape[2]}"
        )
    if pattern.slots > MOST_SLOTS:
        raise ValueError(f"no kernel for more than {MOST_SLOTS} slots, got {pattern.slots}")
    if q.dtype not in DTYPES:
        raise ValueError(f"no kernel for {q.dtype}")
    for name, x in (("q", q), ("k", k), ("v", v)):
        if x.shape != q.shape or x.dtype != q.dtype or not x.is_contiguous():
            raise ValueError(f"{name} must be contiguous {q.dtype} {tuple(q.shape)}")
        if x.device != q.device:
            raise ValueError(f"{name} is on {x.device}, q on {q.device}")
