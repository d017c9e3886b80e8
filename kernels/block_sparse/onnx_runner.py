"""Runs the ONNX graphs of :mod:`kernels.block_sparse.onnx_graph` over groups of query blocks."""

from typing import Any

import numpy as np

from kernels.block_sparse.pattern import BlockPattern, Group, block_count

# Large enough that exp() of it is 0 in float32, small enough that adding a score stays finite.
MASKED = np.float32(-1e30)


class OnnxAttention:
    """Attention of groups of query blocks in ONNX Runtime.

    Keys and values are handed over once per layer and read in place.
    """

    def __init__(self, inner: Any, tail: Any, pattern: BlockPattern) -> None:
        """Take two inference sessions: one for full blocks, one that masks padding."""
        self._inner = inner
        self._tail = tail
        self.pattern = pattern

    def attend(
        self,
        group: Group,
        queries: np.ndarray,
        keys: np.ndarray,
        values: np.ndarray,
        tokens: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Attend for one group.

        Args:
            group: Query blocks that read equally many near and far blocks.
            queries: Their rotated queries, ``[Q, H, B, D]``.
            keys: Far-rotated keys of the document, ``[NB, H, B, D]``, C-contiguous.
            values: ``[NB, H, B, D]``, C-contiguous.
            tokens: Real tokens of the document.

        Returns:
            Context float32 ``[Q * B, H * D]``; mass float32 ``[Q, K]`` over the near, then the far
            blocks of the group.
        """
        block = self.pattern.block
        feeds = {
            "q": queries,
            "keys": keys,
            "values": values,
            "near_index": group.near,
            "near_turn": group.near - group.queries[:, None] + self.pattern.near,
            "far_index": group.far,
        }
        last = block_count(tokens, block) - 1
        padded = tokens % block != 0
        if padded and ((group.near == last).any() or (group.far == last).any()):
            feeds |= self._masks(group, tokens)
            context, mass = self._tail.run(["context", "mass"], feeds)
        else:
            context, mass = self._inner.run(["context", "mass"], feeds)
        return context, mass

    def _masks(self, group: Group, tokens: int) -> dict[str, np.ndarray]:
        block = self.pattern.block
        index = np.concatenate([group.near, group.far], axis=1)
        offsets = np.arange(block)
        real = (index[:, :, None] * block + offsets < tokens).reshape(len(index), -1)
        query_real = group.queries[:, None] * block + offsets < tokens
        weight = query_real / query_real.sum(axis=1, keepdims=True)
        return {
            "key_bias": np.where(real, np.float32(0), MASKED)[:, None, None, :],
            "key_mask": real.astype(np.float32)[:, None, :, None],
            "query_weight": weight.astype(np.float32)[:, None, None, :],
        }
