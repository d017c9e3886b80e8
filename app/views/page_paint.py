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
    rows: list[QRectF] = []
    for area in rects:
        last = rows[-1] if rows else None
        if last is not None and abs(last.center().y() - area.center().y()) < area.height() / 2:
            rows[-1] = last.united(area)
        else:
            rows.append(QRectF(area))
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and 0 <= row.top() - before.bottom() < before.height():
            # Lines of a paragraph leave gaps: lengthen this one up to the line above.
            row.setTop(before.bottom() - 1)
        path.addRect(row)
    return path.simplified()
