"""Ruled lines of a PDF page: where they run across and down, and which areas are shaded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymupdf

from engine.reading.pdf_pieces import Piece
from engine.reading.rendering import PDF_ERRORS

# Rectangles thinner than this are lines; a line thicker than this is an area.
_THIN = 3.0
_THICK = 6.0
_STRAIGHT = 1.0
_SAME = 0.8
_GAP = 2.0
_SHORTEST = 5.0
# More than any table has: hatching, maps, charts.
_MAX_RULES = 1500
_NEAR_WHITE = 0.97
# A plan of a whole factory has hundreds of thousands of strokes; finding tables in it is not worth
# the memory.
_MAX_CONTENT = 4_000_000
_DRAWING_LETTERS = 1500
_DRAWING_STROKES = 150


@dataclass(slots=True)
class Rules:
    """What is drawn on a page, in the frame of its text (see :class:`Piece`).

    Attributes:
        across: ``(v, u0, u1)`` of each line along the text, float64 ``[n, 3]``.
        down: ``(u, v0, v1)`` of each line across the text, float64 ``[m, 3]``.
        shades: Filled areas that are not white, ``[k, 4]``.
        strokes: How many curves and slanting lines there are.
    """

    across: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    down: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    shades: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))
    strokes: int = 0


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is ruled on a page.

    Attributes:
        rules: Its lines.
        turn: Quarter turns of most of its text, in whose frame the lines are.
        is_drawing: Whether it is a drawing rather than a text.
    """

    rules: Rules
    turn: int
    is_drawing: bool


def find_ruling(page: pymupdf.Page, pieces: Sequence[Piece]) -> Ruling | None:
    """Find what is ruled on a page; None where it has next to no text."""
    weights: dict[int, int] = {}
    for piece in pieces:
        weights[piece.turn] = weights.get(piece.turn, 0) + len(piece.text)
    upright = {turn: weight for turn, weight in weights.items() if turn >= 0}
    if not upright or len(pieces) < 2:
        return None
    turn = max(upright, key=lambda turn: upright[turn])
    rules = _rules_of(page, turn)
    return Ruling(rules, turn, _is_drawing(pieces, rules, turn))


def _rules_of(page: pymupdf.Page, turn: int) -> Rules:
    document: Any = page.parent
    left = _MAX_CONTENT
    try:
        for xref in page.get_contents():
            if len(document.xref_stream_raw(xref) or b"") > left:
                return Rules()
            left -= len(document.xref_stream(xref) or b"")
        return extract_rules(page, turn) if left >= 0 else Rules()
    except PDF_ERRORS:
        # The text is worth having without the lines.
        return Rules()


def _is_drawing(pieces: Sequence[Piece], rules: Rules, turn: int) -> bool:
    letters = sum(len(piece.text) for piece in pieces)
    if letters >= _DRAWING_LETTERS:
        return False
    if rules.strokes >= _DRAWING_STROKES or any(piece.turn == -1 for piece in pieces):
        return True
    askew = sum(piece.turn != turn and len(piece.text) > 1 for piece in pieces)
    return askew >= 3 and askew >= 0.08 * len(pieces)


def extract_rules(page: pymupdf.Page, turn: int) -> Rules:
    """Collect the lines of a page, those that overlap or meet end to end as one.

    Args:
        page: A page; its rotation is applied.
        turn: Quarter turns clockwise of the text that the frame is for.

    Returns:
        The lines; none of them where there are more than a table could have.
    """
    drawings: Any = page.get_cdrawings()
    segments, shades, strokes = _collect(drawings)
    matrix = page.rotation_matrix
    linear = np.array([[matrix.a, matrix.b], [matrix.c, matrix.d]])
    offset = np.array([matrix.e, matrix.f])
    lines = _framed(segments, linear, offset, turn)
    is_across = lines[:, 2] - lines[:, 0] >= lines[:, 3] - lines[:, 1]
    flat, upright = lines[is_across], lines[~is_across]
    across = _merged((flat[:, 1] + flat[:, 3]) / 2, flat[:, 0], flat[:, 2])
    down = _merged((upright[:, 0] + upright[:, 2]) / 2, upright[:, 1], upright[:, 3])
    if len(across) > _MAX_RULES or len(down) > _MAX_RULES:
        return Rules(strokes=strokes + len(across) + len(down))
    return Rules(across, down, _framed(shades, linear, offset, turn), strokes)


def _collect(drawings: Iterable[dict]) -> tuple[list[float], list[float], int]:
    segments: list[float] = []
    shades: list[float] = []
    strokes = 0
    for path in drawings:
        kind = path["type"]
        is_stroked = "s" in kind and (path.get("width") or 0.0) <= _THICK
        if "f" in kind:
            _add_filled(path, segments, shades)
        if not is_stroked:
            continue
        for item in path["items"]:
            if item[0] == "l":
                (x0, y0), (x1, y1) = item[1], item[2]
                if abs(x1 - x0) <= _STRAIGHT or abs(y1 - y0) <= _STRAIGHT:
                    segments += (x0, y0, x1, y1)
                else:
                    strokes += 1
            elif item[0] == "re":
                _add_edges(item[1], segments)
            elif item[0] == "qu":
                corners = item[1]
                xs, ys = [x for x, _ in corners], [y for _, y in corners]
                _add_edges((min(xs), min(ys), max(xs), max(ys)), segments)
            else:
                strokes += 1
    return segments, shades, strokes


def _add_filled(path: dict, segments: list[float], shades: list[float]) -> None:
    items = path["items"]
    colour = path.get("fill") or ()
    is_white = bool(colour) and min(colour) > _NEAR_WHITE
    boxes = [item[1] for item in items if item[0] == "re"]
    if not boxes and 3 <= len(items) <= 6 and all(item[0] in ("l", "qu") for item in items):
        boxes = [path["rect"]]
    for x0, y0, x1, y1 in boxes:
        width, height = abs(x1 - x0), abs(y1 - y0)
        if min(width, height) <= _THIN:
            if max(width, height) > _THIN:
                segments += (x0, y0, x1, y1)
        elif not is_white:
            shades += (x0, y0, x1, y1)


def _add_edges(box: tuple[float, float, float, float], segments: list[float]) -> None:
    x0, y0, x1, y1 = box
    if abs(x1 - x0) <= _THIN or abs(y1 - y0) <= _THIN:
        segments += (x0, y0, x1, y1)
    else:
        segments += (x0, y0, x1, y0, x0, y1, x1, y1, x0, y0, x0, y1, x1, y0, x1, y1)


def _framed(flat: list[float], linear: np.ndarray, offset: np.ndarray, turn: int) -> np.ndarray:
    """Boxes on the page as shown, turned like the text."""
    if not flat:
        return np.empty((0, 4))
    corners = np.array(flat, np.float64).reshape(-1, 2, 2) @ linear + offset
    low, high = corners.min(axis=1), corners.max(axis=1)
    return turned(np.concatenate([low, high], axis=1), turn)


def turned(boxes: np.ndarray, turn: int) -> np.ndarray:
    """Boxes ``[n, 4]`` on the page in the frame of text turned by ``turn`` quarters."""
    x0, y0, x1, y1 = boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3]
    frames = {1: (y0, -x1, y1, -x0), 2: (-x1, -y1, -x0, -y0), 3: (-y1, x0, -y0, x1)}
    return np.stack(frames.get(turn, (x0, y0, x1, y1)), axis=1)


def _merged(places: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Join lines on one line that overlap or nearly meet: ``(place, start, end)`` of each."""
    if not len(places):
        return np.empty((0, 3))
    order = np.argsort(places, kind="stable")
    cluster = np.concatenate([[0], np.cumsum(np.diff(places[order]) > _SAME)])
    # Lines of different clusters are moved so far apart that none of them can meet.
    apart = float(ends.max() - starts.min()) + 10 * _GAP
    moved = starts[order] + cluster * apart
    by_start = np.argsort(moved, kind="stable")
    order, moved, cluster = order[by_start], moved[by_start], cluster[by_start]
    reach = np.maximum.accumulate(ends[order] + cluster * apart)
    first = np.flatnonzero(np.concatenate([[True], moved[1:] > reach[:-1] + _GAP]))
    counts = np.diff(np.append(first, len(order)))
    merged = np.stack(
        [
            np.add.reduceat(places[order], first) / counts,
            np.minimum.reduceat(starts[order], first),
            np.maximum.reduceat(ends[order], first),
        ],
        axis=1,
    )
    return merged[merged[:, 2] - merged[:, 1] >= _SHORTEST]
