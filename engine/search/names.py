"""What a question finds in the names of files.

A passage of 「NC-2025-018_不適合報告書.txt」 need not say again which report it is part of. The
name stands like a heading above every passage of its document. However long the document is, it is
one place where a word stands: else the words in the name of a long manual would tell nothing apart
anywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import PureWindowsPath

from engine.notation.folding import fold
from engine.notation.identifiers import identifiers
from engine.records import PassageId
from engine.search.lexical_terms import identifier_terms, index_terms

# A word in more names than these, and in more than this share of them, tells no file from another.
FEW = 20
COMMON = 0.2
# Whoever types a shorter name without a number wants the places where the word stands.
SHORTEST = 7


def readable(path: str) -> str:
    """The name of a file without its ending, underscores as spaces, so that places in it stay.

    Args:
        path: Of Windows or POSIX.
    """
    return PureWindowsPath(path).stem.replace("_", " ")


@lru_cache(maxsize=8192)
def name_identifiers(path: str) -> frozenset[str]:
    """Terms of the identifiers in a file's name, with and without its underscores."""
    texts = (readable(path), PureWindowsPath(path).stem)
    return frozenset(
        term for text in texts for found in identifiers(text) for term in identifier_terms(found)
    )


class Names:
    """The names of a scope's documents by their terms."""

    def __init__(self, documents: Iterable[tuple[str, Sequence[PassageId]]]) -> None:
        """Index documents, each with its path, which may be empty, and its passages."""
        self._passages: dict[PassageId, Sequence[PassageId]] = {}
        self._postings: dict[str, list[tuple[PassageId, int, tuple[int, ...]]]] = {}
        self._whole: dict[str, set[PassageId]] = {}
        for path, passages in documents:
            if not passages or not path:
                continue
            self._passages[passages[0]] = passages
            whole, stem = _squeezed(PureWindowsPath(path).name), _squeezed(readable(path))
            if len(stem) < SHORTEST and not any(map(str.isdigit, stem)):
                stem = whole
            for name in (whole, stem):
                self._whole.setdefault(name, set()).add(passages[0])
            for term, positions in _places(path).items():
                posting = (passages[0], len(positions), positions)
                self._postings.setdefault(term, []).append(posting)
        most = max(FEW, COMMON * len(self._passages))
        self._postings = {term: held for term, held in self._postings.items() if len(held) <= most}

    def postings(self, term: str) -> Sequence[tuple[PassageId, int, tuple[int, ...]]]:
        """The documents whose name holds a term; none where too many do.

        Returns:
            First passage of each, number of occurrences and their positions (from 0, in terms).
        """
        return self._postings.get(term, ())

    def called(self, query: str) -> frozenset[PassageId]:
        """First passages of the documents whose whole name is typed, with or without ending.

        A short word is no name without its ending: it may stand anywhere.
        """
        return frozenset(self._whole.get(_squeezed(query), ()))

    def below(self, first: PassageId) -> Sequence[PassageId]:
        """All passages of a document, by its first."""
        return self._passages[first]


@lru_cache(maxsize=8192)
def _places(path: str) -> Mapping[str, tuple[int, ...]]:
    terms = index_terms(readable(path))
    terms += sorted(name_identifiers(path).difference(terms))
    places: dict[str, list[int]] = {}
    for position, term in enumerate(terms):
        places.setdefault(term, []).append(position)
    return {term: tuple(positions) for term, positions in places.items()}


def _squeezed(name: str) -> str:
    return "".join(fold(name).text.replace("_", " ").split())
