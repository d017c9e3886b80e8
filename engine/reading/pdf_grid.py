"""Ruled tables of a page: what stands in one cell belongs together, however it is wrapped."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pymupdf

from engine.reading.pdf_pieces import Piece

_SNAP = 2.0
_THIN = 3.0
_MIN_LENGTH = 8.0
_MAX_RULES = 3_000
# A plan of a whole factory has a hundred thousand strokes; finding tables in it is not worth it.
_MAX_CONTENT = 1_500_000
_MAX_CELL_AREA = 0.2
_MAX_CELL_PIECES = 40

Rule = tuple[float, float, float]
"""Position across, start and end along."""


@dataclass(slots=True)
class Table:
    """A table and the pieces in it.

    Attributes:
        box: Left, top, right, bottom.
        rows: Per row, per cell with text, its pieces.
    """

    box: tuple[float, float, float, float]
    rows: list[list[list[Piece]]]


def find_tables(page: pymupdf.Page, pieces: Sequence[Piece]) -> list[Table]:
    """Find the ruled tables of a page.

    Args:
        page: The page; its rotation is applied.
        pieces: Upright pieces of the page as it is shown.

    Returns:
        Tables of two columns and two rows at least.
    """
    document: Any = page.parent
    sizes = (len(document.xref_stream_raw(xref) or b"") for xref in page.get_contents())
    if not pieces or sum(sizes) > _MAX_CONTENT:
        return []
    across, down = _rules(page)
    if len(across) < 3 or len(down) < 2 or len(across) + len(down) > _MAX_RULES:
        return []
    across, down = _merged(across), _merged(down)
    area = max(1.0, page.rect.width * page.rect.height)
    tables = []
    for horizontal, vertical in _components(across, down):
        table = _table(horizontal, vertical, pieces, area)
        if table is not None:
            tables.append(table)
    return tables


def _rules(page: pymupdf.Page) -> tuple[list[Rule], list[Rule]]:
    """Horizontal and vertical strokes, edges of rectangles among them."""
    across: list[Rule] = []
    down: list[Rule] = []
    matrix = page.rotation_matrix

    def _stroke(x0: float, y0: float, x1: float, y1: float) -> None:
        a, b = pymupdf.Point(x0, y0) * matrix, pymupdf.Point(x1, y1) * matrix
        left, right, top, bottom = min(a.x, b.x), max(a.x, b.x), min(a.y, b.y), max(a.y, b.y)
        if bottom - top <= 1 and right - left >= _MIN_LENGTH:
            across.append(((top + bottom) / 2, left, right))
        elif right - left <= 1 and bottom - top >= _MIN_LENGTH:
            down.append(((left + right) / 2, top, bottom))

    drawings: Any = page.get_cdrawings()
    for drawing in drawings:
        for item in drawing["items"]:
            if item[0] == "l":
                _stroke(*item[1], *item[2])
            elif item[0] == "re":
                x0, y0, x1, y1 = item[1]
                if abs(y1 - y0) <= _THIN:
                    _stroke(x0, (y0 + y1) / 2, x1, (y0 + y1) / 2)
                elif abs(x1 - x0) <= _THIN:
                    _stroke((x0 + x1) / 2, y0, (x0 + x1) / 2, y1)
                else:
                    _stroke(x0, y0, x1, y0)
                    _stroke(x0, y1, x1, y1)
                    _stroke(x0, y0, x0, y1)
                    _stroke(x1, y0, x1, y1)
    return across, down


def _merged(rules: list[Rule]) -> list[Rule]:
    """Join strokes on one line that touch."""
    lines: list[list[Rule]] = []
    for rule in sorted(rules):
        if lines and rule[0] - lines[-1][0][0] <= _SNAP:
            lines[-1].append(rule)
        else:
            lines.append([rule])
    merged: list[Rule] = []
    for line in lines:
        position = sum(rule[0] for rule in line) / len(line)
        start, end = None, 0.0
        for _, first, last in sorted(line, key=lambda rule: rule[1]):
            if start is not None and first <= end + _SNAP:
                end = max(end, last)
                continue
            if start is not None:
                merged.append((position, start, end))
            start, end = first, last
        if start is not None:
            merged.append((position, start, end))
    return merged


def _components(across: list[Rule], down: list[Rule]) -> Iterable[tuple[list[Rule], list[Rule]]]:
    """Rules that cross one another, directly or through others."""
    parent = list(range(len(across) + len(down)))

    def _find(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for i, (y, x0, x1) in enumerate(across):
        for j, (x, y0, y1) in enumerate(down, start=len(across)):
            if x0 - _SNAP <= x <= x1 + _SNAP and y0 - _SNAP <= y <= y1 + _SNAP:
                parent[_find(i)] = _find(j)
    groups: defaultdict[int, tuple[list[Rule], list[Rule]]] = defaultdict(lambda: ([], []))
    for index in range(len(parent)):
        group = groups[_find(index)]
        if index < len(across):
            group[0].append(across[index])
        else:
            group[1].append(down[index - len(across)])
    return [group for group in groups.values() if len(group[0]) >= 3 and len(group[1]) >= 2]


def _table(
    across: list[Rule], down: list[Rule], pieces: Sequence[Piece], page_area: float
) -> Table | None:
    ys, xs = _positions(across), _positions(down)
    if len(ys) < 3 or len(xs) < 3:
        return None
    owner = _owners(across, down, xs, ys)
    cells: defaultdict[tuple[int, int], list[Piece]] = defaultdict(list)
    for piece in pieces:
        row = bisect_right(ys, (piece.v0 + piece.v1) / 2) - 1
        # A string that runs over the rule on its right still begins in its own cell.
        column = bisect_right(xs, min((piece.u0 + piece.u1) / 2, piece.u0 + piece.size)) - 1
        if 0 <= row < len(ys) - 1 and 0 <= column < len(xs) - 1:
            cells[owner[row, column]].append(piece)
    areas: defaultdict[tuple[int, int], float] = defaultdict(float)
    for (row, column), own in owner.items():
        areas[own] += (ys[row + 1] - ys[row]) * (xs[column + 1] - xs[column])
    rows: defaultdict[int, list[list[Piece]]] = defaultdict(list)
    for key in sorted(cells):
        # The frame around a drawing is no cell.
        if areas[key] <= _MAX_CELL_AREA * page_area and len(cells[key]) <= _MAX_CELL_PIECES:
            rows[key[0]].append(cells[key])
    if len(rows) < 2 or sum(len(row) > 1 for row in rows.values()) < 2:
        return None
    held = [piece for row in rows.values() for cell in row for piece in cell]
    box = (
        min(piece.u0 for piece in held),
        min(piece.v0 for piece in held),
        max(piece.u1 for piece in held),
        max(piece.v1 for piece in held),
    )
    return Table(box, [rows[index] for index in sorted(rows)])


def _positions(rules: list[Rule]) -> list[float]:
    found: list[float] = []
    for position, _, _ in sorted(rules):
        if not found or position - found[-1] > _SNAP:
            found.append(position)
    return found


def _owners(
    across: list[Rule], down: list[Rule], xs: list[float], ys: list[float]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Upper left place of the cell that each place of the grid belongs to."""
    places = [(row, column) for row in range(len(ys) - 1) for column in range(len(xs) - 1)]
    owner = {place: place for place in places}

    def _find(place: tuple[int, int]) -> tuple[int, int]:
        while owner[place] != place:
            place = owner[place]
        return place

    def _covered(rules: list[Rule], position: float, middle: float) -> bool:
        return any(
            abs(rule[0] - position) <= _SNAP and rule[1] <= middle <= rule[2] for rule in rules
        )

    for row, column in places:
        here = _find((row, column))
        right, below = (row, column + 1), (row + 1, column)
        if right in owner and not _covered(down, xs[column + 1], (ys[row] + ys[row + 1]) / 2):
            other = _find(right)
            owner[max(here, other)] = min(here, other)
            here = min(here, other)
        if below in owner and not _covered(across, ys[row + 1], (xs[column] + xs[column + 1]) / 2):
            other = _find(below)
            owner[max(here, other)] = min(here, other)
    return {place: _find(place) for place in places}
