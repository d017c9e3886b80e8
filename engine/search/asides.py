"""Passages that hold a question's words beside the matter.

A table of contents has the words of every heading, the header of a table those of every row below
it, a history of changes the words and the old values of what was changed. Each loses so much in
log-odds; whoever asks for changes finds them where they are told.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from engine.notation.folding import fold
from engine.search.index import Index

CONTENTS = 2.5
HEADER = 1.5
HISTORY = 1.5
# Rows of a header, at most.
_HEADER_DEPTH = 3

_CONTENTS_HEADING = re.compile(r"目次|索引|(?:table of )?contents|index")
# A title, leaders and a page number; a tab would also match the rows of a parts list.
_CONTENTS_LINE = re.compile(r"\w.*[.．・…‥]{3,}\s*[0-9０-９]{1,4}\s*$")
_HISTORY_HEADING = re.compile(
    r"(?:改訂|改定|改版|変更|訂正)(?:の)?(?:履歴|来歴|経歴|記録)"
    r"|(?:revision|change|amendment|document) (?:history|record|log)|revisions"
)
_HISTORY_ROW = re.compile(
    r"(?:改訂|改定|変更|訂正|revisions?)(?:欄|履歴)?\s*\n"
    # Without a date the sign stands beside what was changed, or before a negative number.
    r"|[△▲]\s?[\da-z]\b[^\n]*?[rh\d]\d{1,3}[./年-]\s?\d{1,2}[./月-]\s?\d{1,2}"
    r"|(?:rev\.?|revision|改訂|改定|改版|訂正|版|改番)(?:番号|no\.?|符号|記号|数)?: "
    r"[^\t]*\t(?:.*\t)?[^\t:]*(?:日|date)[^\t:]*: "
)
_CHANGES = re.compile(
    r"改訂|改定|改版|変更|変わ|見直|履歴|来歴|訂正|以前|従来|旧|前回|いつから"
    r"|revis|chang|histor|previous|former|amend"
)


def setbacks(query: str, index: Index, rows: np.ndarray) -> np.ndarray:
    """Log-odds that passages lose for being beside the matter.

    Args:
        query: The question.
        index: Scope.
        rows: Passages, int ``[N]``.

    Returns:
        float64 ``[N]``, 0 for most.
    """
    asks_for_changes = bool(_CHANGES.search(fold(query).text))
    lost = np.zeros(len(rows))
    for at, row in enumerate(rows.tolist()):
        text, headings = index.passage_text(row), index.passage(row).heading_path
        if is_contents(text, headings):
            lost[at] = CONTENTS
        elif _is_header(index, row, text):
            lost[at] = HEADER
        elif not asks_for_changes and is_history(text, headings):
            lost[at] = HISTORY
    return lost


def is_contents(text: str, heading_path: Sequence[str]) -> bool:
    """Whether a passage is a piece of a table of contents or an index."""
    if heading_path and _CONTENTS_HEADING.fullmatch(fold(heading_path[-1]).text.strip()):
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) > 1 and all(map(_CONTENTS_LINE.search, lines))


@lru_cache(maxsize=8192)
def is_history(text: str, heading_path: tuple[str, ...]) -> bool:
    """Whether a passage tells what was changed, and when."""
    above = any(_HISTORY_HEADING.search(fold(heading).text) for heading in heading_path)
    return above or _HISTORY_ROW.match(fold(text).text) is not None


def _is_header(index: Index, row: int, text: str) -> bool:
    """Whether a row holds nothing but labels that the rows below it repeat."""
    if "\t" not in text or ": " in text:
        return False
    label = text.partition("\t")[0]
    end = int(index.starts[index.revision_of(row) + 1])
    below = range(row + 1, min(row + 1 + _HEADER_DEPTH, end))
    return any(
        index.passage_text(other).startswith((f"{label}: ", f"{label} / ")) for other in below
    )
