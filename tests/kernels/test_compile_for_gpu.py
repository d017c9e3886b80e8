"""The Triton kernels compile for GPUs that are not here, and fit what a program may use there."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

for package in ("torch", "triton"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)

SCRIPT = Path(__file__).with_name("compile_for_gpu.py")


@pytest.mark.parametrize("capability", [89, 90])
def test_kernels_fit_the_shared_memory_of_a_card(capability):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(capability)],
        capture_output=True, text=True, encoding="utf-8", timeout=290,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["kernel"] for line in lines] == [
        *["attention", "prepare"] * 4, *["normaliser", "select"] * 2,
        "segment_kernel", "normaliser_kernel", "weight_kernel",
    ]  # fmt: skip
    for line in lines:
        assert 0 < line["shared"] <= line["limit"], line
