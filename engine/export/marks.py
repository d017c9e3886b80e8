"""Cuts a text into stretches that are marked alike."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.records import Document, Span

CONTEXT_CHARACTERS = 160
# What XML 1.0 forbids, and so Word: controls, lone surrogates and non-characters.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text that is marked alike.

    Attributes:
        text: What it says, without characters that XML forbids.
        weight: What the question attended to there, 0..1.
        term: Whether it matches a word of the question exactly.
    """

    text: str
    weight: float
    term: bool


@dataclass(frozen=True, slots=True)
class Quotation:
    """A passage in its surroundings."""

    before: str
    segments: tuple[Segment, ...]
    after: str


def clean(text: str) -> str:
    """Drop the characters that XML forbids."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def cut(
    text: str,
    start: int,
    end: int,
    highlights: Iterable[tuple[int, int, float]],
    terms: Iterable[Span] = (),
) -> tuple[Segment, ...]:
    """Cut ``text[start:end]`` where marks begin or end.

    Args:
        text: The document's text.
        start: First code point.
        end: One past the last.
        highlights: ``(start, end, weight)`` into ``text``; the highest counts where several
            overlap.
        terms: Spans into ``text`` of exact matches.

    Returns:
        Stretches in order that join to the text; neighbours are marked differently.
    """
    lit = [(max(s, start), min(e, end), w) for s, e, w in highlights if s < end and e > start]
    matched = [(max(s, start), min(e, end)) for s, e in terms if s < end and e > start]
    edges = {start, end}
    edges.update(edge for s, e, _ in lit for edge in (s, e))
    edges.update(edge for s, e in matched for edge in (s, e))
    ordered = sorted(edges)
    segments: list[Segment] = []
    for left, right in pairwise(ordered):
        weight = max((w for s, e, w in lit if s <= left and e >= right), default=0.0)
        term = any(s <= left and e >= right for s, e in matched)
        piece = clean(text[left:right])
        if segments and (segments[-1].weight, segments[-1].term) == (weight, term):
            segments[-1] = Segment(segments[-1].text + piece, weight, term)
        elif piece:
            segments.append(Segment(piece, weight, term))
    return tuple(segments)


def quote(
    document: Document,
    start: int,
    end: int,
    highlights: Sequence[tuple[int, int, float]],
    terms: Sequence[Span] = (),
) -> Quotation:
    """Quote a passage with the lines around it on the same page, sheet or layout."""
    page = next((p for p in document.pages if p.start <= start < p.end), document.pages[-1])
    first = max(page.start, start - CONTEXT_CHARACTERS)
    last = min(max(page.end, end), end + CONTEXT_CHARACTERS)
    before, after = document.text[first:start], document.text[end:last]
    if first > page.start and "\n" in before:
        before = before[before.index("\n") + 1 :]
    if last < page.end and "\n" in after:
        after = after[: after.rindex("\n")]
    segments = cut(document.text, start, end, highlights, terms)
    return Quotation(clean(before).strip("\n"), segments, clean(after).strip("\n"))
