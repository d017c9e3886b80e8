"""Groups of table rows: a label that is printed only on the first row holds for those below."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from engine.reading.tabular import CellName, Row

_MIN_FILLED = 0.7
_MIN_OPEN = 0.25
_NUMBERED = re.compile(r"(\d{1,4})(?:[.．]\s*|\s+)\D")

Groups = dict[int, tuple[str, str]]
"""Label in force in a column, and the name of the cell that it stands in."""


def carry_groups(
    rows: Sequence[Row], before: Mapping[int, tuple[str, str]], name: CellName
) -> Groups:
    """Give the rows of a group its label, in place.

    Args:
        rows: Rows of data, in order.
        before: Labels in force above them, where the table began on another page.
        name: Names cells.

    Returns:
        Labels in force below the rows.
    """
    found: Groups = {}
    for column in (0, 1):
        if not _is_grouped(rows, column, column in before):
            continue
        label = before.get(column)
        for row in rows:
            if _at(row, column):
                label = (row.values[column], row.anchors.get(column) or name(row.number, column))
            elif label is not None:
                row.values[column], row.anchors[column] = label
        if label is not None:
            found[column] = label
    return found


def _at(row: Row, column: int) -> str:
    return row.values[column] if column < len(row.values) else ""


def _is_grouped(rows: Sequence[Row], column: int, goes_on: bool) -> bool:
    """Whether a column holds labels of groups.

    No label comes twice, and rows without one are as full as the others. An empty cell in the
    second column, beside a number for each row, may as well mean that there is nothing to say,
    unless the labels are numbered.
    """
    labels = [_at(row, column) for row in rows]
    given = [label for label in labels if label]
    bare = [row for row, label in zip(rows, labels, strict=True) if not label]
    if not bare or not (labels[0] or goes_on) or len(set(given)) < len(given):
        return False
    if not goes_on and len(bare) < max(2, _MIN_OPEN * len(rows)):
        return False
    fullest = max(len(row.filled) for row in rows)
    if any(
        not _at(row, column + 1) or len(row.filled) < _MIN_FILLED * (fullest - 1) for row in bare
    ):
        return False
    return column == 0 or (all(_at(row, 0) for row in rows) and _is_counted(given))


def _is_counted(labels: Sequence[str]) -> bool:
    numbers = [match and int(match[1]) for match in map(_NUMBERED.match, labels)]
    return all(number is not None for number in numbers) and all(
        a < b for a, b in pairwise(number for number in numbers if number is not None)
    )
