"""Other words for the words of a question.

A question in Latin letters is given Japanese units for its words, a Japanese question English
words for its units, from the lexicon of the pack; a question that mixes the scripts is not. What
the thesaurus knows by several names is looked for by all of them, whatever the script.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.notation.folding import fold
from engine.notation.stems import stem
from engine.search.lexical_query import (
    Alternative,
    Concept,
    Forms,
    QueryTerms,
    query_terms,
    word_forms,
)
from engine.search.lexical_stopwords import function_mask
from engine.search.lexical_terms import Run, runs
from engine.search.query import scripts
from engine.search.thesaurus import Thesaurus, segment, term_forms

VERSION = 2
# A sure translation counts as this much of the word itself, an unsure one less. With the fourth
# root of the probability English headings found their Japanese section (500 headings, 1,504
# sections of ms_dynamics) first for 0.340, with the square root for 0.308, all alike for 0.334.
TRANSLATED = 0.8
CERTAINTY = 0.25
_LONGEST_UNIT = 16


class Translator:
    """Expands questions by a lexicon and a thesaurus; without them it leaves them as they are.

    Args:
        lexicon: ``lexicon.json`` of a pack; None, empty or of another version for none.
        thesaurus: Names of one thing; None for none.
    """

    def __init__(
        self, lexicon: Mapping[str, Any] | None = None, thesaurus: Thesaurus | None = None
    ) -> None:
        known = lexicon if lexicon and lexicon.get("version") == VERSION else {}
        self._english: Mapping[str, str] = known.get("english", {})
        self._japanese: Mapping[str, str] = known.get("japanese", {})
        self._surfaces: Mapping[str, str] = known.get("surfaces", {})
        self._thesaurus = thesaurus or Thesaurus()

    def terms(self, query: str) -> QueryTerms:
        """The question taken apart, with its translations."""
        return replace(query_terms(query), concepts=self.expand(query))

    def expand(self, query: str) -> tuple[Concept, ...]:
        """Translations and other names, one concept for each word that has some.

        A word that is part of a longer name is not translated by itself: the end of an end cover
        is no ending.
        """
        asked = query_terms(query)
        weights = {term.forms: term.weight for term in asked.terms}
        found = {one.sources: one for one in self._thesaurus.concepts(query, weights)}
        named = [set(sources) for sources in found]
        for concept in self._translations(query, weights):
            sources = concept.sources
            if sources in found:
                more = {one.text: one for one in concept.alternatives}
                more |= {one.text: one for one in found[sources].alternatives}
                found[sources] = Concept(sources, tuple(more.values()))
            elif not any(set(sources) < longer for longer in named):
                found[sources] = concept
        return tuple(found.values())

    def _translations(self, query: str, weights: Mapping[Forms, float]) -> Iterator[Concept]:
        japanese, latin = scripts(query)
        if japanese == latin:
            return iter(())
        return self._units(query, weights) if japanese else self._words(weights)

    def _words(self, weights: Mapping[Forms, float]) -> Iterator[Concept]:
        for forms, weight in weights.items():
            translations = _entry(self._english.get(stem(forms[0]), ""))
            if translations:
                yield Concept(
                    (forms,),
                    tuple(
                        Alternative(segment(unit), unit, weight * _factor(probability))
                        for unit, probability in translations
                    ),
                )

    def _units(self, query: str, weights: Mapping[Forms, float]) -> Iterator[Concept]:
        seen: set[str] = set()
        for run in runs(fold(query).text):
            if not run.cjk:
                continue
            mask = function_mask(run.text)
            place = 0
            while place < len(run.text):
                unit = "" if mask[place] else self._longest(run.text[place:])
                if unit and unit not in seen:
                    seen.add(unit)
                    yield self._concept(unit, weights)
                place += max(len(unit), 1)

    def _longest(self, text: str) -> str:
        lengths = range(min(len(text), _LONGEST_UNIT), 0, -1)
        return next((text[:size] for size in lengths if text[:size] in self._japanese), "")

    def _concept(self, unit: str, weights: Mapping[Forms, float]) -> Concept:
        run = Run(unit, 0, len(unit), True)
        sources = tuple(forms for forms in term_forms(run) if forms in weights)
        alternatives = []
        for word, probability in _entry(self._japanese[unit]):
            surfaces = self._surfaces.get(word, word).split("\t")
            forms = tuple(dict.fromkeys(form for text in surfaces for form in word_forms(text)))
            alternatives.append(Alternative((forms,), surfaces[0], _factor(probability)))
        return Concept(sources, tuple(alternatives))


def _entry(text: str) -> list[tuple[str, float]]:
    """Translations and their probabilities, from ``unit TAB probability TAB unit ...``."""
    fields = text.split("\t")
    return [(unit, float(p)) for unit, p in zip(fields[::2], fields[1::2], strict=False)]


def _factor(probability: float) -> float:
    return TRANSLATED * probability**CERTAINTY
