"""How close the sparse pass comes to dense attention, on sampled query blocks."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.records import Fidelity
from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import rotate

ROWS = 8
_KEY_BLOCKS = 128


@dataclass(slots=True)
class FidelityProbe:
    """Computes sampled query blocks densely, layer by layer, and collects the differences.

    A query block is represented by ``ROWS`` of its tokens, so that the cost stays a few per cent
    of the pass even for a document of 200,000 tokens.

    Attributes:
        pattern: The attention rule.
        tokens: Real tokens of the document.
        blocks: Sampled query blocks, int64 ``[S]``, ascending.
        rows: Sampled tokens of each, a list of int64 arrays of offsets in the block.
        recalls: Share of dense attention on kept blocks, per head, of each block and layer.
        difference: Summed squares of sparse minus dense outputs.
        norm: Summed squares of dense outputs.
    """

    pattern: BlockPattern
    tokens: int
    blocks: np.ndarray
    rows: list[np.ndarray]
    recalls: list[np.ndarray] = field(default_factory=list)
    difference: float = 0.0
    norm: float = 0.0
    _contexts: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def draw(
        cls, pattern: BlockPattern, tokens: int, count: int, sample: int, seed: int
    ) -> "FidelityProbe":
        """Draw ``sample`` of ``count`` query blocks and up to ``ROWS`` tokens of each."""
        generator = np.random.default_rng(seed)
        blocks = np.sort(generator.choice(count, min(sample, count), replace=False))
        rows = []
        for block in blocks:
            real = min(pattern.block, tokens - int(block) * pattern.block)
            rows.append(np.sort(generator.choice(real, min(ROWS, real), replace=False)))
        return cls(pattern, tokens, blocks, rows)

    def keep_context(self, queries: np.ndarray, context: np.ndarray) -> None:
        """Keep the sparse output of sampled query blocks of a piece, ``[Q, B, H, D]``."""
        for block, rows in zip(self.blocks, self.rows, strict=True):
            place = np.flatnonzero(queries == block)
            if len(place):
                self._contexts[int(block)] = context[place[0], rows].transpose(1, 0, 2)

    def measure(
        self, queries: np.ndarray, keys: np.ndarray, values: np.ndarray, kept: np.ndarray
    ) -> Iterator[int]:
        """Compute the sampled query blocks of one layer densely, yielding the key blocks done.

        Args:
            queries: Rotated queries, ``[NB, H, B, D]``.
            keys: Far-rotated keys, same shape.
            values: Same shape.
            kept: Key blocks that each query block read, ``[NB, slots]``.
        """
        if len(self.blocks) == 0:
            return
        sampled = [
            queries[block][:, rows].astype(np.float32)
            for block, rows in zip(self.blocks, self.rows, strict=True)
        ]
        owner = np.repeat(np.arange(len(sampled)), [part.shape[1] for part in sampled])
        output, shares = yield from self._dense(
            np.concatenate(sampled, axis=1), owner, keys, values
        )
        for position, block in enumerate(self.blocks):
            listed = kept[block][kept[block] >= 0]
            mine = owner == position
            self.recalls.append(shares[:, mine][:, :, listed].sum(axis=2).mean(axis=1))
            dense = output[:, mine]
            sparse = self._contexts.pop(int(block))
            self.difference += float(((sparse - dense) ** 2).sum())
            self.norm += float((dense**2).sum())

    def _dense(
        self, query: np.ndarray, owner: np.ndarray, keys: np.ndarray, values: np.ndarray
    ) -> Generator[int, None, tuple[np.ndarray, np.ndarray]]:
        """Output ``[H, R, D]`` and share of attention per key block ``[H, R, NB]``.

        Runs over the keys once with a running maximum (Milakov and Gimelshein 2018).
        """
        heads, count, width = query.shape
        block, total = self.pattern.block, len(keys)
        query = query / np.float32(np.sqrt(width))
        peak = np.full((heads, count, 1), -np.inf, np.float32)
        output = np.zeros((heads, count, width), np.float32)
        shares = np.zeros((heads, count, total), np.float32)
        for start in range(0, total, _KEY_BLOCKS):
            stop = min(start + _KEY_BLOCKS, total)
            far = keys[start:stop].astype(np.float32)
            scores = query @ self._by_head(far).transpose(0, 2, 1)
            self._turn_near(scores, query, owner, far, start)
            real = np.arange(start * block, stop * block) < self.tokens
            scores[:, :, ~real] = -np.inf
            higher = np.maximum(peak, scores.max(axis=2, keepdims=True))
            faded = np.exp(peak - higher)
            np.exp(scores - higher, out=scores)
            chunk = values[start:stop].astype(np.float32)
            output = output * faded + scores @ self._by_head(chunk)
            shares[:, :, :start] *= faded
            shares[:, :, start:stop] = scores.reshape(heads, count, -1, block).sum(axis=3)
            peak = higher
            yield stop
        mass = shares.sum(axis=2, keepdims=True)
        return output / mass, shares / mass

    def _turn_near(
        self,
        scores: np.ndarray,
        query: np.ndarray,
        owner: np.ndarray,
        far: np.ndarray,
        start: int,
    ) -> None:
        size = self.pattern.block
        for position, index in enumerate(self.blocks):
            for near in range(index - self.pattern.near, index + self.pattern.near + 1):
                if not start <= near < start + len(far):
                    continue
                turn = self.pattern.far_offset + size * (near - index)
                turned = rotate(far[near - start], np.array(turn), self.pattern.rotary_base)
                columns = slice((near - start) * size, (near - start + 1) * size)
                mine = owner == position
                scores[:, mine, columns] = query[:, mine] @ turned.transpose(0, 2, 1)

    @staticmethod
    def _by_head(x: np.ndarray) -> np.ndarray:
        return x.transpose(1, 0, 2, 3).reshape(x.shape[1], -1, x.shape[3])


def combine(probes: Sequence[FidelityProbe], density: float) -> Fidelity:
    """The figures of all windows and layers measured."""
    recalls = [part for probe in probes for part in probe.recalls]
    if not recalls:
        return Fidelity(1.0, 1.0, 0.0, 0, density)
    every = np.concatenate(recalls)
    norm = sum(probe.norm for probe in probes)
    difference = sum(probe.difference for probe in probes)
    return Fidelity(
        recall_mean=float(every.mean()),
        recall_p5=float(np.percentile(every, 5)),
        output_error=float(np.sqrt(difference / norm)) if norm else 0.0,
        sampled=len(recalls),
        density=density,
    )
