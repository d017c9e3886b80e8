"""The one window: documents at the left, answers in the middle, the original at the right."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import QFileDialog, QMainWindow, QSplitter, QTabWidget, QVBoxLayout, QWidget

from app.i18n import Words
from app.models.documents import DocumentListModel
from app.models.history import HistoryModel
from app.models.results import ResultListModel
from app.theme import Theme
from app.views.document_list import DocumentListView
from app.views.drop_overlay import DropOverlay
from app.views.history_view import HistoryView
from app.views.message_bar import MessageBar
from app.views.result_list import ResultListView
from app.views.search_bar import SearchBar
from app.views.status_line import StatusLine
from app.views.summary_view import SummaryView
from app.views.viewer_pane import ViewerPane
from app.views.why_view import WhyView
from engine.reading.registry import SUPPORTED_SUFFIXES

LANGUAGES = ("system", "ja", "en")
THEMES = ("system", "light", "dark")


class MainWindow(QMainWindow):
    """Holds the views; knows nothing of the engine's work.

    Signals:
        files_dropped: (list[str]), files or folders were dropped or picked.
        export_requested: The answer shown should be written to a file.
        language_chosen: (str), ``system``, ``ja`` or ``en``.
        theme_chosen: (str), ``system``, ``light`` or ``dark``.
        closing: The window is about to close.
    """

    files_dropped = Signal(object)
    export_requested = Signal()
    language_chosen = Signal(str)
    theme_chosen = Signal(str)
    closing = Signal()

    def __init__(
        self,
        words: Words,
        theme: Theme,
        documents: DocumentListModel,
        results: ResultListModel,
        history: HistoryModel,
    ) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._texts: list[tuple[Callable[[str], None], str]] = []
        self.setAcceptDrops(True)
        self.search = SearchBar(words, theme)
        self.message = MessageBar(words, theme)
        self.documents = DocumentListView(documents, words, theme)
        self.results = ResultListView(results, words, theme)
        self.summary = SummaryView(words, theme)
        self.history = HistoryView(history, words, theme)
        self.viewer = ViewerPane(words, theme)
        self.why = WhyView(words, theme)
        self.status = StatusLine(words, theme)
        self.setStatusBar(self.status)
        self.answers = QTabWidget()
        for view in (self.results, self.summary, self.history):
            self.answers.addTab(view, "")
        self.originals = QTabWidget()
        for view in (self.viewer, self.why):
            self.originals.addTab(view, "")
        for tabs in (self.answers, self.originals):
            tabs.setDocumentMode(True)
        self.panes = QSplitter(Qt.Orientation.Horizontal)
        for stretch, view in ((0, self.documents), (1, self.answers), (2, self.originals)):
            self.panes.addWidget(view)
            self.panes.setStretchFactor(self.panes.count() - 1, stretch)
        self.panes.setChildrenCollapsible(False)
        self.panes.setHandleWidth(5)
        self.panes.setSizes([270, 430, 740])
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.search)
        layout.addWidget(self.message)
        layout.addWidget(self.panes, 1)
        self.setCentralWidget(body)
        self._overlay = DropOverlay(words, theme, self)
        self._build_menus()
        self.documents.add_files_requested.connect(self.pick_files)
        self.documents.add_folder_requested.connect(self.pick_folder)
        self.results.export_requested.connect(self.export_requested)
        words.changed.connect(self.retranslate)
        self.resize(1360, 860)
        self.setMinimumSize(900, 560)
        self.retranslate()
        self.search.focus()

    def pick_files(self) -> None:
        """Let the user pick files."""
        words = self._words
        patterns = " ".join(f"*{suffix}" for suffix in sorted(SUPPORTED_SUFFIXES))
        kinds = f"{words('pick.documents')} ({patterns});;{words('pick.all')} (*)"
        paths, _kind = QFileDialog.getOpenFileNames(self, words("docs.add"), "", kinds)
        if paths:
            self.files_dropped.emit(paths)

    def pick_folder(self) -> None:
        """Let the user pick a folder."""
        path = QFileDialog.getExistingDirectory(self, self._words("docs.add_folder"))
        if path:
            self.files_dropped.emit([path])

    def show_answers(self, view: QWidget) -> None:
        """Bring one of results, summary and history to the front."""
        self.answers.setCurrentWidget(view)

    def show_original(self) -> None:
        """Bring the original to the front."""
        self.originals.setCurrentWidget(self.viewer)

    def restore(self, geometry: str, panes: str) -> None:
        """Take the place and the pane sizes of last time."""
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))
        if panes:
            self.panes.restoreState(QByteArray.fromBase64(panes.encode()))

    def layout_state(self) -> tuple[str, str]:
        """Return place and pane sizes for :meth:`restore`."""
        return (
            bytes(self.saveGeometry().toBase64().data()).decode(),
            bytes(self.panes.saveState().toBase64().data()).decode(),
        )

    def check_choices(self, language: str, theme: str) -> None:
        """Tick the language and theme in use."""
        for choice, action in self._choices.items():
            if choice in (("language", language), ("theme", theme)):
                action.setChecked(True)

    def retranslate(self) -> None:
        """Write all words again."""
        words = self._words
        self.setWindowTitle(words("app.title"))
        for write, key in self._texts:
            write(words(key))
        for tabs, keys in (
            (self.answers, ("tab.results", "tab.summary", "tab.history")),
            (self.originals, ("tab.original", "tab.why")),
        ):
            for number, key in enumerate(keys):
                tabs.setTabText(number, words(key))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and cover the window."""
        if _local_files(event):
            event.acceptProposedAction()
            self._overlay.cover()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Keep accepting files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Uncover the window."""
        self._overlay.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take the files."""
        self._overlay.hide()
        paths = _local_files(event)
        if paths:
            # Copied, not moved: the source keeps its files whatever the drag proposed.
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.files_dropped.emit(paths)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the cover as large as the window."""
        super().resizeEvent(event)
        if self._overlay.isVisible():
            self._overlay.cover()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hide first, so that closing feels instant; then let the work be stopped."""
        self.hide()
        self.closing.emit()
        event.accept()

    def changeEvent(self, event: QEvent) -> None:
        """Uncover the window when it loses the focus during a drag."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._overlay.hide()

    def _build_menus(self) -> None:
        self._choices: dict[tuple[str, str], QAction] = {}
        bar = self.menuBar()
        file = self._menu(bar, "menu.file")
        self._action(file, "docs.add", "Ctrl+O", self.pick_files)
        self._action(file, "docs.add_folder", "", self.pick_folder)
        file.addSeparator()
        self._action(file, "menu.export", "Ctrl+E", self.export_requested.emit)
        file.addSeparator()
        self._action(file, "menu.quit", "Ctrl+Q", self.close)
        go = self._menu(bar, "menu.go")
        search = self._action(go, "menu.search", "Ctrl+F", self.search.focus)
        search.setShortcuts([QKeySequence("Ctrl+F"), QKeySequence("Ctrl+L")])
        self._action(go, "menu.documents", "Ctrl+D", self.documents.table.setFocus)
        go.addSeparator()
        for number, (key, tabs, view, inner) in enumerate(
            (
                ("tab.results", self.answers, self.results, self.results.list),
                ("tab.summary", self.answers, self.summary, self.summary.query),
                ("tab.history", self.answers, self.history, self.history.table),
                ("tab.original", self.originals, self.viewer, self.viewer),
                ("tab.why", self.originals, self.why, self.why),
            ),
            start=1,
        ):

            def show(tabs=tabs, view=view, inner=inner) -> None:
                tabs.setCurrentWidget(view)
                inner.setFocus(Qt.FocusReason.ShortcutFocusReason)

            self._action(go, key, f"Ctrl+{number}", show)
        view_menu = self._menu(bar, "menu.view")
        for kind, choices, signal in (
            ("language", LANGUAGES, self.language_chosen),
            ("theme", THEMES, self.theme_chosen),
        ):
            menu = self._menu(view_menu, f"menu.{kind}")
            group = QActionGroup(self)
            for choice in choices:
                action = self._action(
                    menu,
                    f"{kind}.{choice}",
                    "",
                    lambda signal=signal, choice=choice: signal.emit(choice),
                )
                action.setCheckable(True)
                group.addAction(action)
                self._choices[kind, choice] = action

    def _menu(self, parent, key: str):
        menu = parent.addMenu("")
        self._texts.append((menu.setTitle, key))
        return menu

    def _action(self, menu, key: str, keys: str, slot: Callable[[], object]) -> QAction:
        action = QAction(self)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _checked=False: slot())
        menu.addAction(action)
        self._texts.append((action.setText, key))
        return action


def _local_files(event: QDropEvent) -> list[str]:
    """Return the files and folders of this machine that are dragged."""
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return [str(Path(url.toLocalFile())) for url in urls if url.isLocalFile()]
