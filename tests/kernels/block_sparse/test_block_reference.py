import math

import numpy as np
import pytest

from kernels.block_sparse import BlockPattern, ShapeError, block_sparse_attention
from kernels.block_sparse.reference import rotate


def random_inputs(tokens: int, heads: int = 2, width: int = 16, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.standard_normal((tokens, heads, width)) for _ in range(3)]


def plain_rotary_attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    positions = np.arange(len(q))[:, None]
    q, k = rotate(q, positions, 10000.0), rotate(k, positions, 10000.0)
    scores = np.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[2])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return np.einsum("hqk,khd->qhd", weights, v)


def test_two_tokens_by_hand():
    q = k = np.array([[[1.0, 0.0]], [[1.0, 0.0]]])
    v = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    result = block_sparse_attention(q, k, v, impl="reference")
    # Token 1 is turned by one radian: its score from token 0 is cos(1) / sqrt(2).
    same, other = math.exp(1 / math.sqrt(2)), math.exp(math.cos(1.0) / math.sqrt(2))
    share = same / (same + other)
    assert share == pytest.approx(0.5806, abs=1e-4)
    np.testing.assert_allclose(result.output[0, 0], [share, 1 - share], rtol=1e-12)
    np.testing.assert_allclose(result.output[1, 0], [1 - share, share], rtol=1e-12)


@pytest.mark.parametrize("tokens", [1, 63, 64, 65, 128])
def test_up_to_two_blocks_is_plain_rotary_attention(tokens):
    q, k, v = random_inputs(tokens)
    result = block_sparse_attention(q, k, v, impl="reference")
    np.testing.assert_allclose(result.output, plain_rotary_attention(q, k, v), rtol=1e-10)


def test_all_blocks_listed_is_dense_attention_with_clipped_positions():
    q, k, v = random_inputs(5 * 64 - 9)
    result = block_sparse_attention(q, k, v, impl="reference")
    tokens = len(q)
    block = np.arange(tokens) // 64
    offset = np.arange(tokens) % 64
    delta = block[None, :] - block[:, None]
    shift = np.where(np.abs(delta) <= 1, 64 * delta, -128)
    expected = np.empty_like(q)
    for token in range(tokens):
        query = rotate(q[token], np.array(offset[token]), 10000.0)
        keys = rotate(k, (offset + shift[token])[:, None], 10000.0)
        scores = np.einsum("hd,khd->hk", query, keys) / 4.0
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        expected[token] = np.einsum("hk,khd->hd", weights, v)
    np.testing.assert_allclose(result.output, expected, rtol=1e-9, atol=1e-12)
    assert (result.kept >= 0).sum(axis=1).tolist() == [5] * 5


@pytest.mark.parametrize("tokens", [1, 700, 4097])
def test_masses_of_a_query_block_sum_to_one(tokens):
    q, k, v = random_inputs(tokens, heads=1, width=8)
    result = block_sparse_attention(q, k, v, impl="reference")
    np.testing.assert_allclose(result.mass.sum(axis=1), 1.0, rtol=1e-12)
    assert (result.mass[result.kept < 0] == 0).all()


def test_no_tokens_give_no_output():
    q, k, v = random_inputs(0)
    assert block_sparse_attention(q, k, v, impl="reference").output.shape == (0, 2, 16)


def test_far_blocks_have_no_order():
    """Swapping two far blocks that are both listed does not change what is read from them."""
    q, k, v = random_inputs(8 * 64)
    before = block_sparse_attention(q, k, v, impl="reference").output
    swapped = np.arange(8 * 64).reshape(8, 64)[[0, 1, 2, 3, 4, 6, 5, 7]].reshape(-1)
    after = block_sparse_attention(q[swapped], k[swapped], v[swapped], impl="reference").output
    np.testing.assert_allclose(after[64:192], before[64:192], rtol=1e-10)
    assert np.abs(after[5 * 64 : 6 * 64] - before[5 * 64 : 6 * 64]).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q, k, v: (q[0], k, v), "q must be"),
        (lambda q, k, v: (q, k[:-1], v), "k is"),
        (lambda q, k, v: (q, k, v.astype(np.float32)), "v is"),
        (lambda q, k, v: (q[..., :15], k[..., :15], v[..., :15]), "even head width"),
    ],
)
def test_misshapen_input_is_refused(change, message):
    with pytest.raises(ShapeError, match=message):
        block_sparse_attention(*change(*random_inputs(70)))


def test_a_smaller_pattern_reads_fewer_blocks():
    q, k, v = random_inputs(64 * 30, heads=1, width=8)
    narrow = BlockPattern(near=0, global_blocks=0, k_min=0, k_max=0)
    kept = block_sparse_attention(q, k, v, narrow, impl="reference").kept
    assert kept[:, 0].tolist() == list(range(30))
    assert kept.shape[1] == 1
