import numpy as np
import pytest

from engine.summary.graph import block_centrality, span_means, token_means


def test_block_that_others_read_is_central():
    kept = np.array([[[0, 1], [1, 2], [2, 1], [3, 0]]])
    rank = block_centrality(kept, np.full(kept.shape, 0.5))
    assert rank.sum() == pytest.approx(1)
    assert np.argsort(-rank).tolist() == [1, 2, 0, 3]


def test_global_block_earns_nothing_by_being_read_by_all():
    kept = np.array([[[0, 1], [0, 2], [0, 1], [0, 1]], [[0, 1], [0, 2], [0, 3], [0, 1]]])
    rank = block_centrality(kept, np.full(kept.shape, 0.5))
    assert rank.argmax() != 0
    assert rank[0] == pytest.approx(np.median(rank[1:]))


def test_two_blocks_that_read_each_other_are_equal():
    rank = block_centrality(np.array([[[0, 1], [1, 0]]]), np.array([[[0.9, 0.1], [0.3, 0.7]]]))
    assert rank == pytest.approx([0.5, 0.5])


def test_three_blocks_by_hand():
    # 0 -> 1, 1 -> 0, 2 -> 0: r0 = .05 + .85 (r1 + r2), r1 = .05 + .85 r0, r2 = .05.
    rank = block_centrality(np.array([[[1], [0], [0]]]), np.ones((1, 3, 1)))
    first = (0.05 + 0.85 * 0.1) / (1 - 0.85**2)
    assert rank == pytest.approx([first, 0.05 + 0.85 * first, 0.05], abs=1e-6)


def test_blocks_that_read_only_themselves_are_equal():
    rank = block_centrality(np.array([[[0], [1], [2]]]), np.ones((1, 3, 1)))
    assert rank == pytest.approx([1 / 3] * 3)
    assert len(block_centrality(np.zeros((2, 0, 4), int), np.zeros((2, 0, 4)))) == 0


def test_span_mean_over_its_tokens():
    tokens = np.array([[0, 2], [2, 4], [5, 7], [7, 9]])
    spans = np.array([[0, 4], [3, 6], [4, 5], [7, 9]])
    assert token_means(np.array([1.0, 2, 3, 4]), tokens, spans) == pytest.approx([1.5, 2.5, 0, 4])
    assert span_means(np.array([1.0, 3.0]), 2, tokens, spans) == pytest.approx([1, 2, 0, 3])
