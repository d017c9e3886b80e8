"""Measures one line at one length; runs in a process of its own."""

import importlib
import time

import numpy as np

from engine.evaluate.bench import Timing, wants_another
from engine.evaluate.machine import MEBIBYTE

from .texts import read_text
from .work import LINES, Job


def measure(job: Job) -> dict[str, str | int | float]:
    """Measure a line.

    Returns:
        Values of the columns of :mod:`.table` that a line has of its own.

    Raises:
        RuntimeError: What the line gave is not finite, or zero.
    """
    family = next(line.family for line in LINES if line.name == job.line)
    # Imported here alone: each family loads other libraries, which take memory.
    module = importlib.import_module(f".{family}", __package__)
    work = module.prepare(job)
    work.warm_up()
    loaded = work.peak()
    times: list[float] = []
    while wants_another(times, job.repeats):
        began = time.perf_counter()
        vectors = work.run()
        times.append(time.perf_counter() - began)
        expect_sound(vectors)
    timing = Timing.of(times)
    seconds = timing.seconds * work.multiplier
    characters = len(read_text(job.folder, job.tokens).text)
    share = "" if work.selecting is None else round(work.selecting() / sum(times), 4)
    return {
        "line": job.line,
        "length": job.tokens,
        "tokens": work.tokens,
        "characters": characters,
        "seconds": round(seconds, 5),
        "fastest": round(timing.fastest * work.multiplier, 5),
        "slowest": round(timing.slowest * work.multiplier, 5),
        "repeats": timing.repeats,
        "tokens_per_s": round(work.tokens / seconds, 1),
        "characters_per_s": round(characters / seconds, 1),
        "us_per_token": round(1e6 * seconds / work.tokens, 3),
        "selection": share,
        "peak_mb": round(work.peak() / MEBIBYTE, 1),
        "loaded_mb": round(loaded / MEBIBYTE, 1),
        "note": work.note,
    }


def expect_sound(vectors: np.ndarray) -> None:
    """Raise ``RuntimeError`` unless all rows ``[N, D]`` are finite and none is zero."""
    if not np.isfinite(vectors).all() or not len(vectors) or not vectors.any(axis=1).all():
        raise RuntimeError("the vectors are not finite, or some are zero")
