"""Finds the header of a table: rows above others that name the columns."""

from collections.abc import Sequence

from engine.reading.table_words import (
    is_item,
    is_label,
    is_name,
    is_series,
    is_signatory,
    is_unit,
    is_value,
)
from engine.reading.tabular import Covers, Row, extent, is_set_off, last_row

_SEARCHED = 12
_DEPTH = 4
_FORM_ROWS = 20
_SIGNED_ROWS = 3


def find_labels(block: Sequence[Row], covers: Covers) -> tuple[int, dict[int, str]]:
    """Find the header of a block of rows.

    Returns:
        Index of the first row below it and label of each column from 0; 0 and none where the
        block has no header.
    """
    start, depth = _find_header(block, covers)
    if not depth:
        return 0, {}
    return start + depth, _labels(block[start : start + depth], covers)


def label_of(row: Row, column: int, labels: dict[int, str], covers: Covers) -> str:
    """Label of a value; what the labels of its columns share where it spans several."""
    first, last = extent(row, column, covers)
    found = [labels[number] for number in range(first, last + 1) if number in labels]
    if len(set(found)) < 2:
        return labels.get(column, found[0] if found else "")
    shared: list[str] = []
    for parts in zip(*(label.split(" / ") for label in found), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return " / ".join(shared)


def is_signed(block: Sequence[Row]) -> bool:
    """Whether a block is names below titles such as 作成 and 承認."""
    titles, *names = block
    own = titles.own
    return (
        len(own) >= 2
        and 0 < len(names) <= _SIGNED_ROWS
        and all(is_signatory(titles.values[column]) for column in own)
        and not any(is_signatory(value) for value in names[0].values if value)
        and set(names[0].filled) <= set(titles.filled)
    )


def _find_header(block: Sequence[Row], covers: Covers) -> tuple[int, int]:
    """Index of the first header row of a block and how many there are (0 where none)."""
    if is_signed(block):
        return 0, 1
    width = max(len(_spread(row, covers)) for row in block[:200])
    for start in range(min(_SEARCHED, len(block) - 1)):
        row = block[start]
        spread = _spread(row, covers)
        if len(spread) < 2 or len(spread) < 0.6 * width or len(row.filled) < 2:
            continue
        depth, is_parted = _depth(block, start, covers)
        data = block[start + depth : start + depth + 50]
        if not data or _bottom(row, covers) >= data[0].number:
            # Nothing below, or a name beside rows of its own.
            break
        numbers = [value for value in row.values if value and not is_label(value)]
        is_series_row = is_set_off(row) and not is_set_off(data[0]) and is_series(numbers)
        if numbers and not (is_parted or is_series_row):
            # A full row of values before any header: a form or a table without one.
            break
        if _heads(row, spread, data, covers, is_parted, depth > 1):
            return start, depth
        break
    return 0, 0


def _depth(block: Sequence[Row], start: int, covers: Covers) -> tuple[int, bool]:
    """Rows of a header and whether merged cells show it to be one, whatever its words."""
    row = block[start]
    bottom = _bottom(row, covers)
    is_parted = False
    lines = 1
    for index in range(start, min(start + _DEPTH, len(block)) - 1):
        below = block[index + 1]
        parted = _parts_below(block, index, covers, below.number <= bottom)
        units = bool(below.own) and all(is_unit(below.values[column]) for column in below.own)
        if below.number > bottom and not (parted or units):
            break
        is_parted = is_parted or parted or units
        lines += 1
    if lines >= len(block) - start:
        return 1, False
    reaching = sum(last_row(row, column, covers) > row.number for column in row.own)
    is_parted = is_parted or (lines > 1 and reaching > 0.5 * len(row.own))
    rows = block[start + 1 : start + lines]
    labelled = all(is_label(each.values[column]) for each in rows for column in each.own)
    return (lines, is_parted) if is_parted or labelled else (1, False)


def _bottom(row: Row, covers: Covers) -> int:
    """Number of the last row that a cell of a row reaches."""
    return max(last_row(row, column, covers) for column in row.filled)


def _parts_below(block: Sequence[Row], index: int, covers: Covers, is_reached: bool) -> bool:
    """Whether a row's next parts columns under a cell that spans them.

    Other columns are empty there, unless cells reach down to it or it has words above values.
    """
    row, below = block[index], block[index + 1]
    spans = [extent(row, column, covers) for column in row.own]
    under = [
        [column for column in below.own if first <= column <= last]
        for first, last in spans
        if last > first
    ]
    if not any(len(columns) > 1 for columns in under):
        return False
    if is_reached or sum(map(len, under)) == len(below.own):
        return True
    words = all(is_label(below.values[column]) for column in below.own)
    data = block[index + 2] if index + 2 < len(block) else None
    return (
        words
        and data is not None
        and sum(is_value(data.values[column]) for column in data.own) > 0.5 * len(data.own)
    )


def _heads(
    row: Row,
    spread: Sequence[int],
    data: Sequence[Row],
    covers: Covers,
    is_parted: bool,
    is_deep: bool,
) -> bool:
    """Whether a row of words is the header of the rows below it."""
    values = [row.values[column] for column in row.filled]
    if len(set(values)) < 0.7 * len(values):
        return False
    if is_parted or (is_deep and is_set_off(row)):
        return True
    if _names_beside(row) and _names_beside(data[0]):
        # A form: labels beside their values, row after row.
        return False
    styled = sum(column in row.styled for column in row.filled) >= 0.8 * len(row.filled)
    if styled and not data[0].styled.issuperset(data[0].filled):
        return True
    if _reads_as_form([row, *data[:_FORM_ROWS]]) or _spans_words(row, data, covers):
        return False
    for column in spread:
        below = [other.values[column] for other in data if column < len(other.values)]
        below = [value for value in below if value]
        numeric = sum(map(is_value, below))
        if numeric and numeric > 0.5 * len(below) and (len(below) > 1 or len(data) == 1):
            return True
    # All words: a list of three rows or more that are as full as their header. Merged cells may
    # be a form's, whose names and values come in pairs, so they count as the columns they span.
    is_paired = len(values) % 2 == 0 or any(map(str.isdigit, "".join(values)))
    needed = len(spread) if is_paired else len(values)
    full = sum(len(other.filled) >= 0.7 * needed for other in data)
    width = max(needed, *(len(other.filled) for other in data))
    return len(data) >= 3 and full >= 0.8 * len(data) and width >= 3


def _names_beside(row: Row) -> bool:
    """Whether the first cell of a row is set off and the second is not."""
    own = row.own
    return len(own) > 1 and own[0] in row.styled and own[1] not in row.styled


def _reads_as_form(rows: Sequence[Row]) -> bool:
    """Whether names of values stand beside them in every row, as in a form without styles."""
    first = rows[0]
    names = [column for column in first.own if is_name(first.values[column])]
    others = len(first.own) - len(names)
    if not names or names[0] != first.own[0] or not 0 < others <= len(names) + 1:
        return False
    if is_item(first.values[names[0]]) and len(names) == 1:
        return False
    below = [
        row.values[column]
        for row in rows[1:]
        for column in names
        if column < len(row.values) and row.values[column]
    ]
    return bool(below) and sum(map(is_name, below)) >= 0.8 * len(below)


def _spans_words(row: Row, data: Sequence[Row], covers: Covers) -> bool:
    """Whether a cell of a row spans columns that hold names and words below it, as in a form."""
    for column in row.own:
        first, last = extent(row, column, covers)
        if last == first:
            continue
        below = [
            [other.values[each] for each in other.own if first <= each <= last] for other in data
        ]
        several = [values for values in below if len(values) > 1]
        if len(several) > 0.5 * len(data) and any(
            not is_value(value) for values in several for value in values
        ):
            return True
    return False


def _spread(row: Row, covers: Covers) -> list[int]:
    """Columns that have a value of their own or one merged into them."""
    columns = set(row.filled)
    for column in row.filled:
        first, last = extent(row, column, covers)
        columns.update(range(first, last + 1))
    return sorted(columns)


def _labels(rows: Sequence[Row], covers: Covers) -> dict[int, str]:
    by_number = {row.number: row for row in rows}
    parts: dict[int, list[str]] = {}
    width = max(extent(row, column, covers)[1] for row in rows for column in row.filled) + 1
    for row in rows:
        for column in range(width):
            merge = covers.get((row.number, column + 1))
            source, taken = (row, column)
            if merge is not None and merge[0] in by_number:
                source, taken = by_number[merge[0]], merge[1] - 1
            value = source.values[taken] if taken < len(source.values) else ""
            names = parts.setdefault(column, [])
            if value and (not names or names[-1] != value):
                names.append(value)
    return {column: " / ".join(names) for column, names in parts.items() if names}
