import tracemalloc

import numpy as np
import pytest

from kernels.cross import attend, power_mean, reference, score_segments
from kernels.cross.reference import CHUNK


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def stored(x: np.ndarray) -> np.ndarray:
    return np.rint(unit(x) * 127).astype(np.int8)


def summaries_of(tokens: np.ndarray, block: int = 64) -> np.ndarray:
    starts = range(0, len(tokens), block)
    return np.array([tokens[s : s + block].mean(axis=0) / 127 for s in starts], np.float16)


def document(tokens: int, seed: int = 0, width: int = 16) -> tuple[np.ndarray, np.ndarray]:
    vectors = stored(np.random.default_rng(seed).standard_normal((tokens, width)))
    return vectors, summaries_of(vectors)


def question(count: int = 5, width: int = 16) -> np.ndarray:
    return unit(np.random.default_rng(1).standard_normal((count, width)))


def test_two_tokens_by_hand():
    query = np.array([[1.0, 0.0]])
    tokens = np.array([[127, 0], [0, 127], [-127, 0]], np.int8)
    result = attend(
        query, tokens, np.zeros((1, 2), np.float16), np.array([[0, 1], [1, 3], [2, 2]]),
        temperature=0.5,
    )  # fmt: skip
    weights = np.exp([2.0, 0.0, -2.0])
    np.testing.assert_allclose(result.weights, weights / weights.sum(), rtol=1e-12)
    np.testing.assert_allclose(result.segment_scores, [1.0, 0.0, np.nan])


def test_reading_all_blocks_is_plain_softmax_attention():
    tokens, summaries = document(1000)
    query, weights = question(), np.array([1.0, 2.0, 0.0, 1.0, 4.0])
    segments = np.array([[0, 10], [500, 700], [990, 1000]])
    result = attend(
        query, tokens, summaries, segments, query_weights=weights, budget=16, temperature=0.1
    )
    logits = query @ tokens.T / 127.0 / 0.1
    share = np.exp(logits)
    share /= share.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(result.weights, weights @ share / 8.0, rtol=1e-9)
    highest = [(query @ tokens[a:b].T / 127.0).max(axis=1).clip(0) for a, b in segments]
    best = [np.sqrt(one**2 @ weights / 8.0) for one in highest]
    np.testing.assert_allclose(result.segment_scores, best, rtol=1e-12)
    assert result.dropped == 0


@pytest.mark.parametrize("tokens", [1, 63, 64, 65, 3 * CHUNK + 5])
def test_weights_sum_to_one(tokens):
    vectors, summaries = document(tokens)
    result = attend(question(), vectors, summaries, budget=10_000)
    assert result.weights.sum() == pytest.approx(1.0)
    assert result.tokens.tolist() == list(range(tokens))


def test_the_block_with_the_answer_is_chosen_and_others_are_not_read():
    tokens, summaries = document(64 * 50)
    query = question()
    tokens[64 * 30 : 64 * 30 + 5] = stored(query)
    tokens[64 * 30 + 5 : 64 * 31] = stored(query.mean(axis=0))
    summaries = summaries_of(tokens)
    segments = np.array([[64 * 30, 64 * 30 + 5], [64 * 40, 64 * 40 + 5]])
    result = attend(query, tokens, summaries, segments, budget=1, temperature=0.02)
    assert result.blocks.tolist() == [30]
    assert result.dropped == 49
    assert result.tokens[result.weights.argsort()[-5:]].tolist() != []
    assert set(result.tokens[result.weights.argsort()[-5:]]) == set(range(64 * 30, 64 * 30 + 5))
    assert result.segment_scores[0] > 0.98
    assert np.isnan(result.segment_scores[1])
    unread = tokens.copy()
    unread[: 64 * 30] = 0
    again = attend(query, unread, summaries, segments, budget=1, temperature=0.02)
    np.testing.assert_array_equal(again.weights, result.weights)


def test_segment_scores_say_where_each_query_token_matched():
    tokens, _ = document(CHUNK + 300)
    query = question()
    place = [3, CHUNK - 1, CHUNK, CHUNK + 7, 40]
    tokens[place] = stored(query)
    result = score_segments(query, tokens, np.array([[0, len(tokens)], [5, 5], [0, 10]]))
    assert result.tokens[0].tolist() == place
    np.testing.assert_allclose(result.scores[0], 1.0, atol=0.01)
    assert np.isnan(result.scores[1])
    assert result.tokens[1].tolist() == [-1] * 5
    assert result.scores[2] < result.scores[0]


def test_a_segment_scores_the_same_in_any_company():
    tokens, _ = document(2000)
    query = question(7).astype(np.float32)
    ends = np.cumsum(np.random.default_rng(2).integers(1, 90, 30))
    segments = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)
    together = score_segments(query, tokens, segments)
    for row, (start, end) in enumerate(segments):
        alone = score_segments(query, tokens[start:end].copy(), np.array([[0, end - start]]))
        np.testing.assert_array_equal(alone.similarities[0], together.similarities[row])
        np.testing.assert_array_equal(alone.tokens[0] + start, together.tokens[row])
    assert together.similarities.max() > 0.5


def test_what_was_reached_elsewhere_counts_where_it_is_better():
    query = np.eye(2)
    tokens = np.array([[127, 0], [0, 127]], np.int8)
    segments = np.array([[0, 1], [1, 2], [2, 2]])
    reached = np.array([[0.5, 0.6], [0.0, 0.9], [1.0, 1.0]])
    result = score_segments(query, tokens, segments, reached=reached)
    # sqrt((1 + 0.6 ** 2) / 2) and sqrt((0 + 1) / 2); nothing stands in the third.
    np.testing.assert_allclose(result.scores, [0.82462113, 0.70710678, np.nan])
    np.testing.assert_array_equal(result.similarities[:2], np.eye(2))
    assert result.tokens.tolist() == [[0, 0], [1, 1], [-1, -1]]
    with pytest.raises(ValueError, match="reached"):
        score_segments(query, tokens, segments, reached=reached[:2])


def test_negative_similarities_survive_and_count_as_none():
    query = np.array([[1.0, 0.0]])
    tokens = np.array([[-127, 0], [-64, 110]], np.int8)
    result = score_segments(query, tokens, np.array([[0, 2]]))
    assert result.similarities[0, 0] == pytest.approx(-64 / 127)
    assert result.scores[0] == 0.0


def test_words_that_are_found_count_for_more_than_near_ones():
    found = power_mean(
        np.array([[0.6, 0.8], [1.0, -0.5], [np.nan, np.nan]]), np.array([0.25, 0.75])
    )
    # Roots of (0.36 + 3 * 0.64) / 4 and of 1 / 4.
    np.testing.assert_allclose(found, [0.754983, 0.5, np.nan], atol=1e-6)


def test_what_is_kept_from_the_first_pass_is_what_the_second_would_compute(monkeypatch):
    tokens, summaries = document(CHUNK + 700)
    kept = attend(question(), tokens, summaries, budget=10_000, temperature=0.02)
    monkeypatch.setattr(reference, "KEPT_COSINES", 0)
    again = attend(question(), tokens, summaries, budget=10_000, temperature=0.02)
    np.testing.assert_allclose(again.weights, kept.weights, rtol=1e-12)


def test_memory_stays_bounded_for_a_long_document():
    tokens, summaries = document(200_000)
    query = question(200).astype(np.float32)
    tracemalloc.start()
    attend(query, tokens, summaries, budget=10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6  # all pairs at once would be 160 MB


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": np.zeros((0, 16))}, "query must"),
        ({"tokens": np.zeros((100, 16), np.float32)}, "tokens must"),
        ({"summaries": np.zeros((1, 16))}, "summaries are"),
        ({"segments": np.array([[90, 101]])}, "does not lie"),
        ({"query_weights": np.zeros(5)}, "all zero"),
        ({"query_weights": np.array([1.0, -1, 0, 0, 0])}, "not negative"),
        ({"temperature": 0.0}, "positive"),
    ],
)
def test_wrong_input_is_refused(changes, message):
    tokens, summaries = document(100)
    arguments = {"query": question(), "tokens": tokens, "summaries": summaries} | changes
    with pytest.raises(ValueError, match=message):
        attend(**arguments)


def test_overlapping_segments_that_end_with_a_chunk_get_their_last_token():
    tokens = np.tile(np.array([[0, 127]], np.int8), (CHUNK + 2, 1))
    tokens[[CHUNK - 1, CHUNK + 1]] = [127, 0]
    query = np.array([[1.0, 0.0]])
    starts = [CHUNK - 9, CHUNK - 1, CHUNK - 9, 0, CHUNK, CHUNK + 1, CHUNK]
    ends = [CHUNK, CHUNK, CHUNK - 1, 5, CHUNK + 2, CHUNK + 2, CHUNK + 1]
    segments = np.stack([starts, ends], axis=1)
    result = attend(query, tokens, summaries_of(tokens), segments, budget=100)
    assert result.segment_scores.tolist() == [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
