"""Questions and their hits."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from app.i18n import Words
from app.jobs import JobHandle, JobRunner
from app.models.document_row import DocumentRow
from app.models.results import ResultListModel
from app.settings import SettingsFile
from app.views.message_bar import MessageBar
from app.views.result_list import ResultListView
from app.views.search_bar import SearchBar
from engine.errors import ChumokuError
from engine.progress import CancelToken
from engine.records import DocumentId, Evidence, EvidenceId, SearchResult, SearchSettings
from engine.service import Library


class SearchController(QObject):
    """Asks the library and shows what it found.

    Signals:
        answered: (EvidenceId), hits of this evidence are shown now.
    """

    answered = Signal(int)

    def __init__(
        self,
        library: Library,
        runner: JobRunner,
        model: ResultListModel,
        words: Words,
        settings: SettingsFile,
        bar: SearchBar,
        view: ResultListView,
        message: MessageBar,
    ) -> None:
        super().__init__()
        self._library = library
        self._runner = runner
        self._model = model
        self._words = words
        self._settings = settings
        self._bar = bar
        self._view = view
        self._message = message
        self._scope: dict[DocumentId, str] = {}
        self._job: JobHandle | None = None
        self._outcome: SearchResult | None = None
        self.evidence_id: EvidenceId | None = None
        bar.search_requested.connect(self.search)
        bar.cancel_requested.connect(self.cancel)
        bar.scope_cleared.connect(lambda: self.restrict(()))
        bar.set_history(settings.current.queries)
        words.changed.connect(self._show_note)

    def search(self, query: str) -> None:
        """Ask a question; an earlier one that still runs is dropped."""
        asked = SearchSettings(top=self._settings.current.top, documents=tuple(self._scope))
        self._settings.remember_query(query)
        self._bar.set_history(self._settings.current.queries)
        self._bar.set_busy(True)
        self._view.set_note(self._words("results.searching"))
        job: JobHandle | None = None

        def work(cancel: CancelToken) -> SearchResult:
            return self._library.search(query, asked, cancel)

        def ended() -> None:
            if self._job is job:
                self._job = None
                self._bar.set_busy(False)

        job = self._runner.submit(
            "query",
            work,
            key="search",
            on_finished=self._show,
            on_failed=lambda error: self._on_failed(query, error),
            on_ended=ended,
        )
        self._job = job

    def cancel(self) -> None:
        """Drop the question that is being answered."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._bar.set_busy(False)
        self._show_note()

    def restrict(self, rows: Sequence[DocumentRow]) -> None:
        """Search only these documents; none means all."""
        self._scope = {
            row.document_id: row.name
            for row in rows
            if row.document_id is not None and row.searchable
        }
        self._bar.set_scope(list(self._scope.values()))
        self._bar.focus()

    def forget(self, document_id: int) -> None:
        """Take a removed document out of the scope."""
        if DocumentId(document_id) in self._scope:
            del self._scope[DocumentId(document_id)]
            self._bar.set_scope(list(self._scope.values()))

    def show_evidence(self, evidence: Evidence) -> None:
        """Show the hits of an earlier question."""
        self.cancel()
        self._bar.field.setText(evidence.query or "")
        self._show(SearchResult(evidence.evidence_id, evidence.query or "", evidence.hits, 0.0, ()))

    def _show(self, result: SearchResult) -> None:
        self._outcome = result
        self.evidence_id = result.evidence_id
        self._model.set_hits(result.hits)
        if not result.hits:
            self._view.say_empty("results.none_title", "results.none_text", query=result.query)
        self._show_note()
        self.answered.emit(result.evidence_id)
        self._view.choose_first()

    def _show_note(self) -> None:
        result = self._outcome
        if result is None:
            self._view.set_note("")
            return
        words = self._words
        note = words("results.count", count=len(result.hits))
        if result.seconds:
            note = words("results.timed", count=len(result.hits), seconds=f"{result.seconds:.2f}")
        self._view.set_note(note)
        for code in result.notes:
            name, _, value = code.partition(":")
            if words.has(f"note.{name}"):
                self._message.say(words(f"note.{name}", value=value), "info")

    def _on_failed(self, query: str, error: Exception) -> None:
        self._outcome = None
        self.evidence_id = None
        self._model.set_hits(())
        self._view.set_note("")
        text = self._words.error(error)
        self._view.say_empty("results.failed_title", "results.failed_text", text=text, query=query)
        if not isinstance(error, ChumokuError):
            self._message.say(text, "bad")
