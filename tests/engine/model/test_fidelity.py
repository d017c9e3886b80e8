"""Fidelity: sampled tokens that attend densely, against the specification and by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.evaluate.variants import dense_twin, local_only
from engine.model.dense_rows import DenseRows
from engine.model.encoder import Encoder
from engine.model.fidelity import ROWS, TOP, FidelityProbe, combine
from engine.model.layers import LayerState
from engine.model.workers import Workers
from engine.progress import CancelToken, run
from kernels.block_sparse.pattern import BlockPattern, join_lists
from kernels.block_sparse.reference import attend_block

PATTERN = BlockPattern(block=16)


def made(blocks: int, heads: int = 2, width: int = 32):
    generator = np.random.default_rng(blocks)
    shape = (blocks, heads, PATTERN.block, width)
    return [generator.standard_normal(shape).astype(np.float16) * np.float16(1.5) for _ in range(3)]


def attend(rows: DenseRows, query, keys, values, threads: int = 1):
    """Output and shares, the steps between run through."""
    steps = rows.attend(query, keys, values, Workers(threads))
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


@pytest.mark.parametrize("tokens", [16 * 3, 16 * 64, 16 * 150 + 5])
def test_rows_attend_to_every_key_as_the_specification_says(tokens):
    """Of the first, the last and some inner blocks; the longest takes several pieces of keys."""
    blocks = -(-tokens // 16)
    queries, keys, values = made(blocks)
    values[-1, :, tokens - 16 * (blocks - 1) :] = 1000.0
    chosen = sorted({0, 1, blocks // 2, max(blocks - 3, 0), blocks - 1})
    owner = np.repeat(chosen, 3)
    query = np.concatenate([queries[block][:, [0, 1, 4]] for block in chosen], axis=1)
    alone, shared = (
        attend(DenseRows(PATTERN, tokens, owner), query, keys, values, threads)
        for threads in (1, 3)
    )
    for block in chosen:
        expected, mass = attend_block(
            block, query[:, owner == block].astype(float), keys.astype(float),
            values.astype(float), np.arange(blocks), tokens, PATTERN,
        )  # fmt: skip
        single = attend_block(
            block, query[:, owner == block].astype(np.float32), keys.astype(np.float32),
            values.astype(np.float32), np.arange(blocks), tokens, PATTERN,
        )  # fmt: skip
        for got, numpy_got, exact, unit in zip(
            alone, single, (expected, mass), (1e-6, 2.5e-7), strict=True
        ):
            # Both compute in float32, in another order of summation.
            allowed = 4.0 * np.abs(numpy_got - exact).max() + unit
            assert np.abs(got[:, owner == block] - exact).max() <= allowed
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_finite_value_is_read_exactly():
    """One key has all the attention, so that its value comes out as it is."""
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    values = every[np.isfinite(every)].reshape(1, -1, 1, 64)
    zeros = np.zeros_like(values)
    rows = DenseRows(BlockPattern(block=1, near=0), 1, np.zeros(1, np.int64))
    output, _ = attend(rows, zeros[0], zeros, values)
    np.testing.assert_array_equal(output, values[0].astype(np.float32))


@pytest.mark.parametrize(("block", "tokens"), [(64, 64 * 40 + 3), (16, 16 * 20), (4, 31), (64, 5)])
def test_tokens_are_drawn_from_their_blocks_and_share_carriers(block, tokens):
    pattern = BlockPattern(block=block)
    count = -(-tokens // block)
    probes = [FidelityProbe.draw(pattern, tokens, 12, seed) for seed in (1, 1, 2)]
    for probe in probes:
        assert len(np.unique(probe.blocks)) == min(12, count)
        assert len(np.unique(probe.places)) == len(probe.places) == len(np.unique(probe.slots))
        assert probe.places.max() < tokens
        np.testing.assert_array_equal(probe.places % block, probe.slots % block)
        np.testing.assert_array_equal(probe.places // block, probe.rows.owner)
        for one in probe.blocks:
            real = min(block, tokens - one * block)
            assert (probe.rows.owner == one).sum() == min(ROWS, real)
        # Several sampled blocks in one carrier.
        assert probe.slots.max() // block + 1 == -(-len(probe.blocks) // max(1, block // ROWS))
    np.testing.assert_array_equal(probes[0].places, probes[1].places)
    if count > 12:
        assert probes[0].places.tolist() != probes[2].places.tolist()


def whole_blocks(encoder, ids, probe):
    """The same figures, each sampled block computed whole and in float64."""
    config, stack = encoder.pack.config, encoder._stack
    pattern, state = config.pattern, LayerState(config, len(ids))
    size, every = pattern.block, np.arange(state.blocks)
    list(stack.embed(state, ids))
    x = state.x.reshape(state.blocks, size, -1)[probe.blocks]
    recalls, difference, norm = [], 0.0, 0.0
    for layer in range(config.layers):
        list(stack.project(state, layer))
        pieces: list = []
        list(stack.select(state, pieces))
        lists = join_lists(pieces)
        kept = lists.slots(pattern.slots)
        sparse = np.empty((state.blocks, size, config.heads, config.head_width))
        keys, values = state.keys.astype(float), state.values.astype(float)
        for group, context, _ in stack.attend(state, layer, lists):
            sparse[group.queries] = context
        queries = stack.queries(layer, x.reshape(-1, config.width)).astype(float)
        contexts = np.empty((len(x), size, config.heads, config.head_width), np.float32)
        for place, block in enumerate(probe.blocks):
            output, mass = attend_block(
                int(block), queries[place], keys, values, every, len(ids), pattern
            )
            contexts[place] = output.transpose(1, 0, 2)
            rows = probe.places[probe.rows.owner == block] % size
            listed = kept[block][kept[block] >= 0]
            recalls.append(mass[:, rows][:, :, listed].sum(axis=2).mean(axis=1))
            difference += ((sparse[block, rows] - contexts[place, rows]) ** 2).sum()
            norm += (contexts[place, rows] ** 2).sum()
        flat = (x.reshape(-1, config.width), contexts.reshape(-1, config.width))
        x = stack.finish(layer, *flat).reshape(x.shape)
    list(stack.head(state, np.empty((len(state.x), config.token_width), np.float32)))
    dense = stack.last_states(x.reshape(-1, config.width)).reshape(x.shape)
    vectors = []
    for place, block in enumerate(probe.blocks):
        tokens = probe.places[probe.rows.owner == block]
        sums = np.stack([state.x[tokens].sum(axis=0), dense[place, tokens % size].sum(axis=0)])
        vectors.append(stack.passages(np.array([[0, len(tokens)]] * 2), sums))
    return np.concatenate(recalls), np.sqrt(difference / norm), np.stack(vectors)


def test_the_figures_of_a_pass_are_those_of_whole_blocks(tiny_encoder, long_text):
    steps = range(0, len(long_text) - 40, 40)
    spans = [(start, start + 40) for start in steps]
    encoding = run(
        tiny_encoder.encode(long_text, spans, [], cancel=CancelToken(), fidelity_sample=12, seed=4)
    )
    ids = tiny_encoder.tokenizer.tokenize(long_text).ids
    probe = FidelityProbe.draw(tiny_encoder.pack.config.pattern, len(ids), 12, 4)
    recalls, error, vectors = whole_blocks(tiny_encoder, ids, probe)
    found = encoding.fidelity
    assert found.sampled == 2 * 12
    assert found.recall_mean == pytest.approx(recalls.mean(), abs=1e-3)
    assert found.recall_p5 == pytest.approx(np.percentile(recalls, 5), abs=2e-3)
    assert found.output_error == pytest.approx(error, rel=0.01)
    # Of outputs of zero it would be 1.
    assert error < 0.8
    cosine = (vectors[:, 0] * vectors[:, 1]).sum(axis=1).mean()
    assert found.passage_cosine is not None and found.top10_overlap is not None
    assert cosine < 0.99
    assert 1 - found.passage_cosine == pytest.approx(1 - cosine, rel=0.03)
    passages = encoding.passage_vectors.astype(np.float32)
    tops = [np.argsort(-(passages @ pair.T), axis=0)[:TOP].T.tolist() for pair in vectors]
    shared = np.mean([len({*sparse} & {*dense}) for sparse, dense in tops]) / TOP
    assert shared < 1
    assert found.top10_overlap == pytest.approx(shared, abs=0.02)


def test_a_document_that_is_read_whole_has_full_fidelity(tiny_encoder):
    text = " ".join("abcdefghijklmnopqrstuvwxyz"[i * i % 26] for i in range(100))
    for passages, overlap in ((TOP, None), (TOP + 1, 1.0)):
        spans = [(8 * place, 8 * place + 8) for place in range(passages)]
        found = run(tiny_encoder.encode(text, spans, [], cancel=CancelToken())).fidelity
        assert found.density == 1.0
        assert found.recall_p5 == pytest.approx(1.0, abs=1e-5)
        assert found.output_error < 2e-3
        assert found.passage_cosine == pytest.approx(1.0, abs=1e-4)
        assert found.top10_overlap == overlap


def test_the_estimate_follows_the_difference_to_the_dense_twin(tiny_encoder, long_text):
    """On blocks as passages, from patterns that come near the twin to one that does not."""
    pattern = tiny_encoder.pack.config.pattern
    spans = tiny_encoder.tokenizer.tokenize(long_text).spans
    count = len(spans)
    blocks = [(first, min(first + 16, count) - 1) for first in range(0, count, 16)]
    passages = [(int(spans[first, 0]), int(spans[last, 1])) for first, last in blocks]

    def read(rule: BlockPattern, sample: int):
        config = replace(tiny_encoder.pack.config, pattern=rule)
        encoder = Encoder.load(replace(tiny_encoder.pack, config=config), threads=1)
        return run(
            encoder.encode(long_text, passages, [], cancel=CancelToken(), fidelity_sample=sample)
        )

    twin = read(dense_twin(pattern, len(blocks)).pattern, 0).passage_vectors.astype(float)
    estimates = []
    for rule in (
        replace(pattern, k_min=60, k_max=60), replace(pattern, k_min=20, k_max=20), pattern,
        local_only(pattern).pattern,
    ):  # fmt: skip
        made = read(rule, len(blocks))
        lost = 1 - (made.passage_vectors.astype(float) * twin).sum(axis=1).mean()
        assert made.fidelity.passage_cosine is not None
        estimates.append(1 - made.fidelity.passage_cosine)
        assert 0.65 < estimates[-1] / lost < 1.1
    assert estimates == sorted(estimates)
    assert estimates[-1] > 5 * estimates[0]


def probe_of(vectors, recalls, difference, norm):
    return SimpleNamespace(
        vectors=np.array(vectors, np.float32), recalls=recalls, difference=difference, norm=norm
    )


def test_figures_of_windows_are_joined():
    """Twelve passages on the axes; the last has no tokens."""
    passages = np.eye(12, dtype=np.float16)
    passages[11] = 0
    weights = np.arange(12, 0, -1.0)
    sparse = weights / np.linalg.norm(weights)  # passages 0 to 9 are nearest
    other = weights.copy()
    other[[9, 10]] = other[[10, 9]]  # 10 instead of 9
    dense = other / np.linalg.norm(other)
    windows = [
        probe_of([[sparse, sparse]], [np.array([1.0, 0.9])], 1.0, 10.0),
        probe_of([[sparse, dense]], [np.array([0.5, 0.6])], 3.0, 6.0),
    ]
    found = combine(windows, 0.25, passages)  # pyright: ignore[reportArgumentType]
    assert found.recall_mean == pytest.approx(0.75)
    assert found.recall_p5 == pytest.approx(0.515)
    assert found.output_error == pytest.approx(0.5)
    assert (found.sampled, found.density) == (2, 0.25)
    # 650 is the sum of squares of 1 to 12; two neighbours that change places lose 1.
    assert found.passage_cosine == pytest.approx((1 + 649 / 650) / 2, abs=1e-6)
    assert found.top10_overlap == pytest.approx(0.95)
    passages[10] = 0
    found = combine(windows, 0.25, passages)  # pyright: ignore[reportArgumentType]
    assert found.top10_overlap is None


def test_without_a_sample_the_vectors_are_not_judged(tiny_encoder, long_text):
    found = run(
        tiny_encoder.encode(long_text, [], [], cancel=CancelToken(), fidelity_sample=0)
    ).fidelity
    assert (found.sampled, found.passage_cosine, found.top10_overlap) == (0, None, None)
