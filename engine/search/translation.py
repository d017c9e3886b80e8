"""Other words for the words of a question.

A question in Latin letters is given Japanese units for its words, a Japanese question English
words for its units, from the lexicon of the pack; a question that mixes the scripts is not. What
the thesaurus knows by several names is looked for by all of them, whatever the script. Words that
often answer those of a question are guesses: they count apart, and mark nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from engine.notation.folding import fold
from engine.notation.stems import stem
from engine.search.associations import Associations, EverydayWords, entries, everyday_words
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
from engine.search.thesaurus import Thesaurus, segment, term_forms, workshop_terms

VERSION = 2
# A sure translation counts as this much of the word itself, an unsure one less. With the fourth
# root of the probability English headings found their Japanese section (500 headings, 1,504
# sections of ms_dynamics) first for 0.340, with the square root for 0.308, all alike for 0.334.
TRANSLATED = 0.8
CERTAINTY = 0.25
# With the square root of their probability associations found the answer to held-out lessons asked
# in other words (440, fused) with a mean reciprocal rank of 0.236, with the fourth root of 0.219,
# as they are of 0.201; paraphrases (167) among the first five for 0.461, 0.461 and 0.413.
ASSOCIATED = 0.5
_LONGEST_UNIT = 16


class Translator:
    """Expands questions by what is known of their words; without that it leaves them as they are.

    Args:
        lexicon: ``lexicon.json`` of a pack; None, empty or of another version for none.
        thesaurus: Names of one thing; None for none.
        everyday: Everyday words and those that answer them; None for none.
    """

    def __init__(
        self,
        lexicon: Mapping[str, Any] | None = None,
        thesaurus: Thesaurus | None = None,
        everyday: EverydayWords | None = None,
    ) -> None:
        known = lexicon if lexicon and lexicon.get("version") == VERSION else {}
        self._english: Mapping[str, str] = known.get("english", {})
        self._japanese: Mapping[str, str] = known.get("japanese", {})
        self._surfaces: Mapping[str, str] = known.get("surfaces", {})
        self._associations = Associations(known.get("associations"), everyday, self._surfaces)
        self._thesaurus = thesaurus or Thesaurus()

    def terms(self, query: str) -> QueryTerms:
        """The question taken apart, with its translations and associations."""
        asked = query_terms(query)
        weights = {term.forms: term.weight for term in asked.terms}
        return replace(
            asked,
            concepts=self._concepts(query, weights),
            associations=tuple(self._associated(query, weights)),
        )

    def _concepts(self, query: str, weights: Mapping[Forms, float]) -> tuple[Concept, ...]:
        """Other words for those of a question, one concept for each word that has some.

        A word that is part of a longer name is not translated by itself: the end of an end cover
        is no ending.
        """
        found = {one.sources: one for one in self._thesaurus.concepts(query, weights)}
        named = [set(sources) for sources in found]
        for concept in self._translations(query, weights):
            inside = any(set(concept.sources) < longer for longer in named)
            if concept.sources in found or not inside:
                _add(found, concept)
        return tuple(found.values())

    def _translations(self, query: str, weights: Mapping[Forms, float]) -> Iterator[Concept]:
        japanese, latin = scripts(query)
        if japanese == latin:
            return
        table, other = (self._japanese, "en") if japanese else (self._english, "ja")
        for word, sources, weight in _words(query, weights, japanese, table.__contains__):
            yield Concept(
                sources,
                tuple(
                    _alternative(
                        self._surfaces.get(one, one), other, weight * TRANSLATED * sure**CERTAINTY
                    )
                    for one, sure in entries(table[word])
                ),
            )

    def _associated(self, query: str, weights: Mapping[Forms, float]) -> Iterator[Concept]:
        japanese, latin = scripts(query)
        if not (japanese or latin):
            return
        language = "ja" if japanese else "en"
        known = partial(self._associations.known, language=language)
        for word, sources, weight in _words(query, weights, japanese, known):
            yield Concept(
                sources,
                tuple(
                    _alternative(one, other, weight * TRANSLATED * sure**ASSOCIATED)
                    for one, other, sure in self._associations.of(word, language)
                ),
            )


def _words(
    query: str,
    weights: Mapping[Forms, float],
    japanese: bool,
    known: Callable[[str], bool],
) -> Iterator[tuple[str, tuple[Forms, ...], float]]:
    """Units or stems of a question of which something is known, their terms and their weight."""
    if japanese:
        for unit in dict.fromkeys(_units(query, known)):
            terms = term_forms(Run(unit, 0, len(unit), True))
            yield unit, tuple(forms for forms in terms if forms in weights), 1.0
        return
    for forms, weight in weights.items():
        word = stem(forms[0])
        if known(word):
            yield word, (forms,), weight


def _alternative(text: str, language: str, weight: float) -> Alternative:
    """A unit, or the written forms of an English word with tabs between them."""
    if language == "ja":
        return Alternative(segment(text), text, weight)
    surfaces = text.split("\t")
    forms = tuple(dict.fromkeys(form for surface in surfaces for form in word_forms(surface)))
    return Alternative((forms,), surfaces[0], weight)


def _add(found: dict[tuple[Forms, ...], Concept], concept: Concept) -> None:
    """Join what is known of the same word; of one text, what came first stays."""
    known = found.get(concept.sources)
    if known is not None:
        both = {one.text: one for one in (*concept.alternatives, *known.alternatives)}
        concept = Concept(concept.sources, tuple(both.values()))
    found[concept.sources] = concept


def _units(query: str, known: Callable[[str], bool]) -> Iterator[str]:
    """The longest units of which something is known from left to right."""
    for run in runs(fold(query).text):
        if not run.cjk:
            continue
        mask = function_mask(run.text)
        place = 0
        while place < len(run.text):
            lengths = range(min(len(run.text) - place, _LONGEST_UNIT), 0, -1)
            units = (run.text[place : place + size] for size in lengths)
            unit = "" if mask[place] else next(filter(known, units), "")
            if unit:
                yield unit
            place += max(len(unit), 1)


def shipped_translator(lexicon: Mapping[str, Any] | None) -> Translator:
    """A translator with the lexicon of a pack and the lists that the program ships with."""
    return Translator(lexicon, workshop_terms(), everyday_words())
