"""From files to analysed documents.

Two passes, so that exact search works early: first every file is read and its words are indexed,
then every document is analysed by the model. Each step is committed before it is reported; what a
killed process leaves behind is taken up by :meth:`Ingest.resume`.
"""

import logging
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.errors import Cancelled, ChumokuError, PackError, ReadingError, StoreError
from engine.model.outline import read_headings
from engine.models import Models
from engine.passages import split_passages
from engine.progress import CancelToken, Job, Progress
from engine.reading.registry import SUPPORTED_SUFFIXES
from engine.reading.source import file_error, hash_file
from engine.reading.supervisor import ReaderProcess
from engine.records import AddResult, AddStatus, DocumentId, RevisionId, distinct_headings
from engine.search.lexical_terms import passage_terms
from engine.store import Store, absolute, is_own_name

log = logging.getLogger(__name__)

OnResult = Callable[[AddResult], None]

# Left behind by Office programs, file managers and version control beside the files people mean.
_LITTER_PREFIXES = ("~$", ".")
_LITTER_NAMES = {"thumbs.db", "desktop.ini"}


def expand(paths: Iterable[Path], library: Path | None = None) -> list[Path]:
    """Walk folders; keep each file once, absolute, in a stable order.

    Files named outright are kept whatever they are. In a folder, hidden and temporary files are
    left out; files of an unknown kind are kept, so that they are named as such and not lost, and
    so is a folder that cannot be listed. Links to folders inside a folder are not followed.

    Args:
        paths: Files and folders.
        library: Folder of the library, whose own files are left out.
    """
    found: dict[Path, None] = {}
    own = None if library is None else absolute(library)
    for path in map(Path, map(absolute, paths)):
        # Unlike Path.is_dir this does not raise where a folder above denies access.
        if not os.path.isdir(path):  # noqa: PTH112
            found[path] = None
            continue

        def keep_denied(error: OSError) -> None:
            found[Path(error.filename)] = None

        for folder, folders, names in os.walk(path, onerror=keep_denied):
            litter = is_own_name if folder == own else _is_litter
            folders[:] = sorted(name for name in folders if name[0] != "." and not litter(name))
            for name in sorted(names):
                if not _is_litter(name) and not litter(name):
                    found[Path(folder, name)] = None
    return list(found)


def _is_litter(name: str) -> bool:
    return name.startswith(_LITTER_PREFIXES) or name.lower() in _LITTER_NAMES


def is_supported(path: Path) -> bool:
    """Whether the name of a file promises a kind that can be read."""
    return path.suffix.lower() in SUPPORTED_SUFFIXES


def _expect_file(path: Path) -> None:
    """Say why a folder could not be walked."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            with os.scandir(path):
                pass
    except OSError as error:
        raise file_error(path, error) from error


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise file_error(path, error) from error
    return found.st_size, found.st_mtime_ns


def _expect_removed(error: StoreError) -> None:
    """Go on where a document was removed while it waited or was analysed."""
    if error.code != "document_unknown":
        raise error


@dataclass(slots=True)
class _Pending:
    """A file between its two passes."""

    path: str
    status: AddStatus
    document_id: DocumentId | None
    revision_id: RevisionId | None
    seconds: float
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Ingest:
    """Adds files to a store."""

    def __init__(self, store: Store, models: Models, reader: ReaderProcess) -> None:
        self._store = store
        self._models = models
        self._reader = reader

    def add(
        self, paths: Sequence[Path], cancel: CancelToken, on_result: OnResult | None
    ) -> Job[list[AddResult]]:
        """Read, index and analyse files; see :meth:`engine.service.Library.add`."""
        files = expand(paths, self._store.folder)
        pending = []
        for path in files:
            cancel.check()
            yield Progress("read", 0, None, str(path))
            pending.append((yield from self._read(path, cancel)))
            yield Progress("index", 1, 1, str(path))
        waiting = set(self._store.pending(self._models.encoder_hash()))
        items = ((item, item.revision_id in waiting) for item in pending)
        return (yield from self._finish(items, cancel, on_result))

    def resume(self, cancel: CancelToken, on_result: OnResult | None) -> Job[list[AddResult]]:
        """Analyse what was read and not analysed; see :meth:`engine.service.Library.resume`."""
        waiting = self._store.pending(self._models.encoder_hash())
        items = ((item, True) for item in map(self._waiting, waiting) if item is not None)
        return (yield from self._finish(items, cancel, on_result))

    def _waiting(self, revision_id: RevisionId) -> _Pending | None:
        try:
            info = self._store.revision(revision_id)
        except StoreError as error:
            _expect_removed(error)
            return None
        return _Pending(info.path, "updated", info.document_id, revision_id, 0.0)

    def _finish(
        self,
        items: Iterable[tuple[_Pending, bool]],
        cancel: CancelToken,
        on_result: OnResult | None,
    ) -> Job[list[AddResult]]:
        results = []
        for item, waits in items:
            cancel.check()
            try:
                result = yield from self._analyse(item, waits, cancel)
            except StoreError as error:
                _expect_removed(error)
                continue
            results.append(result)
            if on_result is not None:
                on_result(result)
        return results

    def _read(self, path: Path, cancel: CancelToken) -> Job[_Pending]:
        began = time.perf_counter()
        name = str(path)
        try:
            _expect_file(path)
            known = self._store.known(path)
            if known and known.revision_id and known.sha256 == hash_file(path, cancel)[0]:
                size, mtime_ns = _size_and_time(path)
                self._store.touch(known.document_id, size, mtime_ns)
                document_id, revision_id, status = known.document_id, known.revision_id, "unchanged"
            else:
                document = yield from self._reader.read(path, cancel)
                passages = split_passages(document)
                terms = [
                    passage_terms(document.text[passage.start : passage.end], passage.heading_path)
                    for passage in passages
                ]
                document_id, revision_id, status = self._store.add_read(
                    path, document, passages, terms, path
                )
        except StoreError as error:
            if error.code != "file_changed":
                raise
            return self._failed(path, ReadingError("file_locked", path=name), began)
        except ReadingError as error:
            return self._failed(path, error, began)
        except Cancelled:
            raise
        except Exception as error:  # One bad file must not stop a batch.
            log.exception("reading %s", path)
            reason = f"{type(error).__name__}: {error}"
            return self._failed(path, ReadingError("internal_error", error=reason), began)
        return _Pending(name, status, document_id, revision_id, time.perf_counter() - began)

    def _failed(self, path: Path, error: ReadingError, began: float) -> _Pending:
        document_id = self._store.record_failure(path, error)
        seconds = time.perf_counter() - began
        return _Pending(str(path), "failed", document_id, None, seconds, error.code, error.details)

    def _analyse(self, item: _Pending, waits: bool, cancel: CancelToken) -> Job[AddResult]:
        began = time.perf_counter()
        if item.revision_id is not None and waits:
            try:
                yield from self._encode(item.path, item.revision_id, cancel)
            except PackError as error:
                # The document is in the library and found by its words all the same.
                item.reason, item.details = error.code, error.details
            except (Cancelled, StoreError, GeneratorExit):
                self._store.release(item.revision_id)
                raise
            except Exception as error:  # One bad file must not stop a batch.
                log.exception("analysing %s", item.path)
                failure = ChumokuError("internal_error", error=f"{type(error).__name__}: {error}")
                if isinstance(error, MemoryError):
                    failure = ChumokuError("analysis_memory")
                self._store.mark_failed(item.revision_id, failure.code, failure.details)
                item.status, item.reason = "failed", failure.code
                item.details = failure.details
        return self._result(item, time.perf_counter() - began)

    def _encode(self, path: str, revision_id: RevisionId, cancel: CancelToken) -> Job[None]:
        encoder = self._models.encoder()
        if not self._store.claim(revision_id):
            return
        yield Progress("encode", 0, None, path)
        text = self._store.text(revision_id)
        passages = self._store.passages(revision_id)
        steps = encoder.encode(
            text,
            [(passage.start, passage.end) for passage in passages],
            [span for passage in passages for span in passage.sentences],
            cancel=cancel,
        )
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                encoding = stop.value
                break
            yield Progress("encode", step.done, step.total, path)
        vectors, starts = read_headings(encoder, distinct_headings(passages), cancel)
        encoding = replace(encoding, heading_vectors=vectors, heading_starts=starts)
        yield Progress("store", 0, 1, path)
        self._store.save_encoding(revision_id, encoding)
        yield Progress("store", 1, 1, path)

    def _result(self, item: _Pending, seconds: float) -> AddResult:
        pages = tokens = 0
        warnings: tuple[str, ...] = ()
        if item.revision_id is not None:
            info = self._store.revision(item.revision_id)
            pages, tokens, warnings = info.pages, info.tokens, info.warnings
        return AddResult(
            path=item.path,
            document_id=item.document_id,
            status=item.status,
            reason=item.reason,
            details=dict(item.details),
            pages=pages,
            tokens=tokens,
            seconds=item.seconds + seconds,
            warnings=warnings,
        )
