"""The table of an ablation as a picture, by matplotlib (extra ``bench``)."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.evaluate.ablation_table import Ablation, Row
from engine.evaluate.variants import DENSE

SUFFIXES = (".svg", ".png", ".pdf")
_MARKERS = "osD^vPX*"


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(found: Ablation, path: Path) -> None:
    """Draw fidelity and retrieval over time, or over density where nothing was timed.

    Args:
        found: The table.
        path: Picture whose name ends in one of ``SUFFIXES``; replaced if it is there.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: The file cannot be written.
    """
    figure = import_module("matplotlib.figure").Figure(figsize=(13, 6), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = [row for row in found.patterns if row.kind != DENSE]
    timed = all(row.seconds is not None for row in rows)
    places = [row.seconds if timed and row.seconds else row.density for row in rows]
    for axes, name in (
        (left, "Attention-mass recall: mean, 5th percentile below"),
        (right, "nDCG@10, late interaction"),
    ):
        axes.set_ylabel(name)
        axes.set_xlabel("Seconds of a pass" if timed else "Density")
        axes.grid(alpha=0.3)
    _points(left, rows, places, [row.recall for row in rows])
    for row, place in zip(rows, places, strict=True):
        left.plot([place, place], [row.recall_p5, row.recall], color="0.7", zorder=1)
    _points(right, rows, places, [row.tokens.mean for row in rows])
    dense = found.rows[0]
    right.axhline(dense.tokens.mean, color="0.5", linestyle="--", label=DENSE)
    right.legend(loc="lower right", fontsize="small")
    lengths = ", ".join(f"{length:,}" for length in found.lengths)
    figure.suptitle(
        f"{found.pack} {found.revision}, int8, {found.threads} threads, {lengths} tokens"
    )
    part = path.with_name(f"{path.name}.part")
    figure.savefig(part, format=path.suffix.lower().removeprefix("."))
    part.replace(path)


def _points(axes: Any, rows: list[Row], places: list[float], heights: list[float]) -> None:
    kinds = list(dict.fromkeys(row.kind for row in rows))
    for number, kind in enumerate(kinds):
        mine = [at for at, row in enumerate(rows) if row.kind == kind]
        axes.plot(
            [places[at] for at in mine],
            [heights[at] for at in mine],
            _MARKERS[number % len(_MARKERS)],
            label=kind,
        )
    for row, place, height in zip(rows, places, heights, strict=True):
        axes.annotate(
            row.name, (place, height), xytext=(4, 3), textcoords="offset points", fontsize=7
        )
