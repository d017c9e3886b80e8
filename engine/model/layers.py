"""The encoder's passes over chunks of blocks; all that is known of a document here is its ids."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.model.pack import PackConfig
from engine.model.workers import Workers
from kernels.block_sparse.onnx_runner import CHUNK, OnnxAttention
from kernels.block_sparse.pattern import (
    SELECT_CHUNK,
    BlockLists,
    Group,
    block_count,
    group_blocks,
    select_blocks,
)
from kernels.onnx_call import run_into


class LayerState:
    """Hidden states of a document and, within a layer, its queries, keys and values.

    Queries, keys and values are float16, which halves the memory of a long document; arithmetic
    is float32.

    Attributes:
        tokens: Real tokens.
        blocks: Blocks, the last padded.
        x: Hidden states, float32 ``[NB * B, W]``.
        queries: Rotated queries, float16 ``[NB, H, B, D]``.
        keys: Far-rotated keys, same shape.
        values: Same shape.
    """

    def __init__(self, config: PackConfig, tokens: int) -> None:
        block, heads = config.pattern.block, config.heads
        self.tokens = tokens
        self.blocks = block_count(tokens, block)
        self.x = np.empty((self.blocks * block, config.width), np.float32)
        shape = (self.blocks, heads, block, config.head_width)
        self.queries = np.empty(shape, np.float16)
        self.keys = np.empty(shape, np.float16)
        self.values = np.empty(shape, np.float16)
        self.query_means = np.empty((self.blocks, heads, config.head_width), np.float32)
        self.key_means = np.empty_like(self.query_means)

    def drop_attention(self) -> None:
        """Free queries, keys and values once the last layer is done."""
        nothing = np.empty((0, 0, 0, 0), np.float16)
        self.queries = self.keys = self.values = nothing


class LayerStack:
    """Runs the ONNX parts over a :class:`LayerState`, chunk by chunk.

    Every method that takes long is a generator that yields the number of blocks it has just done.

    Attributes:
        config: Of the pack.
        workers: The threads that share the work.
    """

    def __init__(self, config: PackConfig, sessions: dict[str, Any], workers: Workers) -> None:
        self.config = config
        self._sessions = sessions
        self.workers = workers
        self._attention = OnnxAttention(sessions["attend"], sessions["attend_tail"], config.pattern)

    def embed(self, state: LayerState, ids: np.ndarray) -> Iterator[int]:
        """Fill the hidden states from token ids, int32 ``[T]``."""
        block = self.config.pattern.block
        padded = np.zeros(state.blocks * block, np.int64)
        padded[: len(ids)] = ids

        def work(part: slice) -> int:
            rows = slice(part.start * block, part.stop * block)
            run_into(self._sessions["embed"], {"ids": padded[rows]}, {"x": state.x[rows]})
            return part.stop - part.start

        return self.workers.ordered(work, _chunks(state.blocks, CHUNK))

    def project(self, state: LayerState, layer: int) -> Iterator[int]:
        """Queries, keys and values of a layer and their means."""
        block = self.config.pattern.block
        session = self._sessions[f"layer_{layer:02d}_project"]

        def work(part: slice) -> int:
            outputs = {
                "q": state.queries[part],
                "k": state.keys[part],
                "v": state.values[part],
                "q_mean": state.query_means[part],
                "k_mean": state.key_means[part],
            }
            run_into(session, {"x": state.x[part.start * block : part.stop * block]}, outputs)
            return part.stop - part.start

        yield from self.workers.ordered(work, _chunks(state.blocks, CHUNK))
        real = state.tokens - (state.blocks - 1) * block
        if real < block:
            # The graph averages over all tokens of a block; the tail has padding.
            for means, rows in (
                (state.query_means, state.queries),
                (state.key_means, state.keys),
            ):
                means[-1] = rows[-1, :, :real].mean(axis=1, dtype=np.float32)

    def select(self, state: LayerState, pieces: list[BlockLists]) -> Iterator[int]:
        """Choose the key blocks of every query block, appended to ``pieces``."""

        def work(part: slice) -> BlockLists:
            means = state.query_means[part]
            return select_blocks(self.config.pattern, means, state.key_means, part.start)

        for lists in self.workers.ordered(work, _chunks(state.blocks, SELECT_CHUNK)):
            pieces.append(lists)
            yield len(lists.near)

    def attend(
        self, state: LayerState, layer: int, lists: BlockLists
    ) -> Iterator[tuple[Group, np.ndarray, np.ndarray]]:
        """Attention, output projection and feed-forward, in place.

        Yields:
            A group of query blocks, their attention output float32 ``[Q, B, H, D]`` and the mass
            of their near, then far blocks, float32 ``[Q, K]``.
        """
        width, block = self.config.width, self.config.pattern.block
        session = self._sessions[f"layer_{layer:02d}_finish"]
        x = state.x.reshape(state.blocks, block, width)

        def work(piece: Group) -> tuple[Group, np.ndarray, np.ndarray]:
            _, context, mass = self._attended(state, piece)
            first, last = piece.queries[[0, -1]]
            # Nearly all pieces are consecutive blocks, which need not be gathered.
            together = last - first < len(piece.queries)
            states = x[first : last + 1] if together else x[piece.queries]
            states = states.reshape(-1, width)
            # The last node writes what needs the sum of both inputs: nothing reads x any more.
            feeds = {"x": states, "context": context.reshape(-1, width)}
            run_into(session, feeds, {"y": states})
            if not together:
                x[piece.queries] = states.reshape(-1, block, width)
            return piece, context, mass

        return self.workers.ordered(work, self._pieces(state, lists))

    def attend_only(
        self, state: LayerState, lists: BlockLists
    ) -> Iterator[tuple[Group, np.ndarray, np.ndarray]]:
        """What :meth:`attend` gives, without finishing the layer."""
        pieces = self._pieces(state, lists)
        return self.workers.ordered(lambda piece: self._attended(state, piece), pieces)

    def _pieces(self, state: LayerState, lists: BlockLists) -> Iterator[Group]:
        tail = state.blocks - 1 if state.tokens % self.config.pattern.block else None
        for group in group_blocks(lists, tail):
            yield from group.split(CHUNK)

    def _attended(self, state: LayerState, piece: Group) -> tuple[Group, np.ndarray, np.ndarray]:
        context, mass = self._attention.attend(
            piece, state.queries, state.keys, state.values, state.tokens
        )
        config = self.config
        shape = (-1, config.pattern.block, config.heads, config.head_width)
        return piece, context.reshape(shape), mass

    def head(self, state: LayerState, token_vectors: np.ndarray) -> Iterator[int]:
        """Final norm in place, and unit token vectors into float32 ``[NB * B, token_width]``."""
        block = self.config.pattern.block

        def work(part: slice) -> int:
            rows = slice(part.start * block, part.stop * block)
            outputs = {"states": state.x[rows], "token_vectors": token_vectors[rows]}
            run_into(self._sessions["head"], {"x": state.x[rows]}, outputs)
            return part.stop - part.start

        return self.workers.ordered(work, _chunks(state.blocks, CHUNK))

    def pool(
        self, state: LayerState, ranges: np.ndarray, first: int, sums: np.ndarray
    ) -> Iterator[int]:
        """Add the states of token ranges to their sums.

        Args:
            state: States of tokens ``first .. first + state.tokens`` of the document.
            ranges: Half-open token ranges of the document, ``[P, 2]``.
            first: First token of ``state``.
            sums: Float32 ``[P, W]``, added to.
        """
        inside = np.clip(ranges - first, 0, state.tokens)
        rows = np.flatnonzero(inside[:, 1] > inside[:, 0])
        for start in range(0, len(rows), 256):
            part = rows[start : start + 256]
            for row in part:
                sums[row] += state.x[inside[row, 0] : inside[row, 1]].sum(axis=0)
            yield len(part)

    def passages(self, ranges: np.ndarray, sums: np.ndarray) -> np.ndarray:
        """Unit vectors of token ranges from the sums of their states, ``[P, passage_width]``."""
        counts = np.maximum(ranges[:, 1] - ranges[:, 0], 1)
        pooled = (sums / counts[:, None]).astype(np.float32)
        return self._sessions["passage"].run(["vectors"], {"pooled": pooled})[0]

    def queries(self, layer: int, x: np.ndarray) -> np.ndarray:
        """Rotated queries of whole blocks of hidden states ``[N * B, W]``, ``[N, H, B, D]``."""
        return self._sessions[f"layer_{layer:02d}_project"].run(["q"], {"x": x})[0]

    def finish(self, layer: int, x: np.ndarray, context: np.ndarray) -> np.ndarray:
        """What a layer makes of states and attention output of any tokens, all ``[N, W]``."""
        session = self._sessions[f"layer_{layer:02d}_finish"]
        return session.run(["y"], {"x": x, "context": context})[0]

    def last_states(self, x: np.ndarray) -> np.ndarray:
        """Final norm of hidden states of any tokens, ``[N, W]``."""
        return self._sessions["head"].run(["states"], {"x": x})[0]

    def question(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What a question's states float32 ``[Q, W]`` say about it.

        Returns:
            How much each token counts ``[Q]``, unit pointer vectors ``[Q, token_width]`` and each
            token's share in pointing ``[Q]``, float32.
        """
        names = ["token_weights", "pointer_vectors", "pointer_weights"]
        counts, pointers, shares = self._sessions["question"].run(names, {"states": states})
        return counts, pointers, shares


def _chunks(blocks: int, size: int) -> Iterator[slice]:
    for start in range(0, blocks, size):
        yield slice(start, min(start + size, blocks))
