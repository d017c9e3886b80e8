"""Word files and plain texts in a readable form, with marks."""

import time

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QVBoxLayout

from app.i18n import Words
from app.models.content import Content, PlacedMarks
from app.theme import Theme
from app.views.mark_paint import mark_format, term_format
from app.views.mark_strip import StripMark
from app.views.named import named
from app.views.original_view import OriginalView, text_strip
from app.views.text_document import TextBuilder

SLICE_S = 0.008


class TextView(OriginalView):
    """A text that flows."""

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._content: Content | None = None
        self._placed = PlacedMarks()
        self._builder: TextBuilder | None = None
        self._goal: tuple[int, int] | None = None
        self.edit = named(QTextEdit(), "original")
        self.edit.setReadOnly(True)
        self.edit.setUndoRedoEnabled(False)
        self.edit.viewport().setAcceptDrops(False)
        self.edit.setAcceptDrops(False)
        self.edit.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._pump = QTimer(self)
        self._pump.setInterval(0)
        self._pump.timeout.connect(self._build)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.edit)
        self.setFocusProxy(self.edit)
        bar = self.edit.verticalScrollBar()
        bar.valueChanged.connect(self._on_scrolled)
        bar.rangeChanged.connect(self._on_scrolled)
        words.changed.connect(self._retranslate)
        theme.changed.connect(self._on_theme_changed)
        self._retranslate()

    def show_content(self, content: Content) -> None:
        """Show another text; long ones are written piece by piece."""
        self._content = content
        self._placed = PlacedMarks()
        self._goal = None
        self._begin()

    def show_marks(self, placed: PlacedMarks) -> None:
        """Show other marks."""
        self._placed = placed
        self._draw_marks()

    def go_to(self, start: int, end: int) -> None:
        """Bring a span into view, when it is written."""
        self._goal = (start, end)
        self._follow_goal()

    def go_to_share(self, share: float) -> None:
        """Bring the place at a share of the text into view."""
        if self._content is not None:
            start = round(share * len(self._content.document.text))
            self.go_to(start, start + 40)

    def go_to_page(self, page: int) -> None:
        """Bring the beginning of a page into view."""
        if self._content is not None and page <= len(self._content.document.pages):
            found = self._content.document.pages[page - 1]
            self.go_to(found.start, found.end)

    def strip_marks(self) -> list[StripMark]:
        """Return where the marks lie in the text."""
        return text_strip(self._content, self._placed)

    def zoom_by(self, factor: float) -> None:
        """Make the letters larger or smaller."""
        self.edit.zoomIn(1) if factor > 1 else self.edit.zoomOut(1)

    def _begin(self) -> None:
        document = self.edit.document()
        document.clear()
        document.setDocumentMargin(22)
        self.edit.setExtraSelections([])
        if self._content is not None:
            self._builder = TextBuilder(document, self._content.document, self._theme)
            self._build()
            self._pump.start()

    def _build(self) -> None:
        builder = self._builder
        if builder is None:
            self._pump.stop()
            return
        until = time.perf_counter() + SLICE_S
        while not builder.done and time.perf_counter() < until:
            builder.step()
        if builder.done:
            self._pump.stop()
            self._draw_marks()
        self._follow_goal()

    def _follow_goal(self) -> None:
        if self._goal is None or self._builder is None:
            return
        place = next(self._builder.segments(*self._goal), None)
        if place is None:
            return
        if self._builder.done:
            self._goal = None
        cursor = QTextCursor(self.edit.document())
        cursor.setPosition(place[0])
        bar = self.edit.verticalScrollBar()
        top = self.edit.cursorRect(cursor).top() + bar.value()
        height = self.edit.viewport().height()
        if not bar.value() + 20 <= top <= bar.value() + height - 60:
            bar.setValue(top - height // 3)

    def _draw_marks(self) -> None:
        builder = self._builder
        if builder is None or not builder.done:
            return
        marks = self._placed.marks
        selections = []
        faint = QTextCharFormat()
        faint.setBackground(self._theme.colour("accent", 0.06))
        strong = QTextCharFormat()
        strong.setBackground(self._theme.colour("accent", 0.14))
        for span in marks.passages:
            selections += self._selections(span, strong if span == marks.focus else faint)
        if marks.focus and marks.focus not in marks.passages:
            selections += self._selections(marks.focus, strong)
        for start, end, weight in marks.attended:
            selections += self._selections((start, end), mark_format(self._theme, weight))
        for span in marks.terms:
            selections += self._selections(span, term_format(self._theme))
        self.edit.setExtraSelections(selections)

    def _selections(
        self, span: tuple[int, int], style: QTextCharFormat
    ) -> list[QTextEdit.ExtraSelection]:
        result = []
        assert self._builder is not None
        for start, end in self._builder.segments(*span):
            cursor = QTextCursor(self.edit.document())
            cursor.setPosition(start)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            selection = QTextEdit.ExtraSelection()
            # PySide's stubs know these two only as read.
            setattr(selection, "cursor", cursor)  # noqa: B010
            setattr(selection, "format", style)  # noqa: B010
            result.append(selection)
        return result

    def _on_scrolled(self) -> None:
        bar = self.edit.verticalScrollBar()
        total = max(1, bar.maximum() + bar.pageStep())
        self.view_changed.emit(bar.value() / total, (bar.value() + bar.pageStep()) / total)

    def _on_theme_changed(self) -> None:
        self._begin()

    def _retranslate(self) -> None:
        self.edit.setAccessibleName(self._words("viewer.text"))
