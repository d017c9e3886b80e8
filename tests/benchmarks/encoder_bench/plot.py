"""The rows as a plot: tokens a second and peak memory over the length."""

from collections.abc import Sequence
from pathlib import Path

from engine.evaluate import speed_plot
from engine.evaluate.speed_plot import Point

from .table import Row


def draw(rows: Sequence[Row], file: Path) -> None:
    """Write a plot; the suffix of the file says in which format.

    Raises:
        ImportError: matplotlib is not installed (extra ``bench``).
    """
    lines: dict[str, list[Point]] = {}
    for row in sorted(rows, key=lambda row: (str(row["line"]), int(row["length"]))):
        point = Point(int(row["length"]), float(row["tokens_per_s"]), float(row["peak_mb"]))
        lines.setdefault(str(row["line"]), []).append(point)
    last = rows[-1]
    heading = f"{last['processor']}, {last['threads']} threads, commit {last['commit']}"
    speed_plot.draw(lines, heading, file, [name for name in lines if name.startswith("ours")])
