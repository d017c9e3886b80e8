"""How terms stand in the search index."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from engine.store import codec

# Terms of one passage that are indexed: passage id and position fit one 64-bit integer.
MOST_TERMS = 1 << 20
# The index separates terms at spaces, SQLite ends a text at NUL, UTF-8 has no surrogates.
_UNFIT = re.compile("[\x00-\x20\x7f\ud800-\udfff]+")
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def clean_term(term: str) -> str:
    """A term as the index holds it: without blanks, controls and surrogates, ASCII folded."""
    return _UNFIT.sub("", term).translate(_ASCII_LOWER)


@dataclass(frozen=True, slots=True)
class TermIndex:
    """The terms of a revision's passages, as the columns of ``passage_terms``.

    Attributes:
        counts: Number of terms of each passage, int32, little-endian.
        packed: The terms, compressed.
    """

    counts: bytes
    packed: bytes

    @classmethod
    def of(cls, terms: Iterable[Iterable[str]]) -> "TermIndex":
        """Make it from the terms of each passage."""
        joined = [_join(words) for words in terms]
        counts = np.array([text.count(" ") + 1 if text else 0 for text in joined], "<i4")
        return cls(counts.tobytes(), codec.pack_text("\n".join(joined), level=1))

    def joined(self) -> list[str]:
        """The terms of each passage as the index takes them, one space between them."""
        return codec.unpack_text(self.packed).split("\n") if self.counts else []


def _join(terms: Iterable[str]) -> str:
    fit = [_UNFIT.sub("", term) if _UNFIT.search(term) else term for term in terms]
    return " ".join(islice(filter(None, fit), MOST_TERMS))
