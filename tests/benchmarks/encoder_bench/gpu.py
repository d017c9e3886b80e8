"""Attention of one layer on a GPU: ours with the choice of blocks, SDPA flash, FlexAttention.

Queries, keys and values are those of the second layer of the shipped weights on a real text, in
float16. SDPA and FlexAttention get plain rotary positions; FlexAttention gets the blocks that ours
chose, and its mask is made before the clock starts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from engine.evaluate.bench import Check
from engine.training.attention import block_attention, rotate
from engine.training.checkpoint import load_checkpoint
from engine.training.config import ModelConfig
from engine.training.model import EncoderLayer
from kernels.block_sparse import triton_impl
from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.triton_prepare import prepare as prepare_keys
from kernels.block_sparse.triton_select import select

from .texts import GATE, pack_tokenizer, read_text
from .work import WEIGHTS, Job, Work

# Largest difference of float16 results of values around 1.
CLOSE = 2e-2
_CHOICES = 10
# Tokens of the largest tile that PyTorch takes by itself.
_WIDEST = 128


@dataclass(frozen=True, slots=True)
class Inputs:
    """A layer's queries, keys and values before rotation, ``[1, T, H, D]``, whole blocks."""

    q: Tensor
    k: Tensor
    v: Tensor
    config: ModelConfig

    @property
    def real(self) -> Tensor:
        """All tokens are real."""
        return torch.ones(self.q.shape[:2], dtype=torch.bool, device=self.q.device)


def pattern_of(config: ModelConfig) -> BlockPattern:
    """The pattern of a configuration."""
    return BlockPattern(
        config.block, config.near, config.global_blocks, config.k_min, config.k_max, config.mass,
        config.rotary_base,
    )  # fmt: skip


@torch.no_grad()
def inputs(folder: Path, tokens: int, device: str, dtype: torch.dtype) -> Inputs:
    """What the second layer attends with on the text of a length, cut to whole blocks."""
    encoder = load_checkpoint(WEIGHTS).eval().to(device)
    config = encoder.config
    ids = pack_tokenizer().tokenize(read_text(folder, tokens).text).ids
    # The text may be a few tokens short of the length; its beginning then stands at its end too.
    whole = torch.from_numpy(ids).long().repeat(2)[:tokens].to(device)
    x = encoder.embedding(whole)[None]
    first, second = encoder.layers[0], encoder.layers[1]
    assert isinstance(first, EncoderLayer)
    assert isinstance(second, EncoderLayer)
    real = torch.ones(x.shape[:2], dtype=torch.bool, device=device)
    x = first.finish(x, block_attention(*first.project(x), real, config))
    q, k, v = (part.to(dtype).contiguous() for part in second.project(x))
    return Inputs(q, k, v, config)


def choose(given: Inputs) -> Tensor:
    """Kept blocks int32 ``[NB, K]``: rotation, pooling and choice, as :func:`attend` does them."""
    pattern = pattern_of(given.config)
    _, query_means, key_means = prepare_keys(given.q[0], given.k[0], pattern, with_means=True)
    return select(query_means, key_means, pattern).kept


def attend(given: Inputs) -> Tensor:
    """Our kernel with rotation and choice of blocks, ``[T, H, D]``."""
    q, k, v = (part[0] for part in (given.q, given.k, given.v))
    return triton_impl.attend(q, k, v, pattern_of(given.config)).output


def rotated(given: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """Queries and keys with plain rotary positions, and values, ``[1, H, T, D]``."""
    positions = torch.arange(given.q.shape[1], device=given.q.device)
    q, k = (rotate(part, positions, given.config.rotary_base) for part in (given.q, given.k))
    return q.transpose(1, 2), k.transpose(1, 2), given.v.transpose(1, 2)


def block_mask(kept: Tensor, block: int) -> tuple[BlockMask, Tensor]:
    """FlexAttention's mask of kept blocks, whole blocks all, and the same as bool ``[NB, NB]``."""
    count = len(kept)
    dense = torch.zeros(count, count + 1, dtype=torch.bool, device=kept.device)
    dense.scatter_(1, kept.long().where(kept >= 0, count), True)
    dense = dense[:, :count]
    indices = dense.int().argsort(dim=1, descending=True, stable=True).int()[None, None]
    counts = dense.sum(1).int()[None, None]
    mask = BlockMask.from_kv_blocks(
        torch.zeros_like(counts),
        indices,
        counts,
        indices,
        BLOCK_SIZE=block,
        # The compiled kernel goes by the lists alone; where it is not compiled, this is the mask.
        mask_mod=lambda _batch, _head, query, key: dense[query // block, key // block],
    )
    return mask, dense


def flex_tiles(block: int) -> dict[str, int]:
    """Rows and columns of a compiled FlexAttention tile for a mask of so many tokens a block.

    PyTorch refuses a tile that the mask's block is no multiple of, and on many GPUs it would take
    128 tokens; Triton wants a power of two.
    """
    tile = min(block & -block, _WIDEST)
    return {"BLOCK_M": tile, "BLOCK_N": tile}


def flexible(block: int, *, compiled: bool) -> Callable[..., Tensor]:
    """FlexAttention for masks of so many tokens a block: ``(q, k, v, block_mask=...)``."""
    attention: Callable[..., Any] = torch.compile(flex_attention) if compiled else flex_attention
    return partial(attention, kernel_options=flex_tiles(block))


def _largest(first: Tensor, second: Tensor) -> float:
    return float((first.float() - second.float()).abs().max())


@torch.no_grad()
def gate(
    folder: Path,
    device: str = "cuda",
    dtype: torch.dtype = torch.float16,
    tokens: int = GATE[-1],
) -> list[Check]:
    """Hold the kernel against PyTorch's twin of it, the others against written-out attention."""
    given = inputs(folder, tokens, device, dtype)
    kept, ours = choose(given), attend(given)
    twin = block_attention(given.q, given.k, given.v, given.real, given.config)[0]
    q, k, v = rotated(given)
    mask, blocks = block_mask(kept, given.config.block)
    size = given.config.block
    flex = flexible(size, compiled=device == "cuda")(q, k, v, block_mask=mask)
    readable = blocks.repeat_interleave(size, 0).repeat_interleave(size, 1)
    masked = functional.scaled_dot_product_attention(q, k, v, attn_mask=readable)
    plain = ((q.float() @ k.float().mT) * q.shape[-1] ** -0.5).softmax(-1) @ v.float()
    whole = functional.scaled_dot_product_attention(q, k, v)
    return [
        Check("GPU: ours against PyTorch's twin", _largest(ours, twin), CLOSE, at_most=True),
        Check("GPU: FlexAttention, same blocks", _largest(flex, masked), CLOSE, at_most=True),
        Check("GPU: SDPA against plain attention", _largest(whole, plain), CLOSE, at_most=True),
    ]


def _on_host(output: Tensor) -> np.ndarray:
    # Waits for the device, without the time of copying all of it.
    return output.flatten(0, -2)[:64].float().cpu().numpy()


def _flex(compiled: Callable, q: Tensor, k: Tensor, v: Tensor, mask: BlockMask) -> np.ndarray:
    return _on_host(compiled(q, k, v, block_mask=mask))


@torch.no_grad()
def prepare(job: Job) -> Work:
    """Get a line ready."""
    given = inputs(job.folder, job.tokens, "cuda", torch.float16)
    q, k, v = rotated(given)
    runs = 0

    def ours() -> np.ndarray:
        nonlocal runs
        runs += 1
        return _on_host(attend(given))

    def selecting() -> float:
        """Seconds of choosing in all runs, from runs of its own: none of it waits for the host."""
        begun, chosen = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begun.record()
        for _ in range(_CHOICES):
            choose(given)
        chosen.record()
        torch.cuda.synchronize()
        return runs * begun.elapsed_time(chosen) / _CHOICES / 1000

    def sdpa() -> np.ndarray:
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return _on_host(functional.scaled_dot_product_attention(q, k, v))

    if job.line == "gpu-ours":
        run, note = ours, "rotation and choice of blocks included"
    elif job.line == "gpu-sdpa":
        run, note = sdpa, "flash, rotation not included"
    else:
        mask, _ = block_mask(choose(given), given.config.block)
        run = partial(_flex, flexible(given.config.block, compiled=True), q, k, v, mask)
        note = "rotation, choice of blocks and mask not included"

    def warm_up() -> None:
        nonlocal runs
        run()
        choose(given)
        runs = 0
        # What made the inputs, and compiling, may have held more than a run does.
        torch.cuda.reset_peak_memory_stats()

    return Work(
        run=run,
        warm_up=warm_up,
        tokens=job.tokens,
        note=f"one layer's attention, float16, {torch.cuda.get_device_name()}; {note}; "
        "memory is the most that the device held",
        selecting=selecting if job.line == "gpu-ours" else None,
        peak=torch.cuda.max_memory_allocated,
    )
