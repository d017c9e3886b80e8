"""Attention of the encoder in PyTorch: dense for short input, block-sparse for long input.

The specification is ``kernels/block_sparse``; this is its differentiable twin.
"""

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.config import ModelConfig


def rotate(x: Tensor, positions: Tensor, base: float) -> Tensor:
    """Rotate ``x`` ``[..., P, H, D]`` by ``positions`` ``[P]``, halves paired (NeoX).

    Source:
        Su et al. 2021 (RoFormer), equation 34, with the halves layout of GPT-NeoX.
    """
    half = x.shape[-1] // 2
    steps = torch.arange(half, dtype=torch.float64, device=x.device)
    angles = positions.double()[:, None] * base ** (-steps / half)  # [P, D/2]
    cos, sin = angles.cos().to(x.dtype)[:, None, :], angles.sin().to(x.dtype)[:, None, :]
    first, second = x[..., :half], x[..., half:]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def _scores(q: Tensor, k: Tensor) -> Tensor:
    """Scaled products ``[N, H, Q, K]`` float32 of ``[N, Q, H, D]`` and ``[N, K, H, D]``."""
    products = q.transpose(1, 2) @ k.transpose(1, 2).transpose(-1, -2)
    return products.float() * q.shape[-1] ** -0.5


def _mix(scores: Tensor, v: Tensor, readable: Tensor) -> Tensor:
    # Rows of padding see nothing; a finite floor keeps them free of NaN.
    weights = scores.masked_fill(~readable, -1e30).softmax(-1)
    return (weights.to(v.dtype) @ v.transpose(1, 2)).transpose(1, 2)


def _readable(segments: Tensor) -> Tensor:
    """Which keys each query reads, ``[N, 1, 1 or T, T]`` bool, of segments ``[N, T]``."""
    if segments.dtype == torch.bool:
        return segments[:, None, None, :]
    same = segments[:, :, None] == segments[:, None, :]
    return (same & (segments > 0)[:, None, :])[:, None]


def dense_attention(
    q: Tensor, k: Tensor, v: Tensor, segments: Tensor, config: ModelConfig
) -> Tensor:
    """Plain rotary attention.

    Args:
        q: Queries, not rotated, ``[N, T, H, D]``.
        k: Keys, not rotated, ``[N, T, H, D]``.
        v: Values, ``[N, T, H, D]``.
        segments: Real tokens ``[N, T]`` bool, or the segment of each, int64 with 0 for padding.
        config: Rotary base.

    Returns:
        ``[N, T, H, D]``.
    """
    positions = torch.arange(q.shape[1], device=q.device)
    q, k = (rotate(part, positions, config.rotary_base) for part in (q, k))
    return _mix(_scores(q, k), v, _readable(segments))


def whole_attention(
    q: Tensor, k: Tensor, v: Tensor, segments: Tensor, config: ModelConfig
) -> Tensor:
    """What block attention computes when every block is read: near keys at their distance, far
    keys at the clipped one.

    Arguments and result are those of :func:`dense_attention`.
    """
    positions = torch.arange(q.shape[1], device=q.device)
    offsets, blocks = positions % config.block, positions // config.block
    base = config.rotary_base
    near = _scores(rotate(q, positions, base), rotate(k, positions, base))
    far = _scores(rotate(q, offsets, base), rotate(k, offsets - 2 * config.block, base))
    close = (blocks[:, None] - blocks[None, :]).abs() <= config.near
    return _mix(torch.where(close, near, far), v, _readable(segments))


def _block_means(x: Tensor, real: Tensor) -> Tensor:
    weights = real[..., None, None].to(x.dtype)  # [N, B, P, 1, 1]
    return (x * weights).sum(2) / weights.sum(2).clamp(min=1)


def select_blocks(
    q: Tensor, k_far: Tensor, real: Tensor, config: ModelConfig
) -> tuple[Tensor, Tensor]:
    """Choose the key blocks of every query block.

    Args:
        q: Rotated queries, ``[N, B, P, H, D]``.
        k_far: Keys rotated as far keys, ``[N, B, P, H, D]``.
        real: Which tokens are not padding, ``[N, B, P]`` bool.
        config: Pattern settings.

    Returns:
        Block numbers ``[N, B, S]`` int64 and which slots are in use ``[N, B, S]`` bool.
    """
    count, blocks = q.shape[:2]
    device = q.device
    block_real = real.any(-1)  # [N, B]
    numbers = torch.arange(blocks, device=device)
    dense_limit = config.dense_blocks
    if blocks <= dense_limit:
        listed = numbers.expand(count, blocks, blocks)
        return listed, block_real[:, None, :].expand(count, blocks, blocks)
    near = numbers[:, None] + torch.arange(-config.near, config.near + 1, device=device)  # [B, 3]
    first = torch.arange(config.global_blocks, device=device).expand(blocks, -1)
    distance = (numbers[:, None] - numbers[None, :]).abs()
    fixed = (distance <= config.near) | (numbers[None, :] < config.global_blocks)
    eligible = block_real[:, None, :] & ~fixed  # [N, B, B]
    with torch.no_grad():
        scores = torch.einsum(
            "nqhd,nkhd->nhqk", _block_means(q.float(), real), _block_means(k_far.float(), real)
        )
        scores = scores / config.head_width**0.5
        masked = scores.masked_fill(~eligible[:, None], -torch.inf)
        chances = masked.softmax(-1).nan_to_num(0.0).mean(1)  # [N, B, B]
        chances = chances.masked_fill(~eligible, -1.0)
        best, order = torch.sort(chances, dim=-1, descending=True, stable=True)
        # A short document in a batch of long ones still reads all its blocks, as it does alone.
        short = (block_real.sum(-1) <= dense_limit)[:, None, None]
        most = dense_limit - config.near - 1 if bool(short.any()) else config.k_max
        best, order = best[..., :most], order[..., :most]
        before = best.clamp(min=0).cumsum(-1) - best.clamp(min=0)
        rank = torch.arange(most, device=device)
        wanted = (rank < config.k_min) | (before < config.mass)
        taken = (best >= 0) & (short | (wanted & (rank < config.k_max)))
    listed = torch.cat(
        (
            near.clamp(0, blocks - 1).expand(count, -1, -1),
            first.expand(count, -1, -1),
            order,
        ),
        -1,
    )
    near_used = (near >= 0) & (near < blocks)
    first_used = (numbers[:, None] - first).abs() > config.near
    used = torch.cat((near_used, first_used), -1).expand(count, -1, -1)
    used = torch.cat((used, taken), -1) & block_real.gather(1, listed.flatten(1)).view_as(listed)
    return listed, used


def block_attention(q: Tensor, k: Tensor, v: Tensor, real: Tensor, config: ModelConfig) -> Tensor:
    """Block-sparse attention with near, global and content-selected key blocks.

    Args:
        q: Queries, not rotated, ``[N, T, H, D]``, ``T`` a multiple of the block.
        k: Keys, not rotated, ``[N, T, H, D]``.
        v: Values, ``[N, T, H, D]``.
        real: Which tokens are not padding, ``[N, T]`` bool.
        config: Pattern settings.

    Returns:
        ``[N, T, H, D]``; rows of blocks without a real token are finite but meaningless.
    """
    count, length, heads, width = q.shape
    size = config.block
    blocks = length // size
    shape = (count, blocks, size, heads, width)
    q, k, v = (part.reshape(shape) for part in (q, k, v))
    real = real.view(count, blocks, size)
    offsets = torch.arange(size, device=q.device)
    base = config.rotary_base
    q = rotate(q, offsets, base)
    far = rotate(k, offsets - 2 * size, base)
    turned = [
        rotate(k, offsets + size * delta, base) for delta in range(-config.near, config.near + 1)
    ]
    listed, used = select_blocks(q, far, real, config)
    slots = listed.shape[-1]
    delta = listed - torch.arange(blocks, device=q.device)[None, :, None]
    kind = torch.where(delta.abs() <= config.near, delta + config.near, len(turned))
    rows = torch.arange(count, device=q.device)[:, None, None]
    versions = torch.stack([*turned, far], 1).flatten(0, 2)  # [N * kinds * B, P, H, D]
    flat = ((rows * (len(turned) + 1) + kind) * blocks + listed).flatten()
    keys = versions.index_select(0, flat).view(count * blocks, slots * size, heads, width)
    flat_values = (rows * blocks + listed).flatten()
    values = v.flatten(0, 1).index_select(0, flat_values).view_as(keys)
    key_real = real[rows, listed] & used[..., None]  # [N, B, S, P]
    # A query block of padding alone may see anything: an empty softmax would give NaN.
    key_real = key_real | ~real.any(-1)[:, :, None, None]
    q, keys, values = (part.transpose(1, 2) for part in (q.flatten(0, 1), keys, values))
    mask = key_real.view(count * blocks, 1, 1, slots * size)
    mixed = functional.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
    return mixed.transpose(1, 2).reshape(count, length, heads, width)
