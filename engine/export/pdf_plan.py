"""What goes onto which page of a marked PDF, worked out before any PDF is opened."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from engine.export.boxes import join, span_boxes
from engine.export.pdf_html import cover_html, excerpt_html
from engine.export.report import Entry, Report, file_name
from engine.export.source import ExportSource
from engine.records import Box

LEVELS = 5
FRAME_MARGIN = 2.5


@dataclass(frozen=True, slots=True)
class Highlight:
    """Words of one weight on a page; opacity in 0..1."""

    page: int
    boxes: tuple[Box, ...]
    opacity: float


@dataclass(frozen=True, slots=True)
class Frame:
    """The outline of a passage on a page, with the note it opens."""

    page: int
    box: Box
    badge: str
    subject: str
    comment: str


@dataclass(frozen=True, slots=True)
class PdfPart:
    """One source in the marked PDF.

    Attributes:
        title: Its file name.
        file: The original, None if it is no PDF.
        pages: Pages to take over, from 1; None for all.
        html: Excerpts to be set, empty if there are none.
        bookmarks: ``(label, page)``, page of the original or None for the excerpts.
    """

    title: str
    file: str | None
    pages: tuple[int, ...] | None
    highlights: tuple[Highlight, ...]
    frames: tuple[Frame, ...]
    html: str
    bookmarks: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class PdfJob:
    """Everything the writer of a marked PDF needs; picklable."""

    title: str
    subject: str
    cover: str
    parts: tuple[PdfPart, ...]


def plan(report: Report, subject: str) -> PdfJob:
    """Plan the marked PDF of a report.

    One PDF source is taken over whole; of several sources only the pages concerned.
    """
    whole = len(report.sources) == 1
    parts, notes = [], []
    for revision_id, source in report.sources.items():
        entries = [entry for entry in report.entries if entry.revision_id == revision_id]
        parts.append(_part(report, source, entries, whole))
    if any(part.file is not None for part in parts):
        notes.append(report.say("whole" if whole else "extract"))
    elif not whole:
        notes.append(report.say("extract"))
    if any(part.html for part in parts):
        notes.append(report.say("rendering"))
    return PdfJob(report.title, subject, cover_html(report, notes), tuple(parts))


def _part(report: Report, source: ExportSource, entries: list[Entry], whole: bool) -> PdfPart:
    is_pdf = source.document.kind == "pdf"
    highlights: list[Highlight] = []
    frames: list[Frame] = []
    unplaced: list[Entry] = []
    pages: set[int] = set()
    bookmarks: list[tuple[str, int | None]] = []
    for entry in entries:
        boxes = _passage_boxes(source, entry) if is_pdf else []
        if not boxes and (not is_pdf or entry.place.page is None):
            unplaced.append(entry)
            bookmarks.append((entry.label, None))
            continue
        highlights.extend(_highlights(source, entry))
        frames.extend(_frames(entry, boxes, whole))
        pages.update(page for page, _ in boxes)
        first = boxes[0][0] if boxes else entry.place.page
        assert first is not None
        pages.add(first)
        bookmarks.append((entry.label, first))
    return PdfPart(
        title=file_name(source.info),
        file=str(source.file) if is_pdf else None,
        pages=None if whole else tuple(sorted(pages)),
        highlights=tuple(highlights),
        frames=tuple(frames),
        html=excerpt_html(report, source, unplaced) if unplaced else "",
        bookmarks=tuple(bookmarks),
    )


def _passage_boxes(source: ExportSource, entry: Entry) -> list[tuple[int, Box]]:
    if entry.place.boxes:
        return [(page, (x0, y0, x1, y1)) for page, x0, y0, x1, y1 in entry.place.boxes]
    return span_boxes(source.document, entry.start, entry.end)


def _highlights(source: ExportSource, entry: Entry) -> Iterable[Highlight]:
    """Highlights of an entry, joined by page and level so that a note is one annotation."""
    grouped: dict[tuple[int, int], list[Box]] = {}
    for start, end, weight in entry.highlights:
        level = max(1, min(LEVELS, round(weight * LEVELS)))
        for page, box in span_boxes(source.document, start, end):
            grouped.setdefault((page, level), []).append(box)
    for (page, level), boxes in sorted(grouped.items()):
        yield Highlight(page, tuple(boxes), 0.15 + 0.6 * level / LEVELS)


def _frames(entry: Entry, boxes: list[tuple[int, Box]], whole: bool) -> Iterable[Frame]:
    for page in sorted({page for page, _ in boxes}):
        around = reduce(join, (box for number, box in boxes if number == page))
        x0, y0, x1, y1 = around
        margin = FRAME_MARGIN
        box = (x0 - margin, y0 - margin, x1 + margin, y1 + margin)
        badge = f"#{entry.rank}" if whole else f"#{entry.rank} p.{page}"
        yield Frame(page, box, badge, entry.label, entry.comment)
