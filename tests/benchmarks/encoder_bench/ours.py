"""Our encoder: the shipped pack, and the same weights in float32 on the same code."""

from pathlib import Path

import numpy as np

from engine.evaluate.bench import TimedEncoder
from engine.evaluate.long_text import LongText
from engine.model.pack import load_pack, part_names
from engine.models import default_pack
from engine.progress import CancelToken, run

from .texts import WARM_UP, read_text
from .work import WEIGHTS, Job, Work

EXPORTED = "float32"


def export(folder: Path) -> None:
    """Write float32 and dense parts, so that the processes that are measured need no ``onnx``."""
    from engine.training.float_parts import float_models
    from engine.training.weights import load_weights

    from .dense_parts import dense_models

    source = load_weights(WEIGHTS)
    target = folder / EXPORTED
    target.mkdir()
    for name, model in {**float_models(source), **dense_models(source)}.items():
        (target / f"{name}.onnx").write_bytes(model.SerializeToString())


def timed_encoder(line: str, folder: Path, threads: int) -> TimedEncoder:
    """The encoder of a line: int8 as it ships, or float32 as :func:`export` wrote it."""
    pack = load_pack(default_pack())
    parts = None
    if line == "ours-fp32":
        names = part_names(pack.config.layers)
        parts = {name: (folder / EXPORTED / name).read_bytes() for name in names}
    return TimedEncoder(pack, threads, parts)


def passage_vectors(timed: TimedEncoder, text: LongText) -> np.ndarray:
    """Vectors of the passages of a text, ``[P, 384]``; fidelity is not measured."""
    return run(timed.encode(text, CancelToken())).passage_vectors.astype(np.float32)


def prepare(job: Job) -> Work:
    """Get a line ready."""
    timed = timed_encoder(job.line, job.folder, job.threads)
    text, short = read_text(job.folder, job.tokens), read_text(job.folder, WARM_UP)

    def warm_up() -> None:
        passage_vectors(timed, short)
        timed.stack.selecting = 0.0

    return Work(
        run=lambda: passage_vectors(timed, text),
        warm_up=warm_up,
        tokens=text.tokens,
        note="fidelity not measured",
        selecting=lambda: timed.stack.selecting,
    )
