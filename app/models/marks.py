"""What is marked on a document, and where that stands on its pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.explain.locate import locate
from engine.records import Box, Document, Hit, RevisionId, Span


@dataclass(frozen=True, slots=True)
class Marks:
    """What is marked in one document, as spans into its text.

    Attributes:
        attended: ``(start, end, weight)``, in order, weight in 0..1.
        terms: Exact matches of the question's words.
        passages: Passages found, best first.
        focus: The passage or sentence looked at now.
    """

    attended: tuple[tuple[int, int, float], ...] = ()
    terms: tuple[Span, ...] = ()
    passages: tuple[Span, ...] = ()
    focus: Span | None = None


@dataclass(slots=True)
class PageMarks:
    """What is marked on one page, in points from its top left.

    Attributes:
        attended: ``(box, weight)`` for each line of each attended span.
        terms: Boxes of exact matches.
        passages: Boxes of the lines of the passages found.
        focus: Boxes of the lines of the passage looked at.
    """

    attended: list[tuple[Box, float]] = field(default_factory=list)
    terms: list[Box] = field(default_factory=list)
    passages: list[list[Box]] = field(default_factory=list)
    focus: list[Box] = field(default_factory=list)


def marks_of(hits: Iterable[Hit], revision_id: RevisionId, focus: Hit | None) -> Marks:
    """Gather the marks of all hits that stand in one revision.

    Weights are the strongest 1 in each passage; those of passages not looked at are lowered by
    their score, so that the best passages stand out.

    Args:
        hits: Best first.
        revision_id: The revision shown.
        focus: The hit that is looked at; used if it stands in this revision.
    """
    weights: dict[Span, float] = {}
    terms: set[Span] = set()
    passages: list[Span] = []
    hits = tuple(hits)
    best = max((hit.score for hit in hits), default=0.0) or 1.0
    for hit in hits:
        if hit.revision_id != revision_id:
            continue
        share = 1.0 if hit == focus else 0.25 + 0.5 * min(1.0, max(0.0, hit.score / best))
        passages.append((hit.start, hit.end))
        terms.update(hit.terms)
        for start, end, weight in hit.highlights:
            weights[start, end] = max(weight * share, weights.get((start, end), 0.0))
    here = focus is not None and focus.revision_id == revision_id
    return Marks(
        attended=tuple((start, end, weight) for (start, end), weight in sorted(weights.items())),
        terms=tuple(sorted(terms)),
        passages=tuple(passages),
        focus=(focus.start, focus.end) if here and focus else None,
    )


def place_marks(document: Document, marks: Marks) -> dict[int, PageMarks]:
    """Return the marks of each page that has some, by page number.

    Text of a hundred pages takes milliseconds for each hit, so this belongs on a worker thread.
    """
    pages: dict[int, PageMarks] = {}

    def on(page: int) -> PageMarks:
        return pages.setdefault(page, PageMarks())

    for start, end, weight in marks.attended:
        for page, *box in locate(document, start, end).boxes:
            on(page).attended.append((_box(box), weight))
    for start, end in marks.terms:
        for page, *box in locate(document, start, end).boxes:
            on(page).terms.append(_box(box))
    for start, end in marks.passages:
        by_page: dict[int, list[Box]] = {}
        for page, *box in locate(document, start, end).boxes:
            by_page.setdefault(page, []).append(_box(box))
        for page, boxes in by_page.items():
            on(page).passages.append(boxes)
    if marks.focus:
        for page, *box in locate(document, *marks.focus).boxes:
            on(page).focus.append(_box(box))
    return pages


def _box(values: Sequence[float]) -> Box:
    return (values[0], values[1], values[2], values[3])


def spans_within(spans: Iterable[tuple[int, ...]], start: int, end: int) -> list[Span]:
    """Return the parts of spans that lie in ``start..end``, counted from ``start``."""
    return [
        (max(span[0], start) - start, min(span[1], end) - start)
        for span in spans
        if span[0] < end and span[1] > start
    ]


def attended_within(
    attended: Iterable[tuple[int, int, float]], start: int, end: int
) -> list[tuple[int, int, float]]:
    """Return the parts of attended spans that lie in ``start..end``, counted from ``start``."""
    return [
        (max(a, start) - start, min(b, end) - start, weight)
        for a, b, weight in attended
        if a < end and b > start
    ]
