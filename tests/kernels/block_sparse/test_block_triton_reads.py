"""Which keys and values the Triton kernel reads: on a GPU where there is one, else interpreted."""

import importlib.util
import os
from typing import Any

import numpy as np
import pytest

from kernels.block_sparse import BlockPattern, block_sparse_attention

if importlib.util.find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)
torch: Any = pytest.importorskip("torch")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    # Triton decides when it is imported whether to interpret kernels.
    os.environ["TRITON_INTERPRET"] = "1"

pytestmark = pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")
# Nine blocks, of which query blocks read 3 to 6.
PATTERN = BlockPattern(block=16, k_min=1, k_max=2, mass=0.5)
TOKENS, BLOCKS = 16 * 8 + 5, 9


@pytest.fixture(scope="module")
def inputs() -> list[np.ndarray]:
    generator = np.random.default_rng(5)
    shape = (TOKENS, 1, 32)
    return [generator.standard_normal(shape).astype(np.float32) * 1.5 for _ in range(3)]


def attend(inputs: list[np.ndarray], lists: Any = None) -> Any:
    from kernels.block_sparse import triton_impl

    q, k, v = (torch.tensor(x).to(DEVICE) for x in inputs)
    return triton_impl.attend(q, k, v, PATTERN, lists=lists, with_mass=True)


@pytest.fixture(scope="module")
def clean(inputs) -> Any:
    return attend(inputs)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("block", [0, 5, 8])
def test_blocks_that_are_not_listed_may_hold_anything(inputs, clean, block):
    """NaN survives a weight of 0, so reading all blocks and masking afterwards would show."""
    unread = np.setdiff1d(np.arange(BLOCKS), clean.lists.kept[block].cpu().numpy())
    assert len(unread) >= 3
    q, k, v = (x.copy() for x in inputs)
    for row in unread:
        k[row * 16 : row * 16 + 16] = np.nan
        v[row * 16 : row * 16 + 16] = np.nan
    poisoned = attend([q, k, v], clean.lists)
    rows = slice(block * 16, block * 16 + 16)
    assert torch.equal(poisoned.output[rows], clean.output[rows])
    assert torch.equal(poisoned.mass[block], clean.mass[block])
    assert float(clean.output[rows].abs().max()) > 0.1


@pytest.mark.skipif(DEVICE != "cpu", reason="only the interpreter tells what is read")
def test_work_grows_with_the_listed_blocks_only(inputs, clean, loads):
    from kernels.block_sparse import triton_impl

    q, k, v = (torch.tensor(x) for x in inputs)
    result = triton_impl.attend(q, k, v, PATTERN, lists=clean.lists)
    kept = block_sparse_attention(*inputs, pattern=PATTERN, impl="reference").kept
    readers = np.bincount(kept[kept >= 0], minlength=BLOCKS)
    assert readers.sum() < 0.7 * BLOCKS**2
    read = loads.of(v).reshape(TOKENS, -1)
    np.testing.assert_array_equal(read, np.repeat(readers, 16)[:TOKENS, None].repeat(32, axis=1))
    assert torch.equal(result.output, clean.output)
