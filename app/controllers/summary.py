"""Summaries of one document."""

from PySide6.QtCore import QObject, Signal

from app.i18n import Words
from app.jobs import JobHandle, JobRunner
from app.models.results import file_name
from app.views.summary_view import SummaryView
from engine.progress import CancelToken
from engine.records import DocumentId, DocumentInfo, Evidence, EvidenceId, Summary, SummarySentence
from engine.service import Library


class SummaryController(QObject):
    """Asks for summaries and shows them.

    Signals:
        summarised: (Summary, str), a summary of the file of this path is shown.
        sentence_chosen: (Summary, str, SummarySentence), a sentence of it was chosen.
    """

    summarised = Signal(object, str)
    sentence_chosen = Signal(object, str, object)

    def __init__(
        self, library: Library, runner: JobRunner, words: Words, view: SummaryView
    ) -> None:
        super().__init__()
        self._library = library
        self._runner = runner
        self._words = words
        self._view = view
        self._document_id: DocumentId | None = None
        self._path = ""
        self._job: JobHandle | None = None
        view.summary_requested.connect(self.summarise)
        view.cancel_requested.connect(self.cancel)
        view.sentence_chosen.connect(self._on_sentence_chosen)

    @property
    def evidence_id(self) -> EvidenceId | None:
        """Evidence of the summary shown."""
        return self._view.summary.evidence_id if self._view.summary else None

    def choose(self, info: DocumentInfo) -> None:
        """Choose the document to be summarised."""
        if info.document_id == self._document_id:
            return
        self.cancel()
        self._document_id = info.document_id
        self._path = info.path
        self._view.set_document(file_name(info.path))
        self._view.show_summary(None)

    def summarise(self, query: str, sentences: int) -> None:
        """Summarise the document chosen."""
        document_id = self._document_id
        if document_id is None:
            return
        self._view.set_busy(True)
        job: JobHandle | None = None

        def work(cancel: CancelToken) -> Summary:
            return self._library.summarize(document_id, query or None, sentences, cancel)

        def ended() -> None:
            if self._job is job:
                self._job = None
                self._view.set_busy(False)

        job = self._runner.submit(
            "query",
            work,
            key="summary",
            on_finished=self._show,
            on_failed=lambda error: self._view.show_error(self._words.error(error)),
            on_ended=ended,
        )
        self._job = job

    def cancel(self) -> None:
        """Drop the summary that is being made."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._view.set_busy(False)

    def show_evidence(self, evidence: Evidence) -> None:
        """Show an earlier summary."""
        if evidence.summary is None:
            return
        self.cancel()
        self._document_id = evidence.summary.document_id
        self._path = evidence.sources[0].path if evidence.sources else ""
        self._view.set_document(file_name(self._path))
        self._view.query.setText(evidence.query or "")
        self._show(evidence.summary)

    def forget(self, document_id: int) -> None:
        """Let go of a document that was removed."""
        if self._document_id == document_id:
            self.cancel()
            self._document_id = None
            self._view.set_document("")
            self._view.show_summary(None)

    def _show(self, summary: Summary) -> None:
        self._view.show_summary(summary)
        self.summarised.emit(summary, self._path)

    def _on_sentence_chosen(self, sentence: SummarySentence) -> None:
        if self._view.summary is not None:
            self.sentence_chosen.emit(self._view.summary, self._path, sentence)
