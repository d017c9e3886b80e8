"""The encoder: a whole document in one pass, in bounded memory, with progress and cancel."""

import time
from collections.abc import Generator, Sequence

import numpy as np

from engine.errors import PackError, QueryError
from engine.model.fidelity import SAMPLE, FidelityProbe, combine
from engine.model.layers import LayerStack, LayerState
from engine.model.pack import Pack, part_names
from engine.model.runtime import open_sessions, thread_count
from engine.model.tokenizer import Tokenizer, Tokens, token_ranges
from engine.model.workers import Workers
from engine.progress import CancelToken, Progress, run
from engine.records import Encoding, Fidelity, QueryEncoding, Span
from kernels.block_sparse.pattern import BlockLists, join_lists

STAGE = "encode"
# Tokens that are encoded together, a multiple of every block size: with 262,144 a pass stays below
# 1 GB. A longer document is encoded in several such windows that do not see each other.
WINDOW = 262_144
QUERY_LIMIT = 8192
_NO_ATTENTION = Fidelity(1.0, 1.0, 0.0, 0, 1.0)
_SUMMARY_BLOCKS = 128


class Encoder:
    """A pack, loaded and ready."""

    def __init__(
        self,
        pack: Pack,
        tokenizer: Tokenizer,
        stack: LayerStack,
        threads: int,
        window: int = WINDOW,
    ) -> None:
        """Take what :meth:`load` opens; ``window`` must be a multiple of the block."""
        self.pack = pack
        self.tokenizer = tokenizer
        self.threads = threads
        self._stack = stack
        self._window = window

    @classmethod
    def load(cls, pack: Pack, threads: int | None = None, window: int = WINDOW) -> "Encoder":
        """Open a pack's parts.

        Args:
            pack: A verified pack.
            threads: Threads that share the work; None for all physical cores but one that is
                left for the window where there are more than two.
            window: Most tokens that are encoded together, a multiple of the pack's block.

        Raises:
            PackError: ``pack_broken``.
            ValueError: ``window`` is not a multiple of the block.
        """
        if window < 1 or window % pack.config.pattern.block:
            raise ValueError(f"window {window} is no multiple of {pack.config.pattern.block}")
        threads = threads or thread_count()
        tokenizer = Tokenizer(pack.contents["tokenizer.json"])
        if tokenizer.size > pack.config.vocabulary:
            raise PackError(
                "pack_broken",
                path=str(pack.folder),
                reason=f"{tokenizer.size} tokens for a table of {pack.config.vocabulary}",
            )
        parts = {name: pack.contents[name] for name in part_names(pack.config.layers)}
        stack = LayerStack(pack.config, open_sessions(parts), Workers(threads))
        return cls(pack, tokenizer, stack, threads, window)

    def encode(
        self,
        text: str,
        spans: Sequence[Span],
        sentences: Sequence[Span],
        *,
        cancel: CancelToken,
        fidelity_sample: int = SAMPLE,
        seed: int = 0,
    ) -> Generator[Progress, None, Encoding]:
        """Encode a document.

        Args:
            text: Its whole text; may be empty.
            spans: Passages, ranges of code points; a passage without tokens gets a zero vector.
            sentences: Sentences, likewise.
            cancel: Checked before every chunk.
            fidelity_sample: Query blocks of which tokens are also computed densely; 0 for none.
            seed: Seed of that sample.

        Yields:
            Progress in thousandths of the pass.

        Returns:
            The encoding.

        Raises:
            Cancelled: ``cancel`` was set.
        """
        began = time.perf_counter()
        tokens = yield from self._tokenize(text, cancel)
        if len(tokens.ids) == 0:
            return self._nothing(len(spans), len(sentences), time.perf_counter() - began)
        config, block = self.pack.config, self.pack.config.pattern.block
        ranges = token_ranges(tokens.spans, [*spans, *sentences])
        sums = np.zeros((len(ranges), config.width), np.float32)
        count = len(tokens.ids)
        vectors = np.empty((count, config.token_width), np.int8)
        summaries, kept, mass, probes = [], [], [], []
        for first in range(0, count, self._window):
            ids = tokens.ids[first : first + self._window]
            state = LayerState(config, len(ids))
            probe = FidelityProbe.draw(config.pattern, state.tokens, fidelity_sample, seed + first)
            share = (first / count, (first + len(ids)) / count)
            listed, weight = yield from self._run_layers(state, ids, probe, cancel, share)
            kept.append(np.where(listed >= 0, listed + first // block, -1).astype(np.int32))
            mass.append(weight)
            probes.append(probe)
            state.drop_attention()
            unit = np.empty((len(state.x), config.token_width), np.float32)
            for _ in self._stack.head(state, unit):
                cancel.check()
            probe.compare(self._stack, state)
            unit = unit[: len(ids)]
            vectors[first : first + len(ids)] = np.rint(unit * 127.0)
            summaries.append(block_summaries(unit, block))
            for _ in self._stack.pool(state, ranges, first, sums):
                cancel.check()
        pooled = self._stack.passages(ranges, sums).astype(np.float16)
        kept_blocks = np.concatenate(kept, axis=1)
        density = float((kept_blocks >= 0).sum(axis=2).mean() / kept_blocks.shape[1])
        yield Progress(STAGE, 1000, 1000)
        return Encoding(
            encoder_hash=self.pack.encoder_hash,
            block=block,
            token_spans=tokens.spans,
            token_vectors=vectors,
            block_summaries=np.concatenate(summaries),
            passage_vectors=pooled[: len(spans)],
            sentence_vectors=pooled[len(spans) :],
            kept_blocks=kept_blocks,
            kept_mass=np.concatenate(mass, axis=1),
            fidelity=combine(probes, density, pooled[: len(spans)]),
            seconds=time.perf_counter() - began,
        )

    def encode_query(self, text: str) -> QueryEncoding:
        """Encode a question on its own.

        Raises:
            QueryError: ``query_empty`` if it has no tokens, ``query_too_long`` beyond
                ``QUERY_LIMIT`` code points.
        """
        if len(text) > QUERY_LIMIT:
            raise QueryError("query_too_long", length=len(text), limit=QUERY_LIMIT)
        tokens = self.tokenizer.tokenize(text)
        if len(tokens.ids) == 0:
            raise QueryError("query_empty")
        cancel = CancelToken()
        config = self.pack.config
        state = LayerState(config, len(tokens.ids))
        probe = FidelityProbe.draw(config.pattern, state.tokens, 0, 0)
        run(self._run_layers(state, tokens.ids, probe, cancel, (0.0, 1.0)))
        vectors = np.empty((len(state.x), config.token_width), np.float32)
        for _ in self._stack.head(state, vectors):
            pass
        states = state.x[: state.tokens]
        whole = states.sum(axis=0, keepdims=True)
        vector = self._stack.passages(np.array([[0, state.tokens]]), whole)[0]
        counts, pointers, shares = self._stack.question(states)
        return QueryEncoding(
            text, tokens.spans, vectors[: state.tokens], vector, counts, pointers, shares
        )

    def _tokenize(self, text: str, cancel: CancelToken) -> Generator[Progress, None, Tokens]:
        steps = self.tokenizer.tokenize_steps(text, cancel, self._stack.workers)
        while True:
            try:
                done = next(steps)
            except StopIteration as stop:
                return stop.value
            yield Progress(STAGE, 30 * done // len(text), 1000)

    def _run_layers(
        self,
        state: LayerState,
        ids: np.ndarray,
        probe: FidelityProbe,
        cancel: CancelToken,
        share: tuple[float, float],
    ) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray]]:
        """Run all layers; gives kept blocks int32 and their mass float16, ``[L, NB, slots]``.

        ``share`` is the part of the whole pass that this is, for progress.
        """
        config = self.pack.config
        shape = (config.layers, state.blocks, config.pattern.slots)
        kept = np.full(shape, -1, np.int32)
        mass = np.zeros(shape, np.float16)
        total, done = config.layers * state.blocks * 4, 0

        def progress() -> Progress:
            part = share[0] + (share[1] - share[0]) * done / total
            return Progress(STAGE, 30 + int(960 * part), 1000)

        for _ in self._stack.embed(state, ids):
            cancel.check()
        probe.begin(state)
        for layer in range(config.layers):
            for count in self._stack.project(state, layer):
                cancel.check()
                done += count
                yield progress()
            pieces: list[BlockLists] = []
            for _ in self._stack.select(state, pieces):
                cancel.check()
                yield progress()
            lists = join_lists(pieces)
            kept[layer] = lists.slots(config.pattern.slots)
            for group, context, weight in self._stack.attend(state, layer, lists):
                cancel.check()
                mass[layer, group.queries, : weight.shape[1]] = weight
                probe.keep_context(group.queries, context)
                done += 3 * len(group.queries)
                yield progress()
            for _ in probe.measure(self._stack, layer, state, kept[layer]):
                cancel.check()
                yield progress()
        return kept, mass

    def _nothing(self, passages: int, sentences: int, seconds: float) -> Encoding:
        config = self.pack.config
        shape = (config.layers, 0, config.pattern.slots)
        return Encoding(
            encoder_hash=self.pack.encoder_hash,
            block=config.pattern.block,
            token_spans=np.zeros((0, 2), np.int32),
            token_vectors=np.zeros((0, config.token_width), np.int8),
            block_summaries=np.zeros((0, config.token_width), np.float16),
            passage_vectors=np.zeros((passages, config.passage_width), np.float16),
            sentence_vectors=np.zeros((sentences, config.passage_width), np.float16),
            kept_blocks=np.zeros(shape, np.int32),
            kept_mass=np.zeros(shape, np.float16),
            fidelity=_NO_ATTENTION,
            seconds=seconds,
        )


def block_summaries(vectors: np.ndarray, block: int) -> np.ndarray:
    """Mean token vector of each block of ``vectors`` ``[T, D]``, float16 ``[NB, D]``."""
    if not len(vectors):
        return vectors.astype(np.float16)
    # In pieces: a reduction keeps the interpreter's lock, and a window may be waiting for it.
    step = _SUMMARY_BLOCKS * block
    pieces = []
    for first in range(0, len(vectors), step):
        piece = vectors[first : first + step]
        starts = np.arange(0, len(piece), block)
        counts = np.minimum(len(piece) - starts, block)
        pieces.append((np.add.reduceat(piece, starts, axis=0) / counts[:, None]).astype(np.float16))
    return np.concatenate(pieces)
