"""Grids that ruled lines make up: cells, also those that span rows or columns."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from engine.reading.pdf_rules import Rules

_NEAR = 3.0
_MAX_PARTS = 20_000
# A page with more is a pattern or a plan.
_MAX_GRIDS = 100
# A cell this large is a frame around the text of a page.
_FRAME_WIDTH = 0.5
_FRAME_HEIGHT = 0.35

Cell = tuple[int, int, int, int]
"""First row, first column, last row, last column of a cell; from 0, inclusive."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells that lie against one another.

    Attributes:
        columns: Abscissae that bound columns, ascending.
        rows: Ordinates that bound rows, ascending.
        cells: Cells, not overlapping, from the top left on.
    """

    columns: tuple[float, ...]
    rows: tuple[float, ...]
    cells: tuple[Cell, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Frame of the grid."""
        return self.columns[0], self.rows[0], self.columns[-1], self.rows[-1]

    def cell_box(self, cell: Cell) -> tuple[float, float, float, float]:
        """Frame of a cell."""
        top, left, bottom, right = cell
        return self.columns[left], self.rows[top], self.columns[right + 1], self.rows[bottom + 1]

    def numbers(self) -> list[list[int]]:
        """Index of the cell at each row and column, -1 where there is none."""
        table = [[-1] * (len(self.columns) - 1) for _ in self.rows[1:]]
        for index, (top, left, bottom, right) in enumerate(self.cells):
            for row in table[top : bottom + 1]:
                row[left : right + 1] = [index] * (right + 1 - left)
        return table


def find_grids(rules: Rules, width: float, height: float) -> list[Grid]:
    """Find grids of two columns or more.

    Lines that meet belong together. The places where they stand cut their area into parts, and
    parts without a line between them are one cell; an area that is no rectangle, such as a drawing
    beside its title block, and frames around a whole page are none.

    Args:
        rules: Lines of the page.
        width: Width of the page in the frame of the lines.
        height: Its height.

    Returns:
        Grids from top to bottom; a grid in the cell of another takes that cell's place.
    """
    grids: list[Grid] = []
    left = _MAX_PARTS
    for across, down in _connected(rules):
        columns, rows = _places(down), _places(across)
        columns, open_sides = _open_sides(across, columns)
        parts = (len(columns) - 1) * (len(rows) - 1)
        if len(columns) < 2 or len(rows) < 2 or parts > left:
            continue
        left -= parts
        walls = _walls(across, down, columns, rows, open_sides)
        cells = _cells(*walls)
        cells = [
            (top, first, bottom, last)
            for top, first, bottom, last in cells
            if columns[last + 1] - columns[first] < _FRAME_WIDTH * width
            or rows[bottom + 1] - rows[top] < _FRAME_HEIGHT * height
        ]
        grids += _grids(cells, columns, rows)
    if len(grids) > _MAX_GRIDS:
        return []
    grids = _without_outer(grids)
    return sorted(grids, key=lambda grid: (grid.rows[0], grid.columns[0]))


def _connected(rules: Rules) -> list[tuple[np.ndarray, np.ndarray]]:
    across, down = rules.across, rules.down
    if not len(across) or not len(down):
        return []
    meets = (
        (across[:, None, 1] <= down[None, :, 0] + _NEAR)
        & (across[:, None, 2] >= down[None, :, 0] - _NEAR)
        & (down[None, :, 1] <= across[:, None, 0] + _NEAR)
        & (down[None, :, 2] >= across[:, None, 0] - _NEAR)
    )
    found = []
    fresh_across, fresh_down = np.ones(len(across), bool), np.ones(len(down), bool)
    for seed in range(len(across)):
        if not fresh_across[seed]:
            continue
        own_across, own_down = np.zeros(len(across), bool), np.zeros(len(down), bool)
        wave = np.array([seed])
        while len(wave):
            own_across[wave] = True
            reached = meets[wave].any(axis=0) & ~own_down
            own_down |= reached
            wave = np.flatnonzero(meets[:, reached].any(axis=1) & ~own_across)
        fresh_across &= ~own_across
        fresh_down &= ~own_down
        if own_across.sum() >= 2 and own_down.any():
            found.append((across[own_across], down[own_down]))
    return found


def _places(lines: np.ndarray) -> list[float]:
    """Where lines stand; double lines stand at one place."""
    places: list[float] = []
    for place in sorted(lines[:, 0].tolist()):
        if not places or place - places[-1] > _NEAR:
            places.append(place)
    return places


def _open_sides(across: np.ndarray, columns: list[float]) -> tuple[list[float], tuple[bool, bool]]:
    """Add the sides of a table that has no line down there but whose other lines all end there."""
    starts, ends = across[:, 1], across[:, 2]
    low, high = float(starts.min()), float(ends.max())
    enough = max(3, 0.8 * len(across))
    is_open = (
        low < columns[0] - 2 * _NEAR and int((starts < low + _NEAR).sum()) >= enough,
        high > columns[-1] + 2 * _NEAR and int((ends > high - _NEAR).sum()) >= enough,
    )
    return [low] * is_open[0] + columns + [high] * is_open[1], is_open


def _walls(
    across: np.ndarray,
    down: np.ndarray,
    columns: list[float],
    rows: list[float],
    open_sides: tuple[bool, bool],
) -> tuple[np.ndarray, np.ndarray]:
    """Which parts have a line above and below, ``[rows + 1, columns]``, and at their sides."""
    flat = np.zeros((len(rows), len(columns) - 1), bool)
    upright = np.zeros((len(rows) - 1, len(columns)), bool)
    for place, start, end in across.tolist():
        first, last = _reach(columns, start, end)
        flat[_nearest(rows, place), first:last] = True
    for place, start, end in down.tolist():
        first, last = _reach(rows, start, end)
        upright[first:last, _nearest(columns, place)] = True
    upright[:, 0] |= open_sides[0]
    upright[:, -1] |= open_sides[1]
    return flat, upright


def _nearest(places: list[float], place: float) -> int:
    return max(0, bisect_right(places, place + 1e-6) - 1)


def _reach(places: list[float], start: float, end: float) -> tuple[int, int]:
    """Intervals between places that a line from ``start`` to ``end`` covers."""
    first = bisect_right(places, start - _NEAR)
    return first, max(first, bisect_right(places, end + _NEAR) - 1)


def _cells(flat: np.ndarray, upright: np.ndarray) -> list[Cell]:
    """Closed rectangles among the areas that walls part."""
    height, width = upright.shape[0], flat.shape[1]
    above, beside = flat.tolist(), upright.tolist()
    seen = [[False] * width for _ in range(height)]
    cells: list[Cell] = []
    for top in range(height):
        for left in range(width):
            if seen[top][left]:
                continue
            seen[top][left] = True
            area, is_closed = [(top, left)], True
            for row, column in area:
                for blocked, other in (
                    (above[row][column], (row - 1, column)),
                    (above[row + 1][column], (row + 1, column)),
                    (beside[row][column], (row, column - 1)),
                    (beside[row][column + 1], (row, column + 1)),
                ):
                    if blocked:
                        continue
                    if not (0 <= other[0] < height and 0 <= other[1] < width):
                        is_closed = False
                    elif not seen[other[0]][other[1]]:
                        seen[other[0]][other[1]] = True
                        area.append(other)
            first, last = min(c for _, c in area), max(c for _, c in area)
            bottom = max(r for r, _ in area)
            if is_closed and len(area) == (bottom - top + 1) * (last - first + 1):
                cells.append((top, first, bottom, last))
    return cells


def _grids(cells: list[Cell], columns: list[float], rows: list[float]) -> list[Grid]:
    """Cells that lie against one another, with the places that bound them only."""
    owner: dict[tuple[int, int], int] = {}
    for index, (top, left, bottom, right) in enumerate(cells):
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                owner[row, column] = index
    group = list(range(len(cells)))

    def _root(index: int) -> int:
        while group[index] != index:
            group[index] = group[group[index]]
            index = group[index]
        return index

    for (row, column), index in owner.items():
        for beside in ((row + 1, column), (row, column + 1)):
            if beside in owner:
                group[_root(index)] = _root(owner[beside])
    members: dict[int, list[Cell]] = {}
    for index, cell in enumerate(cells):
        members.setdefault(_root(index), []).append(cell)
    return [
        _compact(own, columns, rows)
        for own in members.values()
        if len({cell[1] for cell in own}) > 1
    ]


def _compact(cells: list[Cell], columns: list[float], rows: list[float]) -> Grid:
    used_rows = sorted({edge for top, _, bottom, _ in cells for edge in (top, bottom + 1)})
    used_columns = sorted({edge for _, left, _, right in cells for edge in (left, right + 1)})
    row_of = {edge: index for index, edge in enumerate(used_rows)}
    column_of = {edge: index for index, edge in enumerate(used_columns)}
    return Grid(
        columns=tuple(columns[edge] for edge in used_columns),
        rows=tuple(rows[edge] for edge in used_rows),
        cells=tuple(
            (row_of[top], column_of[left], row_of[bottom + 1] - 1, column_of[right + 1] - 1)
            for top, left, bottom, right in cells
        ),
    )


def _without_outer(grids: list[Grid]) -> list[Grid]:
    """Leave out cells that hold a whole grid."""
    kept: list[Grid] = []
    for grid in grids:
        inner = [other.box for other in grids if other is not grid]
        cells = [cell for cell in grid.cells if not _holds(grid.cell_box(cell), inner)]
        if len(cells) == len(grid.cells):
            kept.append(grid)
        else:
            kept += _grids(cells, list(grid.columns), list(grid.rows))
    return kept


def _holds(box: tuple[float, float, float, float], others: list) -> bool:
    u0, v0, u1, v1 = box
    return any(
        u0 - 1 <= o0 and v0 - 1 <= p0 and o1 <= u1 + 1 and p1 <= v1 + 1 for o0, p0, o1, p1 in others
    )
