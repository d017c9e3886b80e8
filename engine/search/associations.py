"""Words of passages that answer questions with a word: a question about a sticker finds the label.

Some are learned from questions and their answers and stand in the lexicon of a pack; others stand
in a list of everyday words that developers wrote (``resources/terms``).
"""

from collections.abc import Iterator, Mapping
from functools import cache

from engine.notation.folding import fold
from engine.notation.stems import stem
from resources.terms import everyday_terms

LANGUAGES = ("ja", "en")
# Probability of the first word of a line of the list. On half `dev` of the paraphrases 0.2 and 0.4
# found as many, on held-out lessons 0.2 a few more.
LISTED = 0.2
MOST = 25
_MARKS = ("、", ",")

Learned = Mapping[str, Mapping[str, Mapping[str, str]]]


class EverydayWords:
    """Everyday words and the words of documents that answer them.

    Args:
        text: Lines of ``Japanese、… = English, … > Japanese、… = English, …``, likeliest first;
            empty lines and those that begin with ``#`` are skipped.

    Raises:
        ValueError: A line is not written so.
    """

    def __init__(self, text: str = "") -> None:
        # By language and word, the right sides of the lines in which it stands on the left.
        self._told: dict[str, dict[str, list[str]]] = {language: {} for language in LANGUAGES}
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                asked, _, told = line.partition(">")
                if asked.count("=") != 1 or told.count("=") != 1:
                    raise ValueError(
                        f"line {number} is not 'asked > told' in two languages: {line}"
                    )
                for language, words in _sides(asked):
                    stems = words if language == "ja" else map(stem, words)
                    for word in dict.fromkeys(stems):
                        self._told[language].setdefault(word, []).append(told)

    def known(self, word: str, language: str) -> bool:
        """Whether a word, folded, or the stem of an English one, is in the list."""
        return word in self._told[language]

    def told(self, word: str, language: str) -> dict[str, dict[str, float]]:
        """Words of passages, by language, with their probabilities.

        The more lines a word stands in, the more senses it has and the less sure is each; and so it
        goes down a line.
        """
        found: dict[str, dict[str, float]] = {one: {} for one in LANGUAGES}
        lines = self._told[language].get(word, [])
        for line in lines:
            for other, words in _sides(line):
                for rank, one in enumerate(words, start=1):
                    sure = LISTED / (len(lines) * rank**0.5)
                    found[other][one] = max(sure, found[other].get(one, 0.0))
        return found


def _sides(text: str) -> Iterator[tuple[str, list[str]]]:
    """The words of either language, folded."""
    for language, mark, side in zip(LANGUAGES, _MARKS, fold(text).text.split("="), strict=True):
        yield language, [word for part in side.split(mark) if (word := part.strip())]


class Associations:
    """What is learned and what is listed, as one.

    Args:
        learned: ``associations`` of a lexicon: by the language of the question, then by that of the
            passage, ``unit TAB probability TAB unit ...`` by unit or stem.
        listed: A list of everyday words.
        surfaces: Written forms of English stems, tabs between them.
    """

    def __init__(
        self,
        learned: Learned | None = None,
        listed: EverydayWords | None = None,
        surfaces: Mapping[str, str] | None = None,
    ) -> None:
        self._learned = learned or {}
        self._listed = listed or EverydayWords()
        self._surfaces = surfaces or {}

    def known(self, word: str, language: str) -> bool:
        """Whether there is something for a word, folded, or the stem of an English one."""
        tables = self._learned.get(language, {}).values()
        return self._listed.known(word, language) or any(word in table for table in tables)

    def of(self, word: str, language: str) -> Iterator[tuple[str, str, float]]:
        """Words of passages, the language of each and its probability, the likeliest first.

        English words are given by their written forms, tabs between them.
        """
        for other, listed in self._listed.told(word, language).items():
            learned = entries(self._learned.get(language, {}).get(other, {}).get(word, ""))
            found: dict[str, float] = {}
            for one, probability in (*learned, *listed.items()):
                written = one if other == "ja" else self._written(one)
                found[written] = max(probability, found.get(written, 0.0))
            best = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST]
            yield from ((one, other, probability) for one, probability in best)

    def _written(self, word: str) -> str:
        return self._surfaces.get(word) or self._surfaces.get(stem(word), word)


def entries(text: str) -> list[tuple[str, float]]:
    """Words and their probabilities, from ``unit TAB probability TAB unit ...``."""
    fields = text.split("\t")
    return [(unit, float(p)) for unit, p in zip(fields[::2], fields[1::2], strict=False)]


@cache
def everyday_words() -> EverydayWords:
    """The list that the program ships with."""
    return EverydayWords(everyday_terms())
