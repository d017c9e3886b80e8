"""The original: one viewer for each kind of document, a toolbar and the strip of marks."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.i18n import Words
from app.models.content import Content, PlacedMarks
from app.models.results import file_name
from app.theme import Theme
from app.views.drawing_view import DrawingView
from app.views.empty_state import EmptyState
from app.views.mark_strip import MarkStrip
from app.views.named import named
from app.views.original_view import OriginalView
from app.views.pdf_view import PdfView
from app.views.sheet_view import SheetView
from app.views.text_view import TextView

_BUTTONS = (
    ("previous", "viewer.previous", "Shift+F3"),
    ("next", "viewer.next", "F3"),
    ("zoom-out", "viewer.zoom_out", "Ctrl+-"),
    ("zoom-in", "viewer.zoom_in", "Ctrl++"),
    ("fit-width", "viewer.fit", "Ctrl+0"),
)


class ViewerPane(QWidget):
    """Shows one revision of one document with marks.

    Signals:
        pages_wanted: (list[int], float), PDF pages to render, in pixels per point.
    """

    pages_wanted = Signal(object, float)

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self.content: Content | None = None
        self._placed = PlacedMarks()
        self._stop = -1
        self._state = ("viewer.empty_title", "viewer.empty_text", {})
        self.pdf = PdfView(words, theme)
        self.text = TextView(words, theme)
        self.sheet = SheetView(words, theme)
        self.drawing = DrawingView(words, theme)
        self.pdf.pages_wanted.connect(self.pages_wanted)
        self._empty = EmptyState(theme, "pdf")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self.strip = MarkStrip(words, theme)
        self.strip.jump_requested.connect(self._on_jump)
        for view in (self.pdf, self.text, self.sheet, self.drawing):
            self._stack.addWidget(view)
            view.view_changed.connect(self.strip.set_view)
            view.page_changed.connect(self._on_page_changed)
        body = QHBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self._stack, 1)
        body.addWidget(self.strip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._build_header())
        layout.addLayout(body, 1)
        words.changed.connect(self.retranslate)
        theme.changed.connect(self._draw_icons)
        self.retranslate()
        self._draw_icons()
        self._show_controls()

    def show_content(self, content: Content) -> None:
        """Show another revision."""
        self.content = content
        self._placed = PlacedMarks()
        self._stop = -1
        view = self._view_for(content)
        view.show_content(content)
        self._stack.setCurrentWidget(view)
        self._busy.hide()
        self._name.setText(file_name(content.path))
        self._name.setToolTip(content.path)
        count = len(content.document.pages)
        self._page.blockSignals(True)
        self._page.setRange(1, count)
        self._page.setValue(1)
        self._page.setSuffix(f" / {count}")
        self._page.blockSignals(False)
        self.strip.set_marks(())
        self._show_controls()

    def show_marks(self, placed: PlacedMarks, follow: bool = True) -> None:
        """Show other marks and, if asked, go to the passage looked at."""
        self._placed = placed
        view = self.current_view
        if view is None:
            return
        view.show_marks(placed)
        if follow and placed.marks.focus:
            view.go_to(*self._best_of(placed.marks.focus))
            spans = self._stops()
            self._stop = spans.index(placed.marks.focus) if placed.marks.focus in spans else -1
        self.strip.set_marks(view.strip_marks())
        self._show_controls()

    def show_busy(self, name: str) -> None:
        """Say that a document is being opened."""
        self._name.setText(name)
        self._busy.show()

    def show_nothing(self, title_key: str, text_key: str, **values: object) -> None:
        """Say why there is nothing to show, by the keys of the words."""
        self.content = None
        self._state = (title_key, text_key, values)
        self._busy.hide()
        self._name.setText("")
        self._stack.setCurrentWidget(self._empty)
        self.strip.set_marks(())
        self.retranslate()
        self._show_controls()

    @property
    def current_view(self) -> OriginalView | None:
        """The viewer in use."""
        view = self._stack.currentWidget()
        return view if isinstance(view, OriginalView) else None

    def retranslate(self) -> None:
        """Write all words again."""
        words = self._words
        for button, (_icon, key, keys) in zip(self._buttons, _BUTTONS, strict=True):
            shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
            button.setToolTip(f"{words(key)} ({shown})")
            button.setAccessibleName(words(key))
        self._page.setAccessibleName(words("viewer.page"))
        self._page.setToolTip(words("viewer.page"))
        title, text, values = self._state
        self._empty.say(words(title, **values), words(text, **values))

    def _build_header(self) -> QFrame:
        self._name = named(QLabel(), "title")
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setFixedWidth(60)
        self._busy.hide()
        self._page = QSpinBox()
        self._page.setKeyboardTracking(False)
        self._page.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._page.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self._page.valueChanged.connect(self._on_page_entered)
        header = named(QFrame(), "header")
        row = QHBoxLayout(header)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(4)
        row.addWidget(self._name, 1)
        row.addWidget(self._busy)
        row.addWidget(self._page)
        self._buttons: list[QToolButton] = []
        for number, (_icon, _key, keys) in enumerate(_BUTTONS):
            button = QToolButton()
            action = QAction(self)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.triggered.connect(lambda _checked=False, number=number: self._press(number))
            self.addAction(action)
            button.clicked.connect(action.trigger)
            self._buttons.append(button)
            row.addWidget(button)
        return header

    def _view_for(self, content: Content) -> OriginalView:
        views = {"pdf": self.pdf, "sheet": self.sheet, "csv": self.sheet, "dxf": self.drawing}
        return views.get(content.document.kind, self.text)

    def _press(self, number: int) -> None:
        view = self.current_view
        if view is None:
            return
        if number <= 1:
            self._step(1 if number == 1 else -1)
        elif number <= 3:
            view.zoom_by(1.2 if number == 3 else 1 / 1.2)
        else:
            view.fit_width()
        self.strip.set_marks(view.strip_marks())

    def _step(self, by: int) -> None:
        spans = self._stops()
        view = self.current_view
        if spans and view is not None:
            self._stop = (self._stop + by) % len(spans)
            view.go_to(*self._best_of(spans[self._stop]))

    def _stops(self) -> list[tuple[int, int]]:
        """Return the passages in the order of the text."""
        marks = self._placed.marks
        return sorted(marks.passages) or ([marks.focus] if marks.focus else [])

    def _best_of(self, span: tuple[int, int]) -> tuple[int, int]:
        """Return the strongest mark of a passage if the passage is long, else all of it."""
        inside = [m for m in self._placed.marks.attended if m[0] < span[1] and m[1] > span[0]]
        if inside and span[1] - span[0] > 200:
            start, end, _weight = max(inside, key=lambda mark: mark[2])
            return start, end
        return span

    def _show_controls(self) -> None:
        view = self.current_view
        marked = bool(self._stops()) and view is not None
        for button in self._buttons:
            button.setVisible(view is not None)
        for button in self._buttons[:2]:
            button.setEnabled(marked)
        self._buttons[4].setVisible(view is self.pdf or view is self.drawing)
        self._page.setVisible(view is self.pdf)
        self.strip.setVisible(view is not None)

    def _on_jump(self, share: float) -> None:
        view = self.current_view
        if view is not None:
            view.go_to_share(share)

    def _on_page_changed(self, page: int) -> None:
        view = self.current_view
        if view is not None and self.sender() is view:
            self._page.blockSignals(True)
            self._page.setValue(page)
            self._page.blockSignals(False)

    def _on_page_entered(self, page: int) -> None:
        view = self.current_view
        if view is not None:
            view.go_to_page(page)

    def _draw_icons(self) -> None:
        for button, (icon, _key, _keys) in zip(self._buttons, _BUTTONS, strict=True):
            button.setIcon(self._theme.icon(icon))
