"""Questions taken apart into weighted terms, phrases, required and excluded phrases.

Syntax: ``"..."``, ``「...」`` and ``『...』`` must occur unbroken; a word after a minus at the
start or after a space must not occur (a minus before a digit is a sign). Everything else is
content or, for particles, question words and polite endings, weighs nothing while there is content.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from engine.notation.folding import fold, to_hiragana, to_katakana
from engine.notation.identifiers import identifiers
from engine.search.lexical_stopwords import ENGLISH_STOPWORDS, function_mask
from engine.search.lexical_terms import Run, identifier_terms, run_terms, runs

IDENTIFIER_WEIGHT = 3.0
_MAX_QUERY = 2000

_QUOTED = r'"[^"]+"|＂[^＂]+＂|“[^”]+”|「[^」]+」|『[^』]+』'
_EXCLUDED = re.compile(rf"(?<!\S)[-－−‐–]({_QUOTED}|[^\s\d.．\-－][^\s]*)")
_REQUIRED = re.compile(_QUOTED)
_JOINT = re.compile(r"[ \-./_]?")
_HIRAGANA = re.compile("[ぁ-ゖ]")

Forms = tuple[str, ...]
Segment = tuple[Forms, ...]
RequiredPhrase = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A term of a question.

    Attributes:
        forms: The ways it may stand in the index: hiragana and katakana, plural and singular.
        weight: Factor of its BM25 score.
    """

    forms: Forms
    weight: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """A translation or another name of a word, or a word that often answers questions with it.

    Attributes:
        segment: What must stand unbroken, each in one of its forms.
        text: The translation, folded, for marking.
        weight: Factor of its BM25 score.
    """

    segment: Segment
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Concept:
    """A word or name in a question and what else it goes by; in a passage only the best counts.

    Attributes:
        sources: Forms of the terms that are the word itself.
        alternatives: Its translations and other names.
    """

    sources: tuple[Forms, ...]
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """A question as the lexical search sees it.

    Attributes:
        terms: Terms to score.
        phrases: Content of two terms and more that earns a bonus where it stands unbroken.
        required: Phrases of which each must occur; a phrase is a sequence of unbroken segments.
        excluded: Phrases of which none may occur.
        marks: Folded content strings, kana as hiragana, for marking.
        words: Words for marking.
        identifiers: Terms of its identifiers for marking.
        concepts: Translations and other names of its words.
        associations: Words of passages that answered questions with its words. They say something
            else than the question, so they count apart and mark nothing.
    """

    terms: tuple[QueryTerm, ...]
    phrases: tuple[tuple[QueryTerm, ...], ...]
    required: tuple[RequiredPhrase, ...]
    excluded: tuple[RequiredPhrase, ...]
    marks: tuple[str, ...]
    words: frozenset[str]
    identifiers: frozenset[str]
    concepts: tuple[Concept, ...] = ()
    associations: tuple[Concept, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word, or a stretch of a CJK run that is all content or all function words."""

    text: str
    start: int
    end: int
    cjk: bool
    content: bool
    weight: float


def query_terms(query: str) -> QueryTerms:
    """Take a question apart. Never fails, whatever the text; 2000 characters are read."""
    query = query[:_MAX_QUERY]
    excluded = _phrases(match.group(1) for match in _EXCLUDED.finditer(query))
    rest = _EXCLUDED.sub(" ", query)
    required = _phrases(match.group() for match in _REQUIRED.finditer(rest))
    rest = _REQUIRED.sub(lambda match: f" {match.group()[1:-1]} ", rest)

    found = identifiers(rest)
    inside = {run.text for one in found for run in runs(fold(rest[one.start : one.end]).text)}
    folded = fold(rest).text
    pieces = list(_pieces(folded, inside))
    if pieces and not found and not any(piece.content for piece in pieces):
        pieces = [_Piece(p.text, p.start, p.end, p.cjk, True, 1.0) for p in pieces]

    weights: dict[Forms, float] = {}
    for one in found:
        first, *others = identifier_terms(one)
        for forms, weight in [((first,), IDENTIFIER_WEIGHT), *(((form,), 0.5) for form in others)]:
            weights[forms] = max(weights.get(forms, 0.0), weight)
    chunks: list[list[QueryTerm]] = []
    last_end = -1
    for piece in pieces:
        if not piece.content:
            last_end = -1
            continue
        terms = _piece_terms(piece)
        for term in terms:
            weights[term.forms] = max(weights.get(term.forms, 0.0), term.weight)
        if last_end >= 0 and _JOINT.fullmatch(folded, last_end, piece.start):
            chunks[-1].extend(terms)
        else:
            chunks.append(list(terms))
        last_end = piece.end
    return QueryTerms(
        terms=tuple(QueryTerm(forms, weight) for forms, weight in weights.items()),
        phrases=tuple(tuple(chunk) for chunk in chunks if len(chunk) > 1),
        required=required,
        excluded=excluded,
        marks=tuple(dict.fromkeys(to_hiragana(p.text) for p in pieces if p.content and p.cjk)),
        words=frozenset(
            form
            for piece in pieces
            if piece.content and not piece.cjk and piece.text not in inside
            for form in word_forms(piece.text)
        ),
        identifiers=frozenset(form for one in found for form in identifier_terms(one)),
    )


def _pieces(folded: str, inside: set[str]) -> Iterator[_Piece]:
    for run in runs(folded):
        if not run.cjk:
            weight = 0.3 if len(run.text) == 1 else 1.0
            weight = min(weight, 0.5) if run.text in inside else weight
            content = run.text not in ENGLISH_STOPWORDS
            yield _Piece(run.text, run.start, run.end, False, content, weight)
            continue
        mask = function_mask(run.text)
        for function, places in groupby(range(len(run.text)), key=mask.__getitem__):
            first, *others = places
            stop = others[-1] + 1 if others else first + 1
            start, end = run.start + first, run.start + stop
            # A single character beside function words is often the stem of a light verb.
            weight = 0.6 if stop - first == 1 < len(run.text) else 1.0
            yield _Piece(folded[start:end], start, end, True, not function, weight)


def _piece_terms(piece: _Piece) -> list[QueryTerm]:
    if not piece.cjk:
        return [QueryTerm(word_forms(piece.text), piece.weight)]
    run = Run(piece.text, piece.start, piece.end, True)
    terms: list[QueryTerm] = []
    for text in run_terms(run):
        # Inflected endings tell less than kanji and katakana, words in hiragana a little less.
        factor = (1.0, 0.5, 0.6)[len(_HIRAGANA.findall(text))]
        terms.append(QueryTerm(kana_forms(text), piece.weight * factor))
    return terms


def kana_forms(text: str) -> Forms:
    """The term in both kana.

    Kana is joined here and not in the index, where particles would raise the document frequency
    of katakana words. On JaQuAD (see ``lexical.B``) it costs nothing: 0.910 with, 0.907 without.
    """
    return tuple(dict.fromkeys((text, to_hiragana(text), to_katakana(text))))


def word_forms(word: str) -> Forms:
    """The word as it is, and its plural or singular."""
    if len(word) < 4 or not (word.isascii() and word.isalpha()):
        return (word,)
    if word.endswith("s") and not word.endswith("ss"):
        return (word, word[:-1])
    return (word, word + "s")


def _phrases(quoted: Iterator[str]) -> tuple[RequiredPhrase, ...]:
    return tuple(phrase for text in quoted if (phrase := _phrase(text)))


def _phrase(quoted: str) -> RequiredPhrase:
    """Segments that must stand unbroken.

    A lone CJK character is its own segment: in the text it is part of bigrams, so that it has no
    position of its own there.
    """
    segments: list[Segment] = []
    segment: list[Forms] = []
    for run in runs(fold(quoted).text):
        if run.cjk and len(run.text) == 1:
            segments.extend([tuple(segment)] if segment else [])
            segments.append((kana_forms(run.text),))
            segment = []
        else:
            segment.extend(kana_forms(term) if run.cjk else (term,) for term in run_terms(run))
    if segment:
        segments.append(tuple(segment))
    return tuple(segments)
