"""Tables of a PDF page without a line around each cell: rows whose cells stand below one another.

A run of lines is one where three columns or more can be parted by white from its top to its
bottom, and where a header shows itself: it is underlined, bold, or words above values. Anything
less certain stays as it is, rows of cells parted by tabs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median

from engine.reading.pdf_cells import Grid
from engine.reading.pdf_layout import Line
from engine.reading.pdf_pieces import CELL_GAP_EM, Piece, split_piece, visual_rows
from engine.reading.pdf_rules import Ruling
from engine.reading.pdf_table_rows import has_labels
from engine.reading.pdf_tables import gather

_MIN_COLUMNS = 3
_MIN_ROWS = 3
# Where only its words tell a header.
_MIN_ROWS_UNMARKED = 5
# A page with more lines is a listing of another kind.
_MAX_ROWS = 400
# Lines of one run that are tried as its header.
_MAX_TRIES = 4
_MAX_HEADER_LINES = 3
# Narrow columns stand closer than cells of a row that belongs to no table.
_CELL_GAP_EM = 0.8
_CHANNEL_EM = 0.3
_MIN_FILLED = 0.5
_UNDERLINED = 0.6
# A step to the next line, in usual steps between rows: less is wrapped text, more is another block.
_WRAPPED_STEP = 0.88
_FAR_STEP = 2.2
_SAME_SIZE = 0.12


@dataclass(slots=True)
class _Row:
    """A visual row: its cells and frame."""

    cells: list[list[Piece]]
    top: float
    bottom: float
    size: float


def gather_open_tables(lines: list[Line], ruling: Ruling | None) -> list[Line]:
    """Put one line in place of all lines of a table without ruled cells.

    Args:
        lines: Lines of a page in reading order.
        ruling: What is ruled on it.
    """
    if ruling is None or ruling.is_drawing:
        return lines
    gathered: list[Line] = []
    for (_, is_open), group in groupby(
        lines, key=lambda line: (line.region, line.table is None and line.turn == ruling.turn)
    ):
        run = list(group)
        gathered += _with_tables(run, ruling) if is_open and len(run) >= _MIN_ROWS else run
    return gathered


def _with_tables(lines: list[Line], ruling: Ruling) -> list[Line]:
    rows = [_row(row) for row in visual_rows(piece for line in lines for piece in line.pieces)]
    if not _MIN_ROWS <= len(rows) <= _MAX_ROWS:
        return lines
    table_of: dict[int, Line] = {}
    for first, last, table in _tables(rows, ruling):
        table.region = lines[0].region
        for row in rows[first:last]:
            table_of |= {id(piece): table for cell in row.cells for piece in cell}
    kept: list[Line] = []
    for line in lines:
        table = table_of.get(id(line.pieces[0]))
        if table is None:
            kept.append(line)
        elif not kept or kept[-1] is not table:
            kept.append(table)
    return kept


def _row(pieces: Sequence[Piece]) -> _Row:
    cells = [[pieces[0]]]
    for before, piece in pairwise(pieces):
        if piece.u0 - before.u1 > _CELL_GAP_EM * min(before.size, piece.size):
            cells.append([piece])
        else:
            cells[-1].append(piece)
    sizes = [piece.size for piece in pieces]
    return _Row(cells, min(p.v0 for p in pieces), max(p.v1 for p in pieces), max(sizes))


def _tables(rows: list[_Row], ruling: Ruling) -> Iterator[tuple[int, int, Line]]:
    """First row, row after the last, and line of each table."""
    start = last = tries = 0
    left = _MAX_TRIES * len(rows)
    while start + _MIN_ROWS <= len(rows) and left > 0:
        end, columns = _grown(rows, start)
        left -= end - start
        tries = tries + 1 if end == last else 1
        last = end
        table = None
        if len(columns) >= _MIN_COLUMNS and end - start >= _MIN_ROWS:
            table = _table(rows[start:end], columns, ruling)
        if table is not None:
            yield start, end, table
        start = end if table is not None or tries == _MAX_TRIES else start + 1


Columns = list[tuple[float, float]]
"""Left and right edge of what stands in each column."""


def _grown(rows: list[_Row], start: int) -> tuple[int, Columns]:
    """Row after the last that fits below the first, and the columns."""
    first = rows[start]
    columns: Columns = [_extent(cell) for cell in first.cells]
    end = start + 1
    if len(columns) < 2:
        return end, columns
    steps: list[float] = []
    for above, row in pairwise(rows[start:]):
        step = row.bottom - above.bottom
        is_far = step > _FAR_STEP * median(steps) if len(steps) > 1 else step > 4 * row.size
        if is_far or abs(row.size - above.size) > _SAME_SIZE * above.size:
            break
        fitted = _fitted(columns, row)
        if fitted is None or (len(row.cells) == 1 and step > CELL_GAP_EM * row.size):
            break
        columns = fitted
        steps.append(step)
        end += 1
    return end, columns


def _fitted(columns: Columns, row: _Row) -> Columns | None:
    """The columns with the cells of a row in them; None where it does not fit."""
    grown = list(columns)
    room = _CHANNEL_EM * row.size
    reach = -CELL_GAP_EM * row.size
    for cell in _split_at(row.cells, columns):
        left, right = _extent(cell)
        held = [i for i, (u0, u1) in enumerate(grown) if left < u1 and right > u0]
        if not held and left - reach <= CELL_GAP_EM * row.size:
            # The rest of the cell before.
            held = [i for i, (u0, u1) in enumerate(grown) if u0 <= reach <= u1]
        reach = right
        if len(held) > 1:
            return None
        if held:
            u0, u1 = grown[held[0]]
            beyond = [start for start, _ in columns if start > u1 and abs(start - right) < room]
            right = beyond[0] - room if beyond else right
            grown[held[0]] = (min(u0, left), max(u1, right))
        else:
            grown.append((left, right))
    grown.sort()
    if any(after[0] - before[1] < 0.99 * room for before, after in pairwise(grown)):
        return None
    return grown


def _split_at(cells: list[list[Piece]], columns: Columns) -> list[list[Piece]]:
    """Cells split where a string goes on at the left edge of another column."""
    split: list[list[Piece]] = []
    for cell in cells:
        split.append([])
        for piece in cell:
            starts = [u0 for (_, end), (u0, _) in pairwise(columns) if piece.u0 < end]
            for part in split_piece(piece, starts):
                near = 0.35 * part.size
                if split[-1] and any(abs(part.u0 - u0) < near for u0, _ in columns):
                    split.append([])
                split[-1].append(part)
    return split


def _extent(cell: Sequence[Piece]) -> tuple[float, float]:
    return cell[0].u0, max(piece.u1 for piece in cell)


def _table(rows: list[_Row], columns: Columns, ruling: Ruling) -> Line | None:
    """The line of a table, where rows that fit below one another are one."""
    header_lines = _underlined(rows, columns, ruling)
    logical = _logical(rows, columns, header_lines)
    if len(logical) < _MIN_ROWS:
        return None
    middles = [(before[1] + after[0]) / 2 for before, after in pairwise(columns)]
    bounds = (columns[0][0] - 1, *middles, columns[-1][1] + 1)
    edges = [(rows[above[-1]].bottom + rows[row[0]].top) / 2 for above, row in pairwise(logical)]
    ordinates = (rows[0].top - 1, *edges, rows[-1].bottom + 1)
    if any(below <= above for above, below in pairwise(ordinates)):
        return None
    cells = tuple((r, c, r, c) for r in range(len(logical)) for c in range(len(columns)))
    pieces = [p for row in rows for cell in _split_at(row.cells, columns) for p in cell]
    stand_in, rest = gather(Grid(bounds, ordinates, cells), pieces, ruling, _MIN_FILLED)
    if stand_in is None or rest:
        return None
    line: Line = stand_in.table_line
    if line.table is None:
        return None
    if header_lines:
        line.table = replace(line.table, header_rows=1)
        return line
    is_marked = any(cell.stands_out for cell in line.table.cells if cell.place[0] == 0)
    enough = len(logical) >= (_MIN_ROWS if is_marked else _MIN_ROWS_UNMARKED)
    return line if enough and has_labels(line.table) else None


def _underlined(rows: list[_Row], columns: Columns, ruling: Ruling) -> int:
    """How many lines at the top stand over the only line that is ruled between rows."""
    left, right = columns[0][0], columns[-1][1]
    places = [
        place
        for place, start, end in ruling.rules.across.tolist()
        if min(end, right) - max(start, left) > _UNDERLINED * (right - left)
    ]
    over = [
        index
        for index, (above, below) in enumerate(pairwise(rows), start=1)
        if any(_middle(above) < place < _middle(below) for place in places)
    ]
    return over[0] if len(over) == 1 and over[0] <= _MAX_HEADER_LINES else 0


def _middle(row: _Row) -> float:
    return (row.top + row.bottom) / 2


def _logical(rows: list[_Row], columns: Columns, header_lines: int) -> list[list[int]]:
    """Rows with the lines that wrapped text takes up, as numbers of visual rows."""
    leads = [row.cells[0][0].u0 < columns[0][1] for row in rows]
    steps = [below.bottom - above.bottom for above, below in pairwise(rows)]
    between = [step for step, (a, b) in zip(steps, pairwise(leads), strict=True) if a and b]
    usual = median(between) if between else 0.0
    logical: list[list[int]] = [[0]]
    for index in range(1, len(rows)):
        step = steps[index - 1]
        after = steps[index] if index < len(steps) else step
        is_part = not leads[index] or 2 * len(rows[index].cells) <= len(columns)
        is_wrapped = is_part and step < _WRAPPED_STEP * usual and step <= after
        if index < header_lines or (is_wrapped and index != header_lines):
            logical[-1].append(index)
        else:
            logical.append([index])
    return logical
