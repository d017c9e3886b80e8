"""Writes rows of cells: each value after the headers of its column, captions as headings."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.reading.builder import DocumentBuilder
from engine.reading.table_headers import find_labels, label_of
from engine.reading.table_layout import parts
from engine.reading.table_words import caption_mark, is_remark
from engine.reading.tabular import CellName, Covers, Merge, Row, a1_name, cover, extent
from engine.records import UnitKind

_Look = tuple[float, bool, bool, str | None]


@dataclass(slots=True)
class _Captions:
    """Levels of the captions of one sheet: the first contains those that look otherwise."""

    top: int
    first: _Look | None = field(default=None)

    def level(self, row: Row, covers: Covers) -> int:
        column = row.filled[0]
        left, right = extent(row, column, covers)
        mark = caption_mark(row.values[column])
        look = (row.sizes.get(column, 0.0), column in row.styled, right > left, mark)
        self.first = self.first or look
        return self.top if look == self.first else self.top + 1


def write_rows(
    builder: DocumentBuilder,
    rows: Sequence[Row],
    *,
    merges: Sequence[Merge] = (),
    sheet: str | None = None,
    page: int | None = None,
    name: CellName = a1_name,
    captions: int = 0,
) -> None:
    """Write rows as units, each value after its column's headers.

    Args:
        builder: Receives a ``row`` unit a row; ``cells`` span the values, not the headers.
        rows: Rows that are not empty, in order.
        merges: Merged cells.
        sheet: Name for the units.
        page: Page for the units.
        name: Names cells.
        captions: Level of the first caption as a heading; 0 leaves captions rows.
    """
    covers = cover(merges)
    levels = _Captions(captions)

    def _write(row: Row, labels: dict[int, str], kind: UnitKind, level: int = 0) -> None:
        texts: list[str] = []
        cells: list[tuple[int, int, str]] = []
        length = 0
        for column in row.filled:
            value = row.values[column]
            label = label_of(row, column, labels, covers)
            head = ("\t" if texts else "") + (f"{label}: " if label else "")
            texts += [head, value]
            length += len(head)
            place = row.anchors.get(column) or name(row.number, column)
            cells.append((length, length + len(value), place))
            length += len(value)
        columns = row.filled
        first, last = (name(row.number, column) for column in (columns[0], columns[-1]))
        if not builder.at_page_start:
            builder.gap("\n")
        builder.add(
            "".join(texts),
            kind,
            level=level,
            cells=tuple(cells),
            cell=first if first == last else f"{first}:{last}",
            sheet=sheet,
            page=page,
        )

    for part in parts(rows, covers, has_title=bool(captions)):
        if part.caption and captions:
            _write(part.rows[0], {}, "heading", levels.level(part.rows[0], covers))
            continue
        start, labels = find_labels(part.rows, covers)
        for index, row in enumerate(part.rows):
            is_plain = index < start or _is_aside(row, labels)
            _write(row, {} if is_plain else labels, "row")


def _is_aside(row: Row, labels: dict[int, str]) -> bool:
    """Whether a row of a table is a remark below or between its rows."""
    column, *more = row.filled
    is_first = len(labels) > 1 and column <= min(labels)
    return not more and is_first and is_remark(row.values[column])
