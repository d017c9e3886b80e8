"""What all viewers of originals have in common."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.models.content import Content, PlacedMarks
from app.views.mark_strip import StripMark


class OriginalView(QWidget):
    """Shows one kind of document with marks.

    Signals:
        view_changed: (float, float), the part of the document in view, as shares of it.
        page_changed: (int), the page, sheet or layout in view, from 1.
    """

    view_changed = Signal(float, float)
    page_changed = Signal(int)

    def show_content(self, content: Content) -> None:
        """Show another document, without marks, from its beginning."""
        raise NotImplementedError

    def show_marks(self, placed: PlacedMarks) -> None:
        """Show other marks."""
        raise NotImplementedError

    def go_to(self, start: int, end: int) -> None:
        """Bring a span of the text into view."""
        raise NotImplementedError

    def go_to_share(self, share: float) -> None:
        """Bring the place at a share of the document into view."""
        raise NotImplementedError

    def go_to_page(self, page: int) -> None:
        """Bring a page, sheet or layout into view, from 1."""
        raise NotImplementedError

    def strip_marks(self) -> Sequence[StripMark]:
        """Return where the marks lie in the whole document."""
        raise NotImplementedError

    def zoom_by(self, factor: float) -> None:
        """Make everything larger or smaller."""

    def fit_width(self) -> None:
        """Make the document as wide as the view."""


def text_strip(content: Content | None, placed: PlacedMarks) -> list[StripMark]:
    """Return marks by their share of the text, for viewers without page geometry."""
    length = len(content.document.text) if content else 0
    if not length:
        return []
    marks = placed.marks
    result = [StripMark(a / length, b / length, "passage") for a, b in marks.passages]
    result += [StripMark(a / length, b / length, "attended", w) for a, b, w in marks.attended]
    if marks.focus:
        start, end = marks.focus
        result.append(StripMark(start / length, end / length, "focus"))
    return result
