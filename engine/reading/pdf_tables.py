"""Ruled tables of a PDF page: what stands in one cell belongs together, however it is wrapped.

PyMuPDF's own ``Page.find_tables`` takes seconds a page and tears Japanese text apart, since it
looks for words between spaces; hence this module, which works from the ruled lines alone.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pymupdf

from engine.reading.pdf_cells import Cell, Grid, find_grids
from engine.reading.pdf_headers import part_header
from engine.reading.pdf_layout import Line
from engine.reading.pdf_pieces import CJK, Piece, visual_rows
from engine.reading.pdf_rules import Ruling, turned
from engine.reading.pdf_structure import begins_item, joint, room_for

_MAX_SHADES = 2_000
_NO_GAP_EM = 0.08
_WORD_GAP_EM = 0.15
_CJK_GAP_EM = 0.8
_MIN_FILLED = 0.25
# In a drawing, whose views are made of rectangles too, a title block or list of parts.
_MIN_FILLED_DRAWING = 0.6
_MAX_OVERFLOWING = 0.3


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell and its text.

    Attributes:
        place: Rows and columns it takes up.
        text: Wrapped lines joined; ``""`` where empty.
        boxes: Box of each character, float32 ``[len(text), 4]``, NaN where it was put in between.
        stands_out: Whether it is shaded or bold.
    """

    place: Cell
    text: str
    boxes: np.ndarray
    stands_out: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A ruled table.

    Attributes:
        columns: Abscissae that bound columns, ascending.
        rows: How many rows it has.
        cells: All cells, from the top left on.
        header_rows: How many rows are known to be headers, without looking at their words.
    """

    columns: tuple[float, ...]
    rows: int
    cells: tuple[TableCell, ...]
    header_rows: int = 0

    @property
    def is_notice(self) -> bool:
        """Whether it is a frame with a word such as "warning" beside a text."""
        return self.rows == 1 and len(self.cells) == 2


def gather_tables(page: pymupdf.Page, ruling: Ruling | None, pieces: list[Piece]) -> list[Piece]:
    """Put one piece in place of all that stands in a ruled table.

    In drawings only what is full of text, such as a title block, is taken for a table.

    Args:
        page: The page.
        ruling: What is ruled on it.
        pieces: All of its text.

    Returns:
        Pieces, those of tables with a line that holds the table.
    """
    if ruling is None or len(ruling.rules.across) < 2 or len(ruling.rules.down) < 1:
        return pieces
    width, height = float(page.rect.width), float(page.rect.height)
    if ruling.turn in (1, 3):
        width, height = height, width
    min_filled = _MIN_FILLED_DRAWING if ruling.is_drawing else _MIN_FILLED
    stand_ins: list[Piece] = []
    for grid in find_grids(ruling.rules, width, height):
        grid = part_header(grid, [piece for piece in pieces if piece.turn == ruling.turn])
        stand_in, pieces = gather(grid, pieces, ruling, min_filled)
        stand_ins += [stand_in] if stand_in else []
    return pieces + stand_ins


def gather(
    grid: Grid, pieces: list[Piece], ruling: Ruling, min_filled: float
) -> tuple[Piece | None, list[Piece]]:
    """The piece for a table, where a grid is one, and what stands outside of it."""
    turn, shades = ruling.turn, ruling.rules.shades[:_MAX_SHADES]
    u0, v0, u1, v1 = grid.box
    numbers = grid.numbers()
    held: list[list[Piece]] = [[] for _ in grid.cells]
    rest: list[Piece] = []
    count = overflowing = 0
    for piece in pieces:
        frame = turned(np.array([_page_box(piece)]), turn)[0] if piece.turn != turn else None
        p0, q0, p1, q1 = (piece.u0, piece.v0, piece.u1, piece.v1) if frame is None else frame
        middle = (q0 + q1) / 2
        if piece.turn < 0 or p1 < u0 or p0 > u1 or not v0 < middle < v1:
            rest.append(piece)
            continue
        parts, overflows = _parts(piece, grid, numbers, turn)
        for number, part in parts:
            (rest if number < 0 else held[number]).append(part)
        if any(number >= 0 for number, _ in parts):
            count += 1
            overflowing += overflows
    filled = sum(bool(own) for own in held)
    if filled < 2 or filled < min_filled * len(held) or overflowing > _MAX_OVERFLOWING * count:
        return None, pieces
    cells = []
    for cell, own in zip(grid.cells, held, strict=True):
        box = grid.cell_box(cell)
        text, boxes = _compose(own, box, turn)
        bold = bool(own) and all(piece.bold for piece in own)
        cells.append(TableCell(cell, text, boxes, bold or (bool(text) and _is_shaded(box, shades))))
    table = Table(grid.columns, len(grid.rows) - 1, tuple(cells))
    return _stand_in(table, grid, held, turn), rest


def _page_box(piece: Piece) -> tuple[float, float, float, float]:
    low, high = piece.boxes[:, :2].min(axis=0), piece.boxes[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _parts(
    piece: Piece, grid: Grid, numbers: list[list[int]], turn: int
) -> tuple[list[tuple[int, Piece]], bool]:
    """Split a piece where it goes on in another cell.

    Returns:
        Number of the cell (-1 outside of all) and piece, and whether a string runs over a line.
    """
    frames = turned(piece.boxes.astype(np.float64), turn).tolist()

    def _owner(box: list[float]) -> int:
        column = bisect_right(grid.columns, (box[0] + box[2]) / 2) - 1
        row = bisect_right(grid.rows, (box[1] + box[3]) / 2) - 1
        inside = 0 <= row < len(numbers) and 0 <= column < len(numbers[0])
        return numbers[row][column] if inside else -1

    first, last = _owner(frames[0]), _owner(frames[-1])
    if first == last and (piece.turn == turn or len(frames) < 3):
        return [(first, piece)], False
    owners: list[int] = []
    overflows = False
    starts = [0]
    for index, (char, frame) in enumerate(zip(piece.text, frames, strict=True)):
        owner = _owner(frame)
        if index and owner != owners[-1]:
            if char.isspace():
                owner = owners[-1]
            elif piece.turn == turn and _runs_over(piece, frames, index, grid.columns):
                owner, overflows = owners[-1], True
            else:
                starts.append(index)
        owners.append(owner)
    if len(starts) == 1:
        return [(owners[0], piece)], overflows
    parts: list[tuple[int, Piece]] = []
    for start, end in pairwise([*starts, len(owners)]):
        text = piece.text[start:end]
        begin = start + len(text) - len(text.lstrip())
        text = text.strip()
        if text:
            boxes = piece.boxes[begin : begin + len(text)]
            part = Piece(text, boxes, piece.size, piece.bold, piece.turn)
            parts.append((owners[start], part.place(*_page_box(part))))
    return parts, overflows


def _runs_over(
    piece: Piece, frames: list[list[float]], index: int, columns: Sequence[float]
) -> bool:
    """Whether the characters before and at an index are one string printed over a line."""
    before, here = frames[index - 1], frames[index]
    gap = (here[0] - before[2]) / piece.size
    if piece.text[index - 1].isspace() or gap > _WORD_GAP_EM:
        return False
    inset = 0.12 * piece.size
    return gap < _NO_GAP_EM or any(
        box[0] + inset < column < box[2] - inset for box in (before, here) for column in columns
    )


def _compose(
    pieces: list[Piece], box: tuple[float, float, float, float], turn: int
) -> tuple[str, np.ndarray]:
    """Join the pieces of a cell, line by line."""
    lines = visual_rows([piece for piece in pieces if piece.turn == turn])
    lines += [[piece] for piece in pieces if piece.turn != turn]
    parts: list[str] = []
    boxes: list[np.ndarray] = [np.empty((0, 4), np.float32)]

    def _put(text: str, own: np.ndarray | None = None) -> None:
        parts.append(text)
        boxes.append(np.full((len(text), 4), np.nan, np.float32) if own is None else own)

    left = min((line[0].u0 for line in lines), default=box[0]) - box[0]
    for index, line in enumerate(lines):
        if index:
            before, after = lines[index - 1][-1], line[0]
            inset = min(max(left, 0.0), 1.2 * before.size)
            room = box[2] - inset - before.u1
            is_wrapped = room < room_for(after.text, after.size) + 0.7 * after.size
            both_cjk = CJK.match(before.text[-1]) and CJK.match(after.text[0])
            between, drops_hyphen = " ", False
            if (is_wrapped or both_cjk) and not begins_item(before.text, after.text):
                between, drops_hyphen = joint(before.text, after.text, room / max(before.size, 1.0))
            if drops_hyphen:
                parts[-1], boxes[-1] = parts[-1][:-1], boxes[-1][:-1]
            _put(between)
        _put(line[0].text, line[0].boxes)
        for previous, piece in pairwise(line):
            gap = (piece.u0 - previous.u1) / max(previous.size, piece.size, 1.0)
            both_cjk = CJK.match(previous.text[-1]) and CJK.match(piece.text[0])
            _put(" " if gap > (_CJK_GAP_EM if both_cjk else _WORD_GAP_EM) else "")
            _put(piece.text, piece.boxes)
    return "".join(parts), np.concatenate(boxes)


def _is_shaded(box: tuple[float, float, float, float], shades: np.ndarray) -> bool:
    if not len(shades):
        return False
    u0, v0, u1, v1 = box
    width = np.minimum(shades[:, 2], u1) - np.maximum(shades[:, 0], u0)
    height = np.minimum(shades[:, 3], v1) - np.maximum(shades[:, 1], v0)
    shared = np.clip(width, 0, None) * np.clip(height, 0, None)
    return bool((shared > 0.6 * (u1 - u0) * (v1 - v0)).any())


def _stand_in(table: Table, grid: Grid, held: list[list[Piece]], turn: int) -> Piece:
    u0, v0, u1, v1 = grid.box
    texts = [cell for cell in table.cells if cell.text]
    tab = np.full((1, 4), np.nan, np.float32)
    text = "\t".join(cell.text for cell in texts)
    boxes = np.concatenate([part for cell in texts for part in (tab, cell.boxes)][1:])
    longest = max((piece for own in held for piece in own), key=lambda piece: len(piece.text))
    line = Line(
        [], is_row=True, text=text, boxes=boxes, size=longest.size, turn=turn, table=table,
        u0=u0, v0=v0, u1=u1, v1=v1,
    )  # fmt: skip
    return Piece(text, boxes, longest.size, False, turn, u0, v0, u1, v1, line)
