"""The history: every question and summary with its evidence."""

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.i18n import Words
from app.models.history import HistoryModel
from app.theme import Theme
from app.views.empty_state import EmptyState

_ROOM_FOR_DOCUMENTS = 560


class _Table(QTableView):
    """A table that Enter opens a row of."""

    opened = Signal()
    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
            return
        super().keyPressEvent(event)


class HistoryView(QWidget):
    """Shows evidence records.

    Signals:
        open_requested: (EvidenceInfo), the answer should be shown.
        replay_requested: (EvidenceInfo), it should be shown and computed again.
        export_requested: (EvidenceInfo), it should be written to a file.
    """

    open_requested = Signal(object)
    replay_requested = Signal(object)
    export_requested = Signal(object)

    def __init__(self, model: HistoryModel, words: Words, theme: Theme) -> None:
        super().__init__()
        self._model = model
        self._words = words
        self.table = _Table()
        self.table.setModel(model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(HistoryModel.QUERY, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        self.table.resized.connect(self._fit_columns)
        self.table.opened.connect(lambda: self._emit(self.open_requested))
        self.table.doubleClicked.connect(lambda _index: self._emit(self.open_requested))
        self.open_button = QPushButton()
        self.replay_button = QPushButton()
        self.export_button = QPushButton()
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 8)
        row.addStretch()
        for button, signal in (
            (self.open_button, self.open_requested),
            (self.replay_button, self.replay_requested),
            (self.export_button, self.export_requested),
        ):
            button.clicked.connect(lambda _checked=False, signal=signal: self._emit(signal))
            row.addWidget(button)
        filled = QWidget()
        inner = QVBoxLayout(filled)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self.table)
        inner.addLayout(row)
        self._empty = EmptyState(theme, "text")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(filled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self.table.selectionModel().selectionChanged.connect(self._on_selection_changed)
        model.modelReset.connect(self._on_reset)
        words.changed.connect(self.retranslate)
        self.retranslate()
        self._on_reset()

    def retranslate(self) -> None:
        """Write all words again."""
        words = self._words
        self._empty.say(words("history.empty_title"), words("history.empty_text"))
        self.open_button.setText(words("history.open"))
        self.replay_button.setText(words("history.replay"))
        self.export_button.setText(words("history.export"))
        self.table.setAccessibleName(words("history.title"))
        self._fit_columns()

    def _emit(self, signal) -> None:
        index = self.table.currentIndex()
        if index.isValid():
            signal.emit(self._model.item(index))

    def _on_reset(self) -> None:
        filled = self._model.rowCount() > 0
        self._stack.setCurrentIndex(1 if filled else 0)
        if filled:
            flag = QItemSelectionModel.SelectionFlag
            self.table.selectionModel().setCurrentIndex(
                self._model.index(0, 0), flag.SelectCurrent | flag.Rows
            )
        self._fit_columns()
        self._on_selection_changed()

    def _fit_columns(self) -> None:
        metrics = self.table.fontMetrics()
        self.table.setColumnWidth(
            HistoryModel.TIME, metrics.horizontalAdvance("2026-00-00 00:00") + 20
        )
        self.table.setColumnWidth(
            HistoryModel.KIND, metrics.horizontalAdvance(self._words("history.summary")) + 24
        )
        self.table.setColumnWidth(
            HistoryModel.HITS, metrics.horizontalAdvance(self._words("history.hits")) + 24
        )
        width = self.table.viewport().width()
        self.table.setColumnHidden(HistoryModel.DOCUMENTS, width < _ROOM_FOR_DOCUMENTS)
        self.table.setColumnWidth(HistoryModel.DOCUMENTS, width // 3)

    def _on_selection_changed(self) -> None:
        chosen = self.table.currentIndex().isValid()
        for button in (self.open_button, self.replay_button, self.export_button):
            button.setEnabled(chosen)
