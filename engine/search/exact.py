"""How far just what was typed stands in a passage: its identifiers, its long numbers, all of it."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np

from engine.notation.folding import fold
from engine.notation.identifiers import identifiers
from engine.records import Identifier, PassageId
from engine.search.index import Index
from engine.search.lexical_terms import identifier_terms
from engine.search.names import name_identifiers, readable

_NUMBER = re.compile(r"(?<!\d)\d{3,}(?!\d)")


def exact_share(query: str, index: Index, rows: np.ndarray) -> np.ndarray:
    """Share of the question's identifiers and long numbers that stand in each passage or its file's
    name, or, where it has none, whether the whole question stands there unbroken.

    Args:
        query: The question.
        index: Scope.
        rows: Passages, int ``[N]``.

    Returns:
        float64 ``[N]`` in 0..1.
    """
    named = identifiers(query)
    wanted = {identifier_terms(found)[0] for found in named} | _numbers(query, named)
    whole = _squeezed(query)
    exact = np.zeros(len(rows))
    names: dict[int, frozenset[str]] = {}
    for at, row in enumerate(rows.tolist()):
        text = index.passage_text(row)
        if wanted:
            position = index.revision_of(row)
            if position not in names:
                path = index.revisions[position].path
                names[position] = _naming(readable(path)) | name_identifiers(path)
            exact[at] = len(wanted & (names[position] | _naming(text))) / len(wanted)
        elif whole:
            exact[at] = float(whole in _squeezed(text))
    return exact


def called_by_name(firsts: Collection[PassageId], index: Index, rows: np.ndarray) -> np.ndarray:
    """Whether each passage is of the files that the question names.

    Args:
        firsts: First passages of these files.
        index: Scope.
        rows: Passages, int ``[N]``.

    Returns:
        float64 ``[N]``, 1 or 0.
    """
    named = {index.revision_of(row) for first in firsts if (row := index.row(first)) is not None}
    return np.array([float(index.revision_of(row) in named) for row in rows.tolist()])


@lru_cache(maxsize=8192)
def _naming(text: str) -> frozenset[str]:
    """What names something in a text: its identifiers in all their forms, and long numbers."""
    # A tolerance also stands where its unit is written behind it.
    found = identifiers(text)
    terms = (term for one in found for term in identifier_terms(one))
    return frozenset(terms) | _numbers(text, found)


def _numbers(text: str, named: Sequence[Identifier]) -> set[str]:
    """Numbers outside identifiers that are long enough to name something, such as a serial."""
    rest = list(text)
    for found in named:
        rest[found.start : found.end] = " " * (found.end - found.start)
    return set(_NUMBER.findall(fold("".join(rest)).text))


def _squeezed(text: str) -> str:
    return "".join(fold(text).text.split()).rstrip("。.?!")
