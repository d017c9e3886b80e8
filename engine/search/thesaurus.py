"""Words of a workshop that mean the same, in one language or in two.

A model and a lexicon learn from whatever text could be had; what a gauge, a burr or a nonconformity
is called in a factory's other papers is known, and stands in ``resources/terms``.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from engine.notation.folding import fold, to_katakana
from engine.notation.stems import stem
from engine.search.lexical_query import (
    Alternative,
    Concept,
    Forms,
    Segment,
    kana_forms,
    word_forms,
)
from engine.search.lexical_stopwords import function_mask
from engine.search.lexical_terms import Run, run_terms, runs
from resources.terms import manufacturing_terms

# What another name counts for as part of the word itself: the same thing in the other language, and
# in the same one, where the very word is what most people look for.
OTHER_LANGUAGE = 0.8
SAME_LANGUAGE = 0.5

Key = tuple[str, ...]


class Thesaurus:
    """Names by which one thing goes.

    Args:
        text: A line for each thing, ``Japanese、Japanese = English, English``; empty lines and
            those that begin with ``#`` are skipped.

    Raises:
        ValueError: A line has no equals sign, or no name on one side of it.
    """

    def __init__(self, text: str = "") -> None:
        # Of each thing its names, and whether they are Japanese.
        self._groups: list[tuple[tuple[str, bool], ...]] = []
        self._places: dict[Key, list[int]] = {}
        self._longest = 1
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                self._add(line, number)

    def _add(self, line: str, number: int) -> None:
        sides = line.split("=")
        names = [
            [name for part in side.split(mark) if (name := fold(part).text.strip())]
            for side, mark in zip(sides, "、,", strict=False)
        ]
        if len(sides) != 2 or not all(names):
            raise ValueError(f"line {number} is not 'Japanese = English': {line}")
        group = [(name, at == 0) for at, found in enumerate(names) for name in found]
        for name, _ in group:
            key = _key(list(runs(name)))
            self._places.setdefault(key, []).append(len(self._groups))
            self._longest = max(self._longest, len(key))
        self._groups.append(tuple(group))

    def concepts(self, query: str, weights: Mapping[Forms, float]) -> Iterator[Concept]:
        """The other names of what a question names, and of what those names are made of.

        At each place the longest name counts, then those inside it: what a tightening torque is
        also called, then a torque.

        Args:
            query: The question.
            weights: Of its terms, as ``query_terms`` gives them.
        """
        for named in self._named(list(runs(fold(query).text))):
            yield from self._concept(named, weights)

    def _named(self, found: list[Run], whole: bool = True) -> Iterator[list[Run]]:
        """Names among words and runs; without ``whole`` not all of them as one name."""
        at = 0
        while at < len(found):
            most = min(self._longest, len(found) - at) - (not whole and at == 0)
            counts = range(most, 0, -1)
            words = next((n for n in counts if _key(found[at : at + n]) in self._places), 0)
            if words:
                named = found[at : at + words]
                yield named
                yield from self._inside(named[0]) if words == 1 else self._named(named, False)
            elif found[at].cjk:
                yield from self._inside(found[at])
            at += max(words, 1)

    def _inside(self, run: Run) -> Iterator[list[Run]]:
        """Names inside an unbroken run of Japanese, which is not the whole of it."""
        if not run.cjk:
            return
        mask = function_mask(run.text)
        place = 0
        while place < len(run.text):
            most = len(run.text) - (place == 0)
            ends = () if mask[place] else range(most, place, -1)
            parts = (Run(run.text[place:end], place, end, True) for end in ends)
            part = next((part for part in parts if _key([part]) in self._places), None)
            if part is not None:
                yield [part]
                yield from self._inside(part)
            place += len(part.text) if part is not None else 1

    def _concept(self, named: Sequence[Run], weights: Mapping[Forms, float]) -> Iterator[Concept]:
        key = _key(named)
        japanese = any(run.cjk for run in named)
        sources = tuple(
            dict.fromkeys(forms for run in named for forms in term_forms(run) if forms in weights)
        )
        whole = sum(weights[forms] for forms in sources)
        alternatives = {
            name: Alternative(
                segment(name),
                name,
                whole * (SAME_LANGUAGE if also == japanese else OTHER_LANGUAGE),
            )
            for group in self._places[key]
            for name, also in self._groups[group]
            if _key(list(runs(name))) != key
        }
        if sources and alternatives:
            yield Concept(sources, tuple(alternatives.values()))


@cache
def workshop_terms() -> Thesaurus:
    """The thesaurus that the program ships with."""
    return Thesaurus(manufacturing_terms())


def _key(named: Sequence[Run]) -> Key:
    return tuple(run.text if run.cjk else stem(run.text) for run in named)


def term_forms(run: Run) -> list[Forms]:
    """Forms of the terms of a word or run, as a question has them."""
    if not run.cjk:
        return [word_forms(run.text)]
    return [kana_forms(text) for text in dict.fromkeys([*run_terms(run), *run.text])]


def segment(name: str) -> Segment:
    """A name as it must stand unbroken; hiragana may stand in katakana, seldom the other way."""
    return tuple(
        tuple(dict.fromkeys((term, to_katakana(term)))) if run.cjk else word_forms(term)
        for run in runs(name)
        for term in run_terms(run)
    )
