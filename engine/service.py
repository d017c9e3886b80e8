"""The façade of the engine: what the window, the command line and scripts use.

    from pathlib import Path
    from engine.progress import CancelToken, run
    from engine.service import Library

    with Library.open(Path("library")) as library:
        run(library.add([Path("procedure.pdf")], CancelToken()))
        for hit in library.search("締付トルクはいくつか").hits:
            print(hit.path, hit.place.page, hit.text)

Every method may be called from any thread. Long work is a job: a generator that yields
:class:`engine.progress.Progress` on the thread that iterates it.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

from engine import ingest
from engine.answers import Answers
from engine.errors import StoreError
from engine.models import Models
from engine.progress import CancelToken, Job
from engine.reading.supervisor import ReaderProcess
from engine.records import (
    AddResult,
    CheckReport,
    Deletion,
    Document,
    DocumentId,
    DocumentInfo,
    Evidence,
    EvidenceId,
    EvidenceInfo,
    Passage,
    Place,
    Rendering,
    Replay,
    RevisionId,
    SearchResult,
    SearchSettings,
    Summary,
)
from engine.search.lexical_terms import passage_terms
from engine.store import Store

LIBRARY_VARIABLE = "CHUMOKU_LIBRARY"


def preload() -> None:
    """Load the native libraries whose order matters; call it before Qt is imported.

    On Windows onnxruntime fails to load its DLLs once Qt has loaded its own (onnxruntime issue
    26127).
    """
    import onnxruntime  # noqa: F401


def default_folder() -> Path:
    """The library's folder: ``CHUMOKU_LIBRARY`` if set, else the user's data folder."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_data_path("Chumoku", appauthor=False)


class Library:
    """A folder of documents that were read, with everything found out about them."""

    def __init__(self, store: Store, models: Models) -> None:
        self._store = store
        self._models = models
        self._reader = ReaderProcess()
        # Pages are drawn while files are read, so drawing has a child of its own.
        self._painter = ReaderProcess(deadline_s=30.0)
        self._ingest = ingest.Ingest(store, models, self._reader)
        self._answers = Answers(store, models, self._painter, version("chumoku"))

    @classmethod
    def open(cls, folder: Path | None = None, *, pack: Path | None = None) -> "Library":
        """Open a library, or make one.

        Args:
            folder: Its folder; None for :func:`default_folder`.
            pack: Folder of the model pack; None for the one that is shipped. It is loaded when
                first needed.

        Raises:
            StoreError: ``store_newer``, ``store_broken``, ``store_denied``, ``store_full``.
        """
        return cls(Store.open(folder or default_folder()), Models(pack))

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children and close the store; jobs still running fail."""
        self._reader.close()
        self._painter.close()
        self._store.close()

    @property
    def folder(self) -> Path:
        """Folder of the library."""
        return self._store.folder

    def pack_info(self) -> Mapping[str, Any]:
        """Name, revision, hash, licence and languages of the pack, or ``{"error": code}``."""
        return self._models.info()

    def expand(self, paths: Iterable[Path]) -> list[Path]:
        """Walk folders; see :func:`engine.ingest.expand`."""
        return ingest.expand(paths, self.folder)

    def add(
        self,
        paths: Sequence[Path],
        cancel: CancelToken | None = None,
        on_result: ingest.OnResult | None = None,
    ) -> Job[list[AddResult]]:
        """Read files, index their words, then analyse them.

        A document is searchable by exact words as soon as its ``index`` stage was yielded. A file
        that cannot be read is reported, listed with its reason, and the rest goes on. A file
        whose bytes are known changes nothing; a changed file becomes a new revision. A document
        that is removed while it waits has no result.

        Args:
            paths: Files and folders.
            cancel: Stops the work; what was indexed stays and is analysed by :meth:`resume`.
            on_result: Called on the iterating thread after each file, once it is on the disk.

        Yields:
            Stages ``read``, ``index`` (files), ``encode``, ``store`` (within one file, named by
            ``subject``).

        Raises:
            Cancelled: ``cancel`` was set.
            StoreError: The library itself cannot go on: ``store_full``, ``store_denied`` ...
        """
        return self._ingest.add(paths, cancel or CancelToken(), on_result)

    def pending(self) -> int:
        """Number of documents that wait for analysis."""
        return len(self._store.pending(self._models.encoder_hash()))

    def resume(
        self, cancel: CancelToken | None = None, on_result: ingest.OnResult | None = None
    ) -> Job[list[AddResult]]:
        """Analyse what was read and never analysed, or analysed by another pack.

        Raises:
            Cancelled: ``cancel`` was set.
        """
        return self._ingest.resume(cancel or CancelToken(), on_result)

    def retry(self, document_id: DocumentId, cancel: CancelToken | None = None) -> Job[AddResult]:
        """Read and analyse a document's file once more.

        Raises:
            StoreError: ``document_unknown``.
            Cancelled: ``cancel`` was set.
        """
        path = Path(self._store.document(document_id).path)
        results = yield from self.add([path], cancel)
        if not results:
            raise StoreError("document_unknown", document_id=document_id)
        return results[0]

    def documents(self) -> list[DocumentInfo]:
        """Every document, failed ones too, in the order they were added."""
        return self._store.documents()

    def document(self, document_id: DocumentId) -> DocumentInfo:
        """One document.

        Raises:
            StoreError: ``document_unknown``.
        """
        return self._store.document(document_id)

    def revisions(self, document_id: DocumentId) -> list[DocumentInfo]:
        """The revisions of a document that are still held, oldest first."""
        return self._store.revisions(document_id)

    def content(self, revision_id: RevisionId) -> Document:
        """A revision's text, units and boxes.

        Raises:
            StoreError: ``document_unknown``, ``store_broken``.
        """
        return self._answers.content(revision_id)

    def passages(self, revision_id: RevisionId) -> tuple[Passage, ...]:
        """A revision's passages, in order."""
        return self._store.passages(revision_id)

    def original(self, revision_id: RevisionId) -> Path:
        """The exact copy of the file a revision was read from; not to be written to."""
        return self._store.original(revision_id)

    def render(
        self, revision_id: RevisionId, page: int, scale: float, cancel: CancelToken | None = None
    ) -> Rendering:
        """Draw a page of a PDF, in a child process.

        Args:
            revision_id: A revision of kind ``pdf``.
            page: From 1.
            scale: Pixels per point.
            cancel: Stops the work.

        Raises:
            ReadingError: It cannot be drawn.
            Cancelled: ``cancel`` was set.
        """
        return self._painter.render(self._store.original(revision_id), page, scale, cancel)

    def locate(self, revision_id: RevisionId, start: int, end: int) -> Place:
        """Where a span stands on the original."""
        return self._answers.locate(revision_id, start, end)

    def remove(self, document_id: DocumentId) -> None:
        """Take a document out of lists and search; evidence that rests on it stays readable.

        Raises:
            StoreError: ``document_unknown``.
        """
        self._store.remove(document_id)

    def search(
        self,
        query: str,
        settings: SearchSettings | None = None,
        cancel: CancelToken | None = None,
    ) -> SearchResult:
        """Find the passages that answer a question, and keep the evidence.

        Raises:
            QueryError: ``query_empty``, ``query_too_long``.
            StoreError: ``document_unknown`` for a document named in the settings.
            Cancelled: ``cancel`` was set.
        """
        return self._answers.search(query, settings or SearchSettings(), cancel or CancelToken())

    def summarize(
        self,
        document_id: DocumentId,
        query: str | None = None,
        sentences: int | None = None,
        cancel: CancelToken | None = None,
    ) -> Summary:
        """Choose sentences that stand for a document, and keep the evidence.

        Args:
            document_id: An analysed document.
            query: Focus on this question.
            sentences: How many; by default 5 to 12, growing slowly with the document.
            cancel: Stops the work.

        Raises:
            StoreError: ``document_unknown``, ``document_not_analysed``.
            Cancelled: ``cancel`` was set.
        """
        return self._answers.summarize(document_id, query, sentences, cancel or CancelToken())

    def evidence(self, evidence_id: EvidenceId) -> Evidence:
        """What an answer rested on.

        Raises:
            StoreError: ``evidence_unknown``.
        """
        return self._answers.evidence(evidence_id)

    def history(self, limit: int | None = 200, offset: int = 0) -> list[EvidenceInfo]:
        """Evidence, newest first; all of it if ``limit`` is None."""
        return self._store.history(-1 if limit is None else limit, offset)

    def replay(self, evidence_id: EvidenceId, cancel: CancelToken | None = None) -> Replay:
        """Compute an answer again over the revisions it was computed over, and compare.

        Raises:
            StoreError: ``evidence_unknown``.
            Cancelled: ``cancel`` was set.
        """
        return self._answers.replay(evidence_id, cancel or CancelToken())

    def deletion_test(
        self, evidence_id: EvidenceId, rank: int, cancel: CancelToken | None = None
    ) -> Deletion:
        """Score a hit again without what was attended, and keep the result in the evidence.

        Raises:
            StoreError: ``evidence_unknown``, ``document_not_analysed``.
            PackError: The model cannot run.
            Cancelled: ``cancel`` was set.
        """
        return self._answers.deletion_test(evidence_id, rank, cancel or CancelToken())

    def export(
        self,
        evidence_id: EvidenceId,
        target: Path,
        cancel: CancelToken | None = None,
        language: str = "ja",
    ) -> Path:
        """Write evidence with its marked passages to a file: .pdf, .docx, .html or .json.

        Returns:
            The file written, whole or not at all.

        Raises:
            StoreError: ``evidence_unknown``.
            ExportError: It cannot be written; the code says why.
            Cancelled: ``cancel`` was set.
        """
        return self._answers.export(evidence_id, target, language, cancel or CancelToken())

    def check(self, rebuild: bool = False, cancel: CancelToken | None = None) -> Job[CheckReport]:
        """Check the library's health and, if asked, rebuild its search index from the text.

        Raises:
            Cancelled: ``cancel`` was set.
        """
        token = cancel or CancelToken()
        if rebuild:
            yield from self._store.rebuild_search(passage_terms, token)
        report = yield from self._store.check(cancel=token)
        return replace(report, rebuilt=rebuild)
