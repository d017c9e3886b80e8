"""The lines of the GPU on a machine without one: Triton interprets, PyTorch runs on the CPU."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from encoder_bench import texts  # noqa: E402

TOKENS = 576  # nine blocks, of which eight are read
CODE = f"""
import json, sys, torch
from pathlib import Path
sys.path[:0] = [{str(HERE.parents[1])!r}, {str(HERE)!r}]
from encoder_bench import gpu
from encoder_bench.work import Job

folder, found = Path(sys.argv[1]), {{"divided": []}}
attention, flexible, inputs = gpu.flex_attention, gpu.flexible, gpu.inputs

def watched(q, k, v, *, block_mask, kernel_options):
    tiles = kernel_options["BLOCK_M"], kernel_options["BLOCK_N"]
    found["divided"] += [size % tile for size, tile in zip(block_mask.BLOCK_SIZE, tiles)]
    return attention(q, k, v, block_mask=block_mask, kernel_options=kernel_options)

gpu.flex_attention = watched
checks = gpu.gate(folder, "cpu", torch.float32, {TOKENS})
found["checks"] = [(one.name, one.value, one.passed) for one in checks]

# The lines' own code, on the CPU.
gpu.inputs = lambda folder, tokens, device, dtype: inputs(folder, tokens, "cpu", torch.float32)
gpu.flexible = lambda block, compiled: flexible(block, compiled=False)
torch.cuda.get_device_name = lambda: "no GPU"
torch.cuda.max_memory_allocated = lambda: held[0]
torch.cuda.reset_peak_memory_stats = lambda: held.pop(0)
for name in ("gpu-ours", "gpu-flex"):
    held = [900, 700]
    work = gpu.prepare(Job(name, {texts.GATE[1]}, folder, 1, 1))
    work.warm_up()
    found[name] = [work.peak(), work.note]
found["tiles"] = {{block: gpu.flex_tiles(block) for block in (16, 48, 64, 96, 128, 512)}}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """In a process of its own: Triton decides when it is imported whether to interpret."""
    for package in ("torch", "triton"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    folder = tmp_path_factory.mktemp("texts")
    texts.write_texts(folder, [TOKENS])
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_gate_holds(found: dict[str, Any]):
    assert [one for one in found["checks"] if not one[2]] == []
    assert len(found["checks"]) == 3


# PyTorch compiles FlexAttention for a GPU only where its tiles divide the blocks of the mask. Here
# nothing is compiled, so what it is called with is looked at.
def test_the_gate_and_the_line_take_tiles_that_divide_their_mask(found: dict[str, Any]):
    assert len(found["divided"]) == 4 and not any(found["divided"])


def test_tiles_divide_blocks_of_any_size(found: dict[str, Any]):
    assert len(found["tiles"]) == 6
    for block, tiles in found["tiles"].items():
        assert set(tiles) == {"BLOCK_M", "BLOCK_N"}
        for tile in tiles.values():
            assert int(block) % tile == 0 and tile in (16, 32, 64, 128)


@pytest.mark.parametrize("line", ["gpu-ours", "gpu-flex"])
def test_memory_is_the_devices_without_what_made_the_inputs(found: dict[str, Any], line: str):
    peak, note = found[line]
    assert peak == 700
    assert note.endswith("memory is the most that the device held")
