"""Where the encoder's time goes, and how much memory it takes.

    python tests/benchmarks/profile_encoder.py [--tokens 8192 32768 200000] [--threads 1]
        [--pack FOLDER] [--weights FOLDER] [--clock wall] [--csv FILE]

For each length, in a process of its own: seconds and share of each stage of one pass over a text
made of the sample documents, tokens a second, the peak resident memory of the process
and the longest time between two looks at the cancel token. With several threads the stages' seconds
add up over the threads; ``--clock cpu`` counts processor time, which other programs disturb less. A
correctness gate comes first: the pack against its unquantised weights in float64, and one pass
against the next.
"""

import argparse
import csv
import json
import platform
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "benchmarks")]

from bench_large_pdf import commit, gate  # noqa: E402

from engine.evaluate.long_text import LongText, long_text, read_samples  # noqa: E402
from engine.evaluate.machine import (  # noqa: E402
    MEBIBYTE,
    Machine,
    package_versions,
    peak_memory,
)
from engine.model import layers  # noqa: E402
from engine.model.encoder import Encoder  # noqa: E402
from engine.model.fidelity import FidelityProbe  # noqa: E402
from engine.model.layers import LayerStack  # noqa: E402
from engine.model.pack import load_pack, part_names  # noqa: E402
from engine.model.runtime import open_sessions  # noqa: E402
from engine.model.tokenizer import Tokenizer  # noqa: E402
from engine.model.workers import Workers  # noqa: E402
from engine.progress import CancelToken, run  # noqa: E402
from engine.training import oracle  # noqa: E402
from engine.training.weights import load_weights  # noqa: E402

STAGES = ("embed", "project", "select", "attend", "finish", "head", "fidelity")
GATE_TOKENS = 1500  # three times what is read densely
LEAST_COSINE = 0.97
LENGTHS = [8192, 32768, 200_000]
CLOCKS = {"wall": time.perf_counter, "cpu": time.thread_time}


class StageClock:
    """Seconds by stage, over all threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._now = now
        self._lock = threading.Lock()

    def call(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """``work``, timed."""

        def timed(*args: Any, **options: Any) -> Any:
            began = self._now()
            result = work(*args, **options)
            with self._lock:
                self.seconds[stage] += self._now() - began
            return result

        return timed

    def steps(self, stage: str, work: Callable[..., Iterator]) -> Callable[..., Iterator]:
        """A generator function, timed without what its consumer does between its steps."""

        def timed(*args: Any, **options: Any) -> Iterator:
            steps = work(*args, **options)
            forward = self.call(stage, lambda: next(steps, self))
            while (step := forward()) is not self:
                yield step

        return timed


class TimedSession:
    """An inference session whose runs are timed."""

    def __init__(self, session: Any, stage: str, clock: StageClock) -> None:
        self.run = clock.call(stage, session.run)
        self.io_binding = session.io_binding
        self.run_with_iobinding = clock.call(stage, session.run_with_iobinding)


class Watch(CancelToken):
    """Remembers the longest time between two looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._looked = time.perf_counter()

    def check(self) -> None:
        """Look once more."""
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._looked)
        self._looked = now
        super().check()


def timed_encoder(folder: Path, threads: int, clock: StageClock) -> Encoder:
    """An encoder that counts its stages; changes this process for good."""
    pack = load_pack(folder)
    names = {name: name for name in STAGES} | {"attend_tail": "attend"}
    sessions = {
        name: TimedSession(session, names.get(name.split("_")[-1], names.get(name, "rest")), clock)
        for name, session in open_sessions(
            {name: pack.contents[name] for name in part_names(pack.config.layers)}
        ).items()
    }
    layers.select_blocks = clock.call("select", layers.select_blocks)
    FidelityProbe.keep_context = clock.call("fidelity", FidelityProbe.keep_context)
    FidelityProbe.measure = clock.steps("fidelity", FidelityProbe.measure)
    stack = LayerStack(pack.config, sessions, Workers(threads))
    return Encoder(pack, Tokenizer(pack.contents["tokenizer.json"]), stack, threads)


def sample_text(tokenizer: Tokenizer, tokens: int) -> LongText:
    """A text of about ``tokens`` tokens."""
    return long_text(run(read_samples(CancelToken())), tokenizer, tokens)


def check(encoder: Encoder, weights: Path) -> None:
    """Stop unless a short text is encoded as the unquantised weights say, twice the same."""
    made = sample_text(encoder.tokenizer, GATE_TOKENS)
    first, second = (
        run(encoder.encode(made.text, made.passages, [], cancel=CancelToken())) for _ in "12"
    )
    exact = oracle.encode(load_weights(weights), encoder.tokenizer.tokenize(made.text).ids)
    vectors = first.token_vectors / np.linalg.norm(first.token_vectors, axis=1, keepdims=True)
    cosines = (vectors * exact.token_vectors).sum(axis=1)
    gate(cosines.mean() >= LEAST_COSINE, f"token vectors: mean cosine {cosines.mean():.4f}")
    same = np.mean(first.kept_blocks[0] == exact.attention[0].kept)
    gate(same > 0.9, f"{same:.0%} of the first layer's blocks are those of the specification")
    for name in ("token_vectors", "passage_vectors", "kept_blocks", "kept_mass"):
        gate(np.array_equal(getattr(first, name), getattr(second, name)), f"{name}: runs differ")


def measure(options: argparse.Namespace, tokens: int) -> dict[str, Any]:
    """Encode one text and say what it took."""
    clock = StageClock(CLOCKS[options.clock])
    encoder = timed_encoder(options.pack, options.threads, clock)
    made = sample_text(encoder.tokenizer, tokens)
    run(encoder.encode(made.text[:1000], [], [], cancel=CancelToken()))
    clock.seconds.clear()
    total = time.process_time if options.clock == "cpu" else time.perf_counter
    watch = Watch()
    began = total()
    result = run(encoder.encode(made.text, made.passages, made.sentences, cancel=watch))
    seconds = total() - began
    counted = len(result.token_spans)
    row: dict[str, Any] = {"tokens": counted, "threads": options.threads, "clock": options.clock}
    row |= {"seconds": round(seconds, 3), "tokens_per_s": round(counted / seconds)}
    row |= {stage: round(clock.seconds[stage], 3) for stage in STAGES}
    busy = seconds if options.clock == "cpu" else seconds * options.threads
    row["other"] = round(busy - sum(clock.seconds[stage] for stage in STAGES), 3)
    row |= {f"{stage}_%": round(100 * row[stage] / busy, 1) for stage in (*STAGES, "other")}
    return row | {
        "longest_step_ms": round(watch.longest * 1e3, 1),
        "peak_mb": round(peak_memory() / MEBIBYTE),
        "recall_mean": round(result.fidelity.recall_mean, 4),
    }


def main() -> None:
    """Measure every length in a fresh process, print the table and append it to a CSV."""
    parser = argparse.ArgumentParser(description="Time and memory of the encoder, by stage.")
    parser.add_argument("--tokens", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pack", type=Path, default=ROOT / "resources/packs/chumoku-base")
    parser.add_argument("--weights", type=Path, default=ROOT / "resources/weights/chumoku-base")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--check", action="store_true", help="only the correctness gate")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.check:
        check(Encoder.load(load_pack(options.pack), options.threads), options.weights)
        return
    if options.one:
        sys.stdout.write(json.dumps(measure(options, options.tokens[0])) + "\n")
        return
    command = [sys.executable, __file__]
    for name in ("threads", "pack", "weights", "clock"):
        command += [f"--{name}", str(getattr(options, name))]
    if subprocess.run([*command, "--check"]).returncode:
        sys.exit(1)
    rows = []
    for tokens in options.tokens:
        done = subprocess.run(
            [*command, "--one", "--tokens", str(tokens)], stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            sys.exit(done.returncode)
        row = json.loads(done.stdout) | {
            **Machine.here().as_json(),
            "python": platform.python_version(),
            **package_versions("onnxruntime"),
            "commit": commit(),
        }
        rows.append(row)
        for key, value in row.items():
            sys.stdout.write(f"{key:>16}  {value}\n")
        sys.stdout.write("\n")
    if options.csv:
        new = not options.csv.exists()
        with options.csv.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0])
            if new:
                writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
