"""Writes a marked PDF; runs where a hostile PDF can do no harm."""

import io
from pathlib import Path

import pymupdf

from engine.errors import ReadingError
from engine.export.files import export_error
from engine.export.pdf_html import STYLE
from engine.export.pdf_plan import Frame, Highlight, PdfJob, PdfPart
from engine.records import Box

_A4 = pymupdf.Rect(0, 0, 595, 842)
_TEXT_AREA = pymupdf.Rect(48, 48, 547, 790)
_HIGHLIGHT = (1.0, 0.69, 0.0)
_FRAME = (0.12, 0.37, 0.75)
_AUTHOR = "Chumoku"


def write_marked_pdf(job: PdfJob, target: str) -> None:
    """Write the cover, then each part with its marks.

    Args:
        job: What to write.
        target: The file to write; an existing one is replaced.

    Raises:
        ReadingError: ``file_broken``: a source cannot be opened or copied.
        ExportError: ``export_denied`` or ``export_full``.
    """
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    whole = len(job.parts) == 1 and job.parts[0].file is not None
    pdf = _open(job.parts[0]) if whole else pymupdf.open()
    try:
        contents = _write_whole(pdf, job) if whole else _write_parts(pdf, job)
        _set_contents(pdf, contents)
        if not whole:
            pdf.set_metadata({"title": job.title})
        metadata = {**(pdf.metadata or {}), "subject": job.subject, "producer": _AUTHOR}
        pdf.set_metadata({key: value or "" for key, value in metadata.items()})
        data = pdf.tobytes(garbage=3, deflate=True)
    finally:
        pdf.close()
    try:
        Path(target).write_bytes(data)
    except OSError as error:
        raise export_error(error, Path(target)) from error


def _open(part: PdfPart) -> pymupdf.Document:
    assert part.file is not None
    try:
        return pymupdf.open(stream=Path(part.file).read_bytes(), filetype="pdf")
    except (OSError, RuntimeError, ValueError) as error:
        raise ReadingError("file_broken", path=part.title, error=str(error)) from error


def _write_whole(pdf: pymupdf.Document, job: PdfJob) -> list[list]:
    part = job.parts[0]
    bookmarks = pdf.get_toc()
    _mark(pdf, part, {number: number for number in range(1, pdf.page_count + 1)})
    cover = _typeset(job.cover)
    excerpts = _typeset(part.html) if part.html else None
    added = cover.page_count
    pdf.insert_pdf(cover, start_at=0)
    if excerpts is not None:
        pdf.insert_pdf(excerpts)
    contents: list[list] = [[1, job.title, 1]]
    for label, page in part.bookmarks:
        last = pdf.page_count - (excerpts.page_count if excerpts is not None else 0)
        contents.append([2, label, page + added if page is not None else last + 1])
    contents += [[level, text, page + added if page > 0 else -1] for level, text, page in bookmarks]
    return contents


def _write_parts(pdf: pymupdf.Document, job: PdfJob) -> list[list]:
    pdf.insert_pdf(_typeset(job.cover))
    contents: list[list] = [[1, job.title, 1]]
    for part in job.parts:
        start = pdf.page_count
        places = _insert_pages(pdf, part) if part.file is not None else {}
        _mark(pdf, part, places)
        excerpts = pdf.page_count + 1
        if part.html:
            pdf.insert_pdf(_typeset(part.html))
        if pdf.page_count > start:
            contents.append([1, part.title, start + 1])
            for label, page in part.bookmarks:
                contents.append([2, label, places[page] if page is not None else excerpts])
    return contents


def _insert_pages(pdf: pymupdf.Document, part: PdfPart) -> dict[int, int]:
    """Copy the pages concerned; returns where each stands now, both from 1."""
    places: dict[int, int] = {}
    with _open(part) as original:
        wanted = part.pages
        numbers = range(1, original.page_count + 1) if wanted is None else wanted
        for number in numbers:
            pdf.insert_pdf(original, from_page=number - 1, to_page=number - 1)
            places[number] = pdf.page_count
    return places


def _typeset(html: str) -> pymupdf.Document:
    """Set HTML on A4 pages with only the glyphs it needs embedded."""
    story = pymupdf.Story(f"<body>{html}</body>", user_css=STYLE, em=10)
    buffer = io.BytesIO()
    writer = pymupdf.DocumentWriter(buffer)
    more = True
    while more:
        device = writer.begin_page(_A4)
        more, _ = story.place(_TEXT_AREA)
        story.draw(device)
        writer.end_page()
    writer.close()
    pages = pymupdf.open("pdf", buffer.getvalue())
    pages.subset_fonts()
    return pages


def _mark(pdf: pymupdf.Document, part: PdfPart, places: dict[int, int]) -> None:
    for number, place in places.items():
        highlights = [item for item in part.highlights if item.page == number]
        frames = [item for item in part.frames if item.page == number]
        if highlights or frames:
            page = pdf[place - 1]
            for highlight in highlights:
                _add_highlight(page, highlight)
            for frame in frames:
                _add_frame(page, frame)


def _add_highlight(page: pymupdf.Page, highlight: Highlight) -> None:
    quads = [_quad(page, box) for box in highlight.boxes]
    annotation = page.add_highlight_annot(quads=quads)
    annotation.set_colors(stroke=_HIGHLIGHT)
    annotation.set_info(title=_AUTHOR)
    annotation.set_opacity(highlight.opacity)
    annotation.update()


def _quad(page: pymupdf.Page, box: Box) -> pymupdf.Quad:
    # Annotations live in the page's own space, before its rotation.
    rect = pymupdf.Rect(box) * page.derotation_matrix
    if rect.height > 1.5 * rect.width:
        # Vertical text: the baseline runs upwards, or the rounded ends would be far too large.
        return pymupdf.Quad(rect.bl, rect.tl, rect.br, rect.tr)
    return rect.quad


def _add_frame(page: pymupdf.Page, frame: Frame) -> None:
    rect = pymupdf.Rect(frame.box) & page.rect
    annotation = page.add_rect_annot(rect * page.derotation_matrix)
    annotation.set_colors(stroke=_FRAME)
    annotation.set_border(width=1)
    annotation.set_info(title=_AUTHOR, subject=frame.subject, content=frame.comment)
    annotation.update()
    width = 8 + 5 * len(frame.badge)
    top = max(rect.y0 - 12, page.rect.y0)
    badge = pymupdf.Rect(rect.x0, top, rect.x0 + width, top + 12)
    label = page.add_freetext_annot(
        badge * page.derotation_matrix,
        frame.badge,
        fontsize=8,
        text_color=(1, 1, 1),
        fill_color=_FRAME,
        align=pymupdf.TEXT_ALIGN_CENTER,
        rotate=page.rotation,
    )
    label.set_info(title=_AUTHOR, subject=frame.subject)
    label.update()


def _set_contents(pdf: pymupdf.Document, contents: list[list]) -> None:
    try:
        pdf.set_toc(contents)
    except ValueError:
        # The original's own bookmarks are out of order: ours alone, so that the marks are found.
        pdf.set_toc(contents[: _own(contents)])


def _own(contents: list[list]) -> int:
    return next((i for i, entry in enumerate(contents) if i and entry[0] == 1), len(contents))
