"""Query-to-document attention in Triton: on a GPU where there is one, else interpreted."""

import importlib.util
import os
from typing import Any

import numpy as np
import pytest

from kernels.cross import attend, score_segments

if importlib.util.find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)
torch: Any = pytest.importorskip("torch")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    # Triton decides when it is imported whether to interpret kernels.
    os.environ["TRITON_INTERPRET"] = "1"

pytestmark = pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def case(tokens: int, queries: int = 7, width: int = 24, block: int = 64) -> dict[str, Any]:
    generator = np.random.default_rng(tokens)
    vectors = np.rint(unit(generator.standard_normal((tokens, width))) * 127).astype(np.int8)
    starts = range(0, tokens, block)
    means = [vectors[s : s + block].mean(axis=0) / 127 for s in starts]
    return {
        "query": unit(generator.standard_normal((queries, width))).astype(np.float32),
        "tokens": vectors,
        "summaries": np.array(means, np.float16),
        "query_weights": generator.random(queries).astype(np.float32),
    }


def exact(inputs: dict[str, Any]) -> dict[str, Any]:
    wide = {name: inputs[name].astype(np.float64) for name in ("query", "query_weights")}
    return inputs | wide


def check_close(got: np.ndarray, single: np.ndarray, exact: np.ndarray) -> None:
    """Is ``got`` as close to float64 as three tf32 products come?

    These keep 22 bits of a query's numbers, which is 2.4e-7 of a cosine, beside what float32 NumPy
    loses, which another order of summation may double.
    """
    np.testing.assert_array_equal(np.isnan(got), np.isnan(exact))
    allowed = 2.0 * np.nanmax(np.abs(single - exact)) + 4e-7
    assert np.nanmax(np.abs(got - exact)) <= allowed


@pytest.mark.parametrize(("tokens", "queries"), [(1, 1), (700, 7), (300, 70)])
def test_triton_scores_segments_as_the_specification_does(tokens, queries):
    inputs = case(tokens, queries)
    inputs.pop("summaries")
    third = tokens // 3
    segments = np.array([[0, tokens], [third, 2 * third + 1], [tokens, tokens], [0, 1]])
    expected = score_segments(segments=segments, **exact(inputs), impl="reference")
    single = score_segments(segments=segments, **inputs, impl="reference")
    result = score_segments(segments=segments, **inputs, impl="triton")
    check_close(result.similarities, single.similarities, expected.similarities)
    check_close(result.scores, single.scores, expected.scores)
    np.testing.assert_array_equal(result.tokens, expected.tokens)
    assert np.isnan(result.scores[2])
    assert np.nanmax(np.abs(expected.similarities)) > 0.1


@pytest.mark.parametrize(
    ("tokens", "budget", "block", "queries"),
    [(1, 4, 64, 3), (700, 3, 64, 7), (700, 50, 64, 7), (500, 2, 200, 70)],
)
def test_triton_attends_as_the_specification_does(tokens, budget, block, queries):
    inputs = case(tokens, queries, block=block)
    segments = np.array([[0, tokens], [tokens // 2, tokens // 2 + 1], [tokens, tokens]])
    options: dict[str, Any] = {"segments": segments, "budget": budget, "block": block}
    expected = attend(**exact(inputs), **options, temperature=0.1, impl="reference")
    single = attend(**inputs, **options, temperature=0.1, impl="reference")
    result = attend(**inputs, **options, temperature=0.1, impl="triton")
    np.testing.assert_array_equal(result.blocks, expected.blocks)
    check_close(result.block_scores, single.block_scores, expected.block_scores)
    np.testing.assert_array_equal(result.tokens, expected.tokens)
    assert result.dropped == expected.dropped
    # A logit is ten cosines, and its error that of a weight's ratio.
    allowed = 4.0 * np.abs(single.weights / expected.weights - 1.0).max() + 4e-6
    assert np.abs(result.weights / expected.weights - 1.0).max() <= allowed
    check_close(result.segment_scores, single.segment_scores, expected.segment_scores)
    assert result.weights.sum() == pytest.approx(1.0, abs=1e-5)


def test_triton_reads_no_block_beyond_the_budget():
    inputs = case(64 * 9)
    segments = np.array([[0, 64 * 9]])
    before = attend(**inputs, segments=segments, budget=2, impl="triton")
    changed = inputs["tokens"].copy().reshape(9, 64, -1)
    changed[np.setdiff1d(np.arange(9), before.blocks)] = 127
    after = attend(
        **inputs | {"tokens": changed.reshape(64 * 9, -1)},
        segments=segments, budget=2, impl="triton",
    )  # fmt: skip
    assert before.dropped == 7
    assert before.weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert before.segment_scores[0] > 0.1
    np.testing.assert_array_equal(after.weights, before.weights)
    np.testing.assert_array_equal(after.segment_scores, before.segment_scores)


def test_triton_reads_nothing_behind_the_tokens_and_writes_all_it_gives(monkeypatch):
    from kernels.cross import triton_impl

    inputs = case(150)
    whole = np.concatenate([inputs["tokens"], np.full((200, 24), 127, np.int8)])
    arrays = [
        torch.tensor(x).to(DEVICE)
        for x in (
            inputs["query"], whole, inputs["summaries"], np.array([[0, 150], [150, 150]]),
            np.full(7, 1 / 7, np.float32),
        )
    ]  # fmt: skip
    query, tokens, summaries, segments, weights = arrays
    alone = tokens[:150].clone()
    clean = triton_impl.attend(query, alone, summaries, segments, weights, 3, 0.1, 64)
    make = torch.empty

    def poisoned(*arguments, **options) -> Any:
        made = make(*arguments, **options)
        return made.fill_(torch.nan if made.is_floating_point() else 99)

    monkeypatch.setattr(torch, "empty", poisoned)
    again = triton_impl.attend(query, tokens[:150], summaries, segments, weights, 3, 0.1, 64)
    for name in ("weights", "segment_scores", "block_scores"):
        left, right = getattr(again, name), getattr(clean, name)
        np.testing.assert_array_equal(left.cpu().numpy(), right.cpu().numpy())
    assert bool(torch.isnan(clean.segment_scores[1]))
    assert float(clean.segment_scores[0]) > 0.1
    assert float(clean.weights.sum()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.skipif(DEVICE != "cpu", reason="only the interpreter tells what is read")
def test_triton_loads_tokens_of_chosen_blocks_only(loads):
    """Results cannot tell: what is read and masked afterwards leaves no trace in int8."""
    from kernels.cross import triton_impl

    inputs = case(64 * 9 - 5)
    inputs["query_weights"] /= inputs["query_weights"].sum()
    inputs["segments"] = np.array([[0, 64 * 9 - 5], [100, 300]])
    tensors = {name: torch.tensor(x) for name, x in inputs.items()}
    weights = tensors.pop("query_weights")
    result = triton_impl.attend(**tensors, weights=weights, budget=3, temperature=0.1, block=64)
    expected = attend(**inputs, budget=3, temperature=0.1, impl="reference")
    read = loads.of(tensors["tokens"])
    assert expected.dropped == 6
    np.testing.assert_array_equal(np.flatnonzero(read.any(axis=1)), expected.tokens)
    np.testing.assert_allclose(result.weights, expected.weights, rtol=2e-5)


def test_triton_ties_between_blocks_go_to_the_lower_one():
    inputs = case(64 * 6, queries=8)
    # Numbers whose sums are exact, so that equal blocks have equal scores in any order of summing.
    inputs["query"] = np.eye(8, 24, dtype=np.float32)
    inputs["query_weights"] = np.ones(8, np.float32)
    inputs["summaries"] = np.repeat([[0.5] * 24, [0.25] * 24], 3, axis=0)
    expected = attend(**inputs, budget=4, impl="reference")
    result = attend(**inputs, budget=4, impl="triton")
    assert expected.blocks.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(result.blocks, expected.blocks)


def test_triton_refuses_what_it_has_no_kernel_for():
    from kernels.cross import triton_impl

    with pytest.raises(ValueError, match="tokens must be"):
        triton_impl.score_segments(
            torch.zeros((2, 16)), torch.zeros((5, 16)), torch.zeros((1, 2), dtype=torch.int64),
            torch.ones(2),
        )  # fmt: skip
