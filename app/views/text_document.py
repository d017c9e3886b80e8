"""Builds a readable QTextDocument from the units of a document, a little at a time."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import groupby

from PySide6.QtGui import (
    QFont,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextLength,
    QTextTableFormat,
)

from app.text_offsets import TextOffsets
from app.theme import Theme
from engine.records import Document, Unit

TABLE_ROWS = 40
_WORD_CELL = re.compile(r"T(\d+)R(\d+)C(\d+)")
_NOTES = ("header", "footer", "footnote", "note")


class TextBuilder:
    """Writes one document; remembers where each span went.

    Attributes:
        done: Whether everything is written.
    """

    def __init__(self, target: QTextDocument, document: Document, theme: Theme) -> None:
        self._cursor = QTextCursor(target)
        self._document = document
        self._theme = theme
        self._offsets = TextOffsets(document.text)
        self._starts: list[int] = []
        self._segments: list[tuple[int, int, int]] = []
        self._steps = self._write()
        self.done = False

    def step(self) -> None:
        """Write the next piece."""
        self.done = next(self._steps, True)

    def segments(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the ``(position, position)`` ranges of the target that show a span.

        Args:
            start: First code point of the source's text.
            end: One past the last.
        """
        first = max(0, bisect_right(self._starts, start) - 1)
        for a, b, position in self._segments[first:]:
            if a >= end:
                return
            low, high = max(a, start), min(b, end)
            if low < high:
                units = self._offsets.to_units
                yield position + units(low) - units(a), position + units(high) - units(a)

    def _write(self) -> Iterator[bool]:
        units = self._document.units
        first = True
        for table, group in groupby(units, key=_table_of):
            if table is None:
                for unit in group:
                    self._paragraph(unit, first)
                    first = False
                    yield False
                continue
            rows = list(group)
            for begin in range(0, len(rows), TABLE_ROWS):
                self._table(rows[begin : begin + TABLE_ROWS])
                first = False
                yield False
        if not units:
            self._text(0, len(self._document.text), QTextCharFormat())

    def _paragraph(self, unit: Unit, first: bool) -> None:
        block, style = QTextBlockFormat(), QTextCharFormat()
        block.setBottomMargin(6)
        block.setLineHeight(125, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        base = self._cursor.document().defaultFont().pointSizeF()
        if unit.kind in ("heading", "title"):
            level = 1 if unit.kind == "title" else max(1, unit.level)
            style.setFontPointSize(base * max(1.05, 1.55 - 0.15 * (level - 1)))
            style.setFontWeight(QFont.Weight.Bold)
            block.setTopMargin(16 if level == 1 else 11)
            block.setHeadingLevel(min(6, level))
        elif unit.kind == "list":
            block.setLeftMargin(22)
            block.setBottomMargin(3)
        elif unit.kind in _NOTES:
            style.setFontPointSize(base * 0.88)
            style.setForeground(self._theme.colour("muted"))
        if first:
            self._cursor.setBlockFormat(block)
        else:
            self._cursor.insertBlock(block, style)
        self._text(unit.start, unit.end, style)

    def _table(self, rows: list[Unit]) -> None:
        places = [[(cell, _column(cell[2], i)) for i, cell in enumerate(row.cells)] for row in rows]
        columns = max((column + 1 for cells in places for _cell, column in cells), default=1)
        style = QTextTableFormat()
        style.setBorder(1)
        style.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        style.setBorderCollapse(True)
        style.setBorderBrush(self._theme.colour("line"))
        style.setCellPadding(4)
        style.setTopMargin(6)
        style.setBottomMargin(10)
        style.setWidth(QTextLength(QTextLength.Type.PercentageLength, 97))
        table = self._cursor.insertTable(len(rows), columns, style)
        for number, cells in enumerate(places):
            for (start, end, _name), column in cells:
                self._cursor = table.cellAt(number, column).firstCursorPosition()
                self._text(start, end, QTextCharFormat())
        self._cursor = QTextCursor(self._cursor.document())
        self._cursor.movePosition(QTextCursor.MoveOperation.End)

    def _text(self, start: int, end: int, style: QTextCharFormat) -> None:
        text = self._document.text[start:end]
        self._starts.append(start)
        self._segments.append((start, end, self._cursor.position()))
        # A line feed would begin a new block; the line separator counts one unit as it does.
        self._cursor.insertText(text.replace("\n", "\u2028").replace("\r", " "), style)


def _table_of(unit: Unit) -> str | None:
    """Return what tells the table of a row from others, None for all but rows."""
    if unit.kind != "row" or not unit.cells:
        return None
    match = _WORD_CELL.match(unit.cells[0][2])
    return match.group(1) if match else "row"


def _column(name: str, position: int) -> int:
    match = _WORD_CELL.match(name)
    return int(match.group(3)) - 1 if match else position
