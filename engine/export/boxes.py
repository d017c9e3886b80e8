"""Boxes of the words of a span on the pages it stands on."""

import numpy as np

from engine.records import Box, Document

_SHARED = 0.5
_WIDEST_GAP = 0.8


def span_boxes(document: Document, start: int, end: int) -> list[tuple[int, Box]]:
    """Boxes that cover a span, one for each unbroken run of it on a line.

    Args:
        document: A document; without page geometry nothing is found.
        start: First code point.
        end: One past the last.

    Returns:
        ``(page, box)`` in order of the text; pages count from 1, boxes are in points of the page
        as it is shown.
    """
    if document.char_boxes is None:
        return []
    found: list[tuple[int, Box]] = []
    for page in document.pages:
        first, last = max(start, page.start), min(end, page.end)
        if first >= last:
            continue
        runs: list[Box] = []
        for row in np.asarray(document.char_boxes[first:last], dtype=float):
            if np.isnan(row).any():
                continue
            box = (float(row[0]), float(row[1]), float(row[2]), float(row[3]))
            if runs and _continues(runs[-1], box):
                runs[-1] = join(runs[-1], box)
            else:
                runs.append(box)
        found.extend((page.number, box) for box in runs)
    return found


def join(first: Box, second: Box) -> Box:
    """The smallest box around two."""
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _continues(run: Box, box: Box) -> bool:
    """Whether a character stands next to a run, beside it or, in vertical text, below or above."""
    return any(_beside(run, box, axis) for axis in (0, 1))


def _beside(run: Box, box: Box, axis: int) -> bool:
    across = 1 - axis
    overlap = min(run[across + 2], box[across + 2]) - max(run[across], box[across])
    size = min(run[across + 2] - run[across], box[across + 2] - box[across])
    gap = max(run[axis], box[axis]) - min(run[axis + 2], box[axis + 2])
    return overlap >= _SHARED * size > 0 and gap <= _WIDEST_GAP * size
