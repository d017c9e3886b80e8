"""Speed and memory over the length of the text, as a picture by matplotlib (extra ``bench``)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from engine.evaluate.picture import save


@dataclass(frozen=True, slots=True)
class Point:
    """A measurement.

    Attributes:
        length: Tokens of the text.
        tokens_per_s: Tokens a second.
        peak_mb: Most memory, in MiB.
    """

    length: int
    tokens_per_s: float
    peak_mb: float


def draw(
    lines: Mapping[str, Sequence[Point]], heading: str, path: Path, bold: Collection[str] = ()
) -> None:
    """Draw tokens a second and peak memory, one line for each way to encode.

    Args:
        lines: Measurements by the name of the way, in ascending length.
        heading: What stands above.
        path: Picture whose name ends in one of ``picture.SUFFIXES``; replaced if it is there.
        bold: Names whose lines are drawn through, all others being dashed.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: The file cannot be written.
    """
    figure = import_module("matplotlib.figure").Figure(figsize=(11, 4.5), layout="constrained")
    speed, memory = figure.subplots(1, 2)
    for axes, column, title in (
        (speed, "tokens_per_s", "tokens a second"),
        (memory, "peak_mb", "peak memory, MiB"),
    ):
        for name, points in lines.items():
            axes.plot(
                [point.length for point in points],
                [getattr(point, column) for point in points],
                label=name,
                marker="o",
                linewidth=2.5 if name in bold else 1.2,
                linestyle="-" if name in bold else "--",
            )
        axes.set(xscale="log", yscale="log", xlabel="tokens of the text", title=title)
        ticks = sorted({point.length for points in lines.values() for point in points})
        axes.set_xticks(ticks, [_tick(tick) for tick in ticks])
        axes.xaxis.minorticks_off()
        axes.grid(alpha=0.3)
    speed.legend(fontsize="small")
    figure.suptitle(heading, fontsize="small")
    save(figure, path)


def _tick(length: int) -> str:
    # A text is often a few tokens shorter than asked for.
    return f"{round(length / 1024, 1):g}K" if length >= 1000 else str(length)
