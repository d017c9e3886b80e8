"""Draws a document's row: icon, name, status in its colour, progress, one button."""

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QMouseEvent, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.models.document_row import DocumentRow
from app.models.documents import DocumentRole
from app.theme import Theme

Index = QModelIndex | QPersistentModelIndex
_PAD = 10
_ICON = 22


class DocumentDelegate(QStyledItemDelegate):
    """Draws rows of two lines.

    Signals:
        button_pressed: (QModelIndex), the cancel or retry button of a row was pressed.
    """

    button_pressed = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return room for two lines and a progress bar."""
        line = QFontMetrics(option.font).height()
        return QSize(200, 2 * line + 20)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a row."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if selected:
            active = bool(option.state & QStyle.StateFlag.State_Active)
            painter.fillRect(rect, self._theme.colour("accent", 0.20 if active else 0.12))
            painter.fillRect(QRect(rect.topLeft(), QSize(3, rect.height())), self._accent())
        elif hovered:
            painter.fillRect(rect, self._theme.colour("raised"))
        row: DocumentRow = index.data(DocumentRole.ROW)
        self._draw_icon(painter, rect, index)
        left = rect.left() + _PAD + _ICON + 10
        right = self.button_rect(rect).left() - 6 if _has_button(row) else rect.right() - _PAD
        line = QFontMetrics(option.font).height()
        first = QRect(left, rect.top() + 7, right - left, line)
        second = first.translated(0, line + 2)
        painter.setFont(option.font)
        painter.setPen(self._theme.colour("text"))
        name = index.data(Qt.ItemDataRole.DisplayRole)
        metrics = QFontMetrics(option.font)
        middle = Qt.TextElideMode.ElideMiddle
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(first, flags, metrics.elidedText(name, middle, first.width()))
        small = QFont(option.font)
        small.setPointSizeF(option.font.pointSizeF() * 0.88)
        painter.setFont(small)
        painter.setPen(self._theme.colour(index.data(DocumentRole.TONE)))
        status = QFontMetrics(small).elidedText(
            index.data(DocumentRole.STATUS), Qt.TextElideMode.ElideRight, second.width()
        )
        painter.drawText(second, flags, status)
        fraction = index.data(DocumentRole.PROGRESS)
        if fraction is not None:
            self._draw_bar(painter, QRect(left, rect.bottom() - 6, right - left, 4), fraction)
        if _has_button(row):
            self._draw_button(painter, self.button_rect(rect), row)
        painter.restore()

    def editorEvent(self, event: QEvent, model, option: QStyleOptionViewItem, index: Index) -> bool:
        """Notice a press on the row's button."""
        if (
            isinstance(event, QMouseEvent)
            and event.type() == QEvent.Type.MouseButtonRelease
            and event.button() == Qt.MouseButton.LeftButton
            and _has_button(index.data(DocumentRole.ROW))
            and self.button_rect(option.rect).adjusted(-4, -4, 4, 4).contains(event.pos())
        ):
            self.button_pressed.emit(index)
            return True
        return super().editorEvent(event, model, option, index)

    def button_rect(self, rect: QRect) -> QRect:
        """Return where the button of a row stands."""
        return QRect(QPoint(rect.right() - _PAD - 16, rect.center().y() - 8), QSize(16, 16))

    def _accent(self) -> QColor:
        return self._theme.colour("accent")

    def _draw_icon(self, painter: QPainter, rect: QRect, index: Index) -> None:
        icon: QIcon = index.data(Qt.ItemDataRole.DecorationRole)
        top = rect.top() + (rect.height() - _ICON) // 2
        icon.paint(painter, QRect(rect.left() + _PAD, top, _ICON, _ICON))

    def _draw_bar(self, painter: QPainter, rect: QRect, fraction: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("line"))
        painter.drawRoundedRect(rect, 2, 2)
        painter.setBrush(self._accent())
        painter.drawRoundedRect(
            QRect(rect.topLeft(), QSize(max(4, round(rect.width() * fraction)), rect.height())),
            2,
            2,
        )

    def _draw_button(self, painter: QPainter, rect: QRect, row: DocumentRow) -> None:
        self._theme.icon("close" if row.working else "retry", "muted").paint(painter, rect)


def _has_button(row: DocumentRow) -> bool:
    """Return whether work on the file can be cancelled or tried again."""
    interrupted = row.info is not None and row.info.status == "interrupted"
    return row.working or row.failed or interrupted
