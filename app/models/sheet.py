"""One sheet of a workbook or one CSV file as a table of cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from engine.records import Document, Unit

Index = QModelIndex | QPersistentModelIndex
SPAN_ROLE = Qt.ItemDataRole.UserRole + 1
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]+)")


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of a cell or of a merged range, and where it stands in the document's text."""

    row: int
    column: int
    rows: int
    columns: int
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: cells by ``(row, column)``, both from 0.

    Attributes:
        name: Its name, empty for a CSV file.
        cells: Cells with text.
        rows: Rows up to the last cell.
        columns: Columns up to the last cell.
        start: First code point of its cells in the document's text.
        end: One past the last code point.
        merged: Cells that span several rows or columns.
    """

    name: str
    cells: dict[tuple[int, int], Cell]
    rows: int
    columns: int
    start: int
    end: int
    merged: tuple[Cell, ...]


def column_name(column: int) -> str:
    """Return the letters of a column counted from 0: 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def parse_cell(name: str) -> tuple[int, int, int, int] | None:
    """Return ``(row, column, rows, columns)`` of ``B12`` or ``A1:C3``, counted from 0."""
    single = _CELL.fullmatch(name)
    if single is not None:
        return int(single.group(2)) - 1, _column_number(single.group(1)), 1, 1
    first, _, last = name.partition(":")
    corners = [_CELL.fullmatch(part.strip()) for part in (first, last or first)]
    if corners[0] is None or corners[1] is None:
        return None
    (row, column), (row_2, column_2) = (
        (int(match.group(2)) - 1, _column_number(match.group(1))) for match in corners if match
    )
    return row, column, max(1, row_2 - row + 1), max(1, column_2 - column + 1)


def build_sheets(document: Document) -> list[Sheet]:
    """Lay the cells of a document out as sheets, in the order of its pages."""
    names = [page.name or "" for page in document.pages]
    cells: dict[str, dict[tuple[int, int], Cell]] = {name: {} for name in names}
    for unit in document.units:
        name = unit.sheet if unit.sheet is not None else _page_name(document, unit, names)
        target = cells.setdefault(name, {})
        for start, end, cell_name in _cells_of(unit):
            place = parse_cell(cell_name)
            if place is not None:
                target[place[:2]] = Cell(*place, document.text[start:end], start, end)
    return [_sheet(name, found) for name, found in cells.items()]


class SheetModel(QAbstractTableModel):
    """The cells of one sheet."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self.sheet = sheet

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of rows."""
        return 0 if parent.isValid() else self.sheet.rows

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else self.sheet.columns

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the letters of a column or the number of a row."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return column_name(section)
        return str(section + 1)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        cell = self.sheet.cells.get((index.row(), index.column()))
        if cell is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return cell.text
        if role == SPAN_ROLE:
            return (cell.start, cell.end)
        return None


def cell_at(sheets: Sequence[Sheet], start: int, end: int) -> tuple[int, Cell] | None:
    """Return the sheet number and the first cell that a span touches."""
    best: tuple[int, Cell] | None = None
    for number, sheet in enumerate(sheets):
        if sheet.start >= end or sheet.end <= start:
            continue
        for cell in sheet.cells.values():
            touches = cell.start < end and cell.end > start
            if touches and (best is None or cell.start < best[1].start):
                best = (number, cell)
    return best


def _cells_of(unit: Unit) -> Sequence[tuple[int, int, str]]:
    if unit.cells:
        return unit.cells
    return ((unit.start, unit.end, unit.cell),) if unit.cell else ()


def _page_name(document: Document, unit: Unit, names: list[str]) -> str:
    if unit.page is not None and 0 < unit.page <= len(names):
        return names[unit.page - 1]
    return names[0] if names else document.title


def _sheet(name: str, cells: dict[tuple[int, int], Cell]) -> Sheet:
    rows = max((cell.row + cell.rows for cell in cells.values()), default=0)
    columns = max((cell.column + cell.columns for cell in cells.values()), default=0)
    start = min((cell.start for cell in cells.values()), default=0)
    end = max((cell.end for cell in cells.values()), default=0)
    merged = tuple(cell for cell in cells.values() if cell.rows > 1 or cell.columns > 1)
    return Sheet(name, cells, rows, columns, start, end, merged)


@cache
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
