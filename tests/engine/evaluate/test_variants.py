"""Other ways of reading, each held against what it must compute."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.evaluate import variants
from engine.evaluate.per_head import PerHeadStack, sample_rows
from engine.evaluate.variant_graphs import reblocked_projections
from engine.evaluate.variants import Variant
from engine.model.encoder import Encoder
from engine.model.layers import LayerState
from engine.model.pack import Pack, part_names
from engine.model.runtime import open_sessions
from engine.model.workers import Workers
from engine.progress import CancelToken, run
from engine.records import Encoding, Fidelity
from engine.training.export import export_pack
from kernels.block_sparse.pattern import BlockLists, BlockPattern, join_lists, select_blocks
from kernels.block_sparse.reference import attend_block

PASSAGES = [(0, 200), (200, 900), (900, 2400)]


def read(pack: Pack, variant: Variant, text: str, sample: int = 0) -> Encoding:
    opened = variants.open_variant(variants.variant_pack(pack, variant), variant, 1)
    job = opened.encode(text, PASSAGES, (), cancel=CancelToken(), fidelity_sample=sample)
    return run(job)


def test_a_pattern_for_other_blocks_sees_far_keys_where_it_did():
    pattern = BlockPattern(block=64, near=1, global_blocks=1, k_min=2, k_max=4)
    small, large = (variants.with_blocks(pattern, size) for size in (32, 128))
    assert (small.block, small.near, small.global_blocks, small.k_min, small.k_max) == (
        32, 3, 2, 4, 8,
    )  # fmt: skip
    assert small.far_offset == pattern.far_offset == 128
    # One neighbour stays, so that far keys stand further away.
    assert (large.block, large.near, large.global_blocks, large.k_min, large.k_max) == (
        128, 1, 1, 1, 2,
    )  # fmt: skip
    assert variants.with_blocks(pattern, 64) == pattern


def test_patterns_vary_one_thing_each():
    pattern = BlockPattern(k_min=2, k_max=4)
    made = variants.pattern_variants(pattern)
    assert made[2].pattern == pattern
    assert {one.kind for one in made} == {
        variants.READ, variants.BUDGET, variants.MASS, variants.BLOCK, variants.SELECTION,
    }  # fmt: skip
    # The pack's own budget is not measured twice.
    assert [one.pattern.k_max for one in made if one.kind == variants.BUDGET] == [2, 8, 16]
    assert made[0].pattern.slots == 3 and made[1].pattern.slots == 4
    assert len(set(made)) == len(made)
    for one in made:
        one.pattern.validate()


def test_blocks_of_another_size_compute_what_an_export_at_that_size_does(
    tiny_checkpoint: Path, tiny_pack: Pack, long_text: str, tmp_path: Path
):
    pattern = variants.with_blocks(tiny_pack.config.pattern, 8)
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (checkpoint / name).write_bytes((tiny_checkpoint / name).read_bytes())
    settings = json.loads((tiny_checkpoint / "config.json").read_text("utf-8"))
    settings |= {
        name: getattr(pattern, name)
        for name in ("block", "near", "global_blocks", "k_min", "k_max")
    }
    (checkpoint / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    exported = Encoder.load(export_pack(checkpoint, tmp_path / "pack", revision="1"), threads=1)
    job = exported.encode(long_text, PASSAGES, (), cancel=CancelToken(), fidelity_sample=8)
    wanted = run(job)
    made = read(tiny_pack, Variant(variants.BLOCK, "8", pattern), long_text, 8)
    assert made.block == 8 and made.kept_blocks.shape == wanted.kept_blocks.shape
    np.testing.assert_array_equal(made.kept_blocks, wanted.kept_blocks)
    np.testing.assert_array_equal(made.token_vectors, wanted.token_vectors)
    np.testing.assert_array_equal(made.passage_vectors, wanted.passage_vectors)
    assert made.fidelity == wanted.fidelity


def test_a_part_that_is_built_otherwise_is_refused(tiny_pack: Pack):
    pattern = variants.with_blocks(tiny_pack.config.pattern, 8)
    other = replace(tiny_pack.config.pattern, rotary_base=5000.0)
    pack = replace(tiny_pack, config=replace(tiny_pack.config, pattern=other))
    with pytest.raises(ValueError, match=r"layer_00_project\.onnx holds no"):
        reblocked_projections(pack, pattern)


def test_heads_that_read_everything_agree_with_the_shared_pass(tiny_pack: Pack, long_text: str):
    dense = variants.dense_twin(tiny_pack.config.pattern, 400)
    shared = read(tiny_pack, dense, long_text)
    apart = read(tiny_pack, replace(dense, by_head=True, apart=True), long_text, 4)
    cosines = (shared.passage_vectors.astype(float) * apart.passage_vectors).sum(1)
    assert cosines.min() > 0.9995
    assert apart.fidelity.recall_p5 == pytest.approx(1.0, abs=1e-5)
    assert apart.fidelity.output_error < 2e-3
    assert apart.fidelity.density == 1.0


def test_shared_selection_head_by_head_is_the_usual_pass(tiny_pack: Pack, long_text: str):
    own = variants.shipped(tiny_pack.config.pattern)
    usual = read(tiny_pack, own, long_text, 400)
    made = read(tiny_pack, replace(own, by_head=True), long_text, 400)
    np.testing.assert_array_equal(made.kept_blocks[0], usual.kept_blocks[0])
    cosines = (usual.passage_vectors.astype(float) * made.passage_vectors).sum(1)
    assert cosines.min() > 0.9995
    assert made.fidelity.density == pytest.approx(usual.fidelity.density, rel=1e-3)
    assert made.fidelity.recall_mean == pytest.approx(usual.fidelity.recall_mean, abs=0.005)
    assert made.fidelity.output_error == pytest.approx(usual.fidelity.output_error, rel=0.05)


def test_each_head_attends_to_the_blocks_of_its_own_choice(tiny_pack: Pack):
    variant = Variant(variants.SELECTION, "", tiny_pack.config.pattern, by_head=True, apart=True)
    pack = variants.variant_pack(tiny_pack, variant)
    config, pattern = pack.config, pack.config.pattern
    parts = {name: pack.contents[name] for name in part_names(config.layers)}
    stack = PerHeadStack(config, open_sessions(parts), Workers(1), apart=True)
    tokens = 40 * pattern.block - 5
    state = LayerState(config, tokens)
    ids = np.random.default_rng(3).integers(2, 60, tokens)
    list(stack.embed(state, ids))
    stack.watch(state.blocks, 11)
    list(stack.project(state, 0))
    pieces: list[BlockLists] = []
    list(stack.select(state, pieces))
    queries, keys, values = (
        part.astype(np.float64) for part in (state.queries, state.keys, state.values)
    )
    query_means, key_means = state.query_means.copy(), state.key_means.copy()
    context = np.zeros((state.blocks, pattern.block, config.heads, config.head_width))
    for group, mixed, _ in stack.attend(state, 0, join_lists(pieces)):
        context[group.queries] = mixed
    sampled = dict(sample_rows(pattern, tokens, state.blocks, 11))
    assert list(sampled) == list(range(state.blocks))
    chosen, recalls = [], []
    for head in range(config.heads):
        one = slice(head, head + 1)
        kept = select_blocks(pattern, query_means[:, one], key_means[:, one]).slots(pattern.slots)
        chosen.append(kept)
        for block in range(state.blocks):
            listed = kept[block][kept[block] >= 0]
            real = min(pattern.block, tokens - block * pattern.block)
            query = queries[block, one, :real]
            around = (keys[:, one], values[:, one])
            wanted, _ = attend_block(block, query, *around, listed, tokens, pattern)
            np.testing.assert_allclose(context[block, :real, head], wanted[0], atol=2e-3)
            rows = query[:, sampled[block]]
            every = np.arange(state.blocks)
            _, mass = attend_block(block, rows, *around, every, tokens, pattern)
            recalls.append(mass[0][:, listed].sum(1).mean())
    assert (chosen[0] != chosen[1]).any()
    found = stack.fidelity()
    assert found.sampled == config.heads * state.blocks
    assert found.recall_mean == pytest.approx(np.mean(recalls), abs=1e-4)
    assert found.recall_p5 == pytest.approx(np.percentile(recalls, 5), abs=1e-4)
    assert 0.2 < found.recall_mean < 0.95
    assert found.density == pytest.approx(np.mean(np.array(chosen) >= 0) * pattern.slots / 40)
    # Nothing is left of an earlier pass.
    stack.watch(0, 0)
    assert stack.fidelity() == Fidelity(1.0, 1.0, 0.0, 0, 1.0)


def test_lists_lack_the_part_and_nothing_else():
    pattern = BlockPattern(block=16, near=1, global_blocks=1)
    near = np.array([[4, 5, 6], [5, 6, -1]], np.int32)
    far = np.array([[0, 9, 2], [0, 3, -1]], np.int32)
    lists = BlockLists(near, far, np.zeros((2, 3)))
    bare = variants.without(lists, variants.NEIGHBOURS, 5, pattern)
    assert bare.near.tolist() == [[-1, 5, -1], [-1, 6, -1]]
    assert bare.far.tolist() == far.tolist()
    assert variants.without(lists, variants.GLOBAL, 5, pattern).far.tolist() == [
        [-1, 9, 2],
        [-1, 3, -1],
    ]
    left = variants.without(lists, variants.SELECTED, 5, pattern)
    assert left.far.tolist() == [[0, -1, -1], [0, -1, -1]]
    assert left.near.tolist() == near.tolist()


@pytest.mark.parametrize("part", variants.PARTS)
def test_a_part_is_taken_from_its_layer_alone(tiny_pack: Pack, long_text: str, part: str):
    pattern = tiny_pack.config.pattern
    usual = read(tiny_pack, variants.shipped(pattern), long_text)
    one = Variant(variants.LAYER, "", pattern, without=part, layer=1)
    made = read(tiny_pack, one, long_text)
    np.testing.assert_array_equal(made.kept_blocks[0], usual.kept_blocks[0])
    blocks = np.arange(made.kept_blocks.shape[1])[:, None]
    for layer, expected in ((0, True), (1, False)):
        kept = made.kept_blocks[layer]
        distance = np.abs(kept - blocks)
        held = {
            variants.NEIGHBOURS: (distance == 1),
            variants.GLOBAL: (kept == 0) & (distance > 1),
            variants.SELECTED: (kept > 0) & (distance > 1),
        }
        assert {name: bool(rows[kept >= 0].any()) for name, rows in held.items()} == {
            name: expected or name != part for name in variants.PARTS
        }
        assert (kept == blocks).any(1).all()
    both = read(tiny_pack, replace(one, layer=None), long_text)
    assert (both.kept_blocks[0] >= 0).sum() < (made.kept_blocks[0] >= 0).sum()
    assert np.abs(made.passage_vectors.astype(float) - usual.passage_vectors).max() > 1e-3


def test_layers_lose_each_part_once(tiny_pack: Pack):
    made = [(one.without, one.layer) for one in variants.layer_variants(tiny_pack.config)]
    assert made == [
        ("neighbours", None), ("neighbours", 0), ("neighbours", 1),
        ("global", None), ("global", 0), ("global", 1),
        ("selected", 0), ("selected", 1),
    ]  # fmt: skip
