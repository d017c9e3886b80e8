"""Dense attention of a few query rows over every key of a layer."""

from collections.abc import Generator

import numpy as np

from engine.model.workers import Workers
from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import rotate

# Keys in one piece: what is computed from them then fits the second-level cache.
_KEYS = 1024


class DenseRows:
    """Rows of a document that attend to all of its keys, those of near blocks turned as the
    pattern says: what the rows would get if their query blocks read every block.

    Pieces of keys are computed each with its own maximum and joined in order (Milakov and
    Gimelshein 2018), so that the result does not depend on the number of threads.

    Attributes:
        of_block: The rows of each query block that has any.
    """

    def __init__(self, pattern: BlockPattern, tokens: int, owner: np.ndarray) -> None:
        """Say which rows attend.

        Args:
            pattern: The rule; only its block, near blocks and rotary base count here.
            tokens: Real tokens of the document.
            owner: Query block of each row, int64 ``[R]``, ascending.
        """
        self.pattern = pattern
        self.tokens = tokens
        self.owner = owner
        self.of_block = {
            block: slice(*np.searchsorted(owner, [block, block + 1]).tolist())
            for block in np.unique(owner).tolist()
        }
        # By key block: how far after the query block it stands, and the rows of that block.
        self._near: dict[int, list[tuple[int, slice]]] = {}
        for block, rows in self.of_block.items():
            for delta in range(-pattern.near, pattern.near + 1):
                self._near.setdefault(block + delta, []).append((delta, rows))

    def attend(
        self, query: np.ndarray, keys: np.ndarray, values: np.ndarray, workers: Workers
    ) -> Generator[int, None, tuple[np.ndarray, np.ndarray]]:
        """Attend in one layer.

        Args:
            query: Rotated queries of the rows, ``[H, R, D]``.
            keys: Far-rotated keys, float16 ``[NB, H, B, D]``, finite.
            values: Same shape and type, finite.
            workers: Threads to compute on.

        Yields:
            Key blocks done.

        Returns:
            Output float32 ``[H, R, D]`` and share of attention on each key block, float32
            ``[H, R, NB]``.
        """
        heads, rows, width = query.shape
        scaled = query.astype(np.float32) / np.float32(np.sqrt(width))
        # To turn a query back is to turn the keys of a near block on, and queries are fewer.
        turned = [
            rotate(scaled, np.array(-turn), self.pattern.rotary_base)
            for turn in self.pattern.far_offset
            + self.pattern.block * np.arange(-self.pattern.near, self.pattern.near + 1)
        ]
        size = max(1, _KEYS // self.pattern.block)
        starts = range(0, len(keys), size)
        peak = np.full((heads, rows, 1), -np.inf, np.float32)
        output = np.zeros((heads, rows, width), np.float32)
        peaks: list[np.ndarray] = []
        shares = np.empty((heads, rows, len(keys)), np.float32)

        def piece(start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            part = slice(start, start + size)
            return self._piece(scaled, turned, keys[part], values[part], start)

        for start, (top, added, mass) in zip(starts, workers.ordered(piece, starts), strict=True):
            higher = np.maximum(peak, top)
            output = output * np.exp(peak - higher) + added * np.exp(top - higher)
            peak = higher
            peaks.append(top)
            shares[:, :, start : start + size] = mass
            yield min(start + size, len(keys))
        for start, top in zip(starts, peaks, strict=True):
            shares[:, :, start : start + size] *= np.exp(top - peak)
        total = shares.sum(axis=2, keepdims=True)
        shares /= total
        return output / total, shares

    def _piece(
        self,
        query: np.ndarray,
        turned: list[np.ndarray],
        keys: np.ndarray,
        values: np.ndarray,
        start: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Maximum ``[H, R, 1]``, output and mass per key block, both not yet divided."""
        block, (heads, rows, _) = self.pattern.block, query.shape
        columns = _by_head(keys).transpose(0, 2, 1)
        scores = query @ columns
        for near in range(start, start + len(keys)):
            for delta, mine in self._near.get(near, ()):
                part = slice((near - start) * block, (near - start + 1) * block)
                nearer = turned[delta + self.pattern.near][:, mine]
                scores[:, mine, part] = nearer @ columns[:, :, part]
        scores[:, :, max(self.tokens - start * block, 0) :] = -np.inf
        peak = scores.max(axis=2, keepdims=True)
        scores -= peak
        np.exp(scores, out=scores)
        mass = scores.reshape(-1, block) @ np.ones(block, np.float32)
        return peak, scores @ _by_head(values), mass.reshape(heads, rows, -1)


def _by_head(x: np.ndarray) -> np.ndarray:
    """Float16 ``[N, H, B, D]`` as float32 ``[H, N * B, D]``, for finite numbers.

    NumPy converts float16 one by one, which took longer than attending. The exponent and mantissa
    of a float16, moved up by 13 bits, are those of a float32 that is ``2 ** 112`` times smaller.
    """
    moved = x.view(np.int16).transpose(1, 0, 2, 3).astype(np.int32, order="C")
    moved <<= 13
    moved &= np.int32(-0x70000001)
    single = moved.view(np.float32)
    single *= np.float32(2.0**112)
    return single.reshape(len(single), -1, x.shape[3])
