"""Words of answers for words of questions, learned from the lessons' questions in other words.

A question and the sentence that answers it are aligned as if one translated the other: whoever asks
about a sticker is answered by a label. Within each language and across the two.

Source:
    Berger and Lafferty 1999, Information retrieval as statistical translation; from questions to
    answers, Riezler et al. 2007, Statistical machine translation for query expansion in answer
    retrieval.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from engine.notation.folding import fold
from engine.notation.stems import stem
from engine.search.lexical_stopwords import ENGLISH_STOPWORDS, function_mask
from engine.search.lexical_terms import runs
from engine.training.alignment import Rows, agreement, align, associated_pairs
from engine.training.config import LexiconConfig
from engine.training.lessons import LANGUAGES, Lesson
from engine.training.lexicon import (
    closed_units,
    english_words,
    entry,
    japanese_units,
    overlaps,
    written_forms,
)


def learn_associations(lessons: Sequence[Lesson], config: LexiconConfig) -> dict[str, Any]:
    """Learn which words of passages answer which words of questions.

    Returns:
        ``associations``: by the language of the question, then by that of the passage, entries as
        in :func:`engine.training.lexicon.learn`; ``surfaces``: the written forms of the English
        stems among them.
    """
    asked: dict[str, list[list[str]]] = defaultdict(list)
    told: dict[str, list[list[str]]] = defaultdict(list)
    written: Counter[str] = Counter()
    for lesson in lessons:
        for item in lesson.questions:
            if not item.other_words:
                continue
            for language in LANGUAGES:
                answer = f"{lesson.heading[language]}\n{lesson.sentences[language][item.sentence]}"
                asked[language].append(_UNITS[language](item.asked[language]))
                told[language].append(_UNITS[language](answer))
                if language == "en":
                    written.update(english_words(answer))
    tables: dict[str, dict[str, dict[str, str]]] = {language: {} for language in LANGUAGES}
    questions = {language: _rows(asked[language], config) for language in LANGUAGES}
    answers = {language: _rows(told[language], config) for language in LANGUAGES}
    for one, other in product(LANGUAGES, repeat=2):
        tables[one][other] = _table(questions[one], answers[other], config)
    stems = {
        word
        for by_passage in tables.values()
        for line in by_passage["en"].values()
        for word in line.split("\t")[::2]
    }
    return {"associations": tables, "surfaces": written_forms(written, stems, config.surfaces)}


def _english_stems(text: str) -> list[str]:
    words = (word for word in english_words(text) if word not in ENGLISH_STOPWORDS)
    return list(dict.fromkeys(map(stem, words)))


def _content_units(text: str) -> list[str]:
    folded = list(fold(text).text)
    for run in runs("".join(folded)):
        for at, function in enumerate(function_mask(run.text) if run.cjk else ()):
            if function:
                folded[run.start + at] = " "
    return japanese_units("".join(folded))


# Particles, endings and stop words answer nothing.
_UNITS: Mapping[str, Callable[[str], list[str]]] = {"ja": _content_units, "en": _english_stems}


def _table(
    asked: tuple[Rows, list[str]], told: tuple[Rows, list[str]], config: LexiconConfig
) -> dict[str, str]:
    (left, left_units), (right, right_units) = asked, told
    keys = associated_pairs(left, right, config.answers_association, config.answers_together)
    found = align(left, right, keys, config.iterations)
    agreed, _ = agreement(found, left, right)
    table: dict[str, list[tuple[str, float]]] = defaultdict(list)
    strong = np.flatnonzero(agreed >= config.answers_probability)
    for at in strong[np.lexsort((strong, -agreed[strong]))].tolist():
        unit, other = left_units[found.left[at]], right_units[found.right[at]]
        held = table[unit]
        # What holds the word itself is found by it.
        known = unit in other or any(overlaps(other, better) for better, _ in held)
        if not known and len(held) < config.answers_most:
            held.append((other, round(min(float(agreed[at]), 1.0), 2)))
    return {unit: entry(held) for unit, held in sorted(table.items()) if held}


def _rows(texts: Sequence[Sequence[str]], config: LexiconConfig) -> tuple[Rows, list[str]]:
    counts = Counter(unit for units in texts for unit in units)
    number = closed_units(counts, config.least, config.closed)
    rows = [[number[unit] for unit in units if unit in number] for units in texts]
    return Rows.of(rows, len(number)), list(number)
