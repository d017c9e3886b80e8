"""Which key blocks each query block reads: near, global and content-selected ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

UNUSED = -1
# Query blocks that choose at once: their scores with every block then take bounded memory.
SELECT_CHUNK = 64


@dataclass(frozen=True, slots=True)
class BlockPattern:
    """The rule by which key blocks are chosen.

    Attributes:
        block: Tokens per block.
        near: Neighbours on each side that are always read.
        global_blocks: Leading blocks that every query block reads.
        k_min: Fewest content-selected blocks, where that many are left to choose from.
        k_max: Most content-selected blocks.
        mass: Share of the pooled probability at which selection stops between the two.
        rotary_base: Base of the rotary frequencies.
    """

    block: int = 64
    near: int = 1
    global_blocks: int = 1
    k_min: int = 2
    k_max: int = 2
    mass: float = 0.9
    rotary_base: float = 10000.0

    def validate(self) -> None:
        """Raise ``ValueError`` if the numbers contradict each other."""
        if self.block < 1:
            raise ValueError(f"block must be positive, got {self.block}")
        if self.near < 0 or self.global_blocks < 0:
            raise ValueError("near and global_blocks must not be negative")
        if not 0 <= self.k_min <= self.k_max:
            raise ValueError(f"need 0 <= k_min <= k_max, got {self.k_min} and {self.k_max}")
        if not 0.0 < self.mass <= 1.0:
            raise ValueError(f"mass must be in (0, 1], got {self.mass}")
        if self.rotary_base <= 1.0:
            raise ValueError(f"rotary_base must exceed 1, got {self.rotary_base}")

    @property
    def near_slots(self) -> int:
        """Near blocks of a query block in the middle of a document."""
        return 2 * self.near + 1

    @property
    def slots(self) -> int:
        """Most key blocks that a query block reads; documents up to this long are dense."""
        return self.near_slots + self.global_blocks + self.k_max

    @property
    def far_offset(self) -> int:
        """Tokens by which every far key stands before its query block: ``(near + 1) * block``."""
        return (self.near + 1) * self.block


@dataclass(frozen=True, slots=True)
class BlockLists:
    """Key blocks of consecutive query blocks.

    Attributes:
        near: Near key blocks in ascending order, int32 ``[N, near_slots]``, -1 where unused.
        far: Global blocks, then selected ones from the most probable, int32 ``[N, F]``, -1 where
            unused.
        probability: Pooled probability of each far block, float ``[N, F]``; 0 for global blocks
            and where unused.
    """

    near: np.ndarray
    far: np.ndarray
    probability: np.ndarray

    def slots(self, width: int) -> np.ndarray:
        """Near then far blocks without gaps, int32 ``[N, width]``, -1 behind the last."""
        both = np.concatenate([self.near, self.far], axis=1)
        order = np.argsort(both < 0, axis=1, kind="stable")
        packed = np.take_along_axis(both, order, axis=1)
        if packed.shape[1] < width:
            filling = np.full((len(packed), width - packed.shape[1]), UNUSED, np.int32)
            packed = np.concatenate([packed, filling], axis=1)
        return packed[:, :width]


@dataclass(frozen=True, slots=True)
class Group:
    """Query blocks that read the same number of near and of far blocks.

    Attributes:
        queries: Query blocks, int64 ``[Q]``, ascending.
        near: Near key blocks, int64 ``[Q, N]``.
        far: Far key blocks, int64 ``[Q, F]``.
    """

    queries: np.ndarray
    near: np.ndarray
    far: np.ndarray

    def split(self, size: int) -> Iterator["Group"]:
        """The same query blocks in pieces of at most ``size``."""
        for start in range(0, len(self.queries), size):
            piece = slice(start, start + size)
            yield Group(self.queries[piece], self.near[piece], self.far[piece])


def block_count(tokens: int, block: int) -> int:
    """Blocks that hold ``tokens`` tokens."""
    return -(-tokens // block)


def select_blocks(
    pattern: BlockPattern,
    query_means: np.ndarray,
    key_means: np.ndarray,
    first: int = 0,
) -> BlockLists:
    """Choose the key blocks of consecutive query blocks.

    A far block's score is, per head, the dot product of the pooled query and the pooled far key
    over ``sqrt(D)``; a softmax over the eligible blocks (neither near nor global) makes it a
    probability, and the mean over heads ranks the blocks. Ties go to the lower index. Memory is
    ``O(N * NB * H)``, so that a caller bounds it by handing in few query blocks at a time.

    Args:
        pattern: The rule.
        query_means: Mean rotated query over the real tokens of each query block, ``[N, H, D]``.
        key_means: Mean far-rotated key over the real tokens of every block, ``[NB, H, D]``.
        first: Index of the first query block.

    Returns:
        Lists for query blocks ``first .. first + N``.
    """
    count, heads, width = query_means.shape
    total = len(key_means)
    rows = np.arange(first, first + count)
    near = rows[:, None] + np.arange(-pattern.near, pattern.near + 1)
    near = np.where((near >= 0) & (near < total), near, UNUSED)
    near.sort(axis=1)
    near = np.take_along_axis(near, np.argsort(near < 0, axis=1, kind="stable"), axis=1)
    if total <= pattern.slots:
        return _dense_lists(rows, near.astype(np.int32), total, pattern, query_means.dtype)

    leading = np.arange(pattern.global_blocks)
    excluded = np.concatenate([near, np.broadcast_to(leading, (count, len(leading)))], axis=1)
    where = np.nonzero(excluded != UNUSED)[0], excluded[excluded != UNUSED]
    # As few passes over all scores as can be: they are what is quadratic in the blocks.
    scaled = query_means.transpose(1, 0, 2) * query_means.dtype.type(1.0 / np.sqrt(width))
    scores = np.matmul(scaled, key_means.transpose(1, 2, 0))
    scores[:, *where] = -np.inf
    scores -= scores.max(axis=2, keepdims=True)
    np.exp(scores, out=scores)
    scores *= 1 / (heads * scores.sum(axis=2, keepdims=True))
    probability = scores.sum(axis=0)
    probability[where] = -1.0

    is_near = np.abs(leading - rows[:, None]) <= pattern.near
    global_far = np.where(is_near, UNUSED, leading)
    chosen = np.full((count, pattern.k_max), UNUSED, np.int64)
    weight = np.zeros((count, pattern.k_max), probability.dtype)
    reached = np.zeros(count, probability.dtype)
    index = np.arange(count)
    for slot in range(pattern.k_max):
        best = probability.argmax(axis=1)
        value = probability[index, best]
        wanted = (value >= 0.0) & ((slot < pattern.k_min) | (reached < pattern.mass))
        chosen[wanted, slot] = best[wanted]
        weight[wanted, slot] = value[wanted]
        reached[wanted] += value[wanted]
        probability[index, best] = -1.0
    far = np.concatenate([global_far, chosen], axis=1).astype(np.int32)
    weight = np.concatenate([np.zeros_like(global_far, weight.dtype), weight], axis=1)
    return BlockLists(near.astype(np.int32), far, weight)


def _dense_lists(
    rows: np.ndarray, near: np.ndarray, total: int, pattern: BlockPattern, dtype: np.dtype
) -> BlockLists:
    every = np.broadcast_to(np.arange(total), (len(rows), total))
    far = np.where(np.abs(every - rows[:, None]) <= pattern.near, UNUSED, every)
    far = np.take_along_axis(far, np.argsort(far < 0, axis=1, kind="stable"), axis=1)
    return BlockLists(near, far.astype(np.int32), np.zeros(far.shape, dtype))


def lists_of_slots(kept: np.ndarray, probability: np.ndarray, pattern: BlockPattern) -> BlockLists:
    """The lists of a whole document from its slots: what :meth:`BlockLists.slots` packs.

    Args:
        kept: Near, global, then selected blocks without gaps, int32 ``[NB, slots]``, -1 behind the
            last.
        probability: Pooled probability of the selected ones, ``[NB, k_max]``; not read for a
            document of at most ``slots`` blocks, which selects none.
        pattern: The rule.
    """
    total = len(kept)
    rows = np.arange(total)
    nothing = np.zeros((total, 1, 1), probability.dtype)
    if total <= pattern.slots:
        return select_blocks(pattern, nothing, nothing)
    is_near = (kept >= 0) & (np.abs(kept - rows[:, None]) <= pattern.near)
    near = np.where(is_near, kept, UNUSED)[:, : pattern.near_slots]
    leading = np.arange(pattern.global_blocks)
    globals_near = np.abs(leading - rows[:, None]) <= pattern.near
    global_far = np.where(globals_near, UNUSED, leading).astype(np.int32)
    start = is_near.sum(axis=1) + (~globals_near).sum(axis=1)
    place = start[:, None] + np.arange(pattern.k_max)
    chosen = np.take_along_axis(kept, place, axis=1)
    weight = np.concatenate([np.zeros(global_far.shape, probability.dtype), probability], axis=1)
    return BlockLists(near, np.concatenate([global_far, chosen], axis=1), weight)


def join_lists(pieces: list[BlockLists]) -> BlockLists:
    """Lists of consecutive ranges of query blocks as one."""
    return BlockLists(
        np.concatenate([piece.near for piece in pieces]),
        np.concatenate([piece.far for piece in pieces]),
        np.concatenate([piece.probability for piece in pieces]),
    )


def group_blocks(lists: BlockLists, last: int | None = None) -> list[Group]:
    """Sort query blocks by how many near and far blocks they read.

    Args:
        lists: Lists of query blocks ``0 .. N``.
        last: The padded tail block, if there is one; query blocks that read it come in groups
            of their own, so that only these need a mask.

    Returns:
        Groups that together hold every query block once.
    """
    near_count = (lists.near >= 0).sum(axis=1)
    far_count = (lists.far >= 0).sum(axis=1)
    reads_tail = np.zeros(len(near_count), bool)
    if last is not None:
        reads_tail = (lists.near == last).any(axis=1) | (lists.far == last).any(axis=1)
    keys = np.stack([reads_tail, near_count, far_count], axis=1)
    groups = []
    for tail, n, f in np.unique(keys, axis=0):
        rows = np.flatnonzero((reads_tail == tail) & (near_count == n) & (far_count == f))
        near = lists.near[rows]
        far = lists.far[rows]
        groups.append(
            Group(
                rows,
                near[near >= 0].reshape(len(rows), n).astype(np.int64),
                far[far >= 0].reshape(len(rows), f).astype(np.int64),
            )
        )
    return groups


def validate_lists(lists: BlockLists, pattern: BlockPattern, total: int) -> None:
    """Raise ``ValueError`` unless the lists obey the pattern for a document of ``total`` blocks."""
    if len(lists.near) != total or len(lists.far) != total:
        raise ValueError(f"lists of {len(lists.near)} query blocks for {total} blocks")
    for row in range(total):
        near = lists.near[row][lists.near[row] >= 0]
        far = lists.far[row][lists.far[row] >= 0]
        expected = np.arange(max(0, row - pattern.near), min(total, row + pattern.near + 1))
        if not np.array_equal(near, expected):
            raise ValueError(f"query block {row}: near blocks are {near}, not {expected}")
        if len(np.unique(far)) != len(far) or (far >= total).any():
            raise ValueError(f"query block {row}: far blocks {far} repeat or do not exist")
        if (np.abs(far - row) <= pattern.near).any():
            raise ValueError(f"query block {row}: a near block is listed as far: {far}")
        missing = set(range(min(pattern.global_blocks, total))) - set(far) - set(near)
        if missing:
            raise ValueError(f"query block {row}: global blocks {sorted(missing)} are missing")
        if len(near) + len(far) > pattern.slots:
            raise ValueError(f"query block {row}: reads {len(near) + len(far)} blocks")
