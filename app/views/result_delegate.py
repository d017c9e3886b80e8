"""Draws a hit: rank, file, place, headings, the passage with its marks, the score's parts."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.i18n import Words
from app.models.marks import attended_within, spans_within
from app.models.results import ResultRole, file_name, named_spans
from app.theme import Theme
from app.views.mark_paint import format_ranges
from engine.records import Hit

Index = QModelIndex | QPersistentModelIndex
PARTS = ("lexical", "dense", "attention")
_PAD = 12
_LINES = 4
_LEAD_IN = 40


class ResultDelegate(QStyledItemDelegate):
    """Draws hits as cards of several lines."""

    def __init__(self, words: Words, theme: Theme, view: QListView) -> None:
        super().__init__(view)
        self._words = words
        self._theme = theme
        self._view = view
        # To lay out a passage takes milliseconds; it is asked for several times for each shown.
        self._laid_out: dict[int, tuple[float, str, QTextLayout]] = {}
        view.model().modelAboutToBeReset.connect(self._laid_out.clear)
        theme.changed.connect(self._laid_out.clear)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the room of the passage at the width of the view."""
        width = max(160, self._view.viewport().width())
        layout = self._passage(index, option.font, width - 2 * _PAD)
        line = QFontMetrics(option.font).height()
        small = QFontMetrics(_small(option.font)).height()
        height = 8 + line + 2 + small + 6 + layout.boundingRect().height() + 8 + small + 10
        return QSize(width, round(height))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a hit."""
        hit: Hit = index.data(ResultRole.HIT)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = option.rect
        self._draw_back(painter, option)
        left, right, y = rect.left() + _PAD, rect.right() - _PAD, rect.top() + 8
        line = QFontMetrics(option.font).height()
        small = _small(option.font)
        small_line = QFontMetrics(small).height()

        bold = QFont(option.font)
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        metrics = QFontMetrics(bold)
        score = f"{hit.score:.2f}"
        score_width = metrics.horizontalAdvance(score)
        painter.setPen(self._theme.colour("text"))
        painter.drawText(QRect(right - score_width, y, score_width + 2, line), 0, score)
        rank = f"{hit.rank}."
        painter.setPen(self._theme.colour("accent"))
        painter.drawText(QRect(left, y, 40, line), 0, rank)
        name_left = left + metrics.horizontalAdvance(rank) + 6
        name_width = right - score_width - 10 - name_left
        painter.setPen(self._theme.colour("text"))
        self._draw_name(painter, QRect(name_left, y, name_width, line), bold, hit)
        y += line + 2

        painter.setFont(small)
        painter.setPen(self._theme.colour("muted"))
        where = " › ".join(hit.heading_path)
        place = index.data(ResultRole.PLACE)
        text = f"{place}   {where}" if place and where else place or where
        text = QFontMetrics(small).elidedText(text, Qt.TextElideMode.ElideRight, right - left)
        painter.drawText(QRect(left, y, right - left, small_line), 0, text)
        y += small_line + 6

        painter.setPen(self._theme.colour("text"))
        layout = self._passage(index, option.font, right - left + 1)
        layout.draw(painter, QPointF(left, y))
        y += round(layout.boundingRect().height()) + 8
        self._draw_parts(painter, QRect(left, y, right - left, small_line), small, hit)
        painter.fillRect(
            QRect(rect.left() + _PAD, rect.bottom(), rect.width() - 2 * _PAD, 1),
            self._theme.colour("line"),
        )
        painter.restore()

    def _draw_back(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        rect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self._theme.colour("accent", 0.12))
            bar = QRect(rect.topLeft(), QSize(3, rect.height()))
            painter.fillRect(bar, self._theme.colour("accent"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, self._theme.colour("raised"))

    def _draw_name(self, painter: QPainter, rect: QRect, font: QFont, hit: Hit) -> None:
        mode = Qt.TextElideMode.ElideMiddle
        name = QFontMetrics(font).elidedText(file_name(hit.path), mode, rect.width())
        layout = QTextLayout(name, font)
        layout.setFormats(format_ranges(self._theme, name, (), named_spans(name, hit.named)))
        layout.beginLayout()
        layout.createLine()
        layout.endLayout()
        layout.draw(painter, QPointF(rect.topLeft()))

    def _passage(self, index: Index, font: QFont, width: float) -> QTextLayout:
        known = self._laid_out.get(index.row())
        if known is None or known[:2] != (width, font.key()):
            layout = self._lay_out(index.data(ResultRole.HIT), font, width)
            known = self._laid_out[index.row()] = (width, font.key(), layout)
        return known[2]

    def _lay_out(self, hit: Hit, font: QFont, width: float) -> QTextLayout:
        start = hit.start + _first_shown(hit)
        text = hit.text[start - hit.start :].replace("\n", " ").replace("\t", " ")
        lead = "…" if start > hit.start else ""
        shift = len(lead)
        end = hit.start + len(hit.text)
        attended = [
            (a + shift, b + shift, weight)
            for a, b, weight in attended_within(hit.highlights, start, end)
        ]
        terms = [(a + shift, b + shift) for a, b in spans_within(hit.terms, start, end)]
        layout = QTextLayout(lead + text, font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.setFormats(format_ranges(self._theme, lead + text, attended, terms))
        layout.beginLayout()
        y = 0.0
        for _number in range(_LINES):
            line = layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(width)
            line.setPosition(QPointF(0, y))
            y += line.height() * 1.12
        layout.endLayout()
        return layout

    def _draw_parts(self, painter: QPainter, rect: QRect, font: QFont, hit: Hit) -> None:
        metrics = QFontMetrics(font)
        painter.setFont(font)
        each = rect.width() // len(PARTS)
        for number, part in enumerate(PARTS):
            value = getattr(hit.parts, part)
            x = rect.left() + number * each
            label = self._words(f"part.{part}")
            painter.setPen(self._theme.colour("muted"))
            painter.drawText(QRect(x, rect.top(), each, rect.height()), 0, label)
            bar_left = x + metrics.horizontalAdvance(label) + 6
            bar = QRectF(bar_left, rect.center().y() - 2, max(20, x + each - 12 - bar_left), 5)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("line", 1.0 if value is not None else 0.4))
            painter.drawRoundedRect(bar, 2.5, 2.5)
            if value:
                painter.setBrush(self._theme.colour(part))
                bar.setWidth(max(5.0, bar.width() * min(1.0, value)))
                painter.drawRoundedRect(bar, 2.5, 2.5)


def _small(font: QFont) -> QFont:
    small = QFont(font)
    small.setPointSizeF(font.pointSizeF() * 0.88)
    return small


def _first_shown(hit: Hit) -> int:
    """Return from which code point the passage is shown, so that its strongest mark is seen."""
    inside = attended_within(hit.highlights, hit.start, hit.end)
    strongest = max(inside, key=lambda mark: mark[2], default=None)
    if strongest is None:
        strongest = next(iter(spans_within(hit.terms, hit.start, hit.end)), (0, 0))
    return strongest[0] - _LEAD_IN if strongest[0] > 110 else 0
