"""The rows as a plot: tokens a second and peak memory over the length."""

from collections.abc import Sequence
from pathlib import Path

from .table import Row


def draw(rows: Sequence[Row], file: Path) -> None:
    """Write a plot; the suffix of the file says in which format.

    Raises:
        ImportError: matplotlib is not installed (extra ``bench``).
    """
    import matplotlib as mpl  # pyright: ignore[reportMissingImports]

    mpl.use("Agg")
    from matplotlib import pyplot  # pyright: ignore[reportMissingImports]

    lines: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: int(row["length"])):
        lines.setdefault(str(row["line"]), []).append(row)
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for axis, column, title in (
        (axes[0], "tokens_per_s", "tokens a second"),
        (axes[1], "peak_mb", "peak memory, MiB"),
    ):
        for name, held in sorted(lines.items()):
            lengths = [int(row["length"]) for row in held]
            ours = name.startswith("ours")
            axis.plot(
                lengths,
                [float(row[column]) for row in held],
                label=name,
                marker="o",
                linewidth=2.5 if ours else 1.2,
                linestyle="-" if ours else "--",
            )
        axis.set(xscale="log", yscale="log", xlabel="tokens of the text", title=title)
        ticks = sorted({int(row["length"]) for row in rows})
        axis.set_xticks(
            ticks, [f"{tick // 1024}K" if tick >= 1024 else str(tick) for tick in ticks]
        )
        axis.xaxis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize="small")
    last = rows[-1]
    figure.suptitle(
        f"{last['processor']}, {last['threads']} threads, commit {last['commit']}", fontsize="small"
    )
    figure.savefig(file)
    pyplot.close(figure)
