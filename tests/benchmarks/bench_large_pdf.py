"""How long a large Japanese PDF takes, and how much memory.

    python tests/benchmarks/bench_large_pdf.py [--pages 300] [--csv FILE]

Measures, in one run on one library: seconds until exact words are found, seconds until the
analysis is stored, seconds of a question, and the peak resident memory of the program with its
children. A correctness gate comes first: figures of a run that lost text are worth nothing.
"""

import argparse
import csv
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import onnxruntime
import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "benchmarks")]

from engine.service import Library  # noqa: E402

SAMPLE_S = 0.02
QUERIES = ("締付トルク", "HV-2041-07", "洗浄液が濃すぎるときの処置", "what follows the leak test")


class PeakMemory(threading.Thread):
    """Samples the resident memory of this process and its children."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._ended = threading.Event()

    def run(self) -> None:
        process = psutil.Process()
        while not self._ended.wait(SAMPLE_S):
            total = 0
            for each in [process, *process.children(recursive=True)]:
                try:
                    total += each.memory_info().rss
                except psutil.Error:
                    continue
            self.bytes = max(self.bytes, total)

    def finish(self) -> int:
        self._ended.set()
        self.join()
        return self.bytes


def measure(pdf: Path, pages: int, folder: Path) -> dict[str, float | int]:
    """Add one PDF to a fresh library and time its stages."""
    memory = PeakMemory()
    memory.start()
    began = time.perf_counter()
    figures: dict[str, float | int] = {}
    with Library.open(folder) as library:
        job = library.add([pdf])
        while True:
            try:
                progress = next(job)
            except StopIteration as stop:
                result = stop.value[0]
                break
            if progress.stage == "index":
                found = library.search("締付トルク").hits
                figures["searchable_s"] = time.perf_counter() - began
                gate(bool(found) and "トルク" in found[0].text, "exact words are not found")
        figures["analysed_s"] = time.perf_counter() - began
        gate(result.status == "added" and result.reason is None, f"{result.reason}")
        gate(result.pages == pages, f"{result.pages} pages of {pages}")
        asked = time.perf_counter()
        for query in QUERIES:
            hit = library.search(query).hits[0]
            gate(None not in (hit.parts.dense, hit.parts.attention), f"{query}: a part is missing")
            gate(bool(hit.place.boxes), f"{query}: no place on the page")
        figures["question_s"] = (time.perf_counter() - asked) / len(QUERIES)
        revision_id = library.documents()[0].revision_id
        assert revision_id is not None
        figures["characters"] = len(library.content(revision_id).text)
    figures["tokens"] = result.tokens
    figures["peak_mb"] = memory.finish() / 2**20
    return figures


def gate(passed: bool, words: str) -> None:
    """Stop the benchmark if what it measures is not right."""
    if not passed:
        sys.exit(f"correctness gate: {words}")


def commit() -> str:
    """Short hash of the commit that is measured."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"


def main() -> None:
    """Measure and print one line, and append it to a CSV if asked."""
    parser = argparse.ArgumentParser(description="Time and memory of a large Japanese PDF.")
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    from make_large_pdf import write_pdf

    with tempfile.TemporaryDirectory() as folder:
        pdf = Path(folder, "large.pdf")
        write_pdf(pdf, options.pages)
        figures = measure(pdf, options.pages, Path(folder, "library"))
    row = {
        "pages": options.pages,
        **{key: round(value, 2) for key, value in figures.items()},
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "commit": commit(),
    }
    for key, value in row.items():
        sys.stdout.write(f"{key:>14}  {value}\n")
    if options.csv:
        new = not options.csv.exists()
        with options.csv.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, row)
            if new:
                writer.writeheader()
            writer.writerow(row)


if __name__ == "__main__":
    main()
