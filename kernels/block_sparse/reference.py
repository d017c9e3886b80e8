"""The specification of block-sparse attention, in NumPy and in the dtype of its input.

Shapes: T tokens, NB blocks of B tokens, H heads of width D. The maths and its sources stand in
README.md. Written to be read and checked, not to be fast.
"""

from dataclasses import dataclass

import numpy as np

from kernels.block_sparse.pattern import BlockLists, BlockPattern, block_count, select_blocks


@dataclass(frozen=True, slots=True)
class Attention:
    """What attention gave.

    Attributes:
        output: ``[T, H, D]``.
        lists: Key blocks that each query block read.
        kept: The same without gaps, int32 ``[NB, slots]``, -1 where unused.
        mass: Attention mass of each kept block, mean over heads and real queries,
            ``[NB, slots]``; a row sums to 1.
    """

    output: np.ndarray
    lists: BlockLists
    kept: np.ndarray
    mass: np.ndarray


def rotary_angles(positions: np.ndarray, width: int, base: float) -> np.ndarray:
    """Angles ``position * base^(-2j/D)``, float64 ``[..., D/2]`` (Su et al. 2021, eq. 15)."""
    frequencies = base ** (-2.0 * np.arange(width // 2) / width)
    return np.asarray(positions, np.float64)[..., None] * frequencies


def rotate(x: np.ndarray, positions: np.ndarray, base: float) -> np.ndarray:
    """Turn vectors ``[..., D]`` by positions that broadcast to ``x.shape[:-1]`` (half-split)."""
    angles = rotary_angles(positions, x.shape[-1], base)
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def to_blocks(x: np.ndarray, block: int) -> np.ndarray:
    """``[T, H, D]`` as ``[NB, H, B, D]``; the tail is filled with zeros."""
    tokens, heads, width = x.shape
    blocks = block_count(tokens, block)
    padded = np.zeros((blocks * block, heads, width), x.dtype)
    padded[:tokens] = x
    return padded.reshape(blocks, block, heads, width).transpose(0, 2, 1, 3)


def from_blocks(x: np.ndarray, tokens: int) -> np.ndarray:
    """``[NB, H, B, D]`` as ``[T, H, D]``."""
    blocks, heads, block, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(blocks * block, heads, width)[:tokens]


def rotate_queries(q: np.ndarray, pattern: BlockPattern) -> np.ndarray:
    """Queries ``[NB, H, B, D]`` turned by their offset in the block."""
    return rotate(q, np.arange(pattern.block), pattern.rotary_base)


def rotate_far_keys(k: np.ndarray, pattern: BlockPattern) -> np.ndarray:
    """Keys ``[NB, H, B, D]`` turned as if two blocks (``near + 1``) before their query block."""
    return rotate(k, np.arange(pattern.block) - pattern.far_offset, pattern.rotary_base)


def block_means(x: np.ndarray, tokens: int) -> np.ndarray:
    """Mean over the real tokens of each block: ``[NB, H, B, D]`` to ``[NB, H, D]``."""
    blocks, _, block, _ = x.shape
    real = np.minimum(tokens - np.arange(blocks) * block, block)
    mask = np.arange(block)[None, :] < real[:, None]
    total = np.where(mask[:, None, :, None], x, 0).sum(axis=2)
    return total / real[:, None, None].astype(x.dtype)


def attend_block(
    index: int,
    query: np.ndarray,
    far_keys: np.ndarray,
    values: np.ndarray,
    kept: np.ndarray,
    tokens: int,
    pattern: BlockPattern,
) -> tuple[np.ndarray, np.ndarray]:
    """One query block over its key blocks.

    Args:
        index: The query block.
        query: Its rotated queries, ``[H, R, D]``; any rows of the block.
        far_keys: Far-rotated keys of all blocks, ``[NB, H, B, D]``.
        values: ``[NB, H, B, D]``.
        kept: Key blocks to read, ``[K]``.
        tokens: Real tokens of the document.
        pattern: The rule.

    Returns:
        Output ``[H, R, D]`` and mass of each key block per head and query ``[H, R, K]``.
    """
    heads, rows, width = query.shape
    delta = kept - index
    turn = np.where(np.abs(delta) <= pattern.near, pattern.far_offset + pattern.block * delta, 0)
    keys = rotate(far_keys[kept], turn[:, None, None], pattern.rotary_base)
    keys = keys.transpose(1, 0, 2, 3).reshape(heads, -1, width)
    scores = query @ keys.transpose(0, 2, 1) / np.sqrt(query.dtype.type(width))
    position = (kept[:, None] * pattern.block + np.arange(pattern.block)).reshape(-1)
    real = position < tokens
    scores = np.where(real, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    chosen = values[kept].transpose(1, 0, 2, 3).reshape(heads, -1, width)
    chosen = np.where(real[:, None], chosen, 0)
    mass = weights.reshape(heads, rows, len(kept), pattern.block).sum(axis=-1)
    return weights @ chosen, mass


def block_sparse_attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, pattern: BlockPattern
) -> Attention:
    """Attention of every token over the key blocks of its query block.

    Args:
        q: Queries before rotation, ``[T, H, D]``.
        k: Keys before rotation, ``[T, H, D]``.
        v: Values, ``[T, H, D]``.
        pattern: The rule.

    Returns:
        Output and evidence, in the dtype of ``q``.
    """
    tokens = len(q)
    queries = rotate_queries(to_blocks(q, pattern.block), pattern)
    far_keys = rotate_far_keys(to_blocks(k, pattern.block), pattern)
    values = to_blocks(v, pattern.block)
    blocks = len(queries)
    if blocks == 0:
        empty = BlockLists(
            np.zeros((0, pattern.near_slots), np.int32),
            np.zeros((0, 1), np.int32),
            np.zeros((0, 1), q.dtype),
        )
        kept = np.zeros((0, pattern.slots), np.int32)
        return Attention(np.zeros_like(q), empty, kept, kept.astype(q.dtype))
    lists = select_blocks(pattern, block_means(queries, tokens), block_means(far_keys, tokens))
    kept = lists.slots(pattern.slots)
    output = np.zeros_like(queries)
    mass = np.zeros(kept.shape, q.dtype)
    for index in range(blocks):
        listed = kept[index][kept[index] >= 0]
        real = min(pattern.block, tokens - index * pattern.block)
        result, share = attend_block(
            index, queries[index, :, :real], far_keys, values, listed, tokens, pattern
        )
        output[index, :, :real] = result
        mass[index, : len(listed)] = share.mean(axis=(0, 1))
    return Attention(from_blocks(output, tokens), lists, kept, mass)
