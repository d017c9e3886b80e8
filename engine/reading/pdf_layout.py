"""Reading order of a page: columns, rows of table cells, lines.

A gutter is an abscissa that few pieces cross. The pieces that cross it part the page into bands;
a band is read column by column where both sides look like running text, else row by row.
"""

import re
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np

from engine.reading.pdf_pieces import CJK, Piece

if TYPE_CHECKING:
    from engine.reading.pdf_tables import Table

_CELL_GAP_EM = 1.5
_FAR_GAP_EM = 6.0
_MIN_COLUMN_LINES = 3
_NO_BOXES = np.empty((0, 4), np.float32)
_LABEL = re.compile(r"(?:\d+(?:[.．]\d+)*[.．]?|第.{1,4}[編部章節条項]|[(（]\d+[)）]|[・●○■◆※-])")


@dataclass(slots=True)
class Line:
    """A visual line, or a row of table cells, in the frame of its pieces.

    Attributes:
        pieces: From left to right.
        region: Lines of one region are read one after another and may make up paragraphs.
        is_row: Whether its pieces are cells.
        cell_starts: Where cells begin in this row and those beside it.
        kind: Kind of unit, filled in by the structure pass.
        level: Heading level, filled in by the structure pass.
        text: Pieces joined; cells parted by tabs.
        boxes: Box of each character of ``text``, NaN where it was put in between.
        u0, v0, u1, v1: Frame around the pieces.
        size: Font size of the longest piece.
        bold: Whether all of it is bold.
        turn: Quarter turns of its pieces.
        table: The ruled table that it holds; it then has no pieces.
    """

    pieces: list[Piece]
    region: int = 0
    is_row: bool = False
    cell_starts: tuple[float, ...] = ()
    kind: str = "line"
    level: int = 0
    text: str = ""
    boxes: np.ndarray = field(default_factory=lambda: _NO_BOXES)
    u0: float = 0.0
    v0: float = 0.0
    u1: float = 0.0
    v1: float = 0.0
    size: float = 0.0
    bold: bool = False
    turn: int = 0
    table: "Table | None" = None

    def join(self) -> None:
        """Fill in text, boxes and frame once the pieces are settled."""
        pieces = self.pieces
        longest = max(pieces, key=lambda piece: len(piece.text))
        self.u0, self.v0 = pieces[0].u0, min(piece.v0 for piece in pieces)
        self.u1, self.v1 = max(p.u1 for p in pieces), max(p.v1 for p in pieces)
        self.size, self.bold = longest.size, all(piece.bold for piece in pieces)
        self.turn = longest.turn
        if len(pieces) == 1:
            self.text, self.boxes = longest.text, longest.boxes
            return
        parts = [pieces[0].text]
        boxes = [pieces[0].boxes]
        for previous, piece in pairwise(pieces):
            between = self._between(previous, piece)
            parts += [between, piece.text]
            boxes += [np.full((len(between), 4), np.nan, np.float32), piece.boxes]
        self.text = "".join(parts)
        self.boxes = np.concatenate(boxes)

    def _between(self, previous: Piece, piece: Piece) -> str:
        gap = (piece.u0 - previous.u1) / max(previous.size, piece.size, 1.0)
        if gap > _CELL_GAP_EM and (self.is_row or not _LABEL.fullmatch(previous.text)):
            return "\t"
        if any(abs(piece.u0 - start) < 0.3 * piece.size for start in self.cell_starts):
            # Cells that nearly fill their columns stand close together.
            return "\t"
        both_cjk = CJK.match(previous.text[-1]) and CJK.match(piece.text[0])
        return " " if gap > (0.8 if both_cjk else 0.15) else ""


def lay_out(pieces: list[Piece]) -> list[Line]:
    """Put the pieces of a page into reading order.

    Args:
        pieces: All of the page, standing any way.

    Returns:
        Lines with text and boxes; the direction with most text first, oblique text last.
    """
    groups: dict[int, list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(piece.turn, []).append(piece)
    weights = {turn: sum(len(p.text) for p in group) for turn, group in groups.items()}
    ordered = sorted(groups, key=lambda turn: (turn == -1, -weights[turn]))
    lines: list[Line] = []
    regions = 0
    for rank, turn in enumerate(ordered):
        group = groups[turn]
        if turn == -1:
            blocks = [[Line([piece])] for piece in sorted(group, key=lambda p: (p.v0, p.u0))]
        elif rank > 0:
            # Turned text beside upright text: labels and dimensions, each a string of its own.
            blocks = [
                [line] for row in visual_rows(group) for line in _split_row(row, _CELL_GAP_EM)
            ]
        else:
            blocks = [_row_lines(region) for region in _regions(group)]
        for block in blocks:
            for line in block:
                line.region = regions
                if line.table is None:
                    line.join()
            regions += 1
            lines += block
    return lines


def _regions(pieces: list[Piece], depth: int = 0) -> list[list[Piece]]:
    if depth > 3 or len(pieces) < 2 * _MIN_COLUMN_LINES:
        return [pieces]
    gutter = _gutter(pieces)
    if gutter is None:
        return [pieces]
    crossing = sorted((p for p in pieces if p.u0 < gutter < p.u1), key=lambda p: p.v0)
    rest = [p for p in pieces if not p.u0 < gutter < p.u1]
    edges = [-np.inf, *((p.v0 + p.v1) / 2 for p in crossing), np.inf]
    regions: list[list[Piece]] = []
    plain: list[Piece] = []
    for index in range(len(edges) - 1):
        band = [p for p in rest if edges[index] <= (p.v0 + p.v1) / 2 < edges[index + 1]]
        left = [p for p in band if p.u1 <= gutter]
        right = [p for p in band if p.u0 >= gutter]
        if _is_column(left) and _is_column(right):
            if plain:
                regions.append(plain)
                plain = []
            regions += _regions(left, depth + 1) + _regions(right, depth + 1)
        else:
            plain += band
        if index < len(crossing):
            plain.append(crossing[index])
    if plain:
        regions.append(plain)
    return regions


def _gutter(pieces: list[Piece]) -> float | None:
    """Find the abscissa nearest the middle that the fewest pieces cross."""
    left = min(piece.u0 for piece in pieces)
    width = max(piece.u1 for piece in pieces) - left
    steps = 200
    if width <= 0:
        return None
    cover = np.zeros(steps + 2, np.int32)
    for piece in pieces:
        cover[int((piece.u0 - left) / width * steps)] += 1
        cover[int((piece.u1 - left) / width * steps) + 1] -= 1
    cover = np.cumsum(cover)[: steps + 1]
    inner = np.arange(steps // 5, steps - steps // 5)
    # Of equally good places the one in the middle of its gap, hence the smoothing.
    smooth = np.convolve(cover, np.ones(5) / 5, mode="same")
    best = min(inner, key=lambda i: (cover[i], smooth[i], abs(i - steps / 2)))
    if cover[best] > 0.4 * len(pieces) or cover[best] == cover[inner].max():
        return None
    return left + (best + 0.5) * width / steps


def _is_column(pieces: list[Piece]) -> bool:
    """Whether pieces look like running text set to one measure, not like table cells."""
    rows = visual_rows(pieces)
    if len(rows) < _MIN_COLUMN_LINES:
        return False
    left, right = min(p.u0 for p in pieces), max(p.u1 for p in pieces)
    full = sum(row[-1].u1 - row[0].u0 > 0.8 * (right - left) for row in rows)
    letters = sum(len(p.text) for p in pieces) / len(rows)
    single = sum(len(row) == 1 for row in rows)
    return full >= 0.5 * len(rows) and letters >= 11 and single >= 0.7 * len(rows)


def visual_rows(pieces: list[Piece]) -> list[list[Piece]]:
    """Group pieces that stand on one line, from top to bottom, each from left to right."""
    rows: list[list[Piece]] = []
    low = high = 0.0
    for piece in sorted(pieces, key=lambda p: (p.v0 if p.table_line else (p.v0 + p.v1) / 2, p.u0)):
        if piece.table_line:
            rows.append([piece])
            low = high = -np.inf
            continue
        overlap = min(high, piece.v1) - max(low, piece.v0)
        if rows and low > -np.inf and overlap > 0.5 * min(high - low, piece.v1 - piece.v0):
            rows[-1].append(piece)
        else:
            rows.append([piece])
            low, high = piece.v0, piece.v1
    for row in rows:
        row.sort(key=lambda p: p.u0)
    return rows


def _split_row(row: list[Piece], gap_em: float) -> list[Line]:
    lines = [Line([row[0]])]
    for previous, piece in pairwise(row):
        if piece.u0 - previous.u1 > gap_em * max(previous.size, piece.size):
            lines.append(Line([piece]))
        else:
            lines[-1].pieces.append(piece)
    return lines


def _row_lines(pieces: list[Piece]) -> list[Line]:
    """Lines of a region; cells are kept on one line where rows above or below align with them."""
    for piece in pieces:
        if piece.table_line:
            _put_below_text_beside(piece, pieces)
    rows = visual_rows(pieces)
    starts = [[line.pieces[0].u0 for line in _split_row(row, _CELL_GAP_EM)] for row in rows]
    lines: list[Line] = []
    before: Piece | None = None
    for index, row in enumerate(rows):
        if row[0].table_line:
            lines.append(row[0].table_line)
            before = None
            continue
        own = starts[index]
        is_running = before is not None and _carries_on(before, row[0])
        before = row[0] if len(own) == 1 or is_running else None
        if len(own) == 1:
            lines.append(Line(row))
            continue
        if is_running:
            # Notes beside a table, such as a title block: only the rest is a row of it.
            lines.append(Line(row[:1]))
            row, own = row[1:], own[1:]
        near = [starts[i] for i in (index - 1, index + 1) if 0 <= i < len(rows)]
        aligned = any(
            abs(a - b) < 0.6 * row[0].size for other in near for a in own[1:] for b in other[1:]
        )
        if aligned:
            lines.append(Line(row, is_row=True, cell_starts=(*own, *chain(*near))))
        elif len(own) == 2 and _LABEL.fullmatch(row[0].text):
            lines.append(Line(row))
        else:
            for line in _split_row(row, _FAR_GAP_EM):
                line.is_row = len(_split_row(line.pieces, _CELL_GAP_EM)) > 2
                lines.append(line)
    return lines


def _carries_on(before: Piece, piece: Piece) -> bool:
    """Whether a piece is running text below running text."""
    same_edge = abs(piece.u0 - before.u0) < 0.5 * piece.size
    return same_edge and len(before.text) >= 12 and len(piece.text) >= 12


def _put_below_text_beside(table: Piece, pieces: list[Piece]) -> None:
    """Move a table below the text beside it, which is read first and unbroken, in place."""
    beside = [
        piece
        for piece in pieces
        if not piece.table_line and piece.v1 > table.v0
        if piece.u1 <= table.u0 or piece.u0 >= table.u1
    ]
    for piece in sorted(beside, key=lambda piece: piece.v0):
        if piece.v0 < table.v1 + piece.size:
            table.v0 = table.v1 = max(table.v1, piece.v1)
