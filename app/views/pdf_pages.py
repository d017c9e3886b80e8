"""A scrolling column of rendered pages with marks."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea

from app.i18n import Words
from app.models.content import PlacedMarks
from app.theme import Theme
from app.views.page_paint import draw_page_marks

MARGIN = 14
GAP = 12
CACHE_BYTES = 96_000_000
MAX_PIXELS = 12_000_000
_DEFAULT_PAGE = (595.0, 842.0)


class PdfPages(QAbstractScrollArea):
    """A column of pages.

    Signals:
        pages_wanted: (list[int], float), pages to render, nearest first, in pixels per point.
        moved: The part in view changed.
    """

    pages_wanted = Signal(object, float)
    moved = Signal()

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("original")
        self._words = words
        self._theme = theme
        self._sizes: list[tuple[float, float]] = []
        self._tops: list[float] = [0.0]
        self._zoom = 1.0
        self._fits = True
        self._placed = PlacedMarks()
        self._images: OrderedDict[tuple[int, float], QImage] = OrderedDict()
        self._bytes = 0
        self._failed: set[int] = set()
        self._ask = QTimer(self)
        self._ask.setSingleShot(True)
        self._ask.setInterval(25)
        self._ask.timeout.connect(self._request)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        theme.changed.connect(self.viewport().update)

    def set_pages(self, sizes: Sequence[tuple[float, float]]) -> None:
        """Show other pages, given their sizes in points."""
        self._sizes = [size if min(size) > 1 else _DEFAULT_PAGE for size in sizes]
        self._images.clear()
        self._bytes = 0
        self._failed.clear()
        self._placed = PlacedMarks()
        self._lay_out()
        self.verticalScrollBar().setValue(0)
        self.horizontalScrollBar().setValue(0)
        self._on_scrolled()

    def set_placed(self, placed: PlacedMarks) -> None:
        """Show other marks."""
        self._placed = placed
        self.viewport().update()

    def put_image(self, page: int, scale: float, image: QImage | None) -> None:
        """Keep a rendered page; None says that it cannot be rendered."""
        if image is None:
            self._failed.add(page)
        else:
            self._images[page, scale] = image
            self._bytes += image.sizeInBytes()
            while self._bytes > CACHE_BYTES and len(self._images) > 1:
                self._bytes -= self._images.popitem(last=False)[1].sizeInBytes()
        self.viewport().update()

    def scale_of(self, page: int) -> float:
        """Return the pixels per point at which a page is rendered for this screen."""
        width, height = self._sizes[page - 1]
        scale = self._zoom * self.devicePixelRatioF()
        return round(min(scale, (MAX_PIXELS / (width * height)) ** 0.5), 3)

    def page_rect(self, page: int) -> QRectF:
        """Return where a page stands in the viewport."""
        width, height = self._sizes[page - 1]
        left = max(MARGIN, (self.viewport().width() - width * self._zoom) / 2)
        origin = QPointF(
            left - self.horizontalScrollBar().value(),
            self._tops[page - 1] - self.verticalScrollBar().value(),
        )
        return QRectF(origin, QSizeF(width * self._zoom, height * self._zoom))

    def share_of(self, page: int, y: float) -> float:
        """Return a place on a page, in points, as a share of the column."""
        return (self._tops[page - 1] + y * self._zoom) / max(1.0, self._height())

    def view_shares(self) -> tuple[float, float]:
        """Return the part of the column in view."""
        top = self.verticalScrollBar().value() / max(1.0, self._height())
        return top, min(1.0, top + self.viewport().height() / max(1.0, self._height()))

    def current_page(self) -> int:
        """Return the page at the middle of the view, from 1."""
        middle = self.verticalScrollBar().value() + self.viewport().height() / 2
        return max(1, min(len(self._sizes), bisect_right(self._tops, middle)))

    def scroll_to_page(self, page: int) -> None:
        """Bring the top of a page into view."""
        if 1 <= page <= len(self._sizes):
            self.verticalScrollBar().setValue(round(self._tops[page - 1] - GAP / 2))

    def scroll_to_box(self, page: int, box: Sequence[float]) -> None:
        """Bring a box of a page into the upper third of the view unless it is well in view."""
        top = self._tops[page - 1] + box[1] * self._zoom
        bottom = self._tops[page - 1] + box[3] * self._zoom
        value, height = self.verticalScrollBar().value(), self.viewport().height()
        if not value + 20 <= top <= bottom <= value + height - 20:
            self.verticalScrollBar().setValue(round(top - height / 3))
        left = self.page_rect(page).left() + self.horizontalScrollBar().value()
        x0, x1 = left + box[0] * self._zoom, left + box[2] * self._zoom
        across = self.horizontalScrollBar()
        if not across.value() <= x0 <= x1 <= across.value() + self.viewport().width():
            across.setValue(round(x0 - 40))

    def scroll_to_share(self, share: float) -> None:
        """Bring the place at a share of the column into the middle of the view."""
        self.verticalScrollBar().setValue(
            round(share * self._height() - self.viewport().height() / 2)
        )

    def set_zoom(self, zoom: float | None) -> None:
        """Show pages at screen pixels per point; None fits the width."""
        share = self.verticalScrollBar().value() / max(1.0, self._height())
        self._fits = zoom is None
        if zoom is not None:
            self._zoom = min(6.0, max(0.15, zoom))
        self._lay_out()
        self.verticalScrollBar().setValue(round(share * self._height()))
        self._on_scrolled()

    @property
    def zoom(self) -> float:
        """Screen pixels per point."""
        return self._zoom

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pages in view."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.viewport().rect(), self._theme.colour("raised"))
        for page in self._visible():
            rect = self.page_rect(page)
            painter.fillRect(rect, QColor("white"))
            image = self._best_image(page)
            if image is not None:
                painter.drawImage(rect, image)
            else:
                painter.setPen(QColor("#8a90a0"))
                key = "viewer.page_failed" if page in self._failed else "viewer.page_loading"
                line = QRectF(rect.left(), max(rect.top(), 0) + 20, rect.width(), 40)
                painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self._words(key, page=page))
            marks = self._placed.pages.get(page)
            if marks is not None:
                draw_page_marks(painter, marks, rect.topLeft(), self._zoom)
            painter.setPen(self._theme.colour("line"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the place in the document when the width changes."""
        super().resizeEvent(event)
        share = self.verticalScrollBar().value() / max(1.0, self._height())
        self._lay_out()
        self.verticalScrollBar().setValue(round(share * self._height()))
        self._on_scrolled()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl, else scroll."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_zoom(self._zoom * 1.0015 ** event.angleDelta().y())
            event.accept()
            return
        super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by page with Ctrl, to either end with Home and End."""
        ctrl = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        bar = self.verticalScrollBar()
        if ctrl and event.key() in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            step = 1 if event.key() == Qt.Key.Key_PageDown else -1
            self.scroll_to_page(self.current_page() + step)
        elif event.key() == Qt.Key.Key_Home:
            bar.setValue(bar.minimum())
        elif event.key() == Qt.Key.Key_End:
            bar.setValue(bar.maximum())
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Ask for sharper pages on another screen."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._ask.start()

    def _visible(self) -> range:
        if not self._sizes:
            return range(0)
        top = self.verticalScrollBar().value()
        first = max(1, bisect_right(self._tops, top))
        last = max(first, bisect_right(self._tops, top + self.viewport().height()))
        return range(first, min(last, len(self._sizes)) + 1)

    def _best_image(self, page: int) -> QImage | None:
        exact = self._images.get((page, self.scale_of(page)))
        if exact is not None:
            self._images.move_to_end((page, self.scale_of(page)))
            return exact
        others = [key for key in self._images if key[0] == page]
        return self._images[max(others, key=lambda key: key[1])] if others else None

    def _height(self) -> float:
        return self._tops[-1]

    def _lay_out(self) -> None:
        widest = max((width for width, _height in self._sizes), default=_DEFAULT_PAGE[0])
        view = self.viewport().size()
        if self._fits:
            self._zoom = min(6.0, max(0.15, (view.width() - 2 * MARGIN) / widest))
        top = float(GAP)
        self._tops = []
        for _width, height in self._sizes:
            self._tops.append(top)
            top += height * self._zoom + GAP
        self._tops.append(top)
        down, across = self.verticalScrollBar(), self.horizontalScrollBar()
        down.setPageStep(view.height())
        down.setSingleStep(40)
        down.setRange(0, max(0, round(top) - view.height()))
        across.setPageStep(view.width())
        across.setRange(0, max(0, round(widest * self._zoom + 2 * MARGIN) - view.width()))
        self.viewport().update()

    def _on_scrolled(self) -> None:
        self.viewport().update()
        self._ask.start()
        self.moved.emit()

    def _request(self) -> None:
        if not self._sizes or not self.isVisible():
            return
        visible = self._visible()
        near = [*visible, visible.stop, visible.start - 1]
        missing = [
            page
            for page in near
            if 1 <= page <= len(self._sizes)
            and page not in self._failed
            and (page, self.scale_of(page)) not in self._images
        ]
        self.pages_wanted.emit(missing, self._zoom * self.devicePixelRatioF())

    def showEvent(self, event) -> None:
        """Ask for the pages that became visible."""
        super().showEvent(event)
        self._ask.start()
