"""The encoder with a selection of its own for each head, to compare the shared selection with.

The kernels read one list of blocks for all heads. Here they run once for every head, with graphs
for a single head, over that head's queries, keys and values.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.model.encoder import WINDOW, Encoder
from engine.model.fidelity import FidelityProbe, combine
from engine.model.layers import CHUNK, SELECT_CHUNK, LayerStack, LayerState
from engine.model.pack import Pack, PackConfig, part_names
from engine.model.runtime import open_sessions, thread_count
from engine.model.tokenizer import Tokenizer
from engine.progress import CancelToken, Progress
from engine.records import Encoding, Fidelity, Span
from kernels.block_sparse.pattern import BlockLists, Group, join_lists, select_blocks


class PerHeadEncoder(Encoder):
    """An encoder whose heads select apart; its ``attend`` parts are graphs for one head.

    ``kept_blocks`` of an encoding are those of the first head and ``kept_mass`` is 0; fidelity is
    that of all heads, each by its own blocks.
    """

    _stack: "PerHeadStack"

    @classmethod
    def load(cls, pack: Pack, threads: int | None = None, window: int = WINDOW) -> "PerHeadEncoder":
        """Open a pack that :func:`engine.evaluate.variants.variant_pack` made.

        Raises:
            PackError: ``pack_broken``.
        """
        threads = threads or thread_count()
        parts = {name: pack.contents[name] for name in part_names(pack.config.layers)}
        stack = PerHeadStack(pack.config, open_sessions(parts, threads))
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


class _Unchanged:
    """Stands for the ``finish`` part where only the attention before it is wanted."""

    def run(self, _: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [feeds["x"]]


class PerHeadStack(LayerStack):
    """The passes over chunks of blocks, attention apart for each head.

    Within a layer :meth:`select` must come before :meth:`attend`.
    """

    def __init__(self, config: PackConfig, sessions: dict[str, Any]) -> None:
        """Take the sessions of a pack whose ``attend`` parts are graphs for one head."""
        super().__init__(config, sessions)
        single = {name: sessions[name] for name in ("attend", "attend_tail")}
        for layer in range(config.layers):
            single[f"layer_{layer:02d}_finish"] = _Unchanged()
        self._head = LayerStack(replace(config, width=config.head_width, heads=1), single)
        self._lists: list[BlockLists] = []
        self._densities: list[float] = []
        self._probes: list[FidelityProbe] = []
        self._sample = self._seed = 0

    def watch(self, sample: int, seed: int) -> None:
        """Begin to measure fidelity with so many query blocks of each layer."""
        self._sample, self._seed = sample, seed
        self._probes, self._densities = [], []

    def fidelity(self) -> Fidelity:
        """What was measured since :meth:`watch`."""
        return combine(self._probes, float(np.mean(self._densities)) if self._densities else 1.0)

    def select(self, state: LayerState, pieces: list[BlockLists]) -> Iterator[int]:
        """Choose the key blocks of every query block, apart for each head."""
        heads, pattern = range(self.config.heads), self.config.pattern
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
            probe = FidelityProbe.draw(
                config.pattern, state.tokens, state.blocks, self._sample, self._seed
            )
            for piece, mixed, _ in self._head.attend(alone, layer, listed):
                context[piece.queries, :, head] = mixed[:, :, 0]
                probe.keep_context(piece.queries, mixed)
                yield Group(piece.queries[:0], nothing, nothing), mixed[:0], nothing[:0]
            kept = listed.slots(config.pattern.slots)
            for _ in probe.measure(alone.queries, alone.keys, alone.values, kept):
                pass
            self._probes.append(probe)
            self._densities.append(float((kept >= 0).sum(axis=1).mean()) / state.blocks)
        x = state.x.reshape(state.blocks, block, config.width)
        session = self._sessions[f"layer_{layer:02d}_finish"]
        for start in range(0, state.blocks, CHUNK):
            rows = np.arange(start, min(start + CHUNK, state.blocks))
            mixed, none = context[rows], nothing[: len(rows)]
            flat = (-1, config.width)
            feeds = {"x": x[rows].reshape(flat), "context": mixed.reshape(flat)}
            x[rows] = session.run(["y"], feeds)[0].reshape(len(rows), block, config.width)
            yield Group(rows, none, none), mixed, none
