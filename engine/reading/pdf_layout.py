"""Reading order of a page: columns (see ``pdf_columns``), rows of table cells, lines."""

from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np

from engine.reading.pdf_columns import find_regions
from engine.reading.pdf_pieces import CELL_GAP_EM, CJK, LABEL, Piece, visual_rows

if TYPE_CHECKING:
    from engine.reading.pdf_tables import Table

_FAR_GAP_EM = 6.0
_NO_BOXES = np.empty((0, 4), np.float32)


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
        if gap > CELL_GAP_EM and (self.is_row or not LABEL.fullmatch(previous.text)):
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
            blocks = [[line] for row in visual_rows(group) for line in _split_row(row, CELL_GAP_EM)]
        else:
            blocks = [_row_lines(region) for region in find_regions(group)]
        for block in blocks:
            for line in block:
                line.region = regions
                if line.table is None:
                    line.join()
            regions += 1
            lines += block
    return lines


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
    starts = [[line.pieces[0].u0 for line in _split_row(row, CELL_GAP_EM)] for row in rows]
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
        elif len(own) == 2 and LABEL.fullmatch(row[0].text):
            lines.append(Line(row))
        else:
            for line in _split_row(row, _FAR_GAP_EM):
                line.is_row = len(_split_row(line.pieces, CELL_GAP_EM)) > 2
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
