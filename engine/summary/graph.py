"""Attention centrality: which blocks of a document the rest of it keeps coming back to.

The encoder left, for each layer and query block, which key blocks it read and how much attention
each got. Averaged over layers, that is a weighted graph over blocks; its stationary distribution
under a random walk with restarts ranks blocks by the attention they draw (Brin and Page 1998; for
sentences Erkan and Radev 2004, LexRank).
"""

import numpy as np

DAMPING = 0.85
TOLERANCE = 1e-9
MOST_STEPS = 200


def block_centrality(kept_blocks: np.ndarray, kept_mass: np.ndarray) -> np.ndarray:
    """Centrality of each block.

    A block's attention to itself says nothing about others and is left out, and a row that read
    only itself restarts anywhere. Global blocks, which every block reads whether it wants to or
    not, are given the median of the others.

    Args:
        kept_blocks: Key blocks read by each query block, int ``[L, NB, K]``, -1 where unused.
        kept_mass: Attention mass of each, ``[L, NB, K]``.

    Returns:
        float64 ``[NB]``, summing to 1.
    """
    layers, blocks, slots = kept_blocks.shape
    if blocks == 0:
        return np.zeros(0)
    query = np.broadcast_to(np.arange(blocks)[None, :, None], (layers, blocks, slots))
    used = (kept_blocks >= 0) & (kept_blocks != query)
    source = query[used]
    target = kept_blocks[used].astype(np.int64)
    mass = np.maximum(kept_mass[used].astype(np.float64), 0.0)
    leaving = np.bincount(source, mass, blocks)
    share = mass / np.where(leaving[source] > 0, leaving[source], 1.0)
    stuck = leaving == 0

    rank = np.full(blocks, 1.0 / blocks)
    for _ in range(MOST_STEPS):
        flow = np.bincount(target, rank[source] * share, blocks) + rank[stuck].sum() / blocks
        following = (1.0 - DAMPING) / blocks + DAMPING * flow
        moved = np.abs(following - rank).sum()
        rank = following
        if moved < TOLERANCE:
            break
    given = _given(kept_blocks)
    if given.any() and not given.all():
        rank[given] = np.median(rank[~given])
    return rank / rank.sum()


def _given(kept_blocks: np.ndarray) -> np.ndarray:
    """Blocks that every query block of every layer read, bool ``[NB]``."""
    layers, blocks, _ = kept_blocks.shape
    rows = np.arange(layers * blocks)[:, None]
    flat = kept_blocks.reshape(layers * blocks, -1)
    used = flat >= 0
    pairs = np.unique((rows * blocks + flat)[used])
    return np.bincount(pairs % blocks, minlength=blocks) == layers * blocks


def span_means(
    values: np.ndarray, block: int, token_spans: np.ndarray, spans: np.ndarray
) -> np.ndarray:
    """Mean of a value of blocks over the tokens of each span.

    Args:
        values: One value a block, ``[NB]``.
        block: Tokens per block.
        token_spans: int ``[T, 2]``, in order.
        spans: int ``[S, 2]``.

    Returns:
        float64 ``[S]``; 0 where a span holds no token.
    """
    return token_means(np.repeat(values, block)[: len(token_spans)], token_spans, spans)


def token_means(values: np.ndarray, token_spans: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Mean of a value of tokens over each span; 0 where a span holds no token.

    Args:
        values: One value a token, ``[T]``.
        token_spans: int ``[T, 2]``, in order.
        spans: int ``[S, 2]``.

    Returns:
        float64 ``[S]``.
    """
    first = np.searchsorted(token_spans[:, 1], spans[:, 0], side="right")
    last = np.searchsorted(token_spans[:, 0], spans[:, 1], side="left")
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    count = np.maximum(last - first, 0)
    last = np.maximum(last, first)
    return np.where(count > 0, (sums[last] - sums[first]) / np.maximum(count, 1), 0.0)
