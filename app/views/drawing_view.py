"""Texts of a DXF drawing where they stand on it, beside a list of them, with marks."""

import time
from bisect import bisect_left, bisect_right
from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QTransform, QWheelEvent
from PySide6.QtWidgets import (
    QGraphicsScene,
    QGraphicsSimpleTextItem,
    QGraphicsView,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QTabBar,
    QVBoxLayout,
)

from app.i18n import Words
from app.models.content import Content, PlacedMarks
from app.theme import FONT_FAMILIES, Theme
from app.views.mark_strip import StripMark
from app.views.original_view import OriginalView, text_strip
from app.views.page_paint import draw_page_marks
from engine.explain.locate import locate
from engine.records import Box, Page, Unit

_FONT_SIZE = 100
_READABLE_PT = 9.0
SLICE_S = 0.008


class DrawingSheet(QGraphicsView):
    """One layout of a drawing: its texts on white paper."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("original")
        self.setScene(QGraphicsScene(self))
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setAcceptDrops(False)
        self._placed = PlacedMarks()
        self._page: Page | None = None
        self._left: list[tuple[str, Box]] = []
        self._pump = QTimer(self)
        self._pump.setInterval(0)
        self._pump.timeout.connect(self._draw_texts)

    def show_page(self, page: Page, units: list[tuple[Unit, str]]) -> None:
        """Show the texts of one layout."""
        self._page = page
        scene = self.scene()
        scene.clear()
        boxes = [unit.box for unit, _text in units if unit.box is not None]
        width = page.width or max((box[2] for box in boxes), default=1.0)
        height = page.height or max((box[3] for box in boxes), default=1.0)
        scene.setSceneRect(QRectF(0, 0, width, height).adjusted(-10, -10, 10, 10))
        self._left = [(text, u.box) for u, text in reversed(units) if u.box and text.strip()]
        self._draw_texts()
        self._pump.start()
        self.show_all()

    def _draw_texts(self) -> None:
        """Draw some of the texts; a drawing may hold thousands."""
        until = time.perf_counter() + SLICE_S
        while self._left and time.perf_counter() < until:
            self.scene().addItem(_text_item(*self._left.pop()))
        if not self._left:
            self._pump.stop()

    def show_placed(self, placed: PlacedMarks) -> None:
        """Show other marks."""
        self._placed = placed
        self.viewport().update()

    def show_all(self) -> None:
        """Make the whole sheet visible."""
        self.fitInView(self.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)

    def show_box(self, box: QRectF) -> None:
        """Bring a box into view, large enough to be read."""
        needed = _READABLE_PT * 1.6 / max(0.1, min(box.height(), box.width()))
        scale = self.transform().m11()
        if scale < needed:
            factor = min(needed / scale, 40.0)
            self.scale(factor, factor)
        self.centerOn(box.center())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl, else scroll."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            factor = 1.0015 ** event.angleDelta().y()
            self.scale(factor, factor)
            event.accept()
            return
        super().wheelEvent(event)

    def drawBackground(self, painter: QPainter, rect: QRectF | object) -> None:
        """Draw the paper and, under the texts, the marks."""
        paper = self.sceneRect().adjusted(10, 10, -10, -10)
        painter.fillRect(paper, QColor("white"))
        painter.setPen(QColor("#c4c8d2"))
        painter.drawRect(paper)
        marks = self._placed.pages.get(self._page.number) if self._page else None
        if marks is not None:
            draw_page_marks(painter, marks, QPointF(0, 0), 1.0)


class DrawingView(OriginalView):
    """The layouts of a drawing, one at a time, and a list of their texts."""

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._content: Content | None = None
        self._placed = PlacedMarks()
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._shaded: set[int] = set()
        self.sheet = DrawingSheet()
        self.list = QListWidget()
        self.list.setAcceptDrops(False)
        self.list.currentItemChanged.connect(self._on_text_chosen)
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.tabs.currentChanged.connect(self._on_layout_chosen)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.sheet)
        splitter.addWidget(self.list)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([420, 150])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(splitter)
        layout.addWidget(self.tabs)
        self.setFocusProxy(self.sheet)
        words.changed.connect(self._retranslate)
        theme.changed.connect(self._draw_list)
        self._retranslate()

    def show_content(self, content: Content) -> None:
        """Show another drawing."""
        self._content = content
        self._placed = PlacedMarks()
        self.tabs.blockSignals(True)
        while self.tabs.count():
            self.tabs.removeTab(0)
        for page in content.document.pages:
            self.tabs.addTab(page.name or str(page.number))
        self.tabs.blockSignals(False)
        self.tabs.setVisible(self.tabs.count() > 1)
        self.tabs.setCurrentIndex(0)
        self._on_layout_chosen(0)

    def show_marks(self, placed: PlacedMarks) -> None:
        """Show other marks."""
        self._placed = placed
        self.sheet.show_placed(placed)
        self._draw_list()

    def go_to(self, start: int, end: int) -> None:
        """Bring a span into view."""
        if self._content is None:
            return
        boxes = locate(self._content.document, start, end).boxes
        if boxes:
            page, *box = boxes[0]
            self.go_to_page(page)
            self.sheet.show_box(QRectF(QPointF(box[0], box[1]), QPointF(box[2], box[3])))

    def go_to_share(self, share: float) -> None:
        """Bring the text at a share of all texts into view."""
        if self._content is not None:
            start = round(share * len(self._content.document.text))
            self.go_to(start, start + 60)

    def go_to_page(self, page: int) -> None:
        """Show a layout."""
        if self._content is not None:
            numbers = [item.number for item in self._content.document.pages]
            if page in numbers:
                self.tabs.setCurrentIndex(numbers.index(page))

    def strip_marks(self) -> list[StripMark]:
        """Return where the marks lie in the text."""
        return text_strip(self._content, self._placed)

    def zoom_by(self, factor: float) -> None:
        """Make the drawing larger or smaller."""
        self.sheet.scale(factor, factor)

    def fit_width(self) -> None:
        """Make the whole drawing visible."""
        self.sheet.show_all()

    def _on_layout_chosen(self, number: int) -> None:
        if self._content is None or not 0 <= number < len(self._content.document.pages):
            return
        page = self._content.document.pages[number]
        text = self._content.document.text
        units = [u for u in self._content.document.units if u.page in (None, page.number)]
        self.sheet.show_page(page, [(unit, text[unit.start : unit.end]) for unit in units])
        self.list.blockSignals(True)
        self.list.clear()
        for unit in units:
            words = " ".join(text[unit.start : unit.end].split())
            item = QListWidgetItem(f"{words}    [{unit.layer}]" if unit.layer else words)
            item.setData(Qt.ItemDataRole.UserRole, (unit.start, unit.end))
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._starts = [unit.start for unit in units]
        self._ends = [unit.end for unit in units]
        self._shaded = set()
        self._draw_list()
        self.page_changed.emit(number + 1)

    def _on_text_chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.go_to(*item.data(Qt.ItemDataRole.UserRole))

    def _draw_list(self) -> None:
        marks = self._placed.marks
        weights: dict[int, float] = {}
        for start, end in marks.passages:
            weights.update(dict.fromkeys(self._rows_of(start, end), 0.16))
        for start, end, weight in marks.attended:
            for row in self._rows_of(start, end):
                weights[row] = max(weight, weights.get(row, 0.0))
        for row in {*self._shaded, *weights}:
            item = self.list.item(row)
            if item is not None:
                shade = self._theme.colour("mark", 0.5 * weights.get(row, 0.0))
                item.setBackground(QBrush(shade))
        self._shaded = set(weights)

    def _rows_of(self, start: int, end: int) -> range:
        """Return the rows of the list whose texts a span touches."""
        first = bisect_right(self._ends, start)
        return range(first, max(first, bisect_left(self._starts, end)))

    def _retranslate(self) -> None:
        self.sheet.setAccessibleName(self._words("viewer.drawing"))
        self.list.setAccessibleName(self._words("viewer.drawing_texts"))


def _text_item(text: str, box: Box) -> QGraphicsSimpleTextItem:
    """Return a text that fills a box; a tall narrow box turns it by a quarter."""
    font, ascent = _font()
    item = QGraphicsSimpleTextItem(text)
    item.setFont(font)
    item.setBrush(QBrush(QColor("#1c2230")))
    bounds = item.boundingRect()
    width, height = max(0.1, box[2] - box[0]), max(0.1, box[3] - box[1])
    upright = height > 2 * width and len(text.strip()) > 1 and "\n" not in text
    transform = QTransform()
    if upright:
        transform.translate(box[0], box[3])
        transform.rotate(-90)
        width, height = height, width
    else:
        transform.translate(box[0], box[1])
    scale = min(width / max(1.0, bounds.width()), height / max(1.0, bounds.height()))
    # Line height holds room that capitals and kanji do not use; fill the box with ink instead.
    scale = min(width / max(1.0, bounds.width()), scale / max(0.5, ascent / bounds.height()))
    transform.scale(scale, scale)
    item.setTransform(transform)
    return item


@cache
def _font() -> tuple[QFont, float]:
    """Return the font of all texts, large so that it scales well, and its ascent."""
    font = QFont()
    font.setFamilies(FONT_FAMILIES)
    font.setPixelSize(_FONT_SIZE)
    return font, QFontMetricsF(font).ascent()
