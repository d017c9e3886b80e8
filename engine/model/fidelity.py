"""How close the sparse pass comes to dense attention, on sampled tokens of sampled blocks.

The sampled tokens go through all layers a second time: in each layer they attend to every key of
the document, then take the layer's linear parts, so that at the end they have states as dense
attention gives them. The keys and values that they read are those of the sparse pass. That makes
it an estimate of the first order of what a wholly dense pass, the dense twin, would give: the
twin's keys differ a little as well, in every layer but the first.
``engine.evaluate.long_documents`` measures against the twin itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.model.dense_rows import DenseRows
from engine.model.layers import LayerStack, LayerState
from engine.records import Fidelity
from kernels.block_sparse.pattern import BlockPattern, block_count

SAMPLE = 4
ROWS = 8
TOP = 10


@dataclass(slots=True)
class FidelityProbe:
    """Carries sampled tokens through the layers densely and collects the differences.

    A sampled block is represented by ``ROWS`` of its tokens. With the default ``SAMPLE`` these are
    32 rows that read every key: a constant share of the pass at any length, for its own cost
    grows with the tokens as well.

    A token's rotation depends on its offset in the block only. Sampled tokens of several blocks
    therefore stand together in one block, the carrier, each at its own offset, and the linear
    parts run on few carriers instead of all sampled blocks.

    Attributes:
        rows: Attends densely; its ``owner`` is the block of each sampled token, ``[R]``.
        blocks: Sampled query blocks, int64 ``[S]``, ascending.
        places: Sampled tokens of the document, int64 ``[R]``, ascending by block.
        slots: Their rows in the carriers, int64 ``[R]``; ``places`` and ``slots`` agree modulo the
            block.
        recalls: Share of dense attention on kept blocks, per head, of each block and layer.
        difference: Summed squares of sparse minus dense attention outputs.
        norm: Summed squares of dense outputs.
        vectors: Unit passage vectors of each block's sampled tokens, sparse and dense, float32
            ``[S, 2, passage_width]``.
    """

    rows: DenseRows
    blocks: np.ndarray
    places: np.ndarray
    slots: np.ndarray
    recalls: list[np.ndarray] = field(default_factory=list)
    difference: float = 0.0
    norm: float = 0.0
    vectors: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 0), np.float32))
    _x: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _context: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), np.float32))

    @classmethod
    def draw(cls, pattern: BlockPattern, tokens: int, sample: int, seed: int) -> "FidelityProbe":
        """Draw ``sample`` query blocks and up to ``ROWS`` tokens of each.

        Args:
            pattern: The attention rule.
            tokens: Real tokens of the document.
            sample: Query blocks; all of them where the document has fewer.
            seed: Makes the draw the same every time.
        """
        block, count = pattern.block, block_count(tokens, pattern.block)
        generator = np.random.default_rng(seed)
        blocks = np.sort(generator.choice(count, min(sample, count), replace=False))
        together = max(1, block // ROWS)
        offsets: list[np.ndarray] = [np.empty(0, np.int64)] * len(blocks)
        for first in range(0, len(blocks), together):
            free = generator.permutation(block)
            # The tail has fewer tokens to choose from, so it chooses first.
            for place in reversed(range(first, min(first + together, len(blocks)))):
                drawn = free[free < tokens - blocks[place] * block][:ROWS]
                free = free[~np.isin(free, drawn)]
                offsets[place] = drawn
        order = np.repeat(np.arange(len(blocks)), [len(part) for part in offsets])
        within = np.concatenate([np.empty(0, np.int64), *offsets])
        owner = blocks[order]
        return cls(
            rows=DenseRows(pattern, tokens, owner),
            blocks=blocks,
            places=owner * block + within,
            slots=order // together * block + within,
        )

    def begin(self, state: LayerState) -> None:
        """Take the sampled tokens' states before the first layer."""
        if len(self.places) == 0:
            return
        block = self.rows.pattern.block
        carriers = block_count(int(self.slots.max()) + 1, block)
        self._x = np.zeros((carriers * block, state.x.shape[1]), np.float32)
        self._x[self.slots] = state.x[self.places]
        heads, width = state.queries.shape[1], state.queries.shape[3]
        self._context = np.empty((len(self.places), heads, width), np.float32)

    def keep_context(self, queries: np.ndarray, context: np.ndarray) -> None:
        """Keep what the sparse pass gave sampled tokens of query blocks.

        Args:
            queries: Query blocks, ``[Q]``.
            context: Their attention output, ``[Q, B, H, D]``.
        """
        for position, query in enumerate(queries.tolist()):
            mine = self.rows.of_block.get(query)
            if mine is not None:
                self._context[mine] = context[position, self.places[mine] % context.shape[1]]

    def measure(
        self, stack: LayerStack, layer: int, state: LayerState, kept: np.ndarray
    ) -> Iterator[int]:
        """Take the sampled tokens through a layer densely, yielding the key blocks done.

        Args:
            stack: The linear parts, and the threads to compute on.
            layer: The layer, from 0.
            state: The sparse pass's keys and values of that layer.
            kept: Key blocks that each query block read, ``[NB, slots]``, -1 where unused.
        """
        if len(self.places) == 0:
            return
        queries = stack.queries(layer, self._x).transpose(1, 0, 2, 3)
        query = queries.reshape(len(queries), -1, queries.shape[3])[:, self.slots]
        output, shares = yield from self.rows.attend(query, state.keys, state.values, stack.workers)
        for block in self.blocks:
            listed = kept[block][kept[block] >= 0]
            mine = shares[:, self.rows.of_block[int(block)]]
            self.recalls.append(mine[:, :, listed].sum(axis=2).mean(axis=1))
        dense = output.transpose(1, 0, 2)
        self.difference += float(((self._context - dense) ** 2).sum())
        self.norm += float((dense**2).sum())
        context = np.ascontiguousarray(dense).reshape(len(dense), -1)
        self._x[self.slots] = stack.finish(layer, self._x[self.slots], context)

    def compare(self, stack: LayerStack, state: LayerState) -> None:
        """Pool the sampled tokens' last states, those of the sparse pass beside the dense ones.

        Args:
            stack: The last parts.
            state: Of the sparse pass, after :meth:`engine.model.layers.LayerStack.head`.
        """
        if len(self.places) == 0:
            return
        both = np.stack([state.x[self.places], stack.last_states(self._x[self.slots])], axis=1)
        first = np.searchsorted(self.rows.owner, self.blocks)
        sums = np.add.reduceat(both, first, axis=0).reshape(-1, both.shape[2])
        counts = np.diff(first, append=len(self.places)).repeat(2)
        ranges = np.stack([np.zeros_like(counts), counts], axis=1)
        self.vectors = stack.passages(ranges, sums).reshape(len(self.blocks), 2, -1)


def combine(
    probes: Sequence[FidelityProbe], density: float, passage_vectors: np.ndarray
) -> Fidelity:
    """The figures of all windows and layers measured.

    Args:
        probes: One a window.
        density: Key blocks read per query block, as a share of all blocks.
        passage_vectors: Of the document, by the sparse pass, ``[P, passage_width]``; zero for a
            passage without tokens.
    """
    recalls = [part for probe in probes for part in probe.recalls]
    if not recalls:
        return Fidelity(1.0, 1.0, 0.0, 0, density)
    every = np.concatenate(recalls)
    norm = sum(probe.norm for probe in probes)
    difference = sum(probe.difference for probe in probes)
    vectors = np.concatenate([probe.vectors for probe in probes])
    cosines = (vectors[:, 0] * vectors[:, 1]).sum(axis=1)
    return Fidelity(
        recall_mean=float(every.mean()),
        recall_p5=float(np.percentile(every, 5)),
        output_error=float(np.sqrt(difference / norm)) if norm else 0.0,
        sampled=len(recalls),
        density=density,
        passage_cosine=min(1.0, float(cosines.mean())),
        top10_overlap=_top_overlap(vectors, passage_vectors),
    )


def _top_overlap(vectors: np.ndarray, passage_vectors: np.ndarray) -> float | None:
    """Share of each block's ``TOP`` nearest passages that both of its vectors find, on average.

    None if there are not more passages than that, for then there is nothing to choose.
    """
    candidates = passage_vectors[passage_vectors.any(axis=1)].astype(np.float32)
    if len(candidates) <= TOP:
        return None
    order = np.argsort(-(vectors @ candidates.T), axis=2, kind="stable")[:, :, :TOP]
    shared = [len(np.intersect1d(sparse, dense)) for sparse, dense in order]
    return float(np.mean(shared)) / TOP
