"""Headers of ruled tables that are not ruled themselves: one long cell over all columns."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from engine.reading.pdf_cells import Cell, Grid
from engine.reading.pdf_pieces import Piece, visual_rows

_MIN_COLUMNS = 3
_MIN_LABELLED = 0.8
_MAX_GROUPS = 0.7
# Labels of groups of columns stand further above the labels below them than wrapped text does.
_GROUP_STEP_EM = 1.35
_INSIDE_EM = 0.3


def part_header(grid: Grid, pieces: Sequence[Piece]) -> Grid:
    """Cut a cell over all columns where its strings are the labels of the columns below.

    A line of fewer strings above holds labels of groups, each for the columns up to the next.

    Args:
        grid: Cells of a table.
        pieces: Text of the page, in the frame of the grid.
    """
    count = len(grid.columns) - 1
    if count < _MIN_COLUMNS or grid.cells[0] != (0, 0, 0, count - 1):
        return grid
    if [cell[:2] for cell in grid.cells if cell[0] == 1] != [(1, c) for c in range(count)]:
        return grid
    u0, v0, u1, v1 = grid.cell_box(grid.cells[0])
    held = [
        piece
        for piece in pieces
        if u0 < piece.u0 and piece.u1 < u1 and v0 < (piece.v0 + piece.v1) / 2 < v1
    ]
    lines = visual_rows(held)
    labelled = [_columns(line, grid) for line in lines]
    if not labelled or not all(labelled) or len(labelled[-1]) < _MIN_LABELLED * count:
        return grid
    if not _are_groups(lines, labelled, count):
        return _replaced(grid, [(0, column, 0, column) for column in range(count)])
    starts = [*labelled[0], count]
    cells = [(0, first, 0, after - 1) for first, after in pairwise(starts)]
    cells += [(0, column, 1, column) for column in range(starts[0])]
    cells += [(1, column, 1, column) for column in range(starts[0], count)]
    between = (max(p.v1 for p in lines[0]) + min(p.v0 for p in lines[1])) / 2
    return _replaced(grid, cells, between)


def _columns(line: Sequence[Piece], grid: Grid) -> list[int]:
    """Column of each string; empty where one runs over the side of a column."""
    columns = [bisect_right(grid.columns, piece.u0) - 1 for piece in line]
    inside = all(
        piece.u1 < grid.columns[column + 1] + _INSIDE_EM * piece.size
        for piece, column in zip(line, columns, strict=True)
    )
    return sorted(set(columns)) if inside else []


def _are_groups(lines: list[list[Piece]], labelled: list[list[int]], count: int) -> bool:
    if len(lines) != 2 or not 1 < len(labelled[0]) < _MAX_GROUPS * count:
        return False
    step = max(p.v1 for p in lines[1]) - max(p.v1 for p in lines[0])
    return step > _GROUP_STEP_EM * lines[1][0].size


def _replaced(grid: Grid, header: list[Cell], between: float | None = None) -> Grid:
    """The grid with another header, one row more where it has a line ``between`` its rows."""
    more = between is not None
    rows = grid.rows if between is None else (grid.rows[0], between, *grid.rows[1:])
    body = [(top + more, left, bottom + more, right) for top, left, bottom, right in grid.cells[1:]]
    return Grid(grid.columns, rows, tuple(sorted(header + body)))
