"""The table of an ablation as a picture, by matplotlib (extra ``bench``)."""

from importlib import import_module
from pathlib import Path
from typing import Any

from engine.evaluate.ablation_table import LEAST, Ablation, Row
from engine.evaluate.picture import save


def draw(found: Ablation, path: Path) -> None:
    """Draw one line for each pattern: time and density, fidelity with its limits, retrieval.

    Args:
        found: The table.
        path: Picture whose name ends in one of ``picture.SUFFIXES``; replaced if it is there.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: The file cannot be written.
    """
    rows = found.patterns
    size = (15, 1.5 + 0.3 * len(rows))
    figure = import_module("matplotlib.figure").Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, 5, sharey=True)
    time, density, recall, cosine, ndcg = panels
    _dots(time, rows, [row.seconds for row in rows])
    _dots(density, rows, [row.density for row in rows])
    _dots(recall, rows, [row.recall for row in rows], low=[row.recall_p5 for row in rows])
    _dots(cosine, rows, [row.cosine for row in rows])
    # Intervals are those of the difference to the pack's own pattern, on the same questions.
    _dots(
        ndcg,
        rows,
        [row.tokens.mean for row in rows],
        low=[row.tokens.mean - row.change.mean + row.change.low for row in rows],
        high=[row.tokens.mean - row.change.mean + row.change.high for row in rows],
    )
    for axes, title in (
        (time, "Seconds of a pass"),
        (density, "Density"),
        (recall, "Attention-mass recall,\ndown to its 5th percentile"),
        (cosine, "Passage cosine to the dense twin"),
        (ndcg, "nDCG@10, late interaction,\ninterval of the change"),
    ):
        axes.set_title(title, fontsize="medium")
        axes.grid(alpha=0.3)
        axes.locator_params(axis="x", nbins=4)
    for axes, limits in ((recall, ("recall", "recall_p5")), (cosine, ("cosine",))):
        for name in limits:
            axes.axvline(LEAST[name], color="0.4", linestyle=":")
    _logarithmic(density)
    if any(row.seconds for row in rows):
        _logarithmic(time)
    time.set_yticks(range(len(rows)), [f"{row.kind}: {row.name}" for row in rows])
    time.invert_yaxis()
    lengths = ", ".join(f"{length:,}" for length in found.lengths)
    figure.suptitle(
        f"{found.pack} {found.revision}, int8, {found.threads} threads, {lengths} tokens"
    )
    save(figure, path)


def _logarithmic(axes: Any) -> None:
    ticker = import_module("matplotlib.ticker")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())


def _dots(
    axes: Any,
    rows: list[Row],
    values: list[float | None],
    low: list[float] | None = None,
    high: list[float] | None = None,
) -> None:
    """A dot for each row at its value, with a line from ``low`` to ``high``; the value if None."""
    kinds = list(dict.fromkeys(row.kind for row in rows))
    for place, (row, value) in enumerate(zip(rows, values, strict=True)):
        if value is None:
            continue
        colour = f"C{kinds.index(row.kind)}"
        ends = (low[place] if low else value, high[place] if high else value)
        axes.plot(ends, (place, place), color=colour, alpha=0.5)
        axes.plot(value, place, "o", color=colour)
