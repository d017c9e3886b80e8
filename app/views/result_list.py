"""The pane of hits."""

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.i18n import Words
from app.models.results import ResultListModel
from app.theme import Theme
from app.views.empty_state import EmptyState
from app.views.named import named
from app.views.result_delegate import ResultDelegate

_BATCH = 3


class _Hits(QListView):
    """A list whose rows are laid out again for another width."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.scheduleDelayedItemsLayout()


class ResultListView(QWidget):
    """Shows hits.

    Signals:
        hit_chosen: (Hit), a hit was selected.
        export_requested: The evidence should be exported.
    """

    hit_chosen = Signal(object)
    export_requested = Signal()

    def __init__(self, model: ResultListModel, words: Words, theme: Theme) -> None:
        super().__init__()
        self._model = model
        self._words = words
        self._theme = theme
        self._state = ("results.empty_title", "results.empty_text", {})
        self._note = named(QLabel(), "muted")
        self._export = QToolButton()
        self._export.clicked.connect(self.export_requested)
        header = named(QFrame(), "header")
        row = QHBoxLayout(header)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self._note, 1)
        row.addWidget(self._export)
        self.list = _Hits()
        self.list.setModel(model)
        self.list.setItemDelegate(ResultDelegate(words, theme, self.list))
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        # Rows beyond the first are laid out between other events. A scroll bar that came with the
        # second batch would change the width and with it begin the layout again, for ever.
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.list.setLayoutMode(QListView.LayoutMode.Batched)
        self.list.setBatchSize(_BATCH)
        self.list.setMouseTracking(True)
        self.list.selectionModel().currentChanged.connect(self._on_current_changed)
        self.list.activated.connect(self._on_activated)
        self._empty = EmptyState(theme, "search")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(self._stack)
        self.setMinimumWidth(280)
        model.modelReset.connect(self._on_reset)
        words.changed.connect(self.retranslate)
        theme.changed.connect(self._draw_icons)
        self.retranslate()
        self._draw_icons()
        self._on_reset()

    def say_empty(self, title_key: str, text_key: str, **values: object) -> None:
        """Say why there are no hits, by the keys of the words."""
        self._state = (title_key, text_key, values)
        self.retranslate()

    def set_note(self, text: str) -> None:
        """Show a short note beside the title."""
        self._note.setText(text)

    def choose_first(self) -> None:
        """Select the best hit."""
        if self._model.rowCount():
            self.list.setCurrentIndex(self._model.index(0))

    def retranslate(self) -> None:
        """Write all words again."""
        words = self._words
        self.list.setAccessibleName(words("results.title"))
        self._export.setToolTip(words("results.export"))
        self._export.setAccessibleName(words("results.export"))
        title, text, values = self._state
        self._empty.say(words(title, **values), words(text, **values))

    def _draw_icons(self) -> None:
        self._export.setIcon(self._theme.icon("export"))

    def _on_reset(self) -> None:
        filled = self._model.rowCount() > 0
        self._stack.setCurrentWidget(self.list if filled else self._empty)
        self._export.setEnabled(filled)

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.hit_chosen.emit(self._model.hit(current))

    def _on_activated(self, index: QModelIndex) -> None:
        self.hit_chosen.emit(self._model.hit(index))
