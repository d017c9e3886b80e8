"""Where terms stand in a scope: in passages, in the headings above them, in the names of files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.records import PassageId
from engine.search.lexical_query import Forms, RequiredPhrase, Segment
from engine.search.lexical_terms import HEADING
from engine.search.names import Names

# A term in a heading above, or in the name of the file, counts as this much of one in the passage.
HEADING_WEIGHT = 0.4
# No term begins with this letter, see ``HEADING``: NFKC turns it into "n".
_NAME = "ⁿ"
# Marks of the terms of each field, and what a term counts there.
FIELDS = (("", 1.0), (HEADING, HEADING_WEIGHT), (_NAME, HEADING_WEIGHT))
Posting = tuple[PassageId, int, tuple[int, ...]]


class Postings(Protocol):
    """Where terms stand, restricted to a scope."""

    def postings(self, term: str) -> Sequence[Posting]:
        """``(passage, frequency, positions)`` of a term; positions count terms from 0."""
        ...

    def lengths(self) -> tuple[Sequence[int] | np.ndarray, Sequence[int] | np.ndarray]:
        """All passages of the scope and the number of terms of each, in the same order."""
        ...


class MemoryPostings:
    """Postings of terms held in memory."""

    def __init__(self, terms: Mapping[PassageId, Sequence[str]]) -> None:
        """Index passages by their terms, as ``passage_terms`` gives them."""
        places: dict[str, dict[PassageId, list[int]]] = {}
        for passage_id, stream in terms.items():
            for position, term in enumerate(stream):
                places.setdefault(term, {}).setdefault(passage_id, []).append(position)
        self._postings: dict[str, list[Posting]] = {
            term: [(one, len(found), tuple(found)) for one, found in of_term.items()]
            for term, of_term in places.items()
        }
        self._ids = np.fromiter(terms.keys(), dtype=np.int64, count=len(terms))
        counts = (len(stream) for stream in terms.values())
        self._counts = np.fromiter(counts, dtype=np.int64, count=len(terms))

    def postings(self, term: str) -> Sequence[Posting]:
        """See ``Postings``."""
        return self._postings.get(term, ())

    def lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """See ``Postings``."""
        return self._ids, self._counts


@dataclass(frozen=True, slots=True)
class Found:
    """Where a term or a segment stands.

    Attributes:
        frequencies: How often, by passage, weighed by field.
        places: Passages that hold it or stand below a heading that does, and names that do.
    """

    frequencies: dict[PassageId, float]
    places: int


class Lookup:
    """Postings inside the scope, each term fetched once."""

    def __init__(
        self, postings: Postings, lengths: Mapping[PassageId, int], names: Names | None
    ) -> None:
        """Look terms up in the passages whose lengths are given."""
        self._source = postings
        self._lengths = lengths
        self._names = names
        self._cache: dict[str, dict[PassageId, tuple[int, tuple[int, ...]]]] = {}

    def of_term(self, term: str) -> dict[PassageId, tuple[int, tuple[int, ...]]]:
        """Frequency and positions of a marked term, by passage; a name stands under its first."""
        if term not in self._cache:
            if not term.startswith(_NAME):
                held = self._source.postings(term)
            else:
                held = self._names.postings(term.removeprefix(_NAME)) if self._names else ()
            self._cache[term] = {
                passage_id: (frequency, positions)
                for passage_id, frequency, positions in held
                if passage_id in self._lengths
            }
        return self._cache[term]

    def below(self, prefix: str, passage_id: PassageId) -> Sequence[PassageId]:
        """The passages that a place in a field counts for: those of the whole file for a name."""
        if prefix != _NAME or self._names is None:
            return (passage_id,)
        return [one for one in self._names.below(passage_id) if one in self._lengths]

    def term(self, forms: Forms) -> Found:
        """Where a term stands in any of its forms."""
        return self._found(
            {
                prefix: [
                    (passage_id, frequency)
                    for form in forms
                    for passage_id, (frequency, _) in self.of_term(prefix + form).items()
                ]
                for prefix, _ in FIELDS
            }
        )

    def segment(self, segment: Segment) -> Found:
        """Where a segment stands unbroken."""
        if len(segment) == 1:
            return self.term(segment[0])
        return self._found(
            {
                prefix: [(one, len(ends)) for one, ends in _ends(segment, self, prefix).items()]
                for prefix, _ in FIELDS
            }
        )

    def _found(self, counts: Mapping[str, Sequence[tuple[PassageId, int]]]) -> Found:
        total: dict[PassageId, float] = {}
        for prefix, weight in FIELDS:
            for passage_id, count in counts[prefix]:
                for one in self.below(prefix, passage_id):
                    total[one] = total.get(one, 0.0) + weight * count
        named = {passage_id for passage_id, _ in counts[_NAME]}
        rest = {one for prefix in ("", HEADING) for one, _ in counts[prefix]}
        return Found(total, len(named) + len(rest))

    def positions(self, forms: Forms, prefix: str) -> dict[PassageId, set[int]]:
        """Where a term stands in a field."""
        places: dict[PassageId, set[int]] = {}
        for form in forms:
            for passage_id, (_, positions) in self.of_term(prefix + form).items():
                places.setdefault(passage_id, set()).update(positions)
        return places


def holding(phrase: RequiredPhrase, lookup: Lookup) -> set[PassageId]:
    """Passages that hold every segment of a phrase unbroken, in themselves or above."""
    return set.intersection(
        *(
            set().union(*(unbroken(segment, lookup, prefix) for prefix, _ in FIELDS))
            for segment in phrase
        )
    )


def unbroken(segment: Sequence[Forms], lookup: Lookup, prefix: str) -> set[PassageId]:
    """Passages that hold a segment unbroken in a field."""
    ends = _ends(segment, lookup, prefix)
    return {one for passage_id in ends for one in lookup.below(prefix, passage_id)}


def _ends(segment: Sequence[Forms], lookup: Lookup, prefix: str) -> dict[PassageId, set[int]]:
    """Positions of the last terms of a segment where it stands unbroken."""
    ends = lookup.positions(segment[0], prefix)
    for forms in segment[1:]:
        if not ends:
            break
        following = lookup.positions(forms, prefix)
        ends = {
            passage_id: reached
            for passage_id, places in ends.items()
            if passage_id in following
            and (reached := {place + 1 for place in places} & following[passage_id])
        }
    return ends
