"""Other ways in which a pack's attention could read a document.

A variant keeps the weights of a pack and changes which key blocks its query blocks read. Variants
with blocks of another size, or with a selection of its own for each head, need graphs that the
pack does not hold: making those takes the package ``onnx`` (extra ``train``), running does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np

from engine.evaluate.per_head import PerHeadEncoder
from engine.model.encoder import Encoder
from engine.model.layers import LayerStack, LayerState
from engine.model.pack import Pack, PackConfig, part_names
from engine.model.runtime import open_sessions
from engine.model.workers import Workers
from kernels.block_sparse.pattern import UNUSED, BlockLists, BlockPattern

NEIGHBOURS, GLOBAL, SELECTED = "neighbours", "global", "selected"
PARTS = (NEIGHBOURS, GLOBAL, SELECTED)

# What a variant varies.
DENSE, READ, BUDGET, MASS = "dense twin", "what is read", "budget", "mass target"
BLOCK, SELECTION, LAYER = "size of blocks", "selection", "one part less"
BUDGETS = (2, 4, 8, 16)
# Shares of the pooled probability at which selection stops, between 1 and 16 blocks. That
# probability is spread thinly: over 32,768 tokens the best 16 of 512 blocks hold some 0.04 of it.
MASSES = (0.01, 0.02)
BLOCKS = (32, 128)


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of reading.

    Attributes:
        kind: What it varies, which groups the table.
        name: What it is called within its kind.
        pattern: The attention rule.
        by_head: Whether attention runs one head at a time.
        apart: Whether each head then selects blocks of its own.
        without: One of ``PARTS``, never read; empty for none.
        layer: The only layer that does without; None for all.
    """

    kind: str
    name: str
    pattern: BlockPattern
    by_head: bool = False
    apart: bool = False
    without: str = ""
    layer: int | None = None


def dense_twin(pattern: BlockPattern, blocks: int) -> Variant:
    """Every block of a document of at most ``blocks`` blocks is read."""
    return Variant(DENSE, "all blocks", replace(pattern, k_max=max(blocks, pattern.k_max)))


def shipped(pattern: BlockPattern) -> Variant:
    """The pack's own pattern."""
    return Variant(READ, "local + global + selected", pattern)


def local_and_global(pattern: BlockPattern) -> Variant:
    """Nothing is selected by content."""
    return Variant(READ, "local + global", replace(pattern, k_min=0, k_max=0))


def local_only(pattern: BlockPattern) -> Variant:
    """A query block reads itself and its neighbours."""
    bare = replace(pattern, k_min=0, k_max=0, global_blocks=0)
    return Variant(READ, "local", bare)


def with_blocks(pattern: BlockPattern, block: int) -> BlockPattern:
    """A pattern that reads about the same tokens in blocks of another size.

    Far keys keep the distance at which they are seen where the size allows it, for that is what
    the weights were trained with: ``near`` is such that ``(near + 1) * block`` comes closest to it
    from above.
    """

    def scaled(count: int) -> int:
        return -(-count * pattern.block // block)

    return replace(
        pattern,
        block=block,
        near=max(min(1, pattern.near), scaled(pattern.near + 1) - 1),
        global_blocks=scaled(pattern.global_blocks),
        k_min=scaled(pattern.k_min),
        k_max=scaled(pattern.k_max),
    )


def pattern_variants(pattern: BlockPattern, blocks: Sequence[int] = BLOCKS) -> list[Variant]:
    """Everything but the dense twin and the single layers; the pack's own pattern is the third.

    Args:
        pattern: That of the pack.
        blocks: Other sizes of blocks, in tokens.
    """
    made = [local_only(pattern), local_and_global(pattern), shipped(pattern)]
    for most in BUDGETS:
        budget = replace(pattern, k_min=min(pattern.k_min, most), k_max=most)
        if budget != pattern:
            made.append(Variant(BUDGET, f"{budget.k_min} to {most} selected", budget))
    for mass in MASSES:
        wanted = replace(pattern, k_min=1, k_max=max(BUDGETS), mass=mass)
        made.append(Variant(MASS, f"{mass:g}, 1 to {wanted.k_max} selected", wanted))
    for size in blocks:
        made.append(Variant(BLOCK, f"{size} tokens", with_blocks(pattern, size)))
    made.append(Variant(SELECTION, "shared, head by head", pattern, by_head=True))
    made.append(Variant(SELECTION, "per head, head by head", pattern, by_head=True, apart=True))
    return made


def layer_variants(config: PackConfig) -> Iterator[Variant]:
    """Each part taken from all layers and from each; selected blocks from all are known already."""
    for part in PARTS:
        for layer in (None, *range(config.layers)):
            if (part, layer) != (SELECTED, None):
                where = "all layers" if layer is None else f"layer {layer}"
                name = f"no {part}, {where}"
                yield Variant(LAYER, name, config.pattern, without=part, layer=layer)


def needs_graphs(variant: Variant, pack: Pack) -> bool:
    """Whether the variant runs on graphs that the pack does not hold."""
    return variant.by_head or variant.pattern.block != pack.config.pattern.block


def can_make_graphs() -> bool:
    """Whether the package that makes graphs is installed."""
    return find_spec("onnx") is not None


def variant_pack(pack: Pack, variant: Variant) -> Pack:
    """The pack with the pattern and, where it needs others, the graphs of a variant.

    Raises:
        ImportError: The variant needs graphs and the package ``onnx`` is not installed.
    """
    config = replace(pack.config, pattern=variant.pattern)
    if not needs_graphs(variant, pack):
        return replace(pack, config=config)
    from engine.evaluate.variant_graphs import attention_parts, reblocked_projections

    heads = 1 if variant.by_head else config.heads
    parts = attention_parts(variant.pattern, heads, config.head_width)
    if variant.pattern.block != pack.config.pattern.block:
        parts |= reblocked_projections(pack, variant.pattern)
    return replace(pack, config=config, contents={**pack.contents, **parts})


def open_variant(pack: Pack, variant: Variant, threads: int | None = None) -> Encoder:
    """Open what :func:`variant_pack` made, ready to read as the variant says.

    Raises:
        PackError: ``pack_broken``.
    """
    if variant.by_head:
        return PerHeadEncoder.load(pack, threads, apart=variant.apart)
    opened = Encoder.load(pack, threads)
    if not variant.without:
        return opened
    parts = {name: pack.contents[name] for name in part_names(pack.config.layers)}
    stack = _LackingStack(pack.config, open_sessions(parts), Workers(opened.threads), variant)
    return Encoder(pack, opened.tokenizer, stack, opened.threads)


def without(lists: BlockLists, part: str, first: int, pattern: BlockPattern) -> BlockLists:
    """Lists of query blocks ``first`` and following that lack a part; a block reads itself."""
    near, far = lists.near, lists.far
    if part == NEIGHBOURS:
        own = np.arange(first, first + len(near), dtype=near.dtype)[:, None]
        near = np.where(near == own, near, UNUSED)
    else:
        leading = far < pattern.global_blocks
        far = np.where(leading if part == GLOBAL else ~leading, UNUSED, far)
    return BlockLists(near, far, lists.probability)


class _LackingStack(LayerStack):
    """A stack that takes a part away from one layer or from all."""

    def __init__(
        self, config: PackConfig, sessions: dict, workers: Workers, variant: Variant
    ) -> None:
        super().__init__(config, sessions, workers)
        self._part, self._lacking = variant.without, variant.layer
        self._layer = 0

    def project(self, state: LayerState, layer: int) -> Iterator[int]:
        """Remember the layer whose blocks are selected next."""
        self._layer = layer
        return super().project(state, layer)

    def select(self, state: LayerState, pieces: list[BlockLists]) -> Iterator[int]:
        """Choose as ever, then take the part away."""
        first = 0
        for count in super().select(state, pieces):
            if self._lacking is None or self._lacking == self._layer:
                pieces[-1] = without(pieces[-1], self._part, first, self.config.pattern)
            first += count
            yield count
