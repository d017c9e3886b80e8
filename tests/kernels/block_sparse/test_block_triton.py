"""The Triton kernel against the specification: on a GPU where there is one, else interpreted."""

import importlib.util
import os
from typing import Any

import numpy as np
import pytest

from kernels.block_sparse import BlockPattern, block_sparse_attention
from kernels.block_sparse.reference import (
    from_blocks,
    rotate,
    rotate_far_keys,
    rotate_queries,
    to_blocks,
)

if importlib.util.find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)
torch: Any = pytest.importorskip("torch")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    # Triton decides when it is imported whether to interpret kernels.
    os.environ["TRITON_INTERPRET"] = "1"

pytestmark = pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")
HEADS, WIDTH = 2, 32
PATTERN = BlockPattern(block=16, k_min=2)


def random_inputs(tokens: int) -> list[np.ndarray]:
    generator = np.random.default_rng(tokens)
    shape = (tokens, HEADS, WIDTH)
    return [generator.standard_normal(shape).astype(np.float32) * 1.5 for _ in range(3)]


def blocked(inputs: list[np.ndarray]) -> list[np.ndarray]:
    q, k, v = (to_blocks(x, PATTERN.block) for x in inputs)
    return [rotate_queries(q, PATTERN), rotate_far_keys(k, PATTERN), v]


def attend(parts: list[np.ndarray], kept: np.ndarray, tokens: int, dtype: Any) -> Any:
    from kernels.block_sparse import triton_impl

    tensors = [torch.tensor(np.ascontiguousarray(x)).to(DEVICE, dtype) for x in parts]
    listed = torch.tensor(kept).to(DEVICE)
    return triton_impl.attend(tensors[0], tensors[1], tensors[2], listed, tokens, PATTERN)


@pytest.mark.parametrize("tokens", [1, 15, 16, 17, 33, 150])
def test_triton_agrees_with_the_specification(tokens):
    q, k, v = random_inputs(tokens)
    exact = [x.astype(np.float64) for x in (q, k, v)]
    expected = block_sparse_attention(exact[0], exact[1], exact[2], PATTERN, impl="reference")
    single = block_sparse_attention(q, k, v, PATTERN, impl="reference")
    result = block_sparse_attention(q, k, v, PATTERN, impl="triton")
    np.testing.assert_array_equal(result.kept, expected.kept)
    # Three tf32 products keep 22 bits of 24, hence 16 times what float32 NumPy does.
    allowed = 16.0 * np.abs(single.output - expected.output).max() + 1e-6
    assert np.abs(result.output - expected.output).max() <= allowed
    np.testing.assert_allclose(result.mass, expected.mass, atol=1e-5)
    np.testing.assert_allclose(result.mass.sum(axis=1), 1.0, atol=1e-5)


def test_half_precision_loses_no_more_than_its_rounding():
    inputs = random_inputs(150)
    exact = [x.astype(np.float64) for x in inputs]
    expected = block_sparse_attention(exact[0], exact[1], exact[2], PATTERN, impl="reference")
    output, _, mass = attend(blocked(inputs), expected.kept, 150, torch.float16)
    rounded = [x.astype(np.float16).astype(np.float64) for x in inputs]
    eager = block_sparse_attention(rounded[0], rounded[1], rounded[2], PATTERN, impl="reference")
    allowed = 4.0 * np.abs(eager.output - expected.output).max()
    assert np.abs(from_blocks(output.float().cpu().numpy(), 150) - expected.output).max() < allowed
    np.testing.assert_allclose(mass.cpu().numpy(), expected.mass, atol=5e-3)


def test_padding_is_neither_read_nor_written():
    tokens = 16 * 4 + 5
    inputs = random_inputs(tokens)
    parts = blocked(inputs)
    kept = block_sparse_attention(inputs[0], inputs[1], inputs[2], PATTERN, impl="reference").kept
    clean = attend(parts, kept, tokens, torch.float32)
    for part in parts:
        part[-1, :, 5:] = np.nan
    poisoned = attend(parts, kept, tokens, torch.float32)
    assert torch.equal(poisoned[0], clean[0])
    assert torch.equal(poisoned[2], clean[2])
    assert bool((poisoned[0][-1, :, 5:] == 0).all())


def test_only_listed_blocks_are_read_by_triton():
    tokens, changed = 16 * 12, 9
    inputs = random_inputs(tokens)
    parts = blocked(inputs)
    kept = block_sparse_attention(inputs[0], inputs[1], inputs[2], PATTERN, impl="reference").kept
    before = attend(parts, kept, tokens, torch.float32)[0]
    parts[2][changed] += 100.0
    after = attend(parts, kept, tokens, torch.float32)[0]
    readers = (kept == changed).any(axis=1)
    assert 3 <= readers.sum() < 11
    for block in range(12):
        assert torch.equal(after[block], before[block]) != bool(readers[block])


def test_log_sum_exp_is_that_of_the_scores_read():
    tokens = 20
    q, k, v = random_inputs(tokens)
    kept = block_sparse_attention(q, k, v, PATTERN, impl="reference").kept
    parts = blocked([q, k, v])
    lse = attend(parts, kept, tokens, torch.float32)[1].cpu().numpy()
    # Two blocks are plain rotary attention: from block 0, block 1 stands 16 tokens ahead, and
    # far keys of block 1 turned by 48 are keys at their own position.
    positions = np.arange(tokens)[:, None]
    keys = rotate(k, positions, PATTERN.rotary_base)
    queries = rotate(q, positions, PATTERN.rotary_base)
    scores = np.einsum("qhd,khd->hqk", queries, keys) / np.sqrt(WIDTH)
    expected = np.log(np.exp(scores).sum(axis=2))
    np.testing.assert_allclose(lse[0], expected[:, :16], atol=1e-4)
    np.testing.assert_allclose(lse[1, :, :4], expected[:, 16:], atol=1e-4)


def test_a_shape_without_a_kernel_is_refused():
    from kernels.block_sparse import triton_impl

    odd = torch.zeros((2, 1, 16, 24), device=DEVICE)
    with pytest.raises(ValueError, match="no kernel"):
        triton_impl.attend(odd, odd, odd, torch.zeros((2, 8), dtype=torch.int32), 20, PATTERN)
