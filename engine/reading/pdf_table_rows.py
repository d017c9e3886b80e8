"""Writes the tables of a PDF: a unit a row, each cell after the header of its column.

Which rows are headers is decided as for a sheet (see ``table_headers``): shaded or bold above rows
that are not, or words above a column of values. Words alone make a header only where the table
cannot be a form, whose labels stand beside their values: tables of two or four columns whose first
(and third) column holds short words without digits have none unless it is set off.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.reading.builder import DocumentBuilder
from engine.reading.pdf_groups import Groups, carry_groups
from engine.reading.pdf_tables import Table, TableCell
from engine.reading.table_headers import find_labels
from engine.reading.tabular import CellName, Merge, Row, cover, spread_merges
from engine.records import UnitKind

_SAME_COLUMN = 4.0
_MAX_REPEATED = 60
_FORM_LABEL = 10


@dataclass(slots=True)
class _Open:
    """A table that may go on at the top of the next page.

    Once something else ``follows``, it goes on only where its header is repeated.
    """

    page: int | None
    number: int
    rows: int
    columns: tuple[float, ...]
    labels: dict[int, str]
    header: list[list[str]]
    groups: Groups
    follows: bool = False


class TableWriter:
    """Writes tables in order, numbered through the document; cells are named as in Word."""

    def __init__(self) -> None:
        self._count = 0
        self._open: _Open | None = None

    def close(self, *, is_heading: bool) -> None:
        """Something else follows the last table; below a heading it does not go on."""
        if is_heading:
            self._open = None
        elif self._open is not None:
            self._open.follows = True

    def write(self, builder: DocumentBuilder, table: Table) -> None:
        """Write a table; one that carries on the last of the page before keeps its headers."""
        before = self._open if self._carries_on(builder, table) else None
        if before is None:
            self._count += 1
        number = before.number if before else self._count
        offset = before.rows if before else 0

        def _name(row: int, column: int) -> str:
            return f"T{number}R{row + offset}C{column + 1}"

        if table.is_notice:
            self._open = None
            row = _rows(table)[0]
            _write(builder, row, _cells_of(table, row.number), {}, _name, "paragraph")
            return
        rows = _rows(table)
        merges = _merges(table)
        spread_merges(rows, merges, _name)
        labels: dict[int, str] = {}
        header: list[list[str]] = []
        groups: Groups = {}
        is_first = True
        for block in _blocks(rows, table):
            own = {row.number: _own(table, row.number) for row in block}
            if is_first and table.header_rows and before is None:
                start, header = table.header_rows, [list(row.values) for row in block[:1]]
                labels = {column: block[0].values[column] for column in block[0].filled}
            else:
                start, labels, header = _header(block, own, merges, before)
            if labels:
                groups = carry_groups(block[start:], before.groups if before else {}, _name)
            for index, row in enumerate(block):
                if not is_first:
                    builder.gap("\n")
                is_first = False
                data = index >= start
                cells = _cells_of(table, row.number)
                _write(builder, row, cells, labels if data else {}, _name, "row", data)
            before = None
        self._open = _Open(
            builder.page, number, offset + table.rows, table.columns, labels, header, groups
        )

    def _carries_on(self, builder: DocumentBuilder, table: Table) -> bool:
        last = self._open
        if last is not None and last.follows:
            first = [row.values for row in _rows(table)[: len(last.header)]]
            if not last.header or first != last.header:
                return False
        return (
            last is not None
            and last.page != builder.page
            and len(last.columns) == len(table.columns)
            and all(
                abs(a - b) <= _SAME_COLUMN for a, b in zip(last.columns, table.columns, strict=True)
            )
        )


def has_labels(table: Table) -> bool:
    """Whether the words or the look of a table's first rows make them its header."""
    rows = _rows(table)
    own = {row.number: _own(table, row.number) for row in rows}
    return bool(_header(rows, own, [], None)[1])


def _header(
    block: Sequence[Row], own: dict[int, frozenset[int]], merges: list[Merge], before: _Open | None
) -> tuple[int, dict[int, str], list[list[str]]]:
    """Index of the first row of data, labels of columns, and the rows they come from."""
    if before is not None and before.labels:
        depth = len(before.header)
        if [row.values for row in block[:depth]] == before.header:
            return depth, before.labels, before.header
        if not _is_set_off(block[0], own):
            return 0, before.labels, before.header
    start, labels = find_labels(block, cover(merges))
    if labels and not _is_set_off(block[start - 1], own) and _is_form(block):
        start, labels = 0, {}
    return start, labels, [list(row.values) for row in block[:start]] if labels else []


def _is_set_off(row: Row, own: dict[int, frozenset[int]]) -> bool:
    columns = own[row.number]
    return len(columns) > 1 and len(columns & row.styled) >= 0.8 * len(columns)


def _is_form(block: Sequence[Row]) -> bool:
    width = max(len(row.values) for row in block)
    if width not in (2, 4):
        return False
    words = [row.values[column] for row in block for column in (0, 2) if column < len(row.values)]
    words = [word for word in words if word]
    return all(
        len(word) <= _FORM_LABEL and not any(char.isdigit() for char in word) for word in words
    ) and len(set(words)) > 0.8 * len(words)


def _rows(table: Table) -> list[Row]:
    values: dict[int, dict[int, TableCell]] = {}
    for cell in table.cells:
        if cell.text:
            values.setdefault(cell.place[0], {})[cell.place[1]] = cell
    rows = []
    for number in sorted(values):
        cells = values[number]
        texts = [cells[column].text if column in cells else "" for column in range(max(cells) + 1)]
        styled = frozenset(column for column, cell in cells.items() if cell.stands_out)
        rows.append(Row(number + 1, texts, styled))
    return rows


def _merges(table: Table) -> list[Merge]:
    """Cells that span; long texts are not repeated on every row."""
    return [
        (top + 1, left + 1, bottom + 1, right + 1)
        for top, left, bottom, right, length in (
            (*cell.place, len(cell.text)) for cell in table.cells
        )
        if (bottom > top or right > left) and length <= _MAX_REPEATED
    ]


def _own(table: Table, number: int) -> frozenset[int]:
    return frozenset(
        cell.place[1] for cell in table.cells if cell.text and cell.place[0] == number - 1
    )


def _cells_of(table: Table, number: int) -> dict[int, TableCell]:
    return {cell.place[1]: cell for cell in table.cells if cell.place[0] == number - 1}


def _blocks(rows: Sequence[Row], table: Table) -> Iterator[Sequence[Row]]:
    """Parts of a grid that are tables of their own, one below another."""
    starts: list[set[int]] = [set() for _ in range(table.rows)]
    for cell in table.cells:
        top, left, bottom, _ = cell.place
        for row in starts[top : bottom + 1]:
            row.add(left)
    first = 0
    for index, (above, row) in enumerate(pairwise(rows), start=1):
        a, b = starts[above.number - 1] - {0}, starts[row.number - 1] - {0}
        other_columns = not (a <= b or b <= a)
        own, own_above = _own(table, row.number), _own(table, above.number)
        new_header = len(own) > 1 and own <= row.styled and not own_above <= above.styled
        if other_columns or new_header:
            yield rows[first:index]
            first = index
    yield rows[first:]


def _write(
    builder: DocumentBuilder,
    row: Row,
    cells: dict[int, TableCell],
    labels: dict[int, str],
    name: CellName,
    kind: UnitKind,
    repeats: bool = False,
) -> None:
    parts: list[str] = []
    boxes: list[np.ndarray] = []
    spans: list[tuple[int, int, str]] = []
    length = 0
    for column in row.filled:
        cell = cells.get(column)
        is_own = cell is not None and bool(cell.text)
        if not is_own and not repeats:
            continue
        label = labels.get(column, "")
        head = ("\t" if parts else "") + (f"{label}: " if label else "")
        value = row.values[column]
        parts += [head, value]
        boxes.append(np.full((len(head), 4), np.nan, np.float32))
        unknown = np.full((len(value), 4), np.nan, np.float32)
        boxes.append(cell.boxes if cell is not None and is_own else unknown)
        length += len(head)
        place = row.anchors.get(column) or name(row.number, column)
        spans.append((length, length + len(value), place))
        length += len(value)
    if not spans:
        return
    first, last = spans[0][2], spans[-1][2]
    place = first if first == last else f"{first}:{last}"
    builder.add(
        "".join(parts), kind, char_boxes=np.concatenate(boxes), cells=tuple(spans), cell=place
    )
