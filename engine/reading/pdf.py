"""Reads PDF files."""

from collections.abc import Callable
from itertools import groupby, pairwise
from statistics import median

import numpy as np
import pymupdf

from engine.reading.builder import CharacterLimit, DocumentBuilder
from engine.reading.limits import Limits
from engine.reading.pdf_layout import Line, lay_out
from engine.reading.pdf_open_tables import gather_open_tables
from engine.reading.pdf_pieces import extract_pieces
from engine.reading.pdf_rules import find_ruling
from engine.reading.pdf_structure import continues, joint, mark_headings, mark_running, measure
from engine.reading.pdf_table_rows import TableWriter
from engine.reading.pdf_tables import gather_tables
from engine.reading.rendering import PDF_ERRORS, open_pdf
from engine.reading.source import Source
from engine.records import Document

_METADATA = {"author": "author", "subject": "subject", "keywords": "keywords", "creator": "creator"}
_ORDER = {"header": 0, "footer": 2}
_UNREADABLE = "\ufffd"


def read(source: Source, limits: Limits, report: Callable[[int, int | None], None]) -> Document:
    """Read a PDF.

    Every visual line is a unit with a box for each character. Lines of one paragraph are joined
    without a line feed, so that sentences are unbroken.

    Raises:
        ReadingError: ``file_encrypted``, ``file_broken`` or ``file_no_text``.
    """
    document = open_pdf(source.data, source.path)
    with document:
        builder = DocumentBuilder(limits.characters, boxes=True)
        if document.is_repaired:
            builder.warnings.append("file_repaired")
        count = min(document.page_count, limits.pages)
        if count < document.page_count:
            builder.warnings.append(f"pages_left_out:{document.page_count - count}")
        pages: list[list[Line]] = []
        sizes: list[tuple[float, float]] = []
        for number in range(count):
            lines, size = _page(document, number, builder.warnings)
            pages.append(lines)
            sizes.append(size)
            report(number + 1, count)
        mark_running(pages, [height for _, height in sizes])
        typography = measure(pages)
        writer = TableWriter()
        try:
            for lines, (width, height) in zip(pages, sizes, strict=True):
                builder.begin_page(width, height)
                mark_headings(lines, typography)
                _write_page(builder, lines, writer)
        except CharacterLimit:
            builder.warnings.append("text_cut")
        given = document.metadata or {}
        metadata = {name: given.get(key) or "" for key, name in _METADATA.items()}
        return builder.finish("pdf", source, title=given.get("title"), metadata=metadata)


def _page(
    document: pymupdf.Document, number: int, warnings: list[str]
) -> tuple[list[Line], tuple[float, float]]:
    try:
        page = document[number]
        size = (float(page.rect.width), float(page.rect.height))
        pieces = extract_pieces(page)
        ruling = find_ruling(page, pieces)
        lines = gather_open_tables(lay_out(gather_tables(page, ruling, pieces)), ruling)
    except PDF_ERRORS:
        warnings.append(f"page_broken:{number + 1}")
        return [], (0.0, 0.0)
    if not lines:
        warnings.append(f"page_without_text:{number + 1}")
    letters = sum(len(line.text) for line in lines)
    if letters and sum(line.text.count(_UNREADABLE) for line in lines) > 0.3 * letters:
        warnings.append(f"page_unreadable:{number + 1}")
    return lines, size


def _write_page(builder: DocumentBuilder, lines: list[Line], writer: TableWriter) -> None:
    ordered = sorted(lines, key=lambda line: _ORDER.get(line.kind, 1))
    for _, group in groupby(ordered, key=lambda line: line.region):
        region = list(group)
        running = [line for line in region if line.kind == "line" and not line.is_row]
        right = max((line.u1 for line in running), default=0.0)
        steps = [b.v1 - a.v1 for a, b in pairwise(running) if b.v1 > a.v1]
        pitch = median(steps) if steps else 0.0
        carries_on = [continues(a, b, right, pitch) for a, b in pairwise(region)] + [False]
        between = "\n"
        for index, line in enumerate(region):
            if between == "\n" and builder.at_page_start:
                between = ""
            builder.gap(between)
            text, boxes, between = line.text, line.boxes, "\n"
            if line.table is not None and line.kind == "line":
                writer.write(builder, line.table)
                continue
            if line.kind not in _ORDER:
                writer.close(is_heading=line.kind == "heading")
            if carries_on[index]:
                left = (right - line.u1) / max(line.size, 1.0)
                between, drops_hyphen = joint(text, region[index + 1].text, left)
                if drops_hyphen:
                    text, boxes = text[:-1], boxes[:-1]
            _add(builder, line, text, boxes)


def _add(builder: DocumentBuilder, line: Line, text: str, boxes: np.ndarray) -> None:
    kind = "row" if line.is_row and line.kind == "line" else line.kind
    builder.add(text, kind, char_boxes=boxes, level=line.level)  # type: ignore[arg-type]
