"""The ONNX graphs of query-to-document attention against the specification."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kernels.cross import (
    ImplementationUnavailableError,
    attend,
    onnx_graph,
    onnx_runner,
    reference,
    score_segments,
)
from kernels.cross.reference import CHUNK


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def stored(x: np.ndarray) -> np.ndarray:
    return np.rint(unit(x) * 127).astype(np.int8)


def case(tokens: int, queries: int = 7, width: int = 16) -> dict[str, Any]:
    generator = np.random.default_rng(tokens)
    vectors = stored(generator.standard_normal((tokens, width)))
    starts = range(0, tokens, 64)
    return {
        "query": unit(generator.standard_normal((queries, width))).astype(np.float32),
        "tokens": vectors,
        "summaries": np.array([vectors[s : s + 64].mean(axis=0) / 127 for s in starts], np.float16),
        "query_weights": generator.random(queries).astype(np.float32),
    }


def exact(inputs: dict[str, Any]) -> dict[str, Any]:
    wide = {name: inputs[name].astype(np.float64) for name in ("query", "query_weights")}
    return inputs | wide


def check_close(got: np.ndarray, single: np.ndarray, exact: np.ndarray) -> None:
    """Is ``got`` as close to float64 as NumPy is in float32?

    Both round every product to float32; another order of summation may double the error.
    """
    np.testing.assert_array_equal(np.isnan(got), np.isnan(exact))
    allowed = 2.0 * np.nanmax(np.abs(single - exact)) + 1e-7
    assert np.nanmax(np.abs(got - exact)) <= allowed


# Ranges of every kind: short, empty, overlapping, within one block and over many.
def ranges(tokens: int) -> np.ndarray:
    ends = np.random.default_rng(tokens).integers(0, tokens + 1, (9, 2))
    ends.sort(axis=1)
    return np.concatenate([ends, [[0, tokens], [0, 1], [tokens, tokens]]])


@pytest.mark.parametrize("tokens", [1, 63, 65, 700, CHUNK + 300])
def test_onnx_scores_segments_as_the_specification_does(tokens):
    inputs = case(tokens)
    inputs.pop("summaries")
    segments = ranges(tokens)
    expected = score_segments(segments=segments, **exact(inputs), impl="reference")
    single = score_segments(segments=segments, **inputs, impl="reference")
    result = score_segments(segments=segments, **inputs, impl="onnx")
    check_close(result.similarities, single.similarities, expected.similarities)
    check_close(result.scores, single.scores, expected.scores)
    np.testing.assert_array_equal(result.tokens, expected.tokens)
    assert np.isnan(result.scores[-1])
    assert np.nanmax(expected.scores) > 0.1
    reached = np.random.default_rng(3).random(expected.similarities.shape)
    higher = score_segments(segments=segments, **exact(inputs), reached=reached)
    single = score_segments(segments=segments, **inputs, reached=reached)
    result = score_segments(segments=segments, **inputs, reached=reached, impl="onnx")
    check_close(result.scores, single.scores, higher.scores)


@pytest.mark.parametrize(("tokens", "budget"), [(1, 4), (64, 1), (700, 3), (4000, 20), (700, 50)])
def test_onnx_attends_as_the_specification_does(tokens, budget):
    inputs, segments = case(tokens), ranges(tokens)
    options: dict[str, Any] = {"segments": segments, "budget": budget, "temperature": 0.1}
    expected = attend(**exact(inputs), **options, impl="reference")
    single = attend(**inputs, **options, impl="reference")
    result = attend(**inputs, **options, impl="onnx")
    np.testing.assert_array_equal(result.blocks, expected.blocks)
    np.testing.assert_array_equal(result.tokens, expected.tokens)
    assert result.dropped == expected.dropped == max(0, -(-tokens // 64) - budget)
    # An error of 1e-7 in a cosine is one of 1e-6 in a logit, and so in a weight's ratio.
    allowed = 2.0 * np.abs(single.weights / expected.weights - 1.0).max() + 1e-6
    assert np.abs(result.weights / expected.weights - 1.0).max() <= allowed
    check_close(result.segment_scores, single.segment_scores, expected.segment_scores)
    assert result.weights.sum() == pytest.approx(1.0, abs=1e-6)


def test_onnx_takes_many_query_tokens_in_parts(monkeypatch):
    inputs = case(700, queries=9)
    whole = attend(**inputs, segments=ranges(700), impl="onnx")
    assert whole.weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.nanmax(whole.segment_scores) > 0.1
    monkeypatch.setattr(onnx_runner, "MOST_COSINES", 2 * 700)
    parts = attend(**inputs, segments=ranges(700), impl="onnx")
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-5)
    np.testing.assert_allclose(parts.segment_scores, whole.segment_scores, atol=2e-7)


@pytest.mark.parametrize("impl", ["reference", "onnx"])
def test_blocks_beyond_the_budget_are_not_read(impl):
    inputs = case(64 * 12)
    before = attend(**inputs, segments=ranges(64 * 12), budget=3, impl=impl)
    unread = np.setdiff1d(np.arange(12), before.blocks)
    changed = inputs["tokens"].copy().reshape(12, 64, -1)
    changed[unread] = 127
    inputs["tokens"] = changed.reshape(64 * 12, -1)
    after = attend(**inputs, segments=ranges(64 * 12), budget=3, impl=impl)
    np.testing.assert_array_equal(after.weights, before.weights)
    np.testing.assert_array_equal(after.segment_scores, before.segment_scores)
    changed[before.blocks[0]] = 127
    inputs["tokens"] = changed.reshape(64 * 12, -1)
    again = attend(**inputs, segments=ranges(64 * 12), budget=3, impl=impl)
    assert np.abs(again.weights - before.weights).max() > 1e-4


def test_onnx_gives_the_same_bits_from_run_to_run():
    inputs, segments = case(3000), ranges(3000)
    first, second = (attend(**inputs, segments=segments, impl="onnx") for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.segment_scores, second.segment_scores)
    assert first.weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.nanmax(first.segment_scores) > 0.1


@pytest.mark.parametrize("impl", ["reference", "onnx"])
def test_only_tokens_of_chosen_blocks_are_multiplied(impl, monkeypatch):
    """Results cannot tell: what is read and masked afterwards leaves no trace in int8."""
    inputs, given, cosines = case(64 * 12), [], []
    similarities, session = reference.similarities, onnx_runner._session

    def recorded(query: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        given.append(len(tokens))
        cosines.append(similarities(query, tokens))
        return cosines[-1].copy()

    def run(names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        found = session("attention_model").run(names, feeds)
        given.append(len(feeds["index"]))
        cosines.append(found[names.index("cosines")])
        return found

    monkeypatch.setattr(reference, "similarities", recorded)
    monkeypatch.setattr(onnx_runner, "_session", lambda _: SimpleNamespace(run=run))
    inputs["query_weights"] = weights = inputs["query_weights"] / inputs["query_weights"].sum()
    result = attend(**inputs, budget=3, temperature=0.1, impl=impl)
    assert sum(given) == len(result.tokens) == 3 * 64
    share = np.exp(np.concatenate(cosines, axis=1) / 0.1)
    share /= share.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(result.weights, weights @ share, rtol=1e-5)


@pytest.mark.parametrize("model", ["segments_model", "attention_model"])
def test_the_graphs_gather_tokens_before_they_compute(model):
    graph = getattr(onnx_graph, model)().graph
    assert [node.op_type for node in graph.node if "tokens" in node.input] == ["Gather"]


def test_all_memory_that_cross_attention_gives_is_written(poison_empty):
    inputs, segments = case(3000), ranges(3000)
    alone = {name: value for name, value in inputs.items() if name != "summaries"}

    def results() -> list[np.ndarray]:
        seen = attend(**inputs, segments=segments, impl="onnx")
        found = score_segments(segments=segments, **alone, impl="onnx")
        names = ("scores", "similarities", "tokens")
        return [seen.weights, seen.segment_scores, *(getattr(found, name) for name in names)]

    clean = results()
    poison_empty()
    for before, after in zip(clean, results(), strict=True):
        np.testing.assert_array_equal(after, before)
        assert np.nanmax(before) > 0
    # Only an empty segment has no score.
    empty = segments[:, 0] == segments[:, 1]
    np.testing.assert_array_equal(np.isnan(clean[2]), empty)


def test_a_named_implementation_of_cross_attention_runs_or_raises(monkeypatch):
    inputs = case(100)
    with pytest.raises(ImplementationUnavailableError, match="float32"):
        attend(**exact(inputs), impl="onnx")
    with pytest.raises(ImplementationUnavailableError, match="fast"):
        attend(**inputs, impl="fast")  # type: ignore[arg-type]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImplementationUnavailableError, match="package onnx is not"):
        attend(**inputs, impl="onnx")
    automatic = attend(**inputs)
    np.testing.assert_array_equal(automatic.weights, attend(**inputs, impl="reference").weights)
