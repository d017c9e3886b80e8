"""Text of a PDF page as pieces with a box a character, in the page as it is shown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymupdf

_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
_BOLD_FLAG = 16
_DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))
_BOLD_NAME = re.compile(r"bold|black|heavy|demi|-W[6-9]\b|,B", re.IGNORECASE)
_WIDE_SPACE = re.compile(r"[ \u00a0\u3000\t]+")
_WIDE_SPACE_EM = 0.9
CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60\uff65-\uff9f\U00020000-\U0003ffff]")
BULLET = re.compile(
    r"(?:[・●○◎■□◆◇▲△▼▽※＊*•‣–-]|[(（]?(?:\d{1,3}|[a-zA-Zア-ン一-十])[)）]|[①-⑳]|\d{1,2}[.．](?!\d)|注\s*\d*[)）:：])"
)
LABEL = re.compile(r"(?:\d+(?:[.．]\d+)*[.．]?|第.{1,4}[編部章節条項]|[(（]\d+[)）]|[・●○■◆※-])")
CELL_GAP_EM = 1.5


@dataclass(slots=True)
class Piece:
    """A run of characters on one baseline without a wide gap.

    The frame ``u0, v0, u1, v1`` is the box turned so that the text reads from left to right and
    lines follow from top to bottom, whichever way the text stands on the page.

    Attributes:
        text: Stripped, never empty.
        boxes: Box of each character on the page as shown, float32 ``[len(text), 4]``.
        size: Font size in points.
        bold: Whether its font is bold.
        turn: Quarter turns clockwise of its direction, or -1 where it is oblique.
        table_line: The line that holds the table which this piece stands in for, else None.
    """

    text: str
    boxes: np.ndarray
    size: float
    bold: bool
    turn: int
    u0: float = 0.0
    v0: float = 0.0
    u1: float = 0.0
    v1: float = 0.0
    table_line: Any = None

    def place(self, x0: float, y0: float, x1: float, y1: float) -> "Piece":
        """Set the frame from the box on the page."""
        frames = {1: (y0, -x1, y1, -x0), 2: (-x1, -y1, -x0, -y0), 3: (-y1, x0, -y0, x1)}
        self.u0, self.v0, self.u1, self.v1 = frames.get(self.turn, (x0, y0, x1, y1))
        return self


def extract_pieces(page: pymupdf.Page) -> list[Piece]:
    """Extract the text of a page.

    Args:
        page: A page; its rotation is applied to every box.

    Returns:
        Pieces in the order of the file.
    """
    matrix = page.rotation_matrix
    linear = np.array([[matrix.a, matrix.b], [matrix.c, matrix.d]])
    lines: list[tuple[str, float, bool, int]] = []
    starts: list[int] = []
    flat: list = []
    content: Any = page.get_text("rawdict", flags=_FLAGS)
    for block in content["blocks"]:
        for line in block.get("lines", ()):
            text, boxes, size, bold = _characters(line["spans"])
            if text and not text.isspace():
                lines.append((text, size, bold, _turn(line, linear)))
                starts.append(len(flat))
                flat += boxes
    if not lines:
        return []
    corners = np.array(flat, np.float64).reshape(-1, 2, 2) @ linear + (matrix.e, matrix.f)
    placed = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1, dtype=np.float32)
    low = np.minimum.reduceat(placed[:, :2], starts).tolist()
    high = np.maximum.reduceat(placed[:, 2:], starts).tolist()
    pieces: list[Piece] = []
    seen: set[tuple] = set()
    for start, first, last, (text, size, bold, turn) in zip(starts, low, high, lines, strict=True):
        # Some programs imitate bold type by printing twice.
        key = (text, round(first[0] / 1.5), round(first[1] / 1.5))
        if key in seen:
            continue
        seen.add(key)
        boxes = placed[start : start + len(text)]
        bounds = (first[0], first[1], last[0], last[1])
        pieces += _split(text, boxes, bounds, size, bold, turn)
    return _join_stacked(pieces)


def _turn(line: dict, linear: np.ndarray) -> int:
    x, y = line["dir"]
    (a, b), (c, d) = linear
    cosine, sine = x * a + y * c, x * b + y * d
    if line["wmode"] == 1 and abs(cosine) > 0.99:
        # Vertical writing whose direction is given as that of its glyphs.
        cosine, sine = -sine, cosine
    for turn, (x, y) in enumerate(_DIRECTIONS):
        if cosine * x + sine * y > 0.99:
            return turn
    return -1


def _characters(spans: list[dict]) -> tuple[str, list, float, bool]:
    letters: list[str] = []
    boxes: list = []
    size, longest, bold = 0.0, 0, 0
    for span in spans:
        chars = span["chars"]
        letters += [char["c"] for char in chars]
        boxes += [char["bbox"] for char in chars]
        if len(chars) > longest:
            size, longest = span["size"], len(chars)
        if span["flags"] & _BOLD_FLAG or _BOLD_NAME.search(span["font"]):
            bold += len(chars)
    text = "".join(letters)
    if len(text) != len(boxes):
        # A glyph that stands for several characters shares its box among them.
        boxes = [box for char, box in zip(letters, boxes, strict=True) for _ in char]
    return text, boxes, size, bold * 2 > len(text)


def _split(
    text: str,
    boxes: np.ndarray,
    bounds: tuple[float, float, float, float],
    size: float,
    bold: bool,
    turn: int,
) -> list[Piece]:
    """Split a line at wide gaps made of spaces, and strip each part."""
    if not text[0].isspace() and not text[-1].isspace() and not _WIDE_SPACE.search(text):
        return [Piece(text, boxes, size, bold, turn).place(*bounds)]
    pieces = []
    start = 0
    for match in [*_WIDE_SPACE.finditer(text), None]:
        end = match.start() if match else len(text)
        if match and (end == 0 or match.end() == len(text)):
            continue
        if match and (
            match[0] == "\u3000"
            or _extent(boxes[match.start() : match.end()], turn) < _WIDE_SPACE_EM * size
        ):
            continue
        part = text[start:end]
        first = start + len(part) - len(part.lstrip())
        last = start + len(part.rstrip())
        if first < last:
            pieces.append(_placed(text[first:last], boxes[first:last], size, bold, turn))
        if match:
            start = match.end()
    return pieces


def _placed(text: str, boxes: np.ndarray, size: float, bold: bool, turn: int) -> Piece:
    low, high = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
    return Piece(text, boxes, size, bold, turn).place(low[0], low[1], high[0], high[1])


def split_piece(piece: Piece, places: Iterable[float]) -> list[Piece]:
    """Split a piece where a character begins at one of some abscissae."""
    near = 0.35 * piece.size
    inner = [place for place in places if piece.u0 + near < place < piece.u1 - near]
    if not inner:
        return [piece]
    parts: list[Piece] = []
    start = 0
    for index in range(1, len(piece.text) + 1):
        is_end = index == len(piece.text)
        if not is_end:
            here = _placed(
                piece.text[index], piece.boxes[index : index + 1], piece.size, False, piece.turn
            )
            is_end = any(abs(here.u0 - place) < near for place in inner)
        text = piece.text[start:index]
        if is_end and text.strip():
            first = start + len(text) - len(text.lstrip())
            text = text.strip()
            boxes = piece.boxes[first : first + len(text)]
            parts.append(_placed(text, boxes, piece.size, piece.bold, piece.turn))
            start = index
    return parts


def _extent(boxes: np.ndarray, turn: int) -> float:
    axis = 1 if turn in (1, 3) else 0
    return float(boxes[:, axis + 2].max() - boxes[:, axis].min())


def _join_stacked(pieces: list[Piece]) -> list[Piece]:
    """Join single characters that stand below one another into vertical strings."""
    singles = [p for p in pieces if p.turn >= 0 and len(p.text) == 1 and CJK.match(p.text)]
    if len(singles) < 3:
        return pieces
    singles.sort(key=lambda p: (p.turn, round((p.u0 + p.u1) / 2), p.v0))
    chains: list[list[Piece]] = []
    for piece in singles:
        if chains and _is_below(piece, chains[-1][-1]):
            chains[-1].append(piece)
        else:
            chains.append([piece])
    joined: list[Piece] = []
    used: set[int] = set()
    for chain in chains:
        if len(chain) < 3:
            continue
        used.update(map(id, chain))
        text = "".join(piece.text for piece in chain)
        boxes = np.concatenate([piece.boxes for piece in chain])
        turn = (chain[0].turn + 1) % 4
        joined.append(_placed(text, boxes, chain[0].size, chain[0].bold, turn))
    return [piece for piece in pieces if id(piece) not in used] + joined


def _is_below(piece: Piece, above: Piece) -> bool:
    centre = (piece.u0 + piece.u1) / 2 - (above.u0 + above.u1) / 2
    step = piece.v0 - above.v0
    same = piece.turn == above.turn and abs(piece.size - above.size) < 0.1 * above.size
    return same and abs(centre) < 0.3 * above.size and 0.8 < step / max(1.0, above.size) < 1.5


def visual_rows(pieces: Iterable[Piece]) -> list[list[Piece]]:
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
