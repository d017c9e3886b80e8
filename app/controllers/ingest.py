"""Files on their way into the library: add, resume, cancel, retry, remove."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.i18n import Words
from app.jobs import JobHandle, JobRunner
from app.models.document_row import DocumentRow, fraction_of
from app.models.documents import DocumentListModel
from app.models.results import file_name
from app.views.message_bar import MessageBar
from app.views.status_line import StatusLine
from engine.progress import CancelToken, Progress
from engine.records import AddResult, DocumentInfo
from engine.service import Library

REFRESH_MS = 300
_READING = ("read", "index")


@dataclass(slots=True)
class _Batch:
    """Files handed over together.

    Attributes:
        paths: The files; empty when the library itself says what is left to analyse.
        read: Files whose reading began.
        settled: Files that are done.
        failed: Names of files that failed.
        fresh: Number of files that are new or changed.
        latest: File and stage of the latest progress.
    """

    paths: list[str]
    read: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    fresh: int = 0
    latest: tuple[str, str] | None = None

    def fraction(self, progress: Progress) -> float | None:
        """How much of the batch is done, in 0..1."""
        total = len(self.paths) or len(self.settled) + 1
        if progress.stage in _READING:
            return 0.3 * len(self.read) / total
        part = (fraction_of(progress) or 0.0) if progress.total else 0.0
        return 0.3 + 0.7 * min(1.0, (len(self.settled) + part) / total)


class IngestController(QObject):
    """Runs the work on documents, one batch after another.

    Signals:
        library_changed: Documents came, changed or went.
        document_removed: (int), the identity of a document that went.
    """

    library_changed = Signal()
    document_removed = Signal(int)

    def __init__(
        self,
        library: Library,
        runner: JobRunner,
        model: DocumentListModel,
        words: Words,
        message: MessageBar,
        status: StatusLine,
    ) -> None:
        super().__init__()
        self._library = library
        self._runner = runner
        self._model = model
        self._words = words
        self._message = message
        self._status = status
        self._batches: dict[JobHandle, _Batch] = {}
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(REFRESH_MS)
        self._refresh.timeout.connect(self.reload)
        status.cancel_requested.connect(self.cancel_all)

    @property
    def busy(self) -> bool:
        """Whether any batch waits or runs."""
        return bool(self._batches)

    def start(self) -> None:
        """Show the documents and go on with what was left unfinished."""
        self.reload()
        self._runner.submit(
            "library",
            lambda _cancel: self._library.pending(),
            on_finished=lambda count: self.resume() if count else None,
            on_failed=self._on_failed,
        )

    def reload(self) -> None:
        """Show what the library holds now."""
        self._runner.submit(
            "library",
            lambda _cancel: self._library.documents(),
            key="documents",
            on_finished=self._on_documents,
            on_failed=self._on_failed,
        )

    def add(self, paths: Iterable[str | Path]) -> None:
        """Add files and the files of folders."""
        given = [Path(path).absolute() for path in paths]
        self._status.say(self._words("docs.looking"))
        self._runner.submit(
            "library",
            lambda _cancel: self._library.expand(given),
            on_finished=self._on_expanded,
            on_failed=self._on_failed,
        )

    def resume(self) -> None:
        """Analyse what was read and not analysed."""
        batch = _Batch([])

        def work(cancel: CancelToken):
            return self._library.resume(cancel, self._reporter(batch))

        self._submit(work, batch)

    def retry(self, rows: Sequence[DocumentRow]) -> None:
        """Try failed and interrupted documents once more."""
        again = [row.path for row in rows if row.failed and not row.working]
        left = [row for row in rows if not row.failed and not row.working]
        if again:
            self._start(again)
        if left:
            self.resume()

    def cancel(self, rows: Sequence[DocumentRow]) -> None:
        """Stop the work on some documents; the rest of their batches goes on."""
        unwanted = {row.path for row in rows}
        for handle, batch in list(self._batches.items()):
            touched = unwanted.intersection(batch.paths) if batch.paths else unwanted
            if not touched:
                continue
            handle.cancel()
            rest = [p for p in batch.paths if p not in unwanted and p not in batch.settled]
            self._model.stop(batch.paths or None)
            if rest:
                self._start(rest)
        self._status.say(self._words("docs.cancelled"))

    def cancel_all(self) -> None:
        """Stop all work on documents."""
        for handle in list(self._batches):
            handle.cancel()
        self._model.stop()
        self._status.say(self._words("docs.cancelled"))

    def ask_remove(self, rows: Sequence[DocumentRow]) -> None:
        """Remove documents after the user says yes."""
        names = [row.name for row in rows]
        key = "docs.ask_remove_one" if len(rows) == 1 else "docs.ask_remove_many"
        self._message.say(
            self._words(key, name=names[0], count=len(names)),
            "warn",
            self._words("docs.remove"),
            lambda: self._remove(list(rows)),
        )

    def _remove(self, rows: list[DocumentRow]) -> None:
        self.cancel([row for row in rows if row.working])
        known = [row.document_id for row in rows if row.document_id is not None]

        def work(_cancel: CancelToken) -> None:
            for document_id in known:
                self._library.remove(document_id)

        def done(_result: None) -> None:
            for row in rows:
                self._model.remove(row.path)
            for document_id in known:
                self.document_removed.emit(document_id)
            self._status.say(self._words("docs.removed", count=len(rows)))
            self.reload()
            self.library_changed.emit()

        self._runner.submit("library", work, on_finished=done, on_failed=self._on_failed)

    def _on_expanded(self, found: list[Path]) -> None:
        if not found:
            self._message.say(self._words("docs.nothing_found"), "warn")
            self._status.say("")
            return
        self._status.say("")
        self._start([str(path) for path in found])

    def _start(self, paths: list[str]) -> None:
        self._model.enqueue(paths)
        batch = _Batch(paths)
        given = [Path(path) for path in paths]

        def work(cancel: CancelToken):
            return self._library.add(given, cancel, self._reporter(batch))

        self._submit(work, batch)

    def _submit(self, work, batch: _Batch) -> None:
        handle: JobHandle | None = None

        def ended() -> None:
            if handle is not None:
                self._on_ended(handle, batch)

        handle = self._runner.submit(
            "ingest",
            work,
            on_progress=lambda progress: self._on_progress(batch, progress),
            on_finished=lambda results: self._on_finished(batch, results),
            on_failed=self._on_failed,
            on_ended=ended,
        )
        self._batches[handle] = batch

    def _reporter(self, batch: _Batch):
        """Return what the worker thread calls after each file."""

        def report(result: AddResult) -> None:
            info = None
            if result.document_id is not None:
                info = self._library.document(result.document_id)
            self._runner.post(self._on_result, batch, result, info)

        return report

    def _on_progress(self, batch: _Batch, progress: Progress) -> None:
        if progress.subject is None:
            return
        if progress.stage in _READING:
            batch.read.add(progress.subject)
        if (progress.subject, progress.stage) != batch.latest:
            # What was just read can be searched, and its row should say so.
            batch.latest = (progress.subject, progress.stage)
            self._refresh.start()
        self._model.show_progress(progress)
        name = file_name(progress.subject)
        shown = name if len(name) <= 32 else f"{name[:15]}…{name[-14:]}"
        text = self._words("work.text", stage=self._words.stage(progress.stage), name=shown)
        self._status.show_work(text, batch.fraction(progress))

    def _on_result(self, batch: _Batch, result: AddResult, info: DocumentInfo | None) -> None:
        batch.settled.add(result.path)
        if result.status == "failed":
            batch.failed.append(file_name(result.path))
        elif result.status != "unchanged":
            batch.fresh += 1
        self._model.settle(result, info)
        self.library_changed.emit()

    def _on_finished(self, batch: _Batch, results: list[AddResult]) -> None:
        total, failed = len(results), len(batch.failed)
        if failed:
            key = "docs.failed_one" if failed == 1 else "docs.failed_many"
            text = self._words(key, name=batch.failed[0], count=failed, total=total)
            self._message.say(text, "warn")
        elif batch.fresh:
            self._status.say(self._words("docs.added", count=batch.fresh))
        elif total:
            self._status.say(self._words("docs.unchanged"))
        reasons = {result.reason for result in results if result.status != "failed"} - {None}
        for reason in sorted(str(reason) for reason in reasons):
            self._message.say(self._words("docs.only_exact", why=self._words.code(reason)), "warn")

    def _on_ended(self, handle: JobHandle, batch: _Batch) -> None:
        self._batches.pop(handle, None)
        if batch.paths:
            busy = {path for other in self._batches.values() for path in other.paths}
            self._model.stop([path for path in batch.paths if path not in busy])
        elif not self._batches:
            self._model.stop()
        if not self._batches:
            self._status.stop_work()
        self.reload()
        self.library_changed.emit()

    def _on_documents(self, infos: list[DocumentInfo]) -> None:
        self._model.set_library(infos)

    def _on_failed(self, error: Exception) -> None:
        self._message.say(self._words.error(error), "bad")
