"""NumPy against ONNX Runtime for query-to-document attention, at the sizes that search meets.

    python tests/benchmarks/bench_cross.py [--csv FILE]

The two run in turn in one process on one thread each. Figures are the least processor time of all
turns, which says more than the clock on a machine that has other work. A correctness gate comes
first.
"""

import argparse
import csv
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kernels.cross import attend, score_segments  # noqa: E402

WIDTH = 64
TURNS = 40
# Passages, tokens of each, tokens of the question.
SEGMENTS = ((1, 250, 20), (12, 250, 20), (200, 60, 20), (200, 250, 8), (200, 250, 20))
# Tokens of the document; 128 blocks of 64 are read.
DOCUMENTS = (250, 2000, 8192, 200_000)


def unit(x: np.ndarray) -> np.ndarray:
    """Vectors of length 1."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def document(generator: np.random.Generator, tokens: int) -> np.ndarray:
    """Random token vectors as search stores them."""
    return np.rint(unit(generator.standard_normal((tokens, WIDTH))) * 127).astype(np.int8)


def question(generator: np.random.Generator, tokens: int) -> np.ndarray:
    """Random query vectors."""
    return unit(generator.standard_normal((tokens, WIDTH))).astype(np.float32)


def compare(run: Callable[[str], Any], result: Callable[[Any], np.ndarray]) -> dict[str, float]:
    """Milliseconds of both implementations, interleaved."""
    np.testing.assert_allclose(result(run("onnx")), result(run("reference")), atol=1e-5)
    least = dict.fromkeys(("reference", "onnx"), float("inf"))
    for _ in range(TURNS):
        for name in least:
            began = time.process_time()
            run(name)
            least[name] = min(least[name], time.process_time() - began)
    return {
        "numpy_ms": round(least["reference"] * 1e3, 3),
        "onnx_ms": round(least["onnx"] * 1e3, 3),
        "onnx_by_numpy": round(least["onnx"] / least["reference"], 2),
    }


def measure() -> list[dict[str, Any]]:
    """One row for each size."""
    generator = np.random.default_rng(5)
    rows = []
    for count, length, queries in SEGMENTS:
        lengths = generator.integers(length // 2, length * 3 // 2, count)
        starts = np.cumsum(lengths + generator.integers(0, 2 * length, count)) - lengths
        ranges = np.stack([starts, starts + lengths], axis=1)
        tokens, query = document(generator, int(ranges.max())), question(generator, queries)

        def score(impl: Any, query=query, tokens=tokens, ranges=ranges) -> Any:
            return score_segments(query, tokens, ranges, impl=impl)

        size = f"{count} segments of {length}, {queries} query tokens"
        rows.append({"size": size} | compare(score, lambda found: found.similarities))
    for length in DOCUMENTS:
        tokens, query = document(generator, length), question(generator, 20)
        starts = np.arange(0, length, WIDTH)
        summaries = np.add.reduceat(tokens, starts, axis=0, dtype=np.float32) / (127.0 * 64)
        ends = np.arange(0, length, 250)
        ranges = np.stack([ends, np.minimum(ends + 250, length)], axis=1)

        def look(impl: Any, query=query, tokens=tokens, summaries=summaries, ranges=ranges) -> Any:
            return attend(query, tokens, summaries, ranges, budget=128, impl=impl)

        size = f"attention over 128 blocks of {length} tokens, 20 query tokens"
        rows.append({"size": size} | compare(look, lambda found: found.weights))
    return rows


def main() -> None:
    """Print the table, and write it as CSV if asked."""
    parser = argparse.ArgumentParser(description="NumPy against ONNX Runtime in kernels/cross.")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rows = measure()
    for row in rows:
        sys.stdout.write("  ".join(str(value) for value in row.values()) + "\n")
    versions = {"numpy": np.__version__, "onnxruntime": onnxruntime.__version__}
    machine = {"machine": platform.machine(), "cores": os.cpu_count()}
    sys.stdout.write(f"{versions | machine}\n")
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0] | versions | machine)
            writer.writeheader()
            writer.writerows(row | versions | machine for row in rows)


if __name__ == "__main__":
    main()
