"""What dense attention would do: the twin that sparse attention learns from and is judged by.

The twin reads every block: near keys at their distance, far keys at the clipped one. Its weights
are those of ``kernels/block_sparse`` with all blocks listed; only sampled queries are computed
where that is enough.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.training.attention import rotate, select_blocks
from engine.training.config import ModelConfig

# Stands for minus infinity: gradients stay finite where a softmax has nothing to read.
_NOTHING = -1e30


@dataclass(frozen=True, slots=True)
class Sample:
    """Sampled queries of a document.

    Attributes:
        blocks: Query blocks, int64 ``[S]``.
        rows: Offsets of the queries in each, int64 ``[S, R]``.
    """

    blocks: Tensor
    rows: Tensor

    def to(self, device: torch.device) -> "Sample":
        """The same sample on another device."""
        return Sample(self.blocks.to(device), self.rows.to(device))


def draw_sample(
    blocks: int, count: int, rows: int, size: int, generator: torch.Generator
) -> Sample:
    """Draw ``count`` of ``blocks`` whole query blocks and ``rows`` of their ``size`` tokens."""
    chosen = torch.randperm(blocks, generator=generator)[:count].sort().values
    places = [torch.randperm(size, generator=generator)[:rows].sort().values for _ in chosen]
    return Sample(chosen, torch.stack(places))


@dataclass(frozen=True, slots=True)
class TwinScores:
    """Logits of sampled queries, float32.

    Attributes:
        far: Over all tokens as far keys, ``[S, H, R, T]``; near tokens and padding are out.
        near: Over the tokens of near blocks, ``[S, H, R, (2 near + 1) * block]``; blocks that
            do not exist and padding are out.
    """

    far: Tensor
    near: Tensor


def _products(q: Tensor, k: Tensor) -> Tensor:
    """Scaled ``[..., H, R, K]`` float32 of ``[..., R, H, D]`` and ``[..., K, H, D]``."""
    products = q.transpose(-3, -2) @ k.transpose(-3, -2).transpose(-1, -2)
    return products.to(torch.promote_types(products.dtype, torch.float32)) * q.shape[-1] ** -0.5


def far_keys(k: Tensor, config: ModelConfig) -> Tensor:
    """Keys ``[T, H, D]`` turned as far keys, in blocks ``[NB, B, H, D]``."""
    offsets = torch.arange(config.block, device=k.device) - (config.near + 1) * config.block
    return rotate(k.unflatten(0, (-1, config.block)), offsets, config.rotary_base)


def near_tokens(blocks: Tensor, total: int, config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Tokens of the near blocks of query blocks ``[S]`` and which exist, both ``[S, N * B]``."""
    steps = torch.arange(-config.near, config.near + 1, device=blocks.device)
    offsets = torch.arange(config.block, device=blocks.device)
    tokens = ((blocks[:, None] + steps)[:, :, None] * config.block + offsets).flatten(1)
    return tokens.clamp(0, total - 1), (tokens >= 0) & (tokens < total)


def twin_scores(
    q: Tensor, k: Tensor, far: Tensor, real: Tensor, sample: Sample, config: ModelConfig
) -> TwinScores:
    """Logits of the dense twin for sampled queries.

    Args:
        q: Queries of a document, not rotated, ``[T, H, D]``, ``T`` a multiple of the block.
        k: Keys, likewise.
        far: The keys as :func:`far_keys` turns them, ``[NB, B, H, D]``.
        real: Which tokens are not padding, ``[T]`` bool.
        sample: The queries.
        config: Pattern settings.
    """
    size, base = config.block, config.rotary_base
    count, rows = sample.rows.shape
    places = (sample.blocks[:, None] * size + sample.rows).flatten()
    queries = rotate(q[places], sample.rows.flatten(), base)  # [S * R, H, D]
    everything = _products(queries, far.flatten(0, 1))  # [H, S * R, T]
    everything = everything.unflatten(1, (count, rows)).transpose(0, 1)
    tokens, exist = near_tokens(sample.blocks, len(real), config)
    reach = torch.arange(tokens.shape[1], device=q.device) - config.near * size
    close = rotate(k[tokens.flatten()].unflatten(0, tokens.shape), reach, base)
    nearby = _products(queries.unflatten(0, (count, rows)), close)
    numbers = torch.arange(len(real), device=q.device) // size
    outside = (numbers[None] - sample.blocks[:, None]).abs() > config.near
    return TwinScores(
        everything.masked_fill(~(outside & real)[:, None, None], _NOTHING),
        nearby.masked_fill(~(exist & real[tokens])[:, None, None], _NOTHING),
    )


def kept_blocks(
    q: Tensor, far: Tensor, real: Tensor, sample: Sample, config: ModelConfig
) -> Tensor:
    """Blocks that sampled query blocks read, ``[S, NB]`` bool; arguments of :func:`twin_scores`."""
    size = config.block
    offsets = torch.arange(size, device=q.device)
    queries = rotate(q.detach().unflatten(0, (-1, size)), offsets, config.rotary_base)
    listed, used = select_blocks(queries[None], far.detach()[None], real.view(1, -1, size), config)
    kept = torch.zeros(len(sample.blocks), len(far), dtype=torch.int64, device=q.device)
    listed, used = listed[0, sample.blocks], used[0, sample.blocks]
    return kept.scatter_add(1, listed, used.long()) > 0


def log_mass(scores: TwinScores, kept: Tensor) -> tuple[Tensor, Tensor]:
    """What the kept blocks are worth to each query.

    Args:
        scores: Logits.
        kept: Blocks that are read, near ones or not, ``[S, NB]`` bool.

    Returns:
        Log of the attention mass on kept blocks ``[S, H, R]`` and on each far block
        ``[S, H, R, NB]``.
    """
    by_block = scores.far.unflatten(-1, (kept.shape[1], -1)).logsumexp(-1)
    near = scores.near.logsumexp(-1)
    inside = by_block.masked_fill(~kept[:, None, None], _NOTHING).logsumexp(-1)
    total = torch.logaddexp(by_block.logsumexp(-1), near)
    return torch.logaddexp(inside, near) - total, by_block - total[..., None]


def rank_divergence(
    q: Tensor, far: Tensor, real: Tensor, by_block: Tensor, sample: Sample, config: ModelConfig
) -> Tensor:
    """Divergence of the pooled scores' block probabilities from the dense mass, a mean over blocks.

    Args:
        q: Queries, ``[T, H, D]``; the others as in :func:`twin_scores`.
        far: Far keys.
        real: Real tokens.
        by_block: Log mass of far blocks, ``[S, H, R, NB]``.
        sample: The queries.
        config: Pattern settings.
    """
    size = config.block
    counts = real.view(-1, size).sum(-1).clamp(min=1)[:, None, None]
    offsets = torch.arange(size, device=q.device)
    shown = real.view(-1, size, 1, 1)
    queries = rotate(q.unflatten(0, (-1, size))[sample.blocks], offsets, config.rotary_base)
    pooled_q = (queries * shown[sample.blocks]).sum(1).float() / counts[sample.blocks]
    pooled_k = (far * shown).sum(1).float() / counts
    numbers = torch.arange(len(far), device=q.device)
    eligible = (numbers[None] - sample.blocks[:, None]).abs() > config.near
    eligible &= (numbers >= config.global_blocks) & real.view(-1, size).any(-1)
    with torch.autocast(q.device.type, enabled=False):
        scores = torch.einsum("shd,nhd->shn", pooled_q, pooled_k) * q.shape[-1] ** -0.5
    chances = scores.masked_fill(~eligible[:, None], _NOTHING).softmax(-1).mean(1)
    wanted = by_block.detach().exp().mean((1, 2)) * eligible
    wanted = wanted / wanted.sum(-1, keepdim=True).clamp(min=1e-9)
    gap = (wanted.clamp(min=1e-9).log() - chances.clamp(min=1e-9).log()) * wanted
    return gap.sum(-1).mean()


def twin_attention(
    q: Tensor, k: Tensor, v: Tensor, real: Tensor, config: ModelConfig, at_once: int = 4
) -> Tensor:
    """Dense attention of a document, ``at_once`` query blocks at a time.

    Args:
        q: Queries, not rotated, ``[T, H, D]``, ``T`` a multiple of the block.
        k: Keys, likewise.
        v: Values, likewise.
        real: Which tokens are not padding, ``[T]`` bool.
        config: Pattern settings.
        at_once: Bounds the memory.

    Returns:
        ``[T, H, D]``.
    """
    size = config.block
    far = far_keys(k, config)
    every = torch.arange(size, device=q.device)
    parts = []
    for blocks in torch.arange(len(far), device=q.device).split(at_once):
        sample = Sample(blocks, every.expand(len(blocks), -1))
        scores = twin_scores(q, k, far, real, sample, config)
        peak = torch.maximum(scores.far.amax(-1), scores.near.amax(-1))[..., None]
        wide, close = (scores.far - peak).exp(), (scores.near - peak).exp()
        total = wide.sum(-1, keepdim=True) + close.sum(-1, keepdim=True)
        tokens, _ = near_tokens(blocks, len(real), config)
        mixed = wide.to(v.dtype) @ v.transpose(0, 1)  # [S, H, R, D]
        mixed = mixed + close.to(v.dtype) @ v[tokens].transpose(1, 2)
        parts.append((mixed / total.to(mixed.dtype)).transpose(1, 2).flatten(0, 1))
    return torch.cat(parts)
