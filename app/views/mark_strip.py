"""A strip along the scroll bar that shows where in the whole document marks lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from app.i18n import Words
from app.theme import Theme
from app.views.mark_paint import mark_alpha


@dataclass(frozen=True, slots=True)
class StripMark:
    """A mark at a share of the document.

    Attributes:
        top: Where it begins, 0..1.
        bottom: Where it ends, 0..1.
        kind: What it marks.
        weight: How strongly, 0..1.
    """

    top: float
    bottom: float
    kind: Literal["attended", "passage", "focus"]
    weight: float = 1.0


class MarkStrip(QWidget):
    """Shows marks as lines; a click asks to go there.

    Signals:
        jump_requested: (float), a share of the document in 0..1.
    """

    jump_requested = Signal(float)

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._marks: tuple[StripMark, ...] = ()
        self._view = (0.0, 1.0)
        self.setFixedWidth(14)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        words.changed.connect(self._retranslate)
        theme.changed.connect(self.update)
        self._retranslate()

    def sizeHint(self) -> QSize:
        """Return a narrow, tall size."""
        return QSize(14, 200)

    @property
    def marks(self) -> tuple[StripMark, ...]:
        """The marks shown."""
        return self._marks

    def set_marks(self, marks: Sequence[StripMark]) -> None:
        """Show other marks."""
        self._marks = tuple(marks)
        self.update()

    def set_view(self, top: float, bottom: float) -> None:
        """Show which part of the document is in view."""
        if (top, bottom) != self._view:
            self._view = (top, bottom)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the part in view, the passages and the marks."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("window"))
        height = self.height()
        top, bottom = self._view
        view = QRectF(0, top * height, self.width(), max(3.0, (bottom - top) * height))
        painter.fillRect(view, self._theme.colour("line", 0.6))
        order = {"passage": 0, "attended": 1, "focus": 2}
        for mark in sorted(self._marks, key=lambda mark: order[mark.kind]):
            y = mark.top * height
            tall = max(2.5, (mark.bottom - mark.top) * height)
            if mark.kind == "passage":
                area = QRectF(1, y, self.width() - 2, max(3.0, tall))
                painter.fillRect(area, self._theme.colour("accent", 0.35))
            elif mark.kind == "focus":
                area = QRectF(0, y, 3, max(4.0, tall))
                painter.fillRect(area, self._theme.colour("accent"))
            else:
                alpha = mark_alpha(mark.weight)
                area = QRectF(4, y, self.width() - 5, tall)
                painter.fillRect(area, self._theme.colour("mark", alpha))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask to go to the nearest mark, or to the place itself where none is near."""
        share = min(1.0, max(0.0, event.position().y() / max(1, self.height())))
        near = 6 / max(1, self.height())
        marks = [mark for mark in self._marks if mark.kind != "passage"]
        best = min(marks, key=lambda mark: abs(mark.top - share), default=None)
        self.jump_requested.emit(
            best.top if best is not None and abs(best.top - share) < near else share
        )

    def event(self, event: QEvent) -> bool:
        """Say what the strip is when the pointer rests on it."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._words("strip.tip"), self)
            return True
        return super().event(event)

    def _retranslate(self) -> None:
        self.setAccessibleName(self._words("strip.name"))
        self.setAccessibleDescription(self._words("strip.tip"))
