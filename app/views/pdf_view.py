"""Pages of a PDF as they are, with what was attended to marked on them."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout

from app.i18n import Words
from app.models.content import Content, PlacedMarks
from app.theme import Theme
from app.views.mark_strip import StripMark
from app.views.original_view import OriginalView
from app.views.pdf_pages import PdfPages
from engine.explain.locate import locate


class PdfView(OriginalView):
    """Original pages with marks.

    Signals:
        pages_wanted: See :class:`PdfPages`.
    """

    pages_wanted = Signal(object, float)

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self.pages = PdfPages(words, theme)
        self._content: Content | None = None
        self._placed = PlacedMarks()
        self._words = words
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)
        self.setFocusProxy(self.pages)
        self.pages.pages_wanted.connect(self.pages_wanted)
        self.pages.moved.connect(self._on_moved)
        words.changed.connect(self._retranslate)
        self._retranslate()

    def show_content(self, content: Content) -> None:
        """Show another PDF."""
        self._content = content
        self._placed = PlacedMarks()
        self.pages.set_pages([(page.width, page.height) for page in content.document.pages])

    def show_marks(self, placed: PlacedMarks) -> None:
        """Show other marks."""
        self._placed = placed
        self.pages.set_placed(placed)

    def go_to(self, start: int, end: int) -> None:
        """Bring a span into view."""
        if self._content is None:
            return
        document = self._content.document
        boxes = locate(document, start, min(end, start + 400)).boxes
        if boxes:
            self.pages.scroll_to_box(boxes[0][0], boxes[0][1:])
            return
        page = next((page for page in document.pages if page.start <= start < page.end), None)
        if page is not None:
            self.pages.scroll_to_page(page.number)

    def go_to_share(self, share: float) -> None:
        """Bring a place into view."""
        self.pages.scroll_to_share(share)

    def go_to_page(self, page: int) -> None:
        """Bring a page into view."""
        self.pages.scroll_to_page(page)

    def strip_marks(self) -> list[StripMark]:
        """Return where the marks lie in the column of pages."""
        share = self.pages.share_of
        result = []
        for page, marks in sorted(self._placed.pages.items()):
            for boxes in marks.passages:
                top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
                result.append(StripMark(share(page, top), share(page, bottom), "passage"))
            for box, weight in marks.attended:
                result.append(
                    StripMark(share(page, box[1]), share(page, box[3]), "attended", weight)
                )
            for box in marks.focus:
                result.append(StripMark(share(page, box[1]), share(page, box[3]), "focus"))
        return result

    def zoom_by(self, factor: float) -> None:
        """Make the pages larger or smaller."""
        self.pages.set_zoom(self.pages.zoom * factor)

    def fit_width(self) -> None:
        """Make the pages as wide as the view."""
        self.pages.set_zoom(None)

    def _on_moved(self) -> None:
        self.view_changed.emit(*self.pages.view_shares())
        self.page_changed.emit(self.pages.current_page())

    def _retranslate(self) -> None:
        self.pages.setAccessibleName(self._words("viewer.pages"))
