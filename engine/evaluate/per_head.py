"""The encoder with attention one head at a time, its blocks chosen by all heads or by each.

The kernels read one list of blocks for all heads. Here they run once for every head, with graphs
for a single head, over that head's queries, keys and values. Both ways of choosing take the same
steps, so that nothing but the choice tells them apart.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.model.encoder import WINDOW, Encoder
from engine.model.layers import LayerStack, LayerState
from engine.model.pack import Pack, PackConfig, part_names
from engine.model.runtime import open_sessions, thread_count
from engine.model.tokenizer import Tokenizer
from engine.model.workers import Workers
from engine.progress import CancelToken, Progress
from engine.records import Encoding, Fidelity, Span
from kernels.block_sparse.onnx_runner import CHUNK
from kernels.block_sparse.pattern import (
    SELECT_CHUNK,
    BlockLists,
    BlockPattern,
    Group,
    join_lists,
    select_blocks,
)
from kernels.block_sparse.reference import attend_block

# Tokens of a sampled query block, as many as the encoder's own probe takes.
ROWS = 8


class PerHeadEncoder(Encoder):
    """An encoder that attends one head at a time; its ``attend`` parts are graphs for one head.

    ``kept_blocks`` of an encoding are those of the first head and ``kept_mass`` is 0; fidelity is
    that of all heads, each by the blocks that it read.
    """

    _stack: "PerHeadStack"

    @classmethod
    def load(
        cls, pack: Pack, threads: int | None = None, window: int = WINDOW, *, apart: bool = True
    ) -> "PerHeadEncoder":
        """Open a pack that :func:`engine.evaluate.variants.variant_pack` made.

        Args:
            pack: The pack.
            threads: Threads of the linear algebra; see :meth:`Encoder.load`.
            window: Most tokens that are encoded together.
            apart: Whether each head chooses its own blocks.

        Raises:
            PackError: ``pack_broken``.
        """
        threads = threads or thread_count()
        parts = {name: pack.contents[name] for name in part_names(pack.config.layers)}
        stack = PerHeadStack(pack.config, open_sessions(parts), Workers(threads), apart=apart)
        tokenizer = Tokenizer(pack.contents["tokenizer.json"])
        return cls(pack, tokenizer, stack, threads, window)

    def encode(
        self,
        text: str,
        spans: Sequence[Span],
        sentences: Sequence[Span],
        *,
        cancel: CancelToken,
        fidelity_sample: int = 8,
        seed: int = 0,
    ) -> Generator[Progress, None, Encoding]:
        """Encode a document; see :meth:`Encoder.encode`."""
        self._stack.watch(fidelity_sample, seed)
        made = yield from super().encode(
            text, spans, sentences, cancel=cancel, fidelity_sample=0, seed=seed
        )
        return replace(made, fidelity=self._stack.fidelity())


class PerHeadStack(LayerStack):
    """The passes over chunks of blocks, attention one head at a time.

    Within a layer :meth:`select` must come before :meth:`attend`.
    """

    def __init__(
        self, config: PackConfig, sessions: dict[str, Any], workers: Workers, *, apart: bool
    ) -> None:
        """Take the sessions of a pack whose ``attend`` parts are graphs for one head."""
        super().__init__(config, sessions, workers)
        single = {name: sessions[name] for name in ("attend", "attend_tail")}
        self._head = LayerStack(replace(config, width=config.head_width, heads=1), single, workers)
        self._apart = apart
        self._lists: list[BlockLists] = []
        self.watch(0, 0)

    def watch(self, sample: int, seed: int) -> None:
        """Begin to measure fidelity on ``sample`` query blocks of each layer."""
        self._sample, self._seed = sample, seed
        self._recalls: list[float] = []
        self._densities: list[float] = []
        self._difference = self._norm = 0.0

    def fidelity(self) -> Fidelity:
        """What was measured since :meth:`watch`; ``sampled`` counts heads apart."""
        density = float(np.mean(self._densities)) if self._densities else 1.0
        if not self._recalls:
            return Fidelity(1.0, 1.0, 0.0, 0, density)
        return Fidelity(
            recall_mean=float(np.mean(self._recalls)),
            recall_p5=float(np.percentile(self._recalls, 5)),
            output_error=float(np.sqrt(self._difference / self._norm)) if self._norm else 0.0,
            sampled=len(self._recalls),
            density=density,
        )

    def select(self, state: LayerState, pieces: list[BlockLists]) -> Iterator[int]:
        """Choose the key blocks of every query block for each head."""
        heads, pattern = range(self.config.heads), self.config.pattern
        if not self._apart:
            yield from super().select(state, pieces)
            self._lists = [join_lists(pieces)] * len(heads)
            return
        found: list[list[BlockLists]] = [[] for _ in heads]
        for start in range(0, state.blocks, SELECT_CHUNK):
            means = state.query_means[start : start + SELECT_CHUNK]
            for head in heads:
                one = slice(head, head + 1)
                found[head].append(
                    select_blocks(pattern, means[:, one], state.key_means[:, one], start)
                )
            yield len(means)
        self._lists = [join_lists(listed) for listed in found]
        pieces.append(self._lists[0])

    def attend(
        self, state: LayerState, layer: int, lists: BlockLists
    ) -> Iterator[tuple[Group, np.ndarray, np.ndarray]]:
        """Attend head by head, then finish the layer in place; see :meth:`LayerStack.attend`."""
        config, block = self.config, self.config.pattern.block
        context = np.empty((state.blocks, block, config.heads, config.head_width), np.float32)
        nothing = np.zeros((CHUNK, 0), np.int64)
        for head, listed in enumerate(self._lists):
            alone = LayerState(self._head.config, state.tokens)
            for name in ("queries", "keys", "values"):
                part = getattr(state, name)[:, head : head + 1]
                setattr(alone, name, np.ascontiguousarray(part))
            for piece, mixed, _ in self._head.attend_only(alone, listed):
                context[piece.queries, :, head] = mixed[:, :, 0]
                yield Group(piece.queries[:0], nothing[:0], nothing[:0]), mixed[:0], nothing[:0]
        self._measure(state, context)
        x = state.x.reshape(state.blocks, block, config.width)
        session = self._sessions[f"layer_{layer:02d}_finish"]
        for start in range(0, state.blocks, CHUNK):
            rows = np.arange(start, min(start + CHUNK, state.blocks))
            mixed, none = context[rows], nothing[: len(rows)]
            flat = (-1, config.width)
            feeds = {"x": x[rows].reshape(flat), "context": mixed.reshape(flat)}
            x[rows] = session.run(["y"], feeds)[0].reshape(len(rows), block, config.width)
            yield Group(rows, none, none), mixed, none

    def _measure(self, state: LayerState, context: np.ndarray) -> None:
        """Compute sampled queries densely by the specification."""
        pattern = self.config.pattern
        kept = [listed.slots(pattern.slots) for listed in self._lists]
        self._densities += [float((one >= 0).sum(axis=1).mean()) / state.blocks for one in kept]
        every = np.arange(state.blocks)
        if not self._sample:
            return
        keys, values = state.keys.astype(np.float32), state.values.astype(np.float32)
        for block, rows in sample_rows(pattern, state.tokens, self._sample, self._seed):
            query = state.queries[block][:, rows].astype(np.float32)
            dense, mass = attend_block(block, query, keys, values, every, state.tokens, pattern)
            for head, listed in enumerate(kept):
                read = listed[block][listed[block] >= 0]
                self._recalls.append(float(mass[head][:, read].sum(axis=1).mean()))
            sparse = context[block, rows].transpose(1, 0, 2)
            self._difference += float(((sparse - dense) ** 2).sum())
            self._norm += float((dense**2).sum())


def sample_rows(
    pattern: BlockPattern, tokens: int, sample: int, seed: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Sampled query blocks, ascending, with the offsets of up to ``ROWS`` real tokens of each."""
    generator = np.random.default_rng(seed)
    count = -(-tokens // pattern.block)
    for block in np.sort(generator.choice(count, min(sample, count), replace=False)).tolist():
        real = min(pattern.block, tokens - block * pattern.block)
        yield block, np.sort(generator.choice(real, min(ROWS, real), replace=False))
