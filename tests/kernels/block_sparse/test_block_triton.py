"""The Triton kernels against the specification: on a GPU where there is one, else interpreted."""

import importlib.util
import os
from typing import Any

import numpy as np
import pytest

from kernels.block_sparse import BlockPattern, block_sparse_attention, select_blocks
from kernels.block_sparse.pattern import validate_lists
from kernels.block_sparse.reference import (
    Attention,
    block_means,
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
PATTERN = BlockPattern(block=16, k_min=2, k_max=4)
# Nine blocks, of which query blocks read 4 to 6.
SPARSE = 16 * 8 + 5
SMALL = BlockPattern(block=16, k_min=1, k_max=2, mass=0.5)


def random_inputs(tokens: int, heads: int = HEADS, width: int = WIDTH) -> list[np.ndarray]:
    generator = np.random.default_rng(tokens)
    shape = (tokens, heads, width)
    return [generator.standard_normal(shape).astype(np.float32) * 1.5 for _ in range(3)]


def attend(inputs: list[np.ndarray], pattern: BlockPattern, dtype: Any = None, **options) -> Any:
    from kernels.block_sparse import triton_impl

    q, k, v = (torch.tensor(x).to(DEVICE, dtype or torch.float32) for x in inputs)
    return triton_impl.attend(q, k, v, pattern, **options)


def reference(inputs: list[np.ndarray], pattern: BlockPattern, dtype: Any = None) -> Attention:
    """The specification in float64 on inputs rounded to ``dtype``."""
    q, k, v = (torch.tensor(x).to(dtype or torch.float32).double().numpy() for x in inputs)
    return block_sparse_attention(q, k, v, pattern, impl="reference")


def check_close(got: np.ndarray, single: np.ndarray, exact: np.ndarray) -> None:
    """Is ``got`` as close to float64 as three tf32 products come?

    These keep 22 bits of 24, hence 16 times what float32 NumPy does.
    """
    allowed = 16.0 * np.abs(single - exact).max(initial=0.0) + 1e-6
    assert np.abs(got - exact).max(initial=0.0) <= allowed


def worst(result: Any, expected: np.ndarray) -> float:
    return float(np.abs(result.output.double().cpu().numpy() - expected).max())


@pytest.mark.parametrize(
    ("tokens", "pattern"),
    [
        (1, PATTERN),
        (16 * 6, SMALL),
        (16 * 6 + 1, SMALL),
        (SPARSE, SMALL),
        (16 * 7, BlockPattern(block=16, near=0, global_blocks=2, k_min=0, k_max=3, mass=0.2)),
        (16 * 6 - 5, BlockPattern(block=16, near=2, global_blocks=0, k_min=0, k_max=0)),
    ],
)
def test_triton_agrees_with_the_specification(tokens, pattern):
    q, k, v = random_inputs(tokens)
    expected = reference([q, k, v], pattern)
    single = block_sparse_attention(q, k, v, pattern, impl="reference")
    result = block_sparse_attention(q, k, v, pattern, impl="triton")
    np.testing.assert_array_equal(result.kept, expected.kept)
    np.testing.assert_array_equal(result.lists.near, expected.lists.near)
    np.testing.assert_array_equal(result.lists.far, expected.lists.far)
    validate_lists(result.lists, pattern, len(result.kept))
    check_close(result.lists.probability, single.lists.probability, expected.lists.probability)
    check_close(result.output, single.output, expected.output)
    check_close(result.mass, single.mass, expected.mass)
    check_close(result.mass.sum(axis=1), single.mass.sum(axis=1), expected.mass.sum(axis=1))
    assert np.abs(expected.output).max() > 0.1


@pytest.mark.parametrize(
    ("block", "width", "dtype"),
    [(64, 64, "float16"), (128, 64, "bfloat16"), (128, 128, "float32"), (128, 32, "float16")],
)
def test_every_shape_and_dtype_loses_no_more_than_its_rounding(block, width, dtype):
    pattern = BlockPattern(block=block, near=0, global_blocks=1, k_min=1, k_max=1)
    inputs = random_inputs(3 * block + 9, heads=1, width=width)
    exact = reference(inputs, pattern, getattr(torch, dtype))
    result = attend(inputs, pattern, getattr(torch, dtype), with_mass=True)
    np.testing.assert_array_equal(result.lists.kept.cpu().numpy(), exact.kept)
    if dtype == "float32":
        single = block_sparse_attention(inputs[0], inputs[1], inputs[2], pattern, impl="reference")
        allowed = 16.0 * np.abs(single.output - exact.output).max() + 1e-6
        allowed_mass = 16.0 * np.abs(single.mass - exact.mass).max() + 1e-6
    else:
        # What one rounding of queries, keys and values does; the kernel rounds them again when
        # they are turned, and weights and outputs once.
        unrounded = reference(inputs, pattern)
        np.testing.assert_array_equal(unrounded.kept, exact.kept)
        allowed = 3.0 * np.abs(unrounded.output - exact.output).max()
        # Masses are means of many, in which a rounding may happen to cancel.
        allowed_mass = 8.0 * np.abs(unrounded.mass - exact.mass).max()
    assert worst(result, exact.output) <= allowed
    assert allowed < 0.05 * np.abs(exact.output).max()
    assert np.abs(result.mass.cpu().numpy() - exact.mass).max() <= allowed_mass


def test_padding_is_neither_read_nor_written():
    inputs = random_inputs(SPARSE, heads=1)
    q, k, v = (torch.full((SPARSE + 11, 1, WIDTH), torch.nan, device=DEVICE) for _ in range(3))
    for tensor, values in zip((q, k, v), inputs, strict=True):
        tensor[:SPARSE] = torch.tensor(values)
    from kernels.block_sparse import triton_impl

    clean = attend(inputs, SMALL, with_mass=True, with_lse=True)
    empty, full = torch.empty_like, torch.empty

    def poisoned(make: Any) -> Any:
        def wrapped(*arguments, **options) -> Any:
            made = make(*arguments, **options)
            return made.fill_(torch.nan) if made.is_floating_point() else made.fill_(99)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "empty_like", poisoned(empty))
        patch.setattr(torch, "empty", poisoned(full))
        # The rows behind the last token are NaN, and so is all memory that a kernel must write.
        again = triton_impl.attend(
            q[:SPARSE], k[:SPARSE], v[:SPARSE], SMALL, with_mass=True, with_lse=True
        )
    for name in ("output", "mass", "lse"):
        assert torch.equal(getattr(again, name), getattr(clean, name)), name
    for name in ("kept", "count", "probability"):
        assert torch.equal(getattr(again.lists, name), getattr(clean.lists, name)), name
    assert bool(torch.isnan(q[SPARSE:]).all())
    assert float(clean.output.abs().max()) > 0.1
    np.testing.assert_allclose(clean.mass.sum(dim=1).cpu(), 1.0, atol=1e-6)


def test_only_listed_blocks_are_read_by_triton():
    changed = 6
    q, k, v = random_inputs(SPARSE, heads=1)
    before = attend([q, k, v], SMALL)
    kept = before.lists.kept.cpu().numpy()
    v = v.copy()
    v[changed * 16 : changed * 16 + 16] += 100.0
    after = attend([q, k, v], SMALL).output
    readers = (kept == changed).any(axis=1)
    assert 3 <= readers.sum() < 8
    for block in range(9):
        rows = slice(block * 16, block * 16 + 16)
        assert torch.equal(after[rows], before.output[rows]) != bool(readers[block])


def test_log_sum_exp_is_that_of_the_scores_read():
    tokens = 20
    q, k, v = random_inputs(tokens)
    lse = attend([q, k, v], PATTERN, with_lse=True).lse.cpu().numpy()
    # Two blocks are plain rotary attention.
    positions = np.arange(tokens)[:, None]
    keys = rotate(k, positions, PATTERN.rotary_base)
    queries = rotate(q, positions, PATTERN.rotary_base)
    scores = np.einsum("qhd,khd->qhk", queries, keys) / np.sqrt(WIDTH)
    np.testing.assert_allclose(lse, np.log(np.exp(scores).sum(axis=2)), atol=1e-4)


def test_evidence_is_given_only_when_asked_for():
    result = attend(random_inputs(20), PATTERN)
    assert result.mass is None
    assert result.lse is None


def means(blocks: int, heads: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    q, k = generator.standard_normal((2, blocks, heads, WIDTH)).astype(np.float32)
    return q, k


def chosen(q: np.ndarray, k: np.ndarray, pattern: BlockPattern) -> Any:
    from kernels.block_sparse import triton_select

    return triton_select.select(torch.tensor(q).to(DEVICE), torch.tensor(k).to(DEVICE), pattern)


@pytest.mark.parametrize(
    ("blocks", "pattern"),
    [
        (9, BlockPattern()),
        (70, BlockPattern(k_min=1, k_max=5, mass=0.4)),
        (33, BlockPattern(near=2, global_blocks=3, k_min=3, k_max=3, mass=1.0)),
    ],
)
def test_lists_from_the_device_are_those_of_the_rule(blocks, pattern):
    q, k = means(blocks)
    expected = select_blocks(pattern, q.astype(np.float64), k.astype(np.float64))
    lists = chosen(q, k, pattern)
    kept = expected.slots(pattern.slots)
    np.testing.assert_array_equal(lists.kept.cpu().numpy(), kept)
    np.testing.assert_array_equal(lists.count.cpu().numpy(), (kept >= 0).sum(axis=1))
    selected = expected.probability[:, pattern.global_blocks :]
    single = select_blocks(pattern, q, k).probability[:, pattern.global_blocks :]
    check_close(lists.probability.cpu().numpy(), single, selected)


def test_ties_on_the_device_go_to_the_lower_block():
    pattern = BlockPattern(near=0, global_blocks=0, k_min=3, k_max=3)
    q, k = means(140, heads=1)
    # Equal keys in three tiles of the kernel, better than all others by far.
    q[:] = 1.0
    k[[3, 60, 70, 130, 139]] = 1.0
    kept = chosen(q, k, pattern).kept.cpu().numpy()
    assert kept[20].tolist() == [20, 3, 60, 70]
    assert kept[60].tolist() == [60, 3, 70, 130]
    assert kept[139].tolist() == [139, 3, 60, 70]


def test_selection_on_the_device_stops_at_the_mass_target():
    pattern = BlockPattern(near=0, global_blocks=1, k_min=0, k_max=4, mass=0.9)
    q, k = np.zeros((2, 20, 1, WIDTH), np.float32)
    k[:, 0, 0] = -300.0
    for block, share in {5: 0.6, 9: 0.35, 3: 0.04, 12: 0.01}.items():
        k[block, 0, 0] = np.log(share) * np.sqrt(WIDTH)
    q[15, 0, 0] = 1.0
    lists = chosen(q, k, pattern)
    assert lists.kept[15].tolist() == [15, 0, 5, 9, -1, -1]
    np.testing.assert_allclose(lists.probability[15].cpu(), [0.6, 0.35, 0, 0], atol=1e-6)


def test_no_array_of_blocks_times_blocks_is_made(monkeypatch):
    made = []

    def recorded(make: Any) -> Any:
        def wrapped(*arguments, **options) -> Any:
            result = make(*arguments, **options)
            made.append(result.numel())
            return result

        return wrapped

    for name in ("empty", "zeros", "full", "empty_like"):
        monkeypatch.setattr(torch, name, recorded(getattr(torch, name)))
    q, k = means(60, heads=1)
    chosen(q, k, BlockPattern(k_min=1, k_max=2))
    assert made
    assert max(made) <= 60 * 8


@pytest.mark.parametrize(
    ("shape", "pattern", "message"),
    [
        ((20, 1, 24), PATTERN, "width 24"),
        ((20, 1, 32), BlockPattern(block=48), "blocks of 48"),
        ((20, 1, 32), BlockPattern(block=16, k_max=80), "slots"),
        ((0, 1, 32), PATTERN, "T > 0"),
    ],
)
def test_a_shape_without_a_kernel_is_refused(shape, pattern, message):
    with pytest.raises(ValueError, match=message):
        attend([np.zeros(shape, np.float32)] * 3, pattern)


def test_pooled_means_are_those_of_the_specification():
    from kernels.block_sparse import triton_prepare

    q, k, _ = random_inputs(40)
    far_keys, query_means, key_means = triton_prepare.prepare(
        torch.tensor(q).to(DEVICE), torch.tensor(k).to(DEVICE), PATTERN, with_means=True
    )
    queries = rotate_queries(to_blocks(q, 16), PATTERN)
    keys = rotate_far_keys(to_blocks(k, 16), PATTERN)
    np.testing.assert_allclose(far_keys.cpu(), keys, atol=1e-6)
    np.testing.assert_allclose(query_means.cpu(), block_means(queries, 40), atol=1e-6)
    np.testing.assert_allclose(key_means.cpu(), block_means(keys, 40), atol=1e-6)
