"""What covers the window while files are dragged over it."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.i18n import Words
from app.theme import Theme


class DropOverlay(QWidget):
    """A frame and a sentence over everything."""

    def __init__(self, words: Words, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._words = words
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def cover(self) -> None:
        """Stand over the whole parent."""
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frame and the words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.colour("window", 0.95))
        frame = self.rect().adjusted(24, 24, -24, -24)
        painter.setPen(QPen(self._theme.colour("accent"), 3, Qt.PenStyle.DashLine))
        painter.setBrush(self._theme.colour("accent", 0.08))
        painter.drawRoundedRect(frame, 16, 16)
        centre = frame.center()
        icon = QRect(centre.x() - 28, centre.y() - 70, 56, 56)
        self._theme.icon("drop", "accent", 56).paint(painter, icon)
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.6)
        painter.setFont(font)
        painter.setPen(self._theme.colour("text"))
        line = QRect(frame.left(), centre.y(), frame.width(), 40)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self._words("drop.text"))
        painter.end()
