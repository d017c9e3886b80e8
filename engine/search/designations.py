"""What goes by a number that a question names: a document, a section of it, a sheet.

A report names its number at its head and then speaks of other things; a register names one in each
row, and there it is the row's own.
"""

from collections.abc import Mapping

import numpy as np

from engine.search.index import Index
from engine.search.lexical_lookup import Postings
from engine.search.lexical_terms import HEADING

# Passages at the head of a document, and rows at the head of one or of a sheet, that say which
# it is.
HEAD = 3
HEAD_ROWS = 6


def designated(
    designations: Mapping[str, str], index: Index, postings: Postings
) -> dict[str, np.ndarray]:
    """The passages of what goes by the numbers of a question.

    A document goes by a number that stands in its name or in one of its first passages, a section
    by one in a heading above it, a sheet by one in its first rows. Where some go by more of the
    numbers than others, it is they that are meant.

    Args:
        designations: The numbers as they are written, by their terms of the index.
        index: Scope.
        postings: Words of the same scope.

    Returns:
        Rows of the index by number as it is written, bool ``[N]``; a number that nothing goes by is
        left out.
    """
    found = {}
    for term, written in designations.items():
        meant = np.zeros(len(index), bool)
        for passage_id, *_ in index.names.postings(term):
            row = index.row(passage_id)
            if row is not None:
                meant[slice(*_document(index, row))] = True
        for passage_id, *_ in postings.postings(HEADING + term):
            row = index.row(passage_id)
            if row is not None:
                meant[row] = True
        for passage_id, *_ in postings.postings(term):
            row = index.row(passage_id)
            if row is not None:
                meant[slice(*_headed(index, row))] = True
        found[written] = meant
    counts = np.sum(list(found.values()), axis=0) if found else np.zeros(len(index))
    most = counts.max(initial=0)
    return {name: meant & (counts == most) for name, meant in found.items() if most and meant.any()}


def _document(index: Index, row: int) -> tuple[int, int]:
    """The rows of the document that a row belongs to."""
    position = index.revision_of(row)
    return int(index.starts[position]), int(index.starts[position + 1])


def _headed(index: Index, row: int) -> tuple[int, int]:
    """The rows at whose head a row stands; none if it stands elsewhere."""
    first, end = _document(index, row)
    if _is_listed(index, row, first, end):
        return row, row
    # Rows of a small table are one passage, and a number in its header is that of a column.
    is_row = index.passage(row).kind == "row" and "\n" not in index.passage_text(row)
    if not is_row:
        return (first, end) if row < first + HEAD else (row, row)
    if row < first + HEAD_ROWS and _share_section(index, first, row):
        return first, end
    begin, stop = row, row + 1
    while begin > max(first, row - HEAD_ROWS) and _share_section(index, begin - 1, row):
        begin -= 1
    if begin == row - HEAD_ROWS:
        return row, row
    while stop < end and _share_section(index, stop, row):
        stop += 1
    return begin, stop


def _share_section(index: Index, row: int, other: int) -> bool:
    first, second = (index.passage(one).heading_path[:1] for one in (row, other))
    return first == second


def _is_listed(index: Index, row: int, first: int, end: int) -> bool:
    """Whether a row is one of several below the same labels."""
    label = _label(index.passage_text(row))
    near = [other for other in (row - 1, row + 1) if first <= other < end]
    return bool(label) and any(_label(index.passage_text(other)) == label for other in near)


def _label(text: str) -> str:
    head, colon, _ = text.partition(": ")
    return head if colon and "\t" not in head and "\n" not in head else ""
