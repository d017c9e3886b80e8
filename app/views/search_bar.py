"""Where the question is asked."""

from collections.abc import Sequence

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCompleter,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QWidget,
)

from app.i18n import Words
from app.theme import Theme
from app.views.named import named


class QueryEdit(QLineEdit):
    """The field of the question; Down opens the history."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the history on Down."""
        completer = self.completer()
        popup = completer.popup() if completer is not None else None
        if event.key() == Qt.Key.Key_Down and popup is not None and not popup.isVisible():
            completer.setCompletionPrefix(self.text())
            completer.complete()
            return
        super().keyPressEvent(event)


class SearchBar(QWidget):
    """Field, button and the documents that the search is restricted to.

    Signals:
        search_requested: (str), a question was asked.
        cancel_requested: The running search should stop.
        scope_cleared: All documents should be searched again.
    """

    search_requested = Signal(str)
    cancel_requested = Signal()
    scope_cleared = Signal()

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._scope: tuple[str, ...] = ()
        self._busy = False
        self.field = named(QueryEdit(), "search")
        self.field.setAcceptDrops(False)
        self.field.setClearButtonEnabled(True)
        self.field.returnPressed.connect(self._on_asked)
        self._history = QStringListModel(self)
        completer = QCompleter(self._history, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.field.setCompleter(completer)
        self._icon = self.field.addAction(
            theme.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.button = named(QPushButton(), "primary")
        self.button.clicked.connect(self._on_pressed)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setFixedWidth(70)
        self._bar.hide()
        self._scope_label = named(QLabel(), "muted")
        self._scope_clear = QToolButton()
        self._scope_clear.clicked.connect(self.scope_cleared)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.addWidget(self.field, 1)
        layout.addWidget(self._bar)
        layout.addWidget(self.button)
        layout.addWidget(self._scope_label)
        layout.addWidget(self._scope_clear)
        words.changed.connect(self.retranslate)
        theme.changed.connect(self._draw_icons)
        self.retranslate()
        self._draw_icons()

    def set_history(self, queries: Sequence[str]) -> None:
        """Offer earlier questions."""
        self._history.setStringList(list(queries))

    def set_scope(self, names: Sequence[str]) -> None:
        """Show which documents are searched; none means all."""
        self._scope = tuple(names)
        self.retranslate()

    def set_busy(self, busy: bool) -> None:
        """Show whether a search runs; the button then stops it."""
        self._busy = busy
        self._bar.setVisible(busy)
        self.retranslate()

    def focus(self) -> None:
        """Take the keyboard."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def retranslate(self) -> None:
        """Write all words again."""
        words = self._words
        self.field.setPlaceholderText(words("search.placeholder"))
        self.field.setAccessibleName(words("search.field"))
        self.button.setText(words("search.stop" if self._busy else "search.button"))
        restricted = bool(self._scope)
        self._scope_label.setVisible(restricted)
        self._scope_clear.setVisible(restricted)
        self._scope_clear.setToolTip(words("search.scope_clear"))
        self._scope_clear.setAccessibleName(words("search.scope_clear"))
        if restricted:
            first = self._scope[0] if len(self._scope[0]) <= 24 else self._scope[0][:23] + "…"
            key = "search.scope_one" if len(self._scope) == 1 else "search.scope_many"
            self._scope_label.setText(words(key, name=first, count=len(self._scope)))
            self._scope_label.setToolTip("\n".join(self._scope))

    def _on_pressed(self) -> None:
        if self._busy:
            self.cancel_requested.emit()
        else:
            self._on_asked()

    def _on_asked(self) -> None:
        query = self.field.text().strip()
        if query:
            self.search_requested.emit(query)
        else:
            self.field.setFocus()

    def _draw_icons(self) -> None:
        self._icon.setIcon(self._theme.icon("search", "muted"))
        self._scope_clear.setIcon(self._theme.icon("close", "muted"))
