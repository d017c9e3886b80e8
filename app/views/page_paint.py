"""Draws marks over a white page."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from app.models.marks import PageMarks
from app.theme import LIGHT
from app.views.mark_paint import mark_alpha
from engine.records import Box


def draw_page_marks(painter: QPainter, marks: PageMarks, origin: QPointF, zoom: float) -> None:
    """Draw the marks of one page.

    Args:
        painter: Paints on the page's background.
        marks: In points from the page's top left.
        origin: Where the page's top left stands.
        zoom: Screen pixels per point.
    """

    def rect(box: Box, grow: float = 0.0) -> QRectF:
        area = QRectF(box[0], box[1], box[2] - box[0], box[3] - box[1])
        scaled = QRectF(area.topLeft() * zoom + origin, area.size() * zoom)
        return scaled.adjusted(-grow, -grow, grow, grow)

    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    # Multiplying keeps black letters black, as a highlighter pen does.
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
    for box, weight in marks.attended:
        colour = QColor(LIGHT.mark)
        colour.setAlphaF(mark_alpha(weight))
        painter.fillRect(rect(box, 0.5), colour)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
    painter.setPen(QPen(QColor(LIGHT.lexical), max(1.0, 0.9 * zoom)))
    for box in marks.terms:
        line = rect(box)
        painter.drawLine(line.bottomLeft(), line.bottomRight())
    painter.setBrush(Qt.BrushStyle.NoBrush)
    faint = QColor(LIGHT.accent)
    faint.setAlphaF(0.35)
    for boxes in marks.passages:
        painter.setPen(QPen(faint, 1))
        painter.drawPath(_outline([rect(box, 3) for box in boxes]))
    if marks.focus:
        painter.setPen(QPen(QColor(LIGHT.accent), 1.6))
        painter.drawPath(_outline([rect(box, 3) for box in marks.focus]))
    painter.restore()


def _outline(rects: list[QRectF]) -> QPainterPath:
    """Return one line around boxes that touch each other."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    previous: QRectF | None = None
    for area in rects:
        if previous is not None and 0 <= area.top() - previous.bottom() < previous.height():
            # Lines of a paragraph leave gaps: lengthen this one up to the line above.
            area = QRectF(area.topLeft(), area.bottomRight())
            area.setTop(previous.bottom() - 1)
        path.addRect(area)
        previous = area
    return path.simplified()
