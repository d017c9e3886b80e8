"""Workbooks and CSV files as tables, with marks in the cells."""

from itertools import product

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, Qt
from PySide6.QtGui import QPainter, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTabBar,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.i18n import Words
from app.models.content import Content, PlacedMarks
from app.models.marks import Marks, attended_within, spans_within
from app.models.sheet import SPAN_ROLE, Sheet, SheetModel, cell_at
from app.theme import Theme
from app.views.mark_paint import format_ranges
from app.views.mark_strip import StripMark
from app.views.named import named
from app.views.original_view import OriginalView, text_strip

Index = QModelIndex | QPersistentModelIndex
_WIDEST = 300
_NARROWEST = 56
_MEASURED_ROWS = 200


class CellDelegate(QStyledItemDelegate):
    """Draws the text of a cell with its marks."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.marks = Marks()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a cell."""
        span = index.data(SPAN_ROLE)
        if span is None:
            return
        start, end = span
        painter.save()
        rect: QRect = option.rect
        if any(a < end and b > start for a, b in self.marks.passages):
            painter.fillRect(rect, self._theme.colour("accent", 0.07))
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self._theme.colour("accent", 0.16))
        text = index.data(Qt.ItemDataRole.DisplayRole).replace("\n", " ")
        layout = QTextLayout(text, option.font)
        wrap = QTextOption()
        wrap.setWrapMode(QTextOption.WrapMode.NoWrap)
        layout.setTextOption(wrap)
        attended = attended_within(self.marks.attended, start, end)
        terms = spans_within(self.marks.terms, start, end)
        layout.setFormats(format_ranges(self._theme, text, attended, terms))
        layout.beginLayout()
        line = layout.createLine()
        line.setPosition(QPointF(0, 0))
        layout.endLayout()
        painter.setClipRect(rect)
        painter.setPen(self._theme.colour("text"))
        y = rect.top() + (rect.height() - line.height()) / 2
        layout.draw(painter, QPointF(rect.left() + 6, y))
        focus = self.marks.focus
        if focus is not None and focus[0] < end and focus[1] > start:
            painter.setPen(QPen(self._theme.colour("accent"), 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -1))
        painter.restore()


class SheetView(OriginalView):
    """One table at a time, a tab for each sheet."""

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._content: Content | None = None
        self._placed = PlacedMarks()
        self._models: list[SheetModel] = []
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setDrawBase(False)
        self.tabs.currentChanged.connect(self._on_sheet_chosen)
        self.table = named(QTableView(), "original")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self._delegate = CellDelegate(theme, self.table)
        self.table.setItemDelegate(self._delegate)
        self.table.verticalHeader().setDefaultSectionSize(26)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.table)
        layout.addWidget(self.tabs)
        self.setFocusProxy(self.table)
        self.table.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        words.changed.connect(self._retranslate)
        theme.changed.connect(self.table.viewport().update)
        self._retranslate()

    def show_content(self, content: Content) -> None:
        """Show another workbook."""
        self._content = content
        self._placed = PlacedMarks()
        self._delegate.marks = Marks()
        self._models = [SheetModel(sheet) for sheet in content.sheets]
        self.tabs.blockSignals(True)
        while self.tabs.count():
            self.tabs.removeTab(0)
        for sheet in content.sheets:
            self.tabs.addTab(sheet.name or content.document.title)
        self.tabs.blockSignals(False)
        self.tabs.setVisible(len(content.sheets) > 1)
        if self._models:
            self.tabs.setCurrentIndex(0)
            self._on_sheet_chosen(0)

    def show_marks(self, placed: PlacedMarks) -> None:
        """Show other marks; the tabs say how many passages each sheet holds."""
        self._placed = placed
        self._delegate.marks = placed.marks
        if self._content is not None:
            for number, sheet in enumerate(self._content.sheets):
                found = _passages_in(sheet, placed.marks)
                name = sheet.name or self._content.document.title
                self.tabs.setTabText(number, f"{name}  ●{found}" if found else name)
        self.table.viewport().update()

    def go_to(self, start: int, end: int) -> None:
        """Bring the cell of a span into view."""
        if self._content is None:
            return
        found = cell_at(self._content.sheets, start, end)
        if found is not None:
            number, cell = found
            self.tabs.setCurrentIndex(number)
            index = self._models[number].index(cell.row, cell.column)
            self.table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
            first = self._models[number].index(cell.row, 0)
            if cell.column < 4:
                self.table.scrollTo(first)
            self.table.selectionModel().clear()

    def go_to_share(self, share: float) -> None:
        """Bring the cell at a share of the text into view."""
        if self._content is not None:
            length = len(self._content.document.text)
            start = round(share * length)
            self.go_to(start, min(length, start + 200))

    def go_to_page(self, page: int) -> None:
        """Show a sheet."""
        if 1 <= page <= self.tabs.count():
            self.tabs.setCurrentIndex(page - 1)

    def strip_marks(self) -> list[StripMark]:
        """Return where the marks lie in the text."""
        return text_strip(self._content, self._placed)

    def zoom_by(self, factor: float) -> None:
        """Make the letters larger or smaller."""
        font = self.table.font()
        font.setPointSizeF(min(24.0, max(6.0, font.pointSizeF() * factor)))
        self.table.setFont(font)
        self.table.verticalHeader().setDefaultSectionSize(self.table.fontMetrics().height() + 10)
        self._fit_columns()

    def _on_sheet_chosen(self, number: int) -> None:
        if not 0 <= number < len(self._models):
            return
        model = self._models[number]
        self.table.clearSpans()
        self.table.setModel(model)
        for cell in model.sheet.merged:
            self.table.setSpan(cell.row, cell.column, cell.rows, cell.columns)
        self._fit_columns()
        self.page_changed.emit(number + 1)
        self._on_scrolled()

    def _fit_columns(self) -> None:
        model = self.table.model()
        if not isinstance(model, SheetModel):
            return
        metrics = self.table.fontMetrics()
        widths = [_NARROWEST] * model.sheet.columns
        measured = min(_MEASURED_ROWS, model.sheet.rows)
        for row, column in product(range(measured), range(model.sheet.columns)):
            cell = model.sheet.cells.get((row, column))
            if cell is not None and cell.columns == 1:
                width = metrics.horizontalAdvance(cell.text[:60]) + 16
                widths[column] = min(_WIDEST, max(widths[column], width))
        for column, width in enumerate(widths):
            self.table.setColumnWidth(column, width)

    def _on_scrolled(self) -> None:
        content, model = self._content, self.table.model()
        if content is None or not isinstance(model, SheetModel) or not content.document.text:
            return
        first = self.table.rowAt(0)
        last = self.table.rowAt(self.table.viewport().height() - 1)
        last = model.sheet.rows if last < 0 else last + 1
        places = product(range(first, last), range(model.sheet.columns))
        found = (model.sheet.cells.get(place) for place in places)
        cells = [cell for cell in found if cell is not None]
        if cells:
            length = len(content.document.text)
            low, high = min(cell.start for cell in cells), max(cell.end for cell in cells)
            self.view_changed.emit(low / length, high / length)

    def _retranslate(self) -> None:
        self.table.setAccessibleName(self._words("viewer.table"))
        self.tabs.setAccessibleName(self._words("viewer.sheets"))


def _passages_in(sheet: Sheet, marks: Marks) -> int:
    """Return how many of the passages touch a sheet."""
    return sum(start < sheet.end and end > sheet.start for start, end in marks.passages)
