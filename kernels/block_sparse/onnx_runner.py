"""Runs the ONNX graphs of :mod:`kernels.block_sparse.onnx_graph` over groups of query blocks."""

from typing import Any

import numpy as np

from kernels.block_sparse.pattern import BlockPattern, Group, block_count
from kernels.onnx_call import run_into

# Query blocks in one call: fewer read the layer's weights too often, and what one head reads and
# computes of more leaves the caches too soon.
CHUNK = 8
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
            queries: Rotated queries of the document, ``[NB, H, B, D]``, C-contiguous.
            keys: Far-rotated keys of the document, ``[NB, H, B, D]``, C-contiguous.
            values: ``[NB, H, B, D]``, C-contiguous.
            tokens: Real tokens of the document.

        Returns:
            Context float32 ``[Q * B, H * D]``; mass float32 ``[Q, K]`` over the near, then the far
            blocks of the group.
        """
        heads, block = queries.shape[1], self.pattern.block
        index = np.concatenate([group.near, group.far], axis=1)
        turns = np.zeros_like(index)
        turns[:, : group.near.shape[1]] = (
            group.near - group.queries[:, None] + self.pattern.near + 1
        )
        feeds = {
            "queries": queries.reshape(len(queries) * heads, -1),
            "keys": keys.reshape(len(keys) * heads, -1),
            "values": values.reshape(len(values) * heads, -1),
            "query_rows": group.queries * heads,
            "key_rows": (index * heads).reshape(-1, 1),
            "turns": turns.reshape(-1, 1),
        }
        session = self._inner
        if tokens % block and (index == block_count(tokens, block) - 1).any():
            session = self._tail
            feeds |= self._masks(group.queries, index, tokens)
        context = np.empty((len(index) * block, heads * queries.shape[3]), np.float32)
        mass = np.empty(index.shape, np.float32)
        run_into(session, feeds, {"context": context, "mass": mass})
        return context, mass

    def _masks(self, queries: np.ndarray, index: np.ndarray, tokens: int) -> dict[str, np.ndarray]:
        block = self.pattern.block
        offsets = np.arange(block)
        real = (index[:, :, None] * block + offsets < tokens).reshape(len(index), -1)
        query_real = queries[:, None] * block + offsets < tokens
        weight = query_real / query_real.sum(axis=1, keepdims=True)
        return {
            "key_bias": np.where(real, np.float32(0), MASKED)[:, None, :],
            "key_real": real[:, :, None],
            "query_weight": weight.astype(np.float32)[:, None, :],
        }
