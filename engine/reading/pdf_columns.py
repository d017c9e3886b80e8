"""Columns of a page: which text is read from top to bottom before what stands beside it.

A gutter is an abscissa that few pieces cross. The pieces that cross it part the page into bands;
a band is read column by column where both sides look like running text, else row by row. Columns
of notes, which are short or ragged, are looked for once more between the blank strips of a page.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from engine.reading.pdf_pieces import BULLET, CELL_GAP_EM, LABEL, Piece, visual_rows

_MIN_COLUMN_LINES = 3
_MAX_DEPTH = 3
# White between lines that parts blocks, in em.
_BLOCK_GAP = 1.5
_MIN_LETTERS = 8
_MAX_LEVEL_STARTS = 0.7
_SENTENCE_END = re.compile(r"[。．.!?]$")
_ITEM_NUMBER = re.compile(r"[(（]?(\d{1,3})(?:[)）]|[.．](?!\d))")

Sides = Callable[[Sequence[Piece], Sequence[Piece]], bool]
"""Whether what stands left and right of a gutter are two columns."""


def find_regions(pieces: list[Piece], depth: int = 0) -> list[list[Piece]]:
    """Part pieces into regions that are read one after another."""
    regions: list[list[Piece]] = []
    for region, is_column in _parted(pieces, _are_set_to_measure):
        if is_column and depth < _MAX_DEPTH:
            regions += find_regions(region, depth + 1)
        elif is_column:
            regions.append(region)
        else:
            regions += _note_columns(region)
    return regions


def _note_columns(pieces: list[Piece]) -> list[list[Piece]]:
    """Part off columns of notes where there are any between blank strips."""
    regions: list[list[Piece]] = []
    plain: list[Piece] = []
    for block in _blocks(pieces):
        parts = _parted(block, _are_notes)
        if not any(is_column for _, is_column in parts):
            plain += block
            continue
        for part, is_column in parts:
            if not is_column:
                plain += part
                continue
            if plain:
                regions.append(plain)
                plain = []
            regions.append(part)
    return [*regions, plain] if plain else regions


def _blocks(pieces: list[Piece]) -> list[list[Piece]]:
    """Pieces between strips without any text, from top to bottom."""
    blocks: list[list[Piece]] = []
    bottom, size = -np.inf, 0.0
    for piece in sorted(pieces, key=lambda piece: piece.v0):
        if not blocks or piece.v0 - bottom > _BLOCK_GAP * min(size, piece.size):
            blocks.append([])
        blocks[-1].append(piece)
        if piece.v1 > bottom:
            bottom, size = piece.v1, piece.size
    return blocks


def _parted(pieces: list[Piece], are_columns: Sides) -> list[tuple[list[Piece], bool]]:
    """Bands in order: columns, left before right, and what is no column."""
    gutter = _gutter(pieces) if len(pieces) >= 2 * _MIN_COLUMN_LINES else None
    if gutter is None:
        return [(pieces, False)]
    crossing = sorted((p for p in pieces if p.u0 < gutter < p.u1), key=lambda p: p.v0)
    rest = [p for p in pieces if not p.u0 < gutter < p.u1]
    edges = [-np.inf, *((p.v0 + p.v1) / 2 for p in crossing), np.inf]
    parts: list[tuple[list[Piece], bool]] = []
    plain: list[Piece] = []
    for index in range(len(edges) - 1):
        band = [p for p in rest if edges[index] <= (p.v0 + p.v1) / 2 < edges[index + 1]]
        left = [p for p in band if p.u1 <= gutter]
        right = [p for p in band if p.u0 >= gutter]
        if are_columns(left, right):
            if plain:
                parts.append((plain, False))
                plain = []
            parts += [(left, True), (right, True)]
        else:
            plain += band
        if index < len(crossing):
            plain.append(crossing[index])
    if plain:
        parts.append((plain, False))
    return parts


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


def _are_set_to_measure(left: Sequence[Piece], right: Sequence[Piece]) -> bool:
    return _is_set_to_measure(left) and _is_set_to_measure(right)


def _is_set_to_measure(pieces: Sequence[Piece]) -> bool:
    """Whether pieces look like running text set to one measure, not like table cells."""
    rows = visual_rows(pieces)
    if len(rows) < _MIN_COLUMN_LINES:
        return False
    left, right = min(p.u0 for p in pieces), max(p.u1 for p in pieces)
    full = sum(row[-1].u1 - row[0].u0 > 0.8 * (right - left) for row in rows)
    letters = sum(len(p.text) for p in pieces) / len(rows)
    single = sum(len(row) == 1 for row in rows)
    return full >= 0.5 * len(rows) and letters >= 11 and single >= 0.7 * len(rows)


def _are_notes(left: Sequence[Piece], right: Sequence[Piece]) -> bool:
    """Whether two sides are notes, each read on for itself.

    Sentences that go on over lines stand in the cells of tables as well, but there they begin
    level with those beside them, unless items are counted on from the left side to the right.
    """
    sides = [visual_rows(side) for side in (left, right)]
    texts = [[_text(row) for row in rows] for rows in sides]
    if not all(_is_prose(rows, own) for rows, own in zip(sides, texts, strict=True)):
        return False
    numbers = [[int(m[1]) for m in map(_ITEM_NUMBER.match, own) if m] for own in texts]
    counted = all(len(own) > 1 and own[-1] == own[-2] + 1 for own in numbers)
    if counted and numbers[1][0] == numbers[0][-1] + 1:
        return True
    starts = [_starts(rows, own) for rows, own in zip(sides, texts, strict=True)]
    size = max(piece.size for piece in left)
    level = sum(any(abs(a - b) < 0.35 * size for b in starts[1]) for a in starts[0])
    return level <= _MAX_LEVEL_STARTS * min(map(len, starts))


def _text(row: Sequence[Piece]) -> str:
    return unicodedata.normalize("NFKC", "".join(piece.text for piece in row))


def _is_prose(rows: Sequence[Sequence[Piece]], texts: Sequence[str]) -> bool:
    if len(rows) < _MIN_COLUMN_LINES or sum(map(len, texts)) < _MIN_LETTERS * len(texts):
        return False
    whole = sum(
        all(
            piece.u0 - before.u1 <= CELL_GAP_EM * piece.size or LABEL.fullmatch(before.text)
            for before, piece in pairwise(row)
        )
        for row in rows
    )
    ends = sum(bool(_SENTENCE_END.search(text)) for text in texts)
    goes_on = any(
        len(text) >= _MIN_LETTERS and not _SENTENCE_END.search(text) and not BULLET.match(after)
        for text, after in pairwise(texts)
    )
    return whole >= 0.7 * len(rows) and ends > 0 and goes_on


def _starts(rows: Sequence[Sequence[Piece]], texts: Sequence[str]) -> list[float]:
    """Where items or sentences begin."""
    is_start = [True] + [
        bool(_SENTENCE_END.search(before) or BULLET.match(text)) for before, text in pairwise(texts)
    ]
    return [row[0].v1 for row, starts in zip(rows, is_start, strict=True) if starts]
