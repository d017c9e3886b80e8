"""Other words for the words of a question.

A question in Latin letters is given Japanese units for its words, a Japanese question English
words for its units, from the lexicon of the pack; a question that mixes the scripts is not. What
the thesaurus knows by several names is looked for by all of them, whatever the script. Last come
associations: words of passages that answered questions with a word, learned from lessons, so that
a question about a sticker finds the label. They are guesses, and mark nothing.
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
        # By the language of the question, then by that of the passage.
        self._associations: Mapping[str, Mapping[str, Mapping[str, str]]] = known.get(
            "associations", {}
        )
        self._thesaurus = thesaurus or Thesaurus()

    def terms(self, query: str) -> QueryTerms:
        """The question taken apart, with its translations and associations."""
        return replace(query_terms(query), concepts=self.expand(query))

    def expand(self, query: str) -> tuple[Concept, ...]:
        """Other words for those of a question, one concept for each word that has some.

        A word that is part of a longer name is not translated by itself: the end of an end cover
        is no ending.
        """
        asked = query_terms(query)
        weights = {term.forms: term.weight for term in asked.terms}
        found = {one.sources: one for one in self._thesaurus.concepts(query, weights)}
        named = [set(sources) for sources in found]
        for concept in self._translations(query, weights):
            inside = any(set(concept.sources) < longer for longer in named)
            if concept.sources in found or not inside:
                _add(found, concept)
        for concept in self._associated(query, weights):
            _add(found, concept)
        return tuple(found.values())

    def _translations(self, query: str, weights: Mapping[Forms, float]) -> Iterator[Concept]:
        japanese, latin = scripts(query)
        if japanese == latin:
            return iter(())
        if japanese:
            return self._of_units(query, weights, self._japanese, "en")
        return self._of_words(weights, self._english, "ja")

    def _associated(self, query: str, weights: Mapping[Forms, float]) -> Iterator[Concept]:
        """Words of passages that answered questions with these words."""
        japanese, latin = scripts(query)
        if japanese:
            for language, table in self._associations.get("ja", {}).items():
                yield from self._of_units(query, weights, table, language, marked=False)
        elif latin:
            for language, table in self._associations.get("en", {}).items():
                yield from self._of_words(weights, table, language, marked=False)

    def _of_words(
        self,
        weights: Mapping[Forms, float],
        table: Mapping[str, str],
        language: str,
        *,
        marked: bool = True,
    ) -> Iterator[Concept]:
        for forms, weight in weights.items():
            others = self._alternatives(table.get(stem(forms[0]), ""), language, weight, marked)
            if others:
                yield Concept((forms,), others)

    def _of_units(
        self,
        query: str,
        weights: Mapping[Forms, float],
        table: Mapping[str, str],
        language: str,
        *,
        marked: bool = True,
    ) -> Iterator[Concept]:
        for unit in dict.fromkeys(_units(query, table)):
            run = Run(unit, 0, len(unit), True)
            sources = tuple(forms for forms in term_forms(run) if forms in weights)
            yield Concept(sources, self._alternatives(table[unit], language, 1.0, marked))

    def _alternatives(
        self, entry: str, language: str, weight: float, marked: bool
    ) -> tuple[Alternative, ...]:
        made = []
        for word, probability in _entry(entry):
            factor = weight * _factor(probability)
            if language == "ja":
                made.append(Alternative(segment(word), word, factor, marked))
                continue
            surfaces = self._surfaces.get(word, word).split("\t")
            forms = tuple(dict.fromkeys(form for text in surfaces for form in word_forms(text)))
            made.append(Alternative((forms,), surfaces[0], factor, marked))
        return tuple(made)


def _add(found: dict[tuple[Forms, ...], Concept], concept: Concept) -> None:
    """Join what is known of the same word; of one text, what came first stays."""
    known = found.get(concept.sources)
    if known is not None:
        both = {one.text: one for one in (*concept.alternatives, *known.alternatives)}
        concept = Concept(concept.sources, tuple(both.values()))
    found[concept.sources] = concept


def _units(query: str, table: Mapping[str, str]) -> Iterator[str]:
    """The longest units of a table from left to right."""
    for run in runs(fold(query).text):
        if not run.cjk:
            continue
        mask = function_mask(run.text)
        place = 0
        while place < len(run.text):
            lengths = range(min(len(run.text) - place, _LONGEST_UNIT), 0, -1)
            units = (run.text[place : place + size] for size in lengths)
            unit = "" if mask[place] else next((one for one in units if one in table), "")
            if unit:
                yield unit
            place += max(len(unit), 1)


def _entry(text: str) -> list[tuple[str, float]]:
    """Translations and their probabilities, from ``unit TAB probability TAB unit ...``."""
    fields = text.split("\t")
    return [(unit, float(p)) for unit, p in zip(fields[::2], fields[1::2], strict=False)]


def _factor(probability: float) -> float:
    return TRANSLATED * probability**CERTAINTY
