"""The ONNX graphs against the specification."""

import logging

import numpy as np
import onnxruntime
import pytest

from kernels.block_sparse import (
    BlockPattern,
    Group,
    ImplementationUnavailableError,
    block_sparse_attention,
    group_blocks,
    onnx_runner,
    reference,
    select_blocks,
)
from kernels.block_sparse import api as block_api
from kernels.block_sparse.onnx_graph import attention_model
from kernels.block_sparse.onnx_runner import OnnxAttention
from kernels.block_sparse.reference import (
    attend_block,
    block_means,
    rotate,
    rotate_far_keys,
    rotate_queries,
    to_blocks,
)

HEADS, WIDTH = 2, 32
PATTERN = BlockPattern(k_min=2, k_max=4)
# Roundings of float32 in outputs, which come near 8, and in masses, which come near 1.
OUTPUT_UNIT, MASS_UNIT = 1e-6, 2.5e-7


def random_inputs(tokens: int, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [
        generator.standard_normal((tokens, HEADS, WIDTH)).astype(np.float32) * 1.5 for _ in range(3)
    ]


@pytest.fixture(scope="module")
def half_runner() -> OnnxAttention:
    """The graphs as a pack has them: float16 storage."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [
        onnxruntime.InferenceSession(
            attention_model(PATTERN, HEADS, WIDTH, tail=tail).SerializeToString(), options
        )
        for tail in (False, True)
    ]
    return OnnxAttention(sessions[0], sessions[1], PATTERN)


def check_close(got: np.ndarray, single: np.ndarray, exact: np.ndarray, unit: float) -> None:
    """Is ``got`` as close to float64 as NumPy is in float32?

    Both round every product to float32; four times the NumPy error leaves room for another order
    of summation, ``unit`` for what NumPy happens to get exactly right.
    """
    assert np.abs(got - exact).max() <= 4.0 * np.abs(single - exact).max() + unit


@pytest.mark.parametrize("tokens", [1, 63, 64, 65, 129, 700, 4097])
def test_onnx_is_as_close_to_float64_as_float32_numpy(tokens):
    q, k, v = random_inputs(tokens, seed=tokens)
    exact = [x.astype(np.float64) for x in (q, k, v)]
    yardstick = block_sparse_attention(exact[0], exact[1], exact[2], impl="reference")
    single = block_sparse_attention(q, k, v, impl="reference")
    result = block_sparse_attention(q, k, v, impl="onnx")
    np.testing.assert_array_equal(result.kept, yardstick.kept)
    check_close(result.output, single.output, yardstick.output, OUTPUT_UNIT)
    check_close(result.mass, single.mass, yardstick.mass, MASS_UNIT)
    sums = [one.mass.sum(axis=1) for one in (result, single, yardstick)]
    check_close(sums[0], sums[1], sums[2], MASS_UNIT)
    assert np.abs(yardstick.output).max() > 0.1


def blocks_in_half(tokens: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    q, k, v = (to_blocks(x, PATTERN.block) for x in random_inputs(tokens, seed))
    q, k = rotate_queries(q, PATTERN), rotate_far_keys(k, PATTERN)
    q, k, v = (np.ascontiguousarray(x.astype(np.float16)) for x in (q, k, v))
    return q, k, v


def lists_of(q: np.ndarray, k: np.ndarray, tokens: int):
    means = [block_means(x.astype(np.float64), tokens) for x in (q, k)]
    return select_blocks(PATTERN, means[0], means[1])


def check_groups(
    runner: OnnxAttention, groups: list[Group], stored: list[np.ndarray], tokens: int
) -> None:
    """Groups against the specification on the numbers stored, in float64 and in float32."""
    pairs: list[list[np.ndarray]] = [[] for _ in range(6)]
    for group in groups:
        context, mass = runner.attend(group, stored[0], stored[1], stored[2], tokens)
        context = context.reshape(-1, PATTERN.block, HEADS, WIDTH)
        for row, query in enumerate(group.queries):
            listed = np.concatenate([group.near[row], group.far[row]])
            real = min(PATTERN.block, tokens - query * PATTERN.block)
            found = [context[row, :real].transpose(1, 0, 2), mass[row]]
            for dtype in (np.float32, np.float64):
                q, k, v = (x.astype(dtype) for x in stored)
                output, share = attend_block(
                    query, q[query, :, :real], k, v, listed, tokens, PATTERN
                )
                found += [output, share.mean(axis=(0, 1))]
            for pair, part in zip(pairs, found, strict=True):
                pair.append(part.reshape(-1))
    got, got_mass, single, single_mass, exact, exact_mass = map(np.concatenate, pairs)
    check_close(got, single, exact, OUTPUT_UNIT)
    check_close(got_mass, single_mass, exact_mass, MASS_UNIT)


@pytest.mark.parametrize("tokens", [1, 65, 700, 4097])
def test_half_storage_agrees_with_the_specification_on_the_same_numbers(half_runner, tokens):
    q, k, v = blocks_in_half(tokens)
    lists = lists_of(q, k, tokens)
    check_groups(half_runner, group_blocks(lists), [q, k, v], tokens)


def test_a_graph_serves_a_pattern_that_reads_more(half_runner):
    """The dense twin of a pack runs on the pack's own graphs."""
    tokens = 64 * 30 + 5
    q, k, v = blocks_in_half(tokens)
    means = [block_means(x.astype(np.float64), tokens) for x in (q, k)]
    groups = group_blocks(select_blocks(BlockPattern(k_max=31), means[0], means[1]), 30)
    assert {group.near.shape[1] + group.far.shape[1] for group in groups} == {31}
    check_groups(half_runner, groups, [q, k, v], tokens)


@pytest.mark.parametrize("tokens", [1, 65, 700])
def test_padding_does_not_leak(half_runner, tokens):
    q, k, v = blocks_in_half(tokens)
    lists = lists_of(q, k, tokens)
    groups = group_blocks(lists)

    def outputs() -> list[np.ndarray]:
        result = []
        for group in groups:
            context, mass = half_runner.attend(group, q, k, v, tokens)
            context = context.reshape(-1, PATTERN.block, HEADS, WIDTH)
            for row, query in enumerate(group.queries):
                real = min(PATTERN.block, tokens - query * PATTERN.block)
                result += [context[row, :real], mass[row]]
        return result

    clean = outputs()
    assert min(np.abs(part).max() for part in clean) > 0.1
    real = tokens % PATTERN.block
    q[-1, :, real:] = 6e4
    k[-1, :, real:] = 6e4
    v[-1, :, real:] = np.nan
    for before, after in zip(clean, outputs(), strict=True):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("impl", ["reference", "onnx"])
def test_only_listed_blocks_are_read(impl):
    q, k, v = random_inputs(64 * 24)
    before = block_sparse_attention(q, k, v, PATTERN, impl=impl)
    changed = 17
    unread = [b for b in range(24) if changed not in before.kept[b]]
    readers = [b for b in range(24) if changed in before.kept[b]]
    assert len(unread) >= 8
    v = v.copy()
    v[changed * 64 : changed * 64 + 64] += 100.0
    after = block_sparse_attention(q, k, v, PATTERN, impl=impl).output.reshape(24, 64, HEADS, WIDTH)
    first = before.output.reshape(24, 64, HEADS, WIDTH)
    np.testing.assert_array_equal(after[unread], first[unread])
    for block in readers:
        assert np.abs(after[block] - first[block]).max() > 1e-3


@pytest.mark.parametrize("impl", ["reference", "onnx"])
def test_a_far_block_that_matters_is_read(impl):
    tokens, asking, answering = 64 * 30, 25, 7
    q, k, v = (x * 0.1 for x in random_inputs(tokens))
    wish = np.random.default_rng(9).standard_normal((HEADS, WIDTH)).astype(np.float32)
    offsets = np.arange(64)[:, None]
    q[asking * 64 : asking * 64 + 64] = rotate(np.tile(wish, (64, 1, 1)), -offsets, 10000.0)
    k[answering * 64 : answering * 64 + 64] = rotate(
        np.tile(wish, (64, 1, 1)), 128 - offsets, 10000.0
    )
    v[answering * 64 : answering * 64 + 64] = 5.0
    result = block_sparse_attention(q, k, v, PATTERN, impl=impl)
    slot = result.kept[asking].tolist().index(answering)
    assert result.mass[asking, slot] > 0.9
    assert (result.output[asking * 64 : asking * 64 + 64] > 4.0).all()


def test_work_grows_with_the_listed_blocks_only(monkeypatch):
    q, k, v = random_inputs(64 * 100)
    key_blocks, given = 0, np.zeros((100, 64, HEADS, WIDTH), np.float32)
    run_into = onnx_runner.run_into

    def counted(session, feeds, outputs) -> None:
        nonlocal key_blocks
        run_into(session, feeds, outputs)
        key_blocks += len(feeds["key_rows"])
        given[feeds["query_rows"] // HEADS] += outputs["context"].reshape(-1, 64, HEADS, WIDTH)

    monkeypatch.setattr(onnx_runner, "run_into", counted)
    result = block_sparse_attention(q, k, v, PATTERN, impl="onnx")
    kept = result.kept
    assert kept.shape == (100, 8)
    assert ((kept >= 0).sum(axis=1) <= 8).all()
    assert key_blocks == (kept >= 0).sum()
    np.testing.assert_array_equal(result.output.reshape(given.shape), given)
    assert (np.abs(given).max(axis=(1, 2, 3)) > 0.1).all()


@pytest.mark.parametrize("tail", [False, True])
def test_the_graph_gathers_blocks_before_it_computes(tail):
    graph = attention_model(PATTERN, HEADS, WIDTH, tail=tail).graph
    for stored in ("queries", "keys", "values"):
        readers = [node.op_type for node in graph.node if stored in node.input]
        assert readers == ["Gather"] * HEADS


@pytest.mark.parametrize("impl", ["reference", "onnx"])
def test_blocks_that_are_not_listed_may_hold_anything(impl, monkeypatch):
    """NaN survives a weight of 0, so reading all blocks and masking afterwards would show."""
    inputs = random_inputs(64 * 24 - 9)
    clean = block_sparse_attention(*inputs, pattern=PATTERN, impl=impl)
    for module in (block_api, reference):
        # The choice reads the means of all keys.
        monkeypatch.setattr(module, "select_blocks", lambda *_: clean.lists)
    for block in range(0, 24, 3):
        q, k, v = (x.copy() for x in inputs)
        for unread in np.setdiff1d(np.arange(24), clean.kept[block]):
            k[unread * 64 : unread * 64 + 64] = np.nan
            v[unread * 64 : unread * 64 + 64] = np.nan
        poisoned = block_sparse_attention(q, k, v, PATTERN, impl=impl)
        rows = slice(block * 64, block * 64 + 64)
        np.testing.assert_array_equal(poisoned.output[rows], clean.output[rows])
        np.testing.assert_array_equal(poisoned.mass[block], clean.mass[block])
    assert np.abs(clean.output).max() > 0.1


@pytest.mark.parametrize("tokens", [65, 700])
def test_all_memory_that_is_given_is_written(tokens, poison_empty):
    q, k, v = random_inputs(tokens)
    clean = block_sparse_attention(q, k, v, PATTERN, impl="onnx")
    poison_empty()
    again = block_sparse_attention(q, k, v, PATTERN, impl="onnx")
    np.testing.assert_array_equal(again.output, clean.output)
    np.testing.assert_array_equal(again.mass, clean.mass)
    assert np.isfinite(clean.output).all()


def test_a_named_implementation_runs_or_raises(monkeypatch, caplog):
    q, k, v = (x.astype(np.float64) for x in random_inputs(70))
    with pytest.raises(ImplementationUnavailableError, match="float32"):
        block_sparse_attention(q, k, v, impl="onnx")
    with pytest.raises(ImplementationUnavailableError, match="fast"):
        block_sparse_attention(q, k, v, impl="fast")  # type: ignore[arg-type]
    block_api._log_fallback.cache_clear()
    with caplog.at_level(logging.INFO):
        automatic = block_sparse_attention(q, k, v)
        block_sparse_attention(q, k, v)
    assert [record.name for record in caplog.records] == ["kernels.block_sparse.api"]
    exact = block_sparse_attention(q, k, v, impl="reference")
    np.testing.assert_array_equal(automatic.output, exact.output)
