"""The pane of documents."""

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QStackedWidget,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.i18n import Words
from app.models.document_row import DocumentRow
from app.models.documents import DocumentListModel
from app.theme import Theme
from app.views.document_delegate import DocumentDelegate
from app.views.empty_state import EmptyState
from app.views.named import named

_ACTIONS = (
    ("open", "Return"),
    ("summarise", "Ctrl+M"),
    ("restrict", "Ctrl+R"),
    ("retry", "F5"),
    ("cancel", "Esc"),
    ("folder", "Ctrl+Shift+O"),
    ("remove", "Del"),
)


class DocumentListView(QWidget):
    """Shows documents and says what the user wants of them.

    Signals:
        add_files_requested: The user wants to pick files.
        add_folder_requested: The user wants to pick a folder.
        action_requested: (str, list[DocumentRow]): ``open``, ``summarise``, ``restrict``,
            ``retry``, ``cancel``, ``folder`` or ``remove``.
    """

    add_files_requested = Signal()
    add_folder_requested = Signal()
    action_requested = Signal(str, object)

    def __init__(self, model: DocumentListModel, words: Words, theme: Theme) -> None:
        super().__init__()
        self._model = model
        self._words = words
        self._theme = theme
        self._title = named(QLabel(), "title")
        self._count = named(QLabel(), "muted")
        self._add_files = QToolButton()
        self._add_folder = QToolButton()
        self._add_files.clicked.connect(self.add_files_requested)
        self._add_folder.clicked.connect(self.add_folder_requested)
        header = named(QFrame(), "header")
        row = QHBoxLayout(header)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self._title)
        row.addWidget(self._count)
        row.addStretch()
        row.addWidget(self._add_files)
        row.addWidget(self._add_folder)

        self.table = QTableView()
        self.table.setModel(model)
        self._delegate = DocumentDelegate(theme, self.table)
        self._delegate.button_pressed.connect(self._on_button_pressed)
        self.table.setItemDelegate(self._delegate)
        self.table.setColumnHidden(DocumentListModel.STATUS, True)
        self.table.setColumnHidden(DocumentListModel.PAGES, True)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setMouseTracking(True)
        self.table.setTabKeyNavigation(False)
        self.table.horizontalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().hide()
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.doubleClicked.connect(lambda _index: self._request("open"))
        self._empty = EmptyState(theme, "drop")
        self._empty.action_requested.connect(self.add_files_requested)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.table)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(self._stack)
        self.setMinimumWidth(220)
        self._actions: dict[str, QAction] = {}
        for name, keys in _ACTIONS:
            action = QAction(self)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _checked=False, name=name: self._request(name))
            self.table.addAction(action)
            self._actions[name] = action
        for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            signal.connect(self._on_rows_changed)
        model.dataChanged.connect(self._on_rows_changed)
        words.changed.connect(self.retranslate)
        theme.changed.connect(self._draw_icons)
        self.retranslate()
        self._draw_icons()
        self._on_rows_changed()

    def selected(self) -> list[DocumentRow]:
        """Return the documents selected, in the order shown."""
        indexes = self.table.selectionModel().selectedRows()
        return [self._model.row(index) for index in sorted(indexes, key=QModelIndex.row)]

    def retranslate(self) -> None:
        """Write all words again."""
        words = self._words
        self._title.setText(words("docs.title"))
        for button, key in ((self._add_files, "docs.add"), (self._add_folder, "docs.add_folder")):
            button.setToolTip(words(key))
            button.setAccessibleName(words(key))
        for name, action in self._actions.items():
            action.setText(words(f"docs.{name}"))
        self._empty.say(words("docs.empty_title"), words("docs.empty_text"), words("docs.add"))
        self.table.setAccessibleName(words("docs.title"))
        self._on_rows_changed()

    def _draw_icons(self) -> None:
        self._add_files.setIcon(self._theme.icon("add"))
        self._add_folder.setIcon(self._theme.icon("folder"))

    def _on_rows_changed(self) -> None:
        rows = self._model.rows
        self._stack.setCurrentWidget(self.table if rows else self._empty)
        height = 2 * self.table.fontMetrics().height() + 20
        if self.table.verticalHeader().defaultSectionSize() != height:
            self.table.verticalHeader().setDefaultSectionSize(height)
        failed = sum(row.failed for row in rows)
        key = "docs.count_failed" if failed else "docs.count"
        self._count.setText(self._words(key, count=len(rows), failed=failed) if rows else "")

    def _request(self, name: str) -> None:
        rows = self.selected()
        if rows and self._allowed(name, rows):
            self.action_requested.emit(name, rows)

    def _allowed(self, name: str, rows: list[DocumentRow]) -> bool:
        if name == "cancel":
            return any(row.working for row in rows)
        if name == "retry":
            return any(not row.working and not _analysed(row) for row in rows)
        if name == "open":
            return rows[0].info is not None and rows[0].info.revision_id is not None
        if name == "summarise":
            return _analysed(rows[0])
        if name == "restrict":
            return any(row.searchable for row in rows)
        return True

    def _show_menu(self, position) -> None:
        rows = self.selected()
        if not rows:
            return
        menu = QMenu(self)
        for name, _keys in _ACTIONS:
            if name in ("retry", "folder"):
                menu.addSeparator()
            action = self._actions[name]
            action.setEnabled(self._allowed(name, rows))
            menu.addAction(action)
        menu.exec(self.table.viewport().mapToGlobal(position))
        for action in self._actions.values():
            action.setEnabled(True)
        menu.deleteLater()

    def _on_button_pressed(self, index: QModelIndex) -> None:
        row = self._model.row(index)
        self.action_requested.emit("cancel" if row.working else "retry", [row])


def _analysed(row: DocumentRow) -> bool:
    return row.info is not None and row.info.status == "analysed"
