"""Pages of a PDF as pictures."""

from collections import OrderedDict
from pathlib import Path

import pymupdf
from pymupdf import mupdf

from engine.errors import ReadingError
from engine.reading.limits import Limits
from engine.reading.source import file_error, open_source
from engine.records import Rendering

# MuPDF writes what it repairs to standard error; a file's faults are told through errors.
pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)

_KEPT_DOCUMENTS = 4
_KEPT_BYTES = 150_000_000
_MAX_PIXELS = 40_000_000
# MuPDF's own errors are no RuntimeError; some calls of PyMuPDF let them through.
PDF_ERRORS = (RuntimeError, ValueError, mupdf.FzErrorBase)


class PageRenderer:
    """Renders pages, keeping the documents used last open in memory.

    They are read whole and never held open on disk: Windows could not replace or remove them.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: OrderedDict[tuple[str, int, int], tuple[pymupdf.Document, int]] = OrderedDict()

    def render(self, path: Path, page: int, scale: float) -> Rendering:
        """Render a page without an alpha channel.

        Args:
            path: A PDF file.
            page: From 1.
            scale: Pixels per point; lowered where the picture would be enormous.

        Raises:
            ReadingError: The file cannot be opened or has no such page.
        """
        document = self._document(path)
        if not 1 <= page <= document.page_count:
            raise ReadingError("file_broken", path=str(path), error=f"no page {page}")
        try:
            shown = document[page - 1]
            area = max(1.0, shown.rect.width * shown.rect.height)
            scale = min(max(scale, 0.01), (_MAX_PIXELS / area) ** 0.5)
            pixmap = shown.get_pixmap(matrix=pymupdf.Matrix(scale, scale), alpha=False)
        except PDF_ERRORS as error:
            raise ReadingError("file_broken", path=str(path), error=str(error)[:300]) from error
        return Rendering(pixmap.width, pixmap.height, pixmap.stride, bytes(pixmap.samples))

    def _document(self, path: Path) -> pymupdf.Document:
        try:
            status = path.stat()
        except OSError as error:
            raise file_error(path, error) from error
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key in self._open:
            self._open.move_to_end(key)
            return self._open[key][0]
        document = open_pdf(open_source(path, self._limits.bytes).data, path)
        self._open[key] = (document, status.st_size)
        while len(self._open) > 1 and (
            len(self._open) > _KEPT_DOCUMENTS
            or sum(size for _, size in self._open.values()) > _KEPT_BYTES
        ):
            self._open.popitem(last=False)[1][0].close()
        return document


def open_pdf(data: bytes, path: Path) -> pymupdf.Document:
    """Open a PDF from memory.

    Raises:
        ReadingError: ``file_encrypted`` where it asks for a password, ``file_broken`` where it
            cannot be parsed or has no pages.
    """
    try:
        document = pymupdf.open(stream=data, filetype="pdf")
        if document.needs_pass:
            raise ReadingError("file_encrypted", path=str(path))
        if document.page_count == 0:
            raise ReadingError("file_broken", path=str(path), error="no pages")
    except PDF_ERRORS as error:
        raise ReadingError("file_broken", path=str(path), error=str(error)[:300]) from error
    return document
