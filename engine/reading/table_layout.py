"""Parts of a sheet: tables and forms between empty rows, below captions and beside each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.reading.table_beside import split_beside
from engine.reading.table_words import caption_mark, is_label, may_be_caption
from engine.reading.tabular import Covers, Row, blocks, extent, is_set_off, last_row

# The title's type is bigger by this many points than what stands beside it.
_TITLE_STEP = 2.0
_TITLE_GAP = 2
_REMARKS = 60


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are read together.

    Attributes:
        rows: At least one.
        caption: Whether they are one row that names what is below.
    """

    rows: Sequence[Row]
    caption: bool = False


def parts(rows: Sequence[Row], covers: Covers, *, has_title: bool) -> Iterator[Part]:
    """Part a sheet or a table.

    Args:
        rows: Rows that are not empty, in order.
        covers: Its merged cells.
        has_title: Whether its first row may be a title.
    """
    found = list(blocks(rows))
    if found and has_title:
        title, found[0] = _split_title(found[0], covers)
        if title is not None:
            yield Part([title], caption=True)
            has_title = False
    yield from _parts_of(found, covers, has_title)


def _parts_of(found: Sequence[Sequence[Row]], covers: Covers, has_title: bool) -> Iterator[Part]:
    """Parts of blocks that stand below or beside each other."""
    for block, after in pairwise([*found, ()]):
        rows = block
        while rows and _is_caption([*rows[:3], *after[:1]], len(rows), covers, has_title):
            yield Part(rows[:1], caption=True)
            rows, has_title = rows[1:], False
        if not rows:
            continue
        inner = split_beside(rows, covers) or list(_stacked(rows, covers))
        if len(inner) == 1:
            yield Part(rows)
        else:
            yield from _parts_of(inner, covers, has_title)
        has_title = False


def _split_title(block: Sequence[Row], covers: Covers) -> tuple[Row | None, Sequence[Row]]:
    """Take the title off a first row that has more, such as the form's number in smaller type."""
    first = block[0]
    own = first.own
    _, border = extent(first, own[0], covers)
    size = first.sizes.get(own[0], 0.0)
    others = max((first.sizes.get(column, 0.0) for column in own[1:]), default=size)
    is_alone = (
        len(block) == 1
        and len(own) == 2
        and own[1] > border + _TITLE_GAP
        and first.styled.intersection(own) == {own[0]}
    )
    is_title = len(own) > 1 and (size >= others + _TITLE_STEP or is_alone)
    if not is_title or not may_be_caption(first.values[own[0]]):
        return None, block
    bottom = last_row(first, own[0], covers)
    rest = [row.without(own[0]) if row.number <= bottom else row for row in block]
    return first.only(0, own[0]), [row for row in rest if row.filled]


def _is_lone(row: Row) -> bool:
    return len(row.filled) == 1 and not row.anchors


def _is_caption(rows: Sequence[Row], count: int, covers: Covers, has_title: bool) -> bool:
    """Whether the first row names those below it.

    Args:
        rows: It and the rows that follow.
        count: How many rows its block has.
        covers: Merged cells.
        has_title: Whether it is the first of its sheet.
    """
    if len(rows) < 2:
        return False
    row, below = rows[:2]
    column = row.filled[0]
    value = row.values[column]
    if not may_be_caption(value) or column > below.filled[0] + 1:
        return False
    if not _is_lone(row):
        return count > 1 and _is_split_line(rows, count)
    size = max(below.sizes.values(), default=0.0)
    is_styled = column in row.styled or row.sizes.get(column, 0.0) > size > 0.0
    mark = caption_mark(value)
    if mark is not None and not _goes_on(below, mark):
        return count > 1 or not _is_lone(below) or is_styled
    if has_title and count == 1:
        return not _is_lone(below) or is_styled
    if _is_lone(below):
        return count > 1 and is_styled and below.filled[0] not in below.styled
    return is_styled or (count > 2 and is_label(value))


def _is_split_line(rows: Sequence[Row], count: int) -> bool:
    """Whether a row without styles is a title at the left and a number at the far right."""
    row, *below = rows[:count]
    own = row.own
    return (
        len(own) == 2
        and not row.styled
        and not row.sizes
        and own[1] > own[0] + _TITLE_GAP + 1
        and all(own[1] >= each.own[-1] and len(each.own) > 2 for each in below)
        and any(map(str.isalpha, row.values[own[1]]))
    )


def _stacked(block: Sequence[Row], covers: Covers) -> Iterator[Sequence[Row]]:
    """Tables and closing remarks that follow each other without an empty row."""
    start = 0
    for index in range(1, len(block) - 1):
        if index > start and (_starts_table(block, index, covers) or _starts_remarks(block, index)):
            cut = index - 1 if index - 1 > start and _is_heading_like(block[index - 1]) else index
            yield block[start:cut]
            start = cut
    yield block[start:] if start else block


def _is_heading_like(row: Row) -> bool:
    return _is_lone(row) and may_be_caption(row.values[row.filled[0]])


def _starts_table(block: Sequence[Row], index: int, covers: Covers) -> bool:
    """Whether a row is the header of a table of its own: set off, and laid out otherwise."""
    row, above = block[index], block[index - 1]
    own = row.own
    if len(own) < 2 or not is_set_off(row) or row.anchors or is_set_off(block[index + 1]):
        return False
    if not all(is_label(row.values[column]) for column in own):
        return False
    if _is_heading_like(above):
        return True
    layout = {extent(row, column, covers) for column in own}
    other = {extent(above, column, covers) for column in above.filled}
    return not (is_set_off(above) or layout <= other or other <= layout)


def _starts_remarks(block: Sequence[Row], index: int) -> bool:
    """Whether a caption such as 【備考】 and lone rows are all that follows."""
    row = block[index]
    mark = caption_mark(row.values[row.filled[0]]) if _is_heading_like(row) else None
    if mark is None or _goes_on(block[index + 1], mark):
        return False
    return len(block) - index < _REMARKS and all(_is_lone(each) for each in block[index:])


def _goes_on(below: Row, mark: str) -> bool:
    """Whether the row below has the same sign, so that both are items of a list."""
    return _is_lone(below) and caption_mark(below.values[below.filled[0]]) == mark
