"""Sets blocks of the markup on PDF pages with PyMuPDF."""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pymupdf

from resources.samples.builder.markup import (
    Block,
    Heading,
    ListItem,
    Notice,
    PageBreak,
    Paragraph,
    Table,
)

A4 = (595.0, 842.0)
BLACK, BLUE, RED, GREY = (0, 0, 0), (0.07, 0.2, 0.42), (0.7, 0.05, 0.05), (0.45, 0.45, 0.45)
NOTICE_COLOURS = {"警告": RED, "WARNING": RED}
NOT_AT_LINE_START = "、。，．）」』】・：；？！ーぁぃぅぇぉっゃゅょァィゥェォッャュョ％℃)]},.:;"
NOT_AT_LINE_END = "（「『【([{"

PageFurniture = Callable[["PageWriter", int, int], None]


@cache
def font(name: str = "japan") -> pymupdf.Font:
    """Return a built-in font; ``japan`` covers Latin and Japanese."""
    return pymupdf.Font(name)


@cache
def _advance(character: str) -> float:
    return font().text_length(character, 1)


def text_width(text: str, size: float) -> float:
    """Return the width of a line in points."""
    return size * sum(map(_advance, text))


def wrap(text: str, width: float, size: float) -> list[str]:
    """Break a text into lines of at most ``width`` points, Japanese rules observed."""
    lines, line, used = [], "", 0.0
    for word in _unbreakable(text):
        needed = text_width(word, size)
        if line and used + needed > width:
            lines.append(line.rstrip())
            line, used = "", 0.0
            word = word.lstrip()
            needed = text_width(word, size)
        line, used = line + word, used + needed
    if line or not lines:
        lines.append(line.rstrip())
    return lines


def _unbreakable(text: str) -> list[str]:
    words: list[str] = []
    for character in text:
        previous = words[-1][-1] if words else " "
        latin = previous < "\u2000" and character < "\u2000" and not previous.isspace()
        glued = latin or character in NOT_AT_LINE_START or previous in NOT_AT_LINE_END
        if words and glued:
            words[-1] += character
        else:
            words.append(character)
    return words


class PageWriter:
    """Collects text and rules for one page.

    PyMuPDF drops its page objects when pages are added, so nothing is drawn before :meth:`finish`.
    """

    def __init__(self, size: tuple[float, float] = A4) -> None:
        self._rect = pymupdf.Rect(0, 0, *size)
        self._texts: dict[tuple, pymupdf.TextWriter] = {}
        self._strokes: list[Callable[[pymupdf.Page], object]] = []

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 10.5,
        colour: tuple = BLACK,
        bold: bool = False,
        align: str = "left",
    ) -> None:
        """Write one line with its baseline at ``y``; ``x`` is its left, centre or right."""
        if not text:
            return
        x -= text_width(text, size) * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
        writer = self._texts.setdefault((colour, bold), pymupdf.TextWriter(self._rect))
        writer.append((x, y), text, font=font(), fontsize=size)  # pyright: ignore[reportArgumentType]

    def rotated(self, x: float, y: float, text: str, size: float, angle: float) -> None:
        """Write one line turned by ``angle`` degrees counter-clockwise about its start."""
        writer = pymupdf.TextWriter(self._rect)
        point = pymupdf.Point(x, y)
        writer.append(point, text, font=font(), fontsize=size)  # pyright: ignore[reportArgumentType]
        turn = (point, pymupdf.Matrix(angle))
        self._strokes.append(lambda page: writer.write_text(page, morph=turn))

    def line(
        self, x0: float, y0: float, x1: float, y1: float, width: float = 0.6, dashes: str = ""
    ) -> None:
        """Draw a rule."""
        self._strokes.append(
            lambda page: page.draw_line(
                (x0, y0), (x1, y1), color=BLACK, width=width, dashes=dashes or None
            )
        )

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        fill: tuple | None = None,
        colour: tuple = BLACK,
        width: float = 0.6,
    ) -> None:
        """Draw a rectangle."""
        self._strokes.append(
            lambda page: page.draw_rect((x0, y0, x1, y1), color=colour, fill=fill, width=width)
        )

    def circle(
        self, x: float, y: float, radius: float, colour: tuple = BLACK, width: float = 0.8
    ) -> None:
        """Draw a circle."""
        self._strokes.append(
            lambda page: page.draw_circle((x, y), radius, color=colour, width=width)
        )

    def finish(self, page: pymupdf.Page) -> None:
        """Draw and write what was collected onto the page."""
        for stroke in self._strokes:
            stroke(page)
        for (colour, bold), writer in self._texts.items():
            writer.write_text(page, color=colour, render_mode=2 if bold else 0)


class Flow:
    """Sets blocks one below the other, page after page.

    Args:
        pdf: The document to add pages to.
        top: First usable y.
        bottom: Last usable y.
        size: Points of the body text.
    """

    def __init__(
        self,
        pdf: pymupdf.Document,
        *,
        top: float = 100.0,
        bottom: float = 780.0,
        size: float = 10.5,
    ) -> None:
        self.pdf, self.size, self.top, self.bottom = pdf, size, top, bottom
        self.left, self.right = 62.0, A4[0] - 50.0
        self.leading = size * 1.75
        self.pages: list[PageWriter] = []
        self.headings: list[tuple[int, str, int]] = []
        self.y = bottom

    def set(self, blocks: Iterable[Block]) -> None:
        """Set blocks from here on."""
        for block in blocks:
            match block:
                case Heading():
                    self._heading(block)
                case Paragraph(text):
                    self._lines(text, self.left + self.size * 0.5, self.right)
                    self.y += self.size * 0.5
                case ListItem(label, text):
                    x = self.left + self.size * 2.6
                    self._lines(text, x, self.right, label)
                    self.y += self.size * 0.2
                case Table():
                    self._table(block)
                case Notice():
                    self._notice(block)
                case PageBreak():
                    self.new_page()

    def finish(self, furniture: PageFurniture) -> None:
        """Write running headers and footers, then everything collected."""
        for number, page in enumerate(self.pages, 1):
            furniture(page, number, len(self.pages))
            page.finish(self.pdf[number - 1])

    def new_page(self) -> PageWriter:
        """Start a page."""
        self.pdf.new_page(width=A4[0], height=A4[1])
        self.pages.append(PageWriter())
        self.y = self.top
        return self.pages[-1]

    def _room(self, height: float) -> PageWriter:
        if not self.pages or self.y + height > self.bottom:
            self.new_page()
        return self.pages[-1]

    def _lines(self, text: str, left: float, right: float, label: str = "") -> None:
        lines = wrap(text, right - left, self.size)
        for number, line in enumerate(lines):
            page = self._room(self.leading)
            if number == 0:
                page.text(left - self.size * 1.8, self.y + self.size, label, self.size)
            page.text(left, self.y + self.size, line, self.size)
            self.y += self.leading

    def _heading(self, heading: Heading) -> None:
        size = {1: 18.0, 2: 14.5, 3: 12.5}[heading.level]
        page = self._room(size * 2 + self.leading * 3)
        if self.y > self.top:
            self.y += size * 0.6
        page.text(self.left, self.y + size, heading.text, size, BLUE, bold=True)
        self.y += size * 1.5
        if heading.level == 1:
            page.line(self.left, self.y, self.right, self.y, 1.2)
        self.y += self.size * 0.8
        self.headings.append((heading.level, heading.text, len(self.pages)))

    def _notice(self, notice: Notice) -> None:
        colour = NOTICE_COLOURS.get(notice.kind, BLUE)
        lines = wrap(notice.text, self.right - self.left - 80, self.size)
        height = len(lines) * self.leading + 12
        page = self._room(height + 8)
        page.box(self.left, self.y, self.right, self.y + height, None, colour, 1.2)
        page.box(self.left, self.y, self.left + 58, self.y + height, colour, colour)
        page.text(
            self.left + 29, self.y + height / 2 + 4, notice.kind, 10, (1, 1, 1), align="center"
        )
        for number, line in enumerate(lines):
            baseline = self.y + 6 + self.size * 1.1 + number * self.leading
            page.text(self.left + 68, baseline, line, self.size)
        self.y += height + 10

    def _table(self, table: Table) -> None:
        widths = self._column_widths(table)
        self._row(table.header, widths, header=True)
        for row in table.rows:
            height = self._row_height(row, widths)
            if self.y + height > self.bottom:
                self.new_page()
                self._row(table.header, widths, header=True)
            self._row(row, widths)
        self.y += self.size * 0.9

    def _column_widths(self, table: Table) -> list[float]:
        size = self.size - 1
        columns = zip(table.header, *table.rows, strict=True)
        natural = [max(text_width(cell, size) for cell in column) + 12 for column in columns]
        width = self.right - self.left
        if sum(natural) <= width:
            spare = (width - sum(natural)) / len(natural)
            return [column + spare for column in natural]
        eased = [column if column < 70 else 70 + (column - 70) ** 0.75 for column in natural]
        return [column * width / sum(eased) for column in eased]

    def _cells(self, row: tuple[str, ...], widths: list[float]) -> list[list[str]]:
        size = self.size - 1
        return [wrap(cell, width - 9, size) for cell, width in zip(row, widths, strict=True)]

    def _row_height(self, row: tuple[str, ...], widths: list[float]) -> float:
        lines = max(len(cell) for cell in self._cells(row, widths))
        return lines * (self.size - 1) * 1.45 + 9

    def _row(self, row: tuple[str, ...], widths: list[float], header: bool = False) -> None:
        size = self.size - 1
        height = self._row_height(row, widths)
        page = self._room(height + (30 if header else 0))
        x = self.left
        for lines, width in zip(self._cells(row, widths), widths, strict=True):
            fill = (0.88, 0.91, 0.96) if header else None
            page.box(x, self.y, x + width, self.y + height, fill)
            for number, line in enumerate(lines):
                page.text(x + 5, self.y + 4 + size * (1.05 + 1.45 * number), line, size)
            x += width
        self.y += height


def save(pdf: pymupdf.Document, path: Path, title: str, author: str, subject: str) -> None:
    """Write the document with fixed dates and no random identity."""
    stamp = "D:20250421090000+09'00'"
    pdf.set_metadata(
        {
            "title": title,
            "author": author,
            "subject": subject,
            "creator": "Chumoku samples",
            "producer": "PyMuPDF",
            "creationDate": stamp,
            "modDate": stamp,
        }
    )
    pdf.subset_fonts()
    pdf.save(path, garbage=4, deflate=True, deflate_fonts=True, no_new_id=True)
    pdf.close()
