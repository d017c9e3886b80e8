"""The command ``bench``: how fast the installed pack encodes on this PC."""

import csv
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import json_output
from engine.cli_options import PackOption
from engine.cli_progress import run_with_progress
from engine.cli_text import print_table
from engine.cli_words import shown
from engine.progress import CancelToken, Job

if TYPE_CHECKING:
    from engine.evaluate.bench import Check, Row, TimedEncoder
    from engine.model.pack import Pack

_PACKAGES = ("onnxruntime", "numpy", "tokenizers")
_Measured = tuple["list[Check]", "list[Row]", float]


def bench(
    tokens: Annotated[
        list[int] | None,
        typer.Option(
            min=100,
            max=2_000_000,
            help="Length of a text in tokens; may be repeated. [default: 512, 2048, 8192, 32768]",
            show_default=False,
        ),
    ] = None,
    pages: Annotated[int, typer.Option(min=1, help="Pages to estimate the time of.")] = 300,
    repeats: Annotated[int, typer.Option(min=1, max=50, help="Times to encode each text.")] = 3,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Threads; as many as analysing uses if not given."),
    ] = None,
    pack: PackOption = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Append the figures to this file.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the figures into this .svg, .png or .pdf; needs matplotlib."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Measure how fast documents are encoded on this PC, after checking that they are encoded well.

    Exit status 1 if the check fails: times of wrong results are not told.
    """
    # Imported late, for most commands need none of this.
    from engine.evaluate import picture
    from engine.evaluate.bench import COLUMNS, DEFAULT_TOKENS, TimedEncoder
    from engine.evaluate.machine import Machine, commit, package_versions
    from engine.model.pack import load_pack
    from engine.models import default_pack

    if csv_file and not csv_file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {shown(str(csv_file.parent))}")
    if plot:
        try:
            picture.check(plot)
        except ValueError as error:
            raise typer.BadParameter(shown(str(error))) from error
    timed = TimedEncoder(load_pack(pack or default_pack()), threads)
    setting = {
        **Machine.here().as_json(),
        "threads": timed.encoder.threads,
        "chumoku": version("chumoku"),
        **package_versions(*_PACKAGES),
        "pack": timed.encoder.pack.pack_hash,
        "commit": commit(Path(__file__).resolve().parents[1]),
    }
    columns = [*COLUMNS, *setting]
    if csv_file:
        _expect_columns(csv_file, columns)
    # In ascending order: the peak of the process is then that of the length just done.
    lengths = sorted(set(tokens or DEFAULT_TOKENS))
    checks, rows, per_page = run_with_progress(
        lambda cancel: _measure_all(timed, lengths, repeats, cancel)
    )
    failed = [check for check in checks if not check.passed]
    if failed:
        for check in failed:
            sys.stderr.write(f"chumoku: wrong result: {_check_text(check)}\n")
        raise typer.Exit(1)
    minutes = pages * per_page / rows[-1].tokens_per_s / 60
    if csv_file:
        _append(csv_file, columns, [{**row.as_json(), **setting} for row in rows])
    if plot:
        _draw(rows, timed.encoder.pack, setting, plot)
    if as_json:
        held = {
            "setting": setting,
            "checks": [{"name": one.name, "value": one.value} for one in checks],
            "rows": [row.as_json() for row in rows],
            "pages": {
                "count": pages,
                "tokens_per_page": round(per_page, 1),
                "minutes": round(minutes, 3),
            },
        }
        sys.stdout.write(json_output.dumps(held) + "\n")
        return
    _show(rows, setting, len(checks))
    sys.stdout.write(
        f"{pages} pages like those of the samples ({per_page:.0f} tokens each) take "
        f"{minutes:.1f} minutes to encode at the speed of the longest text\n"
    )


def _measure_all(
    timed: "TimedEncoder", lengths: list[int], repeats: int, cancel: CancelToken
) -> "Job[_Measured]":
    from engine.evaluate.bench import gate, measure
    from engine.evaluate.long_text import long_text, read_samples, tokens_per_page

    documents = yield from read_samples(cancel)
    tokenizer = timed.encoder.tokenizer
    per_page = tokens_per_page(documents, tokenizer)
    checks = yield from gate(timed, documents, cancel)
    rows: list[Row] = []
    if all(check.passed for check in checks):
        for length in lengths:
            text = long_text(documents, tokenizer, length)
            rows.append((yield from measure(timed, text, repeats, cancel)))
    return checks, rows, per_page


def _check_text(check: "Check") -> str:
    bound = "at most" if check.at_most else "at least"
    return f"{check.name}: {check.value:.4g}, should be {bound} {check.bound:.4g}"


def _show(rows: "list[Row]", setting: dict[str, Any], checks: int) -> None:
    sys.stdout.write(", ".join(f"{name} {value}" for name, value in setting.items()) + "\n")
    sys.stdout.write(f"{checks} checks of correctness passed\n\n")
    titles = ["tokens", "seconds", "from", "to", "tokens/s", "choosing blocks", "blocks read"]
    table = [
        [
            str(row.tokens),
            f"{row.timing.seconds:.3f}",
            f"{row.timing.fastest:.3f}",
            f"{row.timing.slowest:.3f}",
            f"{row.tokens_per_s:.0f}",
            f"{row.selection:.1%}",
            f"{row.density:.1%}",
            f"{row.peak_mb:.0f} MiB",
        ]
        for row in rows
    ]
    print_table([*titles, "peak memory"], table)
    sys.stdout.write("\n")


def _draw(rows: "list[Row]", pack: "Pack", setting: dict[str, Any], plot: Path) -> None:
    from engine.evaluate.speed_plot import Point, draw

    name = f"{pack.name} {pack.revision}"
    points = [Point(row.tokens, row.tokens_per_s, row.peak_mb) for row in rows]
    heading = f"{setting['processor']}, {setting['threads']} threads, chumoku {setting['chumoku']}"
    draw({name: points}, heading, plot, [name])


def _expect_columns(file: Path, columns: list[str]) -> None:
    """Refuse a CSV file whose columns are others, before time is spent on measuring."""
    if not file.exists():
        return
    with file.open(newline="", encoding="utf-8", errors="replace") as stream:
        if next(csv.reader(stream), None) != columns:
            raise typer.BadParameter(f"{shown(str(file))} has other columns; name a new file")


def _append(file: Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    new = not file.exists()
    with file.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        if new:
            writer.writeheader()
        writer.writerows(rows)
