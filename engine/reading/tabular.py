"""Tables of rows and columns: header rows found, and each row written with its headers."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.reading.builder import DocumentBuilder

_NUMERIC = re.compile(
    r"[-+±<>≦≧≤≥~約]?\s*[\d.,]+(?:e[-+]?\d+)?\s*(?:%|[a-z°℃µμ·/]{1,6}\d?)?"
    r"|\d{1,4}[-/.年]\d{1,2}(?:[-/.月]\d{1,2}日?)?(?:[ t]\d{1,2}:\d{2}(?::\d{2})?)?"
    r"|\d{1,2}:\d{2}(?::\d{2})?|true|false|ok|ng|[○×△◎✓-]",
    re.IGNORECASE,
)
# Part numbers and revisions are what stands under or beside a label.
_VALUE = re.compile(
    r"[A-Za-z]{1,5}(?:-[A-Za-z]{1,4})*-?\d{2,}[A-Za-z\d-]*(?:\s*第\s*\d+\s*版)?|第\s*\d+\s*版"
)
_CODE = re.compile(r"[A-Za-z]{1,5}-?\d[\w-]*")
_HEADER_SEARCH = 12
_HEADER_DEPTH = 4
_LABEL_LENGTH = 60

Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column; from 1, inclusive."""


@dataclass(slots=True)
class Row:
    """A row that is not empty.

    Attributes:
        number: From 1.
        values: Text of each cell, ``""`` where empty; trailing empty cells may be missing.
        styled: Columns (from 0) that are set off by bold type or a fill.
        anchors: Cell in A1 notation that a column's value was taken from, where it was merged.
    """

    number: int
    values: list[str]
    styled: frozenset[int] = frozenset()
    anchors: dict[int, str] = field(default_factory=dict)

    @property
    def filled(self) -> list[int]:
        """Columns with a value, from 0."""
        return [column for column, value in enumerate(self.values) if value]


def column_name(column: int) -> str:
    """Letters of a column counted from 0: 0 is ``A``, 26 is ``AA``."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


CellName = Callable[[int, int], str]
"""Name of a cell from its row, counted from 1, and its column, counted from 0."""


def a1_name(row: int, column: int) -> str:
    """Name of a cell in a sheet, such as ``"B12"``."""
    return f"{column_name(column)}{row}"


def spread_merges(rows: Sequence[Row], merges: Sequence[Merge], name: CellName = a1_name) -> None:
    """Give every row of a vertically merged cell its value, in place."""
    by_number = {row.number: row for row in rows}
    for top, left, bottom, _ in merges:
        first = by_number.get(top)
        if bottom == top or first is None or left > len(first.values):
            continue
        value = first.values[left - 1]
        for number in range(top + 1, min(bottom, top + 10_000) + 1):
            row = by_number.get(number)
            if row is None or not value:
                continue
            row.values += [""] * (left - len(row.values))
            if not row.values[left - 1]:
                row.values[left - 1] = value
                row.anchors[left - 1] = name(top, left - 1)


def write_rows(
    builder: DocumentBuilder,
    rows: Sequence[Row],
    *,
    merges: Sequence[Merge] = (),
    sheet: str | None = None,
    page: int | None = None,
    name: CellName = a1_name,
) -> None:
    """Write rows as units, each value after its column's headers.

    Args:
        builder: Receives a ``row`` unit a row; ``cells`` span the values, not the headers.
        rows: Rows that are not empty, in order.
        merges: Merged cells.
        sheet: Name for the units.
        page: Page for the units.
        name: Names cells.
    """
    for block in _blocks(rows):
        start, labels = find_labels(block, merges)
        for index, row in enumerate(block):
            if not builder.at_page_start:
                builder.gap("\n")
            _write_row(builder, row, labels if index >= start else {}, sheet, page, name)


def find_labels(block: Sequence[Row], merges: Sequence[Merge]) -> tuple[int, dict[int, str]]:
    """Find the header of a block of rows.

    Returns:
        Index of the first row below it and label of each column from 0; 0 and none where the
        block has no header.
    """
    covers = _cover(merges)
    start, depth = _find_header(block, covers)
    if not depth:
        return 0, {}
    return start + depth, _labels(block[start : start + depth], covers)


def _write_row(
    builder: DocumentBuilder,
    row: Row,
    labels: Mapping[int, str],
    sheet: str | None,
    page: int | None,
    name: CellName,
) -> None:
    parts: list[str] = []
    cells: list[tuple[int, int, str]] = []
    length = 0
    for column in row.filled:
        value = row.values[column]
        label = labels.get(column, "")
        head = ("\t" if parts else "") + (f"{label}: " if label else "")
        parts += [head, value]
        length += len(head)
        place = row.anchors.get(column) or name(row.number, column)
        cells.append((length, length + len(value), place))
        length += len(value)
    columns = row.filled
    first, last = (name(row.number, column) for column in (columns[0], columns[-1]))
    place = first if first == last else f"{first}:{last}"
    builder.add("".join(parts), "row", cells=tuple(cells), cell=place, sheet=sheet, page=page)


def _blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Parts of a sheet between empty rows."""
    start = 0
    for index, (row, after) in enumerate(pairwise(rows)):
        if after.number > row.number + 1:
            yield rows[start : index + 1]
            start = index + 1
    if start < len(rows):
        yield rows[start:]


def _cover(merges: Sequence[Merge]) -> dict[tuple[int, int], Merge]:
    """Which merged cell covers a place; only those small enough to be headers."""
    return {
        (row, column): merge
        for merge in merges
        if merge[2] - merge[0] < 100 and merge[3] - merge[1] < 200
        for row in range(merge[0], merge[2] + 1)
        for column in range(merge[1], merge[3] + 1)
    }


def _find_header(block: Sequence[Row], covers: Mapping[tuple[int, int], Merge]) -> tuple[int, int]:
    """Index of the first header row of a block and how many there are (0 where none)."""
    width = max(len(_spread(row, covers)) for row in block[:200])
    for start in range(min(_HEADER_SEARCH, len(block) - 1)):
        row = block[start]
        spread = _spread(row, covers)
        if len(spread) < 2 or len(spread) < 0.6 * width or len(row.filled) < 2:
            continue
        if not all(_is_label(row.values[column]) for column in row.filled):
            # A full row of values before any header: a form or a table without one.
            break
        depth = _depth(block, start, covers)
        data = block[start + depth : start + depth + 50]
        if data and _heads(row, spread, data, depth):
            return start, depth
        break
    return 0, 0


def _depth(block: Sequence[Row], start: int, covers: Mapping[tuple[int, int], Merge]) -> int:
    row = block[start]
    last = row.number
    parents = 0
    for column in row.filled:
        merge = covers.get((row.number, column + 1))
        if merge is not None:
            last = max(last, merge[2])
            parents += merge[3] > merge[1] and merge[2] == row.number
    depth = sum(other.number <= last for other in block[start : start + _HEADER_DEPTH])
    if parents and depth == 1:
        depth = 2
    rows = block[start + 1 : start + depth]
    labelled = all(_is_label(other.values[column]) for other in rows for column in other.filled)
    return depth if labelled and depth < len(block) - start else 1


def _heads(row: Row, spread: Sequence[int], data: Sequence[Row], depth: int) -> bool:
    """Whether a row of words is the header of the rows below it."""
    values = [row.values[column] for column in row.filled]
    if len(set(values)) < 0.7 * len(values):
        return False
    if depth > 1:
        return True
    marked = row.styled.intersection(row.filled)
    if len(marked) < len(row.filled) and marked and marked == data[0].styled:
        # A form: labels beside their values, row after row.
        return False
    styled = sum(column in row.styled for column in row.filled) >= 0.8 * len(row.filled)
    if styled and not data[0].styled.issuperset(data[0].filled):
        return True
    for column in spread:
        below = [other.values[column] for other in data if column < len(other.values)]
        below = [value for value in below if value]
        numeric = sum(not _is_label(value) or bool(_CODE.fullmatch(value)) for value in below)
        if numeric and numeric > 0.5 * len(below) and (len(below) > 1 or len(data) == 1):
            return True
    # All words: a list of three rows or more that are as full as their header.
    full = sum(len(other.filled) >= 0.7 * len(spread) for other in data)
    return len(data) >= 3 and full >= 0.8 * len(data) and len(spread) >= 3


def _spread(row: Row, covers: Mapping[tuple[int, int], Merge]) -> list[int]:
    """Columns that have a value of their own or one merged into them."""
    columns = set(row.filled)
    for column in row.filled:
        merge = covers.get((row.number, column + 1))
        if merge is not None:
            columns.update(range(merge[1] - 1, merge[3]))
    return sorted(columns)


def _labels(rows: Sequence[Row], covers: Mapping[tuple[int, int], Merge]) -> dict[int, str]:
    by_number = {row.number: row for row in rows}
    parts: dict[int, list[str]] = {}
    for row in rows:
        for column in _columns(row, covers):
            merge = covers.get((row.number, column + 1))
            source, taken = (row, column)
            if merge is not None and merge[0] in by_number:
                source, taken = by_number[merge[0]], merge[1] - 1
            value = source.values[taken] if taken < len(source.values) else ""
            names = parts.setdefault(column, [])
            if value and (not names or names[-1] != value):
                names.append(value)
    return {column: " / ".join(names) for column, names in parts.items() if names}


def _columns(row: Row, covers: Mapping[tuple[int, int], Merge]) -> set[int]:
    covered = {column - 1 for number, column in covers if number == row.number}
    return covered | set(row.filled)


def _is_label(value: str) -> bool:
    normal = unicodedata.normalize("NFKC", value).strip()
    if _VALUE.fullmatch(normal) and len(normal) > 3:
        return False
    return len(normal) <= _LABEL_LENGTH and not _NUMERIC.fullmatch(normal)
