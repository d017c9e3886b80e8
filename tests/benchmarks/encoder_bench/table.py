"""The table of the benchmark: a CSV file that a later run goes on with."""

import csv
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.cli_text import print_table
from engine.evaluate.machine import CHANGED, Machine, commit, package_versions

Row = Mapping[str, str | int | float]

MEASURED = (
    "line", "length", "tokens", "characters", "seconds", "fastest", "slowest", "repeats",
    "tokens_per_s", "characters_per_s", "us_per_token", "selection", "peak_mb", "loaded_mb", "note",
)  # fmt: skip
PACKAGES = ("onnxruntime", "torch", "transformers", "sentence-transformers", "triton")
UNKNOWN = "unknown"
_LONGEST_REASON = 300
# A row of an earlier run stands for one of this run if all these are the same.
_SAME = (
    "commit", "threads", "repeats_asked", "processor", "cores", "ram_gb", "system", "python",
    *PACKAGES,
)  # fmt: skip


def setting(root: Path, threads: int, repeats: int) -> dict[str, str | int | float]:
    """Columns that all rows of a run share: how it was asked for, machine, versions, commit."""
    return {
        "threads": threads,
        "repeats_asked": repeats,
        **Machine.here().as_json(),
        "python": platform.python_version(),
        **package_versions(*PACKAGES),
        "commit": commit(root) or UNKNOWN,
    }


@dataclass(frozen=True, slots=True)
class Table:
    """Rows on disk.

    Attributes:
        file: CSV file, or None where nothing is kept.
        shared: What :func:`setting` gave.
    """

    file: Path | None
    shared: Row

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [*MEASURED, *self.shared]

    def earlier(self) -> list[Row]:
        """Rows of the same commit, machine and versions; none of a changed checkout.

        Those of :func:`failure` are among them.

        Raises:
            ValueError: The file has other columns.
        """
        if self.file is None or not self.file.exists():
            return []
        with self.file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if list(reader.fieldnames or ()) != self.columns:
                raise ValueError(f"{self.file} has other columns; name a new file")
            rows = list(reader)
        name = str(self.shared["commit"])
        if name == UNKNOWN or name.endswith(CHANGED):
            return []
        return [row for row in rows if all(row[key] == str(self.shared[key]) for key in _SAME)]

    def append(self, measured: Row) -> Row:
        """Add what a line measured, or :func:`failure`; gives the whole row."""
        row = {**measured, **self.shared}
        if self.file is not None:
            new = not self.file.exists()
            with self.file.open("a", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, self.columns)
                if new:
                    writer.writeheader()
                writer.writerow(row)
        return row


def key(row: Row) -> tuple[str, int]:
    """Which line at which length a row is of."""
    return str(row["line"]), int(row["length"])


def failure(line: str, length: int, reason: str) -> Row:
    """What stands for a line that gave no figures: all of them empty, and the reason as its note.

    Args:
        line: Name of the line.
        length: Length that was asked for, in tokens.
        reason: Why; may be of several lines.
    """
    note = f"failed: {' '.join(reason.split())[:_LONGEST_REASON]}"
    return {**dict.fromkeys(MEASURED, ""), "line": line, "length": length, "note": note}


def was_measured(row: Row) -> bool:
    """Whether a row holds figures."""
    return str(row["seconds"]) != ""


def newest(rows: Iterable[Row]) -> dict[tuple[str, int], Row]:
    """Rows by line and length, the last of each."""
    return {key(row): row for row in rows}


def show(rows: Sequence[Row]) -> None:
    """Print rows for people."""
    titles = [
        "line", "length", "tokens", "seconds", "from", "to", "tokens/s", "characters/s",
        "choosing", "peak MiB", "note",
    ]  # fmt: skip
    cells = []
    for row in rows:
        cells.append(
            [
                str(row["line"]),
                str(row["length"]),
                str(row["tokens"]),
                *(_shown(row[name], ".3f") for name in ("seconds", "fastest", "slowest")),
                *(_shown(row[name], ".0f") for name in ("tokens_per_s", "characters_per_s")),
                _shown(row["selection"], ".1%"),
                _shown(row["peak_mb"], ".0f"),
                str(row["note"]),
            ]
        )
    print_table(titles, cells)


def _shown(value: str | float, form: str) -> str:
    return "" if value == "" else format(float(value), form)
