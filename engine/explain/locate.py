"""Where a span of text stands on the original."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from engine.records import Box, Document, Page, Place, Unit

# Two boxes are on one line when they share this much of the smaller one's extent across it.
SHARED = 0.5
# The farthest gap inside one line, in heights of the line; table cells in one row stay together.
WIDEST_GAP = 4.0


def locate(document: Document, start: int, end: int) -> Place:
    """Find the page, boxes, cells or entity of a span.

    Args:
        document: The document.
        start: First code point.
        end: One past the last.

    Returns:
        Its place; parts that the kind of document does not have are None or empty.
    """
    start = max(start, 0)
    end = min(end, len(document.text))
    units = _overlapping(document.units, start, end)
    boxes = _line_boxes(document, start, end) or _unit_boxes(document, units)
    pages = [unit.page for unit in units if unit.page is not None]
    if boxes:
        page = boxes[0][0]
    elif pages:
        page = pages[0]
    else:
        page = _paged(document.pages, start)
    first = units[0] if units else None
    return Place(
        page=page,
        boxes=boxes,
        sheet=first.sheet if first else None,
        cell=_cells(units, start, end),
        entity=next((unit.entity for unit in units if unit.entity is not None), None),
    )


def page_of(pages: Sequence[Page], position: int) -> Page:
    """The page that holds a code point; between two pages, the earlier one."""
    return pages[max(bisect_right(pages, position, key=lambda page: page.start) - 1, 0)]


def _paged(pages: Sequence[Page], position: int) -> int | None:
    page = page_of(pages, position)
    return page.number if page.width > 0 else None


def _overlapping(units: Sequence[Unit], start: int, end: int) -> list[Unit]:
    low, high = 0, len(units)
    while low < high:
        middle = (low + high) // 2
        if units[middle].end <= start:
            low = middle + 1
        else:
            high = middle
    found = []
    for unit in units[low:]:
        if unit.start >= end:
            break
        found.append(unit)
    return found


def _line_boxes(
    document: Document, start: int, end: int
) -> tuple[tuple[int, float, float, float, float], ...]:
    if document.char_boxes is None or end <= start:
        return ()
    part = document.char_boxes[start:end]
    positions = np.flatnonzero(~np.isnan(part).any(axis=1))
    starts = [page.start for page in document.pages]
    order = np.maximum(np.searchsorted(starts, start + positions, side="right") - 1, 0)
    lines: list[tuple[int, Box, str | None]] = []
    for at, corners in zip(order.tolist(), part[positions].tolist(), strict=True):
        box: Box = tuple(corners)
        page = document.pages[at].number
        if lines and lines[-1][0] == page:
            _, line, direction = lines[-1]
            joined = _joined(line, box, direction)
            if joined is not None:
                lines[-1] = (page, _union(line, box), joined)
                continue
        lines.append((page, box, None))
    return tuple((page, *(round(value, 2) for value in box)) for page, box, _ in lines)  # pyright: ignore[reportReturnType]


def _joined(line: Box, box: Box, direction: str | None) -> str | None:
    """The direction in which a character continues a line, or None if it starts another.

    Text may run across or, on drawings, up and down; the first two characters decide.
    """
    across = _overlap(line[1], line[3], box[1], box[3])
    down = _overlap(line[0], line[2], box[0], box[2])
    gap_x = max(box[0] - line[2], line[0] - box[2])
    gap_y = max(box[1] - line[3], line[1] - box[3])
    height, width = line[3] - line[1], line[2] - line[0]
    horizontal = across >= SHARED and gap_x <= WIDEST_GAP * max(height, 1.0)
    vertical = down >= SHARED and gap_y <= WIDEST_GAP * max(width, 1.0)
    if direction == "horizontal":
        return direction if horizontal else None
    if direction == "vertical":
        return direction if vertical else None
    if horizontal:
        return "horizontal"
    return "vertical" if vertical else None


def _overlap(a0: float, a1: float, b0: float, b1: float) -> float:
    smaller = min(a1 - a0, b1 - b0)
    return (min(a1, b1) - max(a0, b0)) / smaller if smaller > 0 else 0.0


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _unit_boxes(
    document: Document, units: Sequence[Unit]
) -> tuple[tuple[int, float, float, float, float], ...]:
    """Boxes of units without characters of their own on the page.

    The label before a value stands in the header of its table: its row is not what it means.
    """
    return tuple(
        (unit.page, *(round(float(value), 2) for value in unit.box))  # pyright: ignore[reportReturnType]
        for unit in units
        if unit.page is not None and unit.box is not None and not _is_drawn(document, unit)
    )


def _is_drawn(document: Document, unit: Unit) -> bool:
    boxes = document.char_boxes
    return boxes is not None and not np.isnan(boxes[unit.start : unit.end]).any(axis=1).all()


def _cells(units: Sequence[Unit], start: int, end: int) -> str | None:
    """The cells a span touches, as one cell or as a range from the first to the last."""
    touched: list[str] = []
    for unit in units:
        if unit.cells:
            touched += [name for first, last, name in unit.cells if first < end and last > start]
        elif unit.cell is not None:
            touched.append(unit.cell)
    if not touched:
        return next((unit.cell for unit in units if unit.cell is not None), None)
    first, last = touched[0].split(":")[0], touched[-1].split(":")[-1]
    if first == last or not (_is_a1(first) and _is_a1(last)):
        return touched[0] if first == last else first
    return f"{first}:{last}"


def _is_a1(name: str) -> bool:
    letters = name.rstrip("0123456789")
    return bool(letters) and letters != name and letters.isascii() and letters.isalpha()
