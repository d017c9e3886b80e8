"""Rows and merged cells, as sheets, delimited files and tables of documents share them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column; from 1, inclusive."""

Covers = Mapping[tuple[int, int], Merge]
"""Merged cell that covers a row and a column, both from 1."""


@dataclass(slots=True)
class Row:
    """A row that is not empty.

    Attributes:
        number: From 1.
        values: Text of each cell, ``""`` where empty; trailing empty cells may be missing.
        styled: Columns (from 0) that are set off by bold type or a fill.
        anchors: Cell in A1 notation that a column's value was taken from, where it was merged.
        sizes: Size of type by column, where it is known.
    """

    number: int
    values: list[str]
    styled: frozenset[int] = frozenset()
    anchors: dict[int, str] = field(default_factory=dict)
    sizes: dict[int, float] = field(default_factory=dict)

    @property
    def filled(self) -> list[int]:
        """Columns with a value, from 0."""
        return [column for column, value in enumerate(self.values) if value]

    @property
    def own(self) -> list[int]:
        """Columns with a value that stands in this row, not merged into it from above."""
        return [column for column in self.filled if column not in self.anchors]

    def only(self, first: int, last: int) -> "Row":
        """The same row with the values of some columns alone, from ``first`` to ``last``."""
        return self._kept(range(first, last + 1))

    def without(self, column: int) -> "Row":
        """The same row without a column's value."""
        return self._kept([each for each in range(len(self.values)) if each != column])

    def _kept(self, columns: Sequence[int]) -> "Row":
        kept = frozenset(columns)
        values = [value if each in kept else "" for each, value in enumerate(self.values)]
        anchors = {each: name for each, name in self.anchors.items() if each in kept}
        sizes = {each: size for each, size in self.sizes.items() if each in kept}
        return Row(self.number, values, self.styled & kept, anchors, sizes)


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


def cover(merges: Sequence[Merge]) -> Covers:
    """Which merged cell covers a place; only those small enough to be headers."""
    return {
        (row, column): merge
        for merge in merges
        if merge[2] - merge[0] < 100 and merge[3] - merge[1] < 200
        for row in range(merge[0], merge[2] + 1)
        for column in range(merge[1], merge[3] + 1)
    }


def extent(row: Row, column: int, covers: Covers) -> tuple[int, int]:
    """First and last column of the cell whose value stands in a column, from 0."""
    merge = covers.get((row.number, column + 1))
    return (column, column) if merge is None else (merge[1] - 1, merge[3] - 1)


def last_row(row: Row, column: int, covers: Covers) -> int:
    """Number of the last row of the cell whose value stands in a column."""
    merge = covers.get((row.number, column + 1))
    return row.number if merge is None else merge[2]


def is_set_off(row: Row) -> bool:
    """Whether all cells of a row are bold or filled."""
    own = row.own
    return bool(own) and row.styled.issuperset(own)


def blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Stretches of rows between empty ones."""
    start = 0
    for index, (row, after) in enumerate(pairwise(rows)):
        if after.number > row.number + 1:
            yield rows[start : index + 1]
            start = index + 1
    if start < len(rows):
        yield rows[start:]
