"""Phrases of a passage: the stretches that an answer may consist of.

Japanese: compounds (runs of kanji, katakana, Latin letters and digits), pairs of them joined by a
particle, quantities, dates, what stands in quotation marks, and clauses. English: runs of words
that are no stop words, with their article, pairs joined by a preposition, and clauses with their
ends. All offsets are code points of the passage.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from engine.search.lexical_stopwords import ENGLISH_STOPWORDS
from engine.search.query import scripts

LONGEST_JOINED = 30
LONGEST_CLAUSE = 80
MOST = 400

_DIGIT = "0-9０-９"
_KANJI = "\u3400-\u9fff々〆ヶ"
_KATAKANA = "ァ-ヺー"
_LATIN = "A-Za-zＡ-Ｚａ-ｚ"
_NUMBER = rf"[{_DIGIT}]+(?:[,，.．][{_DIGIT}]+)*"
_RUN = re.compile(
    rf"[{_KANJI}]+|[{_KATAKANA}]+(?:[・=＝][{_KATAKANA}]+)*"
    rf"|[{_LATIN}][{_LATIN}{_DIGIT}.'’&-]*(?<![.'’&-])|{_NUMBER}"
)
_GLUE = frozenset(" ・·-=＝~〜/")
_JOINTS = frozenset(["の", "と", "や", "な", "、", "的な", "による", "への"])
_QUOTED = re.compile(r"[「『“\"]([^「」『』“”\"]{1,40})[」』”\"]")
_DATE = re.compile(
    rf"[{_DIGIT}]+年(?:[(（][^)）]{{1,12}}[)）])?(?:[{_DIGIT}]+月(?:[{_DIGIT}]+日)?)?"
    rf"|[{_DIGIT}]+月[{_DIGIT}]+日|[{_DIGIT}]+世紀(?:[前後]半|末|初頭)?|[{_DIGIT}]+年代(?:[前後]半)?"
)
_SIGNED = rf"[±+\-−φΦ⌀約第]?{_NUMBER}(?:\s?[~〜±/:-]\s?{_NUMBER})*\s?[万億兆千百]*"
_UNIT = rf"[%％°℃℉㎜-㏿]|[{_KATAKANA}]{{2,}}|[A-Za-zμµΩ°]+(?:[·・/][A-Za-z]+)*[²³]?"
_QUANTITIES = (
    re.compile(rf"{_SIGNED}(?:{_UNIT}|[{_KANJI}]{{1,4}})?"),
    re.compile(rf"{_SIGNED}(?:{_UNIT}|[{_KANJI}])?"),
)
_CLAUSE = re.compile(r"[^、。，．\n]+")

_WORD_EN = re.compile(r"[A-Za-z0-9][A-Za-z0-9'’&.,/%-]*(?<![.,'’/-])")
_CLAUSE_EN = re.compile(r"[^.,;:!?()\n\"“”]+")
_ARTICLES = frozenset(["a", "an", "the", "his", "her", "its", "their", "my", "your", "our"])
_JOINTS_EN = frozenset(["of", "the", "and", "in", "to", "for", "with", "a"])
_QUANTITY_EN = re.compile(rf"{_SIGNED}\s?(?:[%°℃]|[A-Za-zμµΩ]+)?")

_FULL_DIGITS = re.compile(rf"[±+\-−φΦ⌀約第]?[{_DIGIT}]")
_FORMS = (
    ("katakana", re.compile(rf"[{_KATAKANA}]+")),
    ("katakana_name", re.compile(rf"[{_KATAKANA}・=＝]+")),
    ("kanji_one", re.compile(rf"[{_KANJI}]")),
    ("kanji", re.compile(rf"[{_KANJI}]+")),
    ("capital", re.compile(r"[A-Z][A-Za-z0-9 .'’&-]*")),
    ("latin", re.compile(r"[A-Za-z0-9 .'’&-]+")),
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of a passage; ``form`` is what it looks like, such as ``date`` or ``kanji``."""

    start: int
    end: int
    form: str


def phrases(text: str) -> list[Phrase]:
    """Phrases of a passage in order of the text; they may overlap. At most ``MOST``."""
    japanese, _ = scripts(text)
    found: dict[tuple[int, int], str] = {}
    (_japanese if japanese else _english)(text, found)
    made = [
        Phrase(start, end, form or _form(text[start:end]))
        for (start, end), form in sorted(found.items())
        if text[start:end].strip()
    ]
    return made[:MOST]


def _japanese(text: str, found: dict[tuple[int, int], str]) -> None:
    compounds = _compounds(text)
    for span in compounds:
        found.setdefault(span, "")
    for (start, stop), (begin, end) in pairwise(compounds):
        if text[stop:begin] in _JOINTS and end - start <= LONGEST_JOINED:
            found.setdefault((start, end), "joined")
    for match in _QUOTED.finditer(text):
        found[match.span(1)] = "quoted"
    for match in _DATE.finditer(text):
        found[match.span()] = "date"
        year = text.find("年", *match.span())
        if year >= 0:
            found.setdefault((match.start(), year + 1), "date")
    for pattern in _QUANTITIES:
        for match in pattern.finditer(text):
            found.setdefault(match.span(), "quantity")
    for match in _CLAUSE.finditer(text):
        if match.end() - match.start() <= LONGEST_CLAUSE:
            found.setdefault(match.span(), "clause")


def _compounds(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for match in _RUN.finditer(text):
        start, end = match.span()
        if spans:
            between = text[spans[-1][1] : start]
            if not between or between in _GLUE:
                spans[-1] = (spans[-1][0], end)
                continue
        spans.append((start, end))
    return spans


def _english(text: str, found: dict[tuple[int, int], str]) -> None:
    for match in _QUANTITY_EN.finditer(text):
        found[match.span()] = "quantity"
    for match in _QUOTED.finditer(text):
        found[match.span(1)] = "quoted"
    for clause in _CLAUSE_EN.finditer(text):
        words = [match.span() for match in _WORD_EN.finditer(text, *clause.span())]
        if not words:
            continue
        if words[-1][1] - words[0][0] <= 2 * LONGEST_CLAUSE:
            found.setdefault((words[0][0], words[-1][1]), "clause")
        _english_runs(text, words, found)


def _english_runs(
    text: str, words: list[tuple[int, int]], found: dict[tuple[int, int], str]
) -> None:
    bare = [text[start:end].lower() for start, end in words]
    runs: list[tuple[int, int]] = []
    for at, word in enumerate(bare):
        if word in ENGLISH_STOPWORDS or word in _ARTICLES:
            continue
        if runs and runs[-1][1] == at and text[words[at - 1][1] : words[at][0]] == " ":
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    previous = None
    for first, last in runs:
        span = (words[first][0], words[last - 1][1])
        found.setdefault(span, "")
        if first and bare[first - 1] in _ARTICLES:
            found.setdefault((words[first - 1][0], span[1]), "article")
        if words[-1][1] - span[0] <= LONGEST_CLAUSE and last < len(words):
            found.setdefault((span[0], words[-1][1]), "tail")
        if previous is not None and set(bare[previous[1] : first]) <= _JOINTS_EN:
            found.setdefault((words[previous[0]][0], span[1]), "joined")
        previous = (first, last)


def _form(phrase: str) -> str:
    if _FULL_DIGITS.match(phrase):
        return "quantity" if len(phrase) <= 8 else "numbered"
    return next((name for name, pattern in _FORMS if pattern.fullmatch(phrase)), "mixed")
