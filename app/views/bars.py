"""Small drawings of numbers: a labelled bar and a strip of blocks."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme


class Bar(QWidget):
    """A label, a bar in 0..1 and its number."""

    def __init__(self, theme: Theme, colour: str = "accent", label_width: int = 96) -> None:
        super().__init__()
        self._theme = theme
        self._colour = colour
        self._label = ""
        self._value: float | None = None
        self._text = ""
        self._label_width = label_width
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return one line."""
        return QSize(220, self.fontMetrics().height() + 8)

    def show_value(self, label: str, value: float | None, text: str | None = None) -> None:
        """Show a value; None stands for one that could not be had."""
        self._label = label
        self._value = value
        self._text = text if text is not None else "–" if value is None else f"{value:.3f}"
        self.setAccessibleName(f"{label} {self._text}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw label, bar and number."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self._theme.colour("muted"))
        painter.drawText(QRect(0, 0, self._label_width, self.height()), flags, self._label)
        number_width = self.fontMetrics().horizontalAdvance(self._text) + 4
        number_width = max(52, number_width)
        painter.setPen(self._theme.colour("text"))
        number = QRect(self.width() - number_width, 0, number_width, self.height())
        painter.drawText(number, flags | Qt.AlignmentFlag.AlignRight, self._text)
        width = self.width() - self._label_width - number_width - 14
        bar = QRectF(self._label_width + 4, self.height() / 2 - 4, max(10, width), 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("line", 0.8))
        painter.drawRoundedRect(bar, 4, 4)
        if self._value:
            bar.setWidth(max(8.0, bar.width() * min(1.0, self._value)))
            painter.setBrush(self._theme.colour(self._colour))
            painter.drawRoundedRect(bar, 4, 4)
        painter.end()


class BlockStrip(QWidget):
    """Blocks of a document from its beginning to its end: kept ones filled, dropped ones empty."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._total = 0
        self._kept: dict[int, float] = {}
        self.setFixedHeight(22)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_blocks(self, kept: Sequence[tuple[int, float]], total: int) -> None:
        """Show blocks.

        Args:
            kept: ``(block, score)`` of each block that was read.
            total: Number of blocks of the document.
        """
        top = max((score for _block, score in kept), default=0.0)
        low = min((score for _block, score in kept), default=0.0)
        span = top - low or 1.0
        self._kept = {block: 0.35 + 0.65 * (score - low) / span for block, score in kept}
        self._total = max(total, 1 + max(self._kept, default=-1))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the blocks side by side."""
        painter = QPainter(self)
        if self._total:
            each = self.width() / self._total
            gap = 1.0 if each > 3 else 0.0
            area = QRectF(self.rect()).adjusted(0, 3, 0, -3)
            painter.fillRect(area, self._theme.colour("line", 0.55))
            for block, strength in self._kept.items():
                left = block * each
                kept = QRectF(left, area.top(), max(1.5, each - gap), area.height())
                painter.fillRect(kept, self._theme.colour("attention", strength))
        painter.end()
