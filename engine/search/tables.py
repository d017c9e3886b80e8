"""Rows of one table: which of them a question means.

Rows of a table share their labels and differ in values. What their vectors make of a number or a
code is chance; that the row of J5 holds 「J5」 and that of J8 does not is none.
"""

import re
from collections import defaultdict

import numpy as np

from engine.search.index import Index

# Raw lexical scores: what a row must hold of the question, and by how much more than the others.
LEAST = 0.4
MARGIN = 0.04

_LABEL = re.compile(r"[^\t\n:]{1,60}: ")


def rows_by_words(
    index: Index, rows: np.ndarray, lexical: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Give the row of a table that holds most of a question's words the best score of its rows.

    Args:
        index: Scope.
        rows: Candidates, int ``[N]``.
        lexical: Their raw lexical scores, ``[N]``; NaN where words say nothing.
        scores: Their scores, ``[N]``.

    Returns:
        Scores, in which one row of a table may have gone before others, ``[N]``.
    """
    tables: dict[tuple, list[int]] = defaultdict(list)
    for at, row in enumerate(rows.tolist()):
        passage = index.passage(row)
        label = _LABEL.match(index.passage_text(row)) if passage.kind == "row" else None
        if label is not None:
            tables[index.revision_of(row), passage.heading_path, label[0]].append(at)
    changed = scores.copy()
    for places in map(np.array, tables.values()):
        held = np.nan_to_num(lexical[places])
        if len(places) < 2 or held.max() < LEAST:
            continue
        second, most = np.sort(held)[-2:]
        if most - second >= MARGIN:
            order = places[np.lexsort((places, -scores[places]))]
            meant = places[held.argmax()]
            changed[[meant, *order[order != meant]]] = scores[order]
    return changed
