"""Tables beside each other on a sheet, and boxes of signatures beside forms."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from engine.reading.table_headers import is_signed
from engine.reading.table_words import caption_mark, is_signatory, may_be_caption
from engine.reading.tabular import Covers, Row, blocks, extent, is_set_off, last_row

# Borders between tables side by side that are tried in one block.
_BORDERS = 12
_SIGNED_ROWS = 4


def split_beside(block: Sequence[Row], covers: Covers) -> list[Sequence[Row]] | None:
    """Split a block into tables beside each other, or take a box of signatures out of it.

    Args:
        block: Rows without an empty one between.
        covers: Merged cells.

    Returns:
        Blocks from left to right; None where everything belongs together.
    """
    top, bottom, border = _signatures(block, covers) or (0, 0, 0)
    if not border:
        top, bottom = block[0].number, block[-1].number
        border = next(_borders(block, covers), 0)
    if not border:
        return None
    left = [row.only(0, border - 1) if top <= row.number <= bottom else row for row in block]
    right = [row.only(border, len(row.values)) for row in block if top <= row.number <= bottom]
    halves = [[row for row in half if row.own] for half in (left, right)]
    return [area for half in halves for area in blocks(half)]


def _borders(block: Sequence[Row], covers: Covers) -> Iterator[int]:
    """First columns of tables that have a caption of their own, right of other cells.

    An empty column parts them, or a caption that spans the table's width.
    """
    taken: set[int] = set()
    spanned: set[int] = set()
    for row in block:
        own = row.own
        for column in own:
            first, last = extent(row, column, covers)
            taken.update(range(first, last + 1))
            if last > first and column > own[0] and column == own[-1] and column in row.styled:
                spanned.add(first)
    apart = [each for each in sorted(taken) if each - 1 not in taken and each > min(taken)]
    yield from (each for each in apart[:_BORDERS] if _has_own_top(block, each, covers, True))
    for border in sorted(spanned)[:_BORDERS]:
        if _has_own_top(block, border, covers, False) and not any(
            extent(row, column, covers)[0] < border <= extent(row, column, covers)[1]
            for row in block
            for column in row.own
        ):
            yield border


def _has_own_top(block: Sequence[Row], border: int, covers: Covers, is_apart: bool) -> bool:
    """Whether the cells right of a border begin with a caption, beside rows that go on."""
    for row, below in pairwise(block):
        top = [column for column in row.own if column >= border]
        if not top:
            continue
        header = [column for column in below.own if column >= border]
        beside = [column for column in below.own if column < border]
        if len(top) > 1 or len(header) < 2 or not beside or below.number > row.number + 1:
            return False
        named = top[0] in row.styled or caption_mark(row.values[top[0]]) is not None
        reaches = any(
            last_row(row, column, covers) > row.number for column in row.own if column < border
        )
        if not named or reaches or not may_be_caption(row.values[top[0]]):
            return False
        if is_apart:
            # Both set off may be the two lines of one header, unless the rows tell otherwise.
            is_one_header = is_set_off(row) and is_set_off(below)
            return not is_one_header or (
                not _stand_under(row, beside, covers) and _end_apart(block, border)
            )
        return (
            extent(row, top[0], covers)[1] >= header[-1]
            and top[0] in row.styled
            and below.styled.issuperset(header)
            and not below.styled.issuperset(beside)
        )
    return False


def _stand_under(row: Row, columns: Sequence[int], covers: Covers) -> bool:
    """Whether all columns stand under cells of a row."""
    spans = [extent(row, column, covers) for column in row.own]
    return all(any(first <= column <= last for first, last in spans) for column in columns)


def _end_apart(block: Sequence[Row], border: int) -> bool:
    """Whether the rows left and right of a border end at different places."""
    left, right = (
        max((row.number for row in block if any(inside(each) for each in row.own)), default=0)
        for inside in (lambda column: column < border, lambda column: column >= border)
    )
    return abs(left - right) > 1


def _signatures(block: Sequence[Row], covers: Covers) -> tuple[int, int, int] | None:
    """First and last row and first column of titles over names at the right of a form or title."""
    for index, (row, below) in enumerate(pairwise(block[:3])):
        own = row.own
        titles = 0
        while titles < len(own) and is_signatory(row.values[own[-1 - titles]]):
            titles += 1
        if not 2 <= titles < len(own):
            continue
        border = own[len(own) - titles]
        rest = own[: len(own) - titles]
        is_form = len(rest) > 1 and bool(row.styled.intersection(rest)) and not is_set_off(row)
        is_title = len(rest) == 1 and (
            last_row(row, rest[0], covers) >= below.number or below.filled[0] >= border
        )
        names = [each.only(border, len(each.values)) for each in block[index:][: _SIGNED_ROWS + 1]]
        depth = next((count for count, each in enumerate(names) if not each.filled), len(names))
        if (is_form or is_title) and 1 < depth <= _SIGNED_ROWS and is_signed(names[:depth]):
            return row.number, names[depth - 1].number, border
    return None
