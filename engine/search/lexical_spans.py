"""Where a question's words and those that often answer them stand in a text."""

import re
from collections.abc import Iterable, Iterator, Sequence

from engine.notation.folding import Folded, fold, to_hiragana
from engine.notation.identifiers import identifiers
from engine.records import Span
from engine.search.lexical_query import Alternative, QueryTerms, Segment, query_terms
from engine.search.lexical_terms import Run, identifier_terms, runs

_ENDING = re.compile("[ぁ-ゖ]{2}")


def match_spans(query: str | QueryTerms, text: str) -> list[Span]:
    """Spans of ``text`` that hold content words of the question, in order, not overlapping.

    A word matches in every way of writing that search holds equal, and in its translations where
    the question has some. A CJK word that does not occur whole is marked where at least two of its
    characters stand together, unless they are two hiragana. Identifiers match as a whole, also when
    the question names a part of one.
    """
    asked = query_terms(query) if isinstance(query, str) else query
    folded = fold(text)
    spans = [folded.span(start, end) for start, end in _folded_spans(asked, folded)]
    if asked.identifiers:
        spans.extend(
            (one.start, one.end)
            for one in identifiers(text)
            if not asked.identifiers.isdisjoint(identifier_terms(one))
        )
    return _merged(spans)


def related_spans(asked: QueryTerms, text: str, taken: Sequence[Span]) -> list[Span]:
    """Spans of ``text`` that hold associations of the question's words, in order.

    Of those of one word only the likeliest that stands there, as in a passage's score only the best
    counts; what touches ``taken``, the spans of :func:`match_spans`, is left out.
    """
    folded = fold(text)
    kana, found = to_hiragana(folded.text), list(runs(folded.text))
    spans: list[Span] = []
    for concept in asked.associations:
        for one in sorted(concept.alternatives, key=lambda one: -one.weight):
            here = [folded.span(*span) for span in _alternatives([one], kana, found)]
            if here:
                spans.extend(here)
                break
    return [
        (start, end)
        for start, end in _merged(spans)
        if not any(first < end and start < last for first, last in taken)
    ]


def _folded_spans(asked: QueryTerms, folded: Folded) -> Iterator[Span]:
    kana, found = to_hiragana(folded.text), list(runs(folded.text))
    for mark in asked.marks:
        whole = list(_occurrences(mark, kana))
        if whole or len(mark) < 3:
            yield from whole
            continue
        pairs = (mark[place : place + 2] for place in range(len(mark) - 1))
        pieces = _merged([span for pair in pairs for span in _occurrences(pair, kana)])
        # Two hiragana alone are mostly an ending that any other word has, too.
        yield from (span for span in pieces if not _ENDING.fullmatch(folded.text[slice(*span)]))
    words = asked.words | asked.identifiers
    yield from ((run.start, run.end) for run in found if not run.cjk and run.text in words)
    names = (one for concept in asked.concepts for one in concept.alternatives)
    yield from _alternatives(names, kana, found)


def _alternatives(names: Iterable[Alternative], kana: str, found: Sequence[Run]) -> Iterator[Span]:
    """Where names stand in a folded text, given with kana as hiragana and by its runs."""
    phrases: dict[str, list[Segment]] = {}
    for one in names:
        if one.text.isascii():
            for form in one.segment[0]:
                phrases.setdefault(form, []).append(one.segment)
        else:
            yield from _occurrences(to_hiragana(one.text), kana)
    for at, run in enumerate(found if phrases else ()):
        for phrase in phrases.get(run.text, ()):
            here = found[at : at + len(phrase)]
            if len(here) == len(phrase) and all(
                one.text in forms for one, forms in zip(here, phrase, strict=True)
            ):
                yield here[0].start, here[-1].end


def _occurrences(wanted: str, text: str) -> Iterator[Span]:
    place = text.find(wanted)
    while place >= 0:
        yield place, place + len(wanted)
        place = text.find(wanted, place + 1)


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
