"""Builds the window, the library and what connects them; the only place that does."""

import gc
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from app.controllers.explain import ExplainController
from app.controllers.export import ExportController, open_folder
from app.controllers.history import HistoryController
from app.controllers.ingest import IngestController
from app.controllers.search import SearchController
from app.controllers.summary import SummaryController
from app.controllers.viewer import ViewerController
from app.i18n import Words
from app.jobs import JobRunner
from app.logs import start_log, tell_defects
from app.models.document_row import DocumentRow
from app.models.documents import DocumentListModel
from app.models.history import HistoryModel
from app.models.results import ResultListModel
from app.settings import SettingsFile
from app.theme import Theme
from app.windows.main_window import MainWindow
from engine.progress import CancelToken
from engine.records import Evidence, Hit, Summary, SummarySentence
from engine.service import Library

log = logging.getLogger(__name__)

CLOSE_S = 3.0
# The encoder's Python code would otherwise hold the interpreter for 5 ms at a time.
SWITCH_S = 0.001
_NEVER = 1_000_000_000
LANES = ("ingest", "query", "view", "library")


class Session(QObject):
    """One window on one library.

    Attributes:
        window: The window.
        runner: Runs the engine's work.
        library: The library, None until it is open.
    """

    def __init__(
        self, folder: Path | None, paths: Sequence[Path] = (), settings: SettingsFile | None = None
    ) -> None:
        super().__init__()
        self._folder = folder
        self._paths = list(paths)
        self.settings = settings or SettingsFile()
        current = self.settings.current
        self.words = Words(current.language)
        self.theme = Theme(current.theme)
        self.theme.apply()
        self.runner = JobRunner(LANES)
        self.runner.activity_changed.connect(self._tidy)
        self.documents = DocumentListModel(self.words, self.theme)
        self.results = ResultListModel(self.words)
        self.history_model = HistoryModel(self.words)
        self.window = MainWindow(
            self.words, self.theme, self.documents, self.results, self.history_model
        )
        self.window.setWindowIcon(self.theme.icon("app"))
        self.window.restore(current.geometry, current.panes)
        self.window.check_choices(current.language, current.theme)
        self.window.language_chosen.connect(self._on_language_chosen)
        self.window.theme_chosen.connect(self._on_theme_chosen)
        self.window.closing.connect(self.close)
        self.window.files_dropped.connect(self._on_files)
        self.library: Library | None = None
        self._ready = False
        self._closed = False

    def start(self) -> None:
        """Show the window and open the library behind it."""
        self.window.show()
        self.window.search.setEnabled(False)
        self.window.status.say(self.words("library.opening"))
        self.runner.submit(
            "library",
            self._open,
            on_finished=self._on_opened,
            on_failed=self._on_open_failed,
        )

    def close(self) -> None:
        """Stop all work, wait a little, close the library."""
        if self._closed:
            return
        self._closed = True
        geometry, panes = self.window.layout_state()
        self.settings.change(geometry=geometry, panes=panes)
        if not self.runner.shutdown(CLOSE_S):
            log.warning("some work did not stop in %s s", CLOSE_S)
        if self.library is not None:
            self.library.close()

    def _tidy(self) -> None:
        """Collect garbage, unless work runs."""
        if not self.runner.busy:
            gc.collect()

    def _open(self, _cancel: CancelToken) -> Library:
        # Kept here and not only returned: a window closed meanwhile must still close it.
        self.library = Library.open(self._folder)
        # To read the tokenizer stops every thread for a tenth of a second: before there is anything
        # to do, not while somebody types.
        self.library.pack_info()
        return self.library

    def _on_open_failed(self, error: Exception) -> None:
        text = self.words.error(error)
        self.window.status.say("")
        self.window.message.say(text, "bad")
        self.window.results.say_empty("library.failed_title", "library.failed_text", text=text)
        self.window.setAcceptDrops(False)

    def _on_opened(self, library: Library) -> None:
        window, runner, words = self.window, self.runner, self.words
        self.ingest = IngestController(
            library, runner, self.documents, words, window.message, window.status
        )
        self.search = SearchController(
            library,
            runner,
            self.results,
            words,
            self.settings,
            window.search,
            window.results,
            window.message,
        )
        self.viewer = ViewerController(library, runner, words, window.viewer)
        self.summary = SummaryController(library, runner, words, window.summary)
        self.explain = ExplainController(library, runner, words, window.why)
        self.history = HistoryController(
            library, runner, self.history_model, words, window.history, window.message
        )
        self.export = ExportController(
            library, runner, words, self.settings, window.status, window.message, window
        )
        self._connect()
        self._ready = True
        window.status.say("")
        window.search.setEnabled(True)
        window.search.focus()
        self._show_pack(library)
        self.ingest.start()
        self.history.reload()
        if self._paths:
            self.ingest.add(self._paths)

    def _on_files(self, paths: list[str]) -> None:
        if self._ready:
            self.ingest.add(paths)
        else:
            # Dropped while the library is still being opened.
            self._paths += [Path(path) for path in paths]

    def _connect(self) -> None:
        window = self.window
        window.documents.action_requested.connect(self._on_document_action)
        window.documents.table.selectionModel().selectionChanged.connect(self._on_selection)
        window.results.hit_chosen.connect(self._on_hit_chosen)
        window.export_requested.connect(self._on_export_requested)
        self.search.answered.connect(self._on_answered)
        self.summary.summarised.connect(self._on_summarised)
        self.summary.sentence_chosen.connect(self._on_sentence_chosen)
        self.history.opened.connect(self._show_evidence)
        self.history.replay_wanted.connect(self._on_replay_wanted)
        self.history.export_wanted.connect(self.export.export)
        self.ingest.document_removed.connect(self._on_document_removed)
        self.words.changed.connect(self._on_words_changed)

    def _on_document_action(self, name: str, rows: list[DocumentRow]) -> None:
        first = rows[0]
        if name == "open" and first.info is not None:
            self.window.show_original()
            self.viewer.show_document(first.info, self.results.hits)
        elif name == "summarise" and first.info is not None:
            self.window.show_answers(self.window.summary)
            self.summary.choose(first.info)
            self.summary.summarise(
                self.window.summary.query.text().strip(), self.window.summary.slider.value()
            )
        elif name == "restrict":
            self.search.restrict(rows)
        elif name == "retry":
            self.ingest.retry(rows)
        elif name == "cancel":
            self.ingest.cancel(rows)
        elif name == "folder":
            open_folder(Path(first.path).parent)
        elif name == "remove":
            self.ingest.ask_remove(rows)

    def _on_selection(self) -> None:
        rows = self.window.documents.selected()
        if len(rows) == 1 and rows[0].info is not None and rows[0].info.revision_id is not None:
            self.summary.choose(rows[0].info)

    def _on_answered(self, _evidence_id: int) -> None:
        self.window.show_answers(self.window.results)
        self.history.reload()
        if not self.results.hits:
            self.explain.clear()

    def _on_hit_chosen(self, hit: Hit) -> None:
        self.viewer.show_hit(hit, self.results.hits)
        if self.search.evidence_id is not None:
            self.explain.show(self.search.evidence_id, hit)

    def _on_summarised(self, summary: Summary, path: str) -> None:
        self.viewer.show_summary(summary, path)
        self.explain.show(summary.evidence_id, None)
        self.history.reload()

    def _on_sentence_chosen(self, summary: Summary, path: str, sentence: SummarySentence) -> None:
        self.window.show_original()
        self.viewer.show_summary(summary, path, sentence)

    def _show_evidence(self, evidence: Evidence) -> None:
        if evidence.kind == "summary":
            self.window.show_answers(self.window.summary)
            self.summary.show_evidence(evidence)
        else:
            self.search.show_evidence(evidence)

    def _on_replay_wanted(self, evidence: Evidence) -> None:
        self._show_evidence(evidence)
        self.window.originals.setCurrentWidget(self.window.why)
        self.explain.replay_of(evidence)

    def _on_export_requested(self) -> None:
        summarised = self.window.answers.currentWidget() is self.window.summary
        shown = self.summary.evidence_id if summarised else self.search.evidence_id
        self.export.export(shown)

    def _on_document_removed(self, document_id: int) -> None:
        self.search.forget(document_id)
        self.summary.forget(document_id)
        self.viewer.forget()

    def _on_language_chosen(self, language: str) -> None:
        self.settings.change(language=language)
        self.words.choose(language)

    def _on_theme_chosen(self, theme: str) -> None:
        self.settings.change(theme=theme)
        self.theme.choose(theme)

    def _on_words_changed(self) -> None:
        if self.library is not None:
            self._show_pack(self.library)

    def _show_pack(self, library: Library) -> None:
        def show(info) -> None:
            code = info.get("error")
            if code:
                self.window.status.show_pack(self.words("pack.missing"), self.words.code(code))
            else:
                name, revision = info.get("name", ""), info.get("revision", "")
                text = self.words("pack.name", name=name, revision=revision)
                self.window.status.show_pack(text, str(info.get("hash", "")))

        self.runner.submit("library", lambda _cancel: library.pack_info(), on_finished=show)


def steady_interpreter() -> None:
    """Keep other threads' Python from holding up the GUI thread.

    Threads take short turns. A full garbage collection stops all of them for as long as it looks
    at everything, a tenth of a second beside a long document: what was loaded so far and stays for
    good is left out of it, and it runs when no work does.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)


def run(folder: Path | None, paths: Sequence[Path]) -> int:
    """Run the application until its window is closed.

    Args:
        folder: Folder of the library, None for the user's own.
        paths: Files and folders to add at once.

    Returns:
        Exit status.
    """
    start_log()
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Chumoku")
    application.setApplicationDisplayName("Chumoku")
    application.setDesktopFileName("chumoku")
    session = Session(folder, [path.absolute() for path in paths])
    tell_defects(lambda error: session.window.message.say(session.words.error(error), "bad"))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: session.window.close())
    # Python sees a signal only between two steps of its own, and Qt may take none for hours.
    awake = QTimer()
    awake.timeout.connect(lambda: None)
    awake.start(250)
    steady_interpreter()
    QTimer.singleShot(0, session.start)
    status = application.exec()
    session.close()
    return status
