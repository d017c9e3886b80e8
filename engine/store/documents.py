"""Documents, their revisions and their contents."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import ChumokuError, StoreError
from engine.records import (
    Document,
    DocumentId,
    DocumentStatus,
    Passage,
    RevisionId,
)
from engine.store.contents import Contents, content_columns
from engine.store.database import now
from engine.store.keys import absolute, path_key, to_column
from engine.store.listing import Listing
from engine.store.passages import delete_passages, insert_passages
from engine.store.terms import TermIndex


@dataclass(frozen=True, slots=True)
class Known:
    """What the library knows of a path; without a revision, only a failure.

    ``size`` and ``mtime_ns`` are those of the file when it was last looked at.
    """

    document_id: DocumentId
    revision_id: RevisionId | None
    sha256: str | None
    size: int
    mtime_ns: int
    status: DocumentStatus


class Documents(Listing, Contents):
    """The part of :class:`engine.store.Store` about documents."""

    def known(self, path: str | Path) -> Known | None:
        """What the library knows of a file; None if it has never been added or was removed."""
        row = self._one(
            """SELECT d.id, r.id, r.sha256, d.size, d.mtime_ns, coalesce(r.status, 'failed')
            FROM documents d LEFT JOIN revisions r ON r.id = d.current_revision
            WHERE d.path_key = ?""",
            (to_column(path_key(absolute(path))),),
        )
        return Known(*row) if row else None

    def add_read(
        self,
        path: str | Path,
        document: Document,
        passages: Sequence[Passage],
        terms: Sequence[Sequence[str]],
        original: Path,
    ) -> tuple[DocumentId, RevisionId, Literal["added", "updated", "unchanged"]]:
        """Add what was read from a file; on return it is on the disk and found by its words.

        Text, passages and search index enter together or not at all, after the exact copy of the
        file. The same bytes as those of the current revision change nothing,
        but see :meth:`touch`.

        Args:
            path: Under which the document is known and shown.
            document: What was read.
            passages: Its passages, in order.
            terms: Of each passage, the terms of the search index in their order.
            original: The file to copy, whose hash must be ``document.sha256``.

        Raises:
            ReadingError: ``file_denied``, ``file_locked``: the original cannot be copied.
            StoreError: ``file_changed``: the file is no longer what was read; ``store_full``,
                ``store_denied``, ``store_busy``, ``store_broken``.
        """
        if len(passages) != len(terms):
            raise ValueError("every passage needs its terms")
        shown = absolute(path)
        key = to_column(path_key(shown))
        mtime_ns = _mtime_ns(original)
        content, index = content_columns(document), TermIndex.of(terms)
        self._originals.put(original, document.sha256, document.size)
        with self._database.transaction() as writer:
            row = writer.execute(
                """SELECT d.id, d.current_revision, r.sha256,
                (SELECT coalesce(max(number), 0) FROM revisions WHERE document_id = d.id)
                FROM documents d LEFT JOIN revisions r ON r.id = d.current_revision
                WHERE d.path_key = ?""",
                (key,),
            ).fetchone()
            # Another program may have deleted the copy, which nothing referred to until now.
            self._originals.put(original, document.sha256, document.size)
            if row and row[2] == document.sha256:
                self._touch(writer, row[0], document.size, mtime_ns)
                return row[0], row[1], "unchanged"
            document_id = row[0] if row else _insert_document(writer, shown, key)
            revision_id = _insert_revision(writer, document_id, row[3] + 1 if row else 1, document)
            writer.execute("INSERT INTO contents VALUES (?, ?, ?, ?, ?)", (revision_id, *content))
            insert_passages(writer, revision_id, passages, index)
            writer.execute(
                "UPDATE documents SET current_revision = ?, path = ? WHERE id = ?",
                (revision_id, to_column(shown), document_id),
            )
            self._touch(writer, document_id, document.size, mtime_ns)
        return document_id, revision_id, "updated" if row and row[1] is not None else "added"

    def touch(self, document_id: DocumentId, size: int, mtime_ns: int) -> None:
        """Note that a file was looked at again and holds the bytes of the current revision.

        A failure to read it is forgotten; an analysis that failed waits for another try.
        """
        with self._database.transaction() as writer:
            self._touch(writer, document_id, size, mtime_ns)

    def record_failure(self, path: str | Path, error: ChumokuError) -> DocumentId:
        """List a file that cannot be read, with the reason.

        A document that was read before keeps its current revision and its status; the failure
        stands as its ``reason`` until the file is read again.
        """
        shown = absolute(path)
        key = to_column(path_key(shown))
        with self._database.transaction() as writer:
            row = writer.execute("SELECT id FROM documents WHERE path_key = ?", (key,)).fetchone()
            document_id = row[0] if row else _insert_document(writer, shown, key)
            size, mtime_ns = _size(Path(shown)), _mtime_ns(Path(shown))
            writer.execute(
                """UPDATE documents SET failure = ?, failure_details = ?, mtime_ns = ?, size = ?
                WHERE id = ?""",
                (error.code, json.dumps(error.details), mtime_ns, size, document_id),
            )
        return document_id

    def original(self, revision_id: RevisionId) -> Path:
        """The exact copy of the file that the revision was read from; not to be written to.

        Raises:
            StoreError: ``document_unknown``.
        """
        return self._originals.path(self.revision(revision_id).sha256)

    def remove(self, document_id: DocumentId) -> None:
        """Take a document out of lists and search.

        Revisions that evidence refers to stay readable; the others are deleted with their files.

        Raises:
            StoreError: ``document_unknown``.
        """
        with self._database.transaction() as writer:
            gone = writer.execute(
                """UPDATE documents SET removed = ?, path_key = NULL, current_revision = NULL
                WHERE id = ? AND removed IS NULL""",
                (now(), document_id),
            )
            if gone.rowcount == 0:
                raise StoreError("document_unknown", document_id=document_id)
            hashes = set()
            unreferenced = writer.execute(
                """SELECT id, sha256 FROM revisions WHERE document_id = ? AND id NOT IN
                (SELECT revision_id FROM evidence_revisions)""",
                (document_id,),
            ).fetchall()
            for revision_id, sha256 in unreferenced:
                delete_passages(writer, revision_id)
                writer.execute("DELETE FROM revisions WHERE id = ?", (revision_id,))
                hashes.add(sha256)
            writer.execute(
                """DELETE FROM documents WHERE id = ? AND NOT EXISTS
                (SELECT 1 FROM revisions WHERE document_id = documents.id)""",
                (document_id,),
            )
        with self._database.transaction() as writer:
            for sha256 in hashes:
                sql = "SELECT 1 FROM revisions WHERE sha256 = ?"
                if writer.execute(sql, (sha256,)).fetchone() is None:
                    self._originals.delete(sha256)

    @staticmethod
    def _touch(writer: sqlite3.Connection, document_id: int, size: int, mtime_ns: int) -> None:
        writer.execute(
            """UPDATE documents SET size = ?, mtime_ns = ?, failure = NULL, failure_details = '{}'
            WHERE id = ?""",
            (size, mtime_ns, document_id),
        )
        writer.execute(
            """UPDATE revisions SET status = 'read', reason = NULL, details = '{}'
            WHERE status = 'failed'
            AND id = (SELECT current_revision FROM documents WHERE id = ?)""",
            (document_id,),
        )


def _insert_document(writer: sqlite3.Connection, shown: str, key: str | bytes) -> DocumentId:
    cursor = writer.execute(
        "INSERT INTO documents (path, path_key, created) VALUES (?, ?, ?)",
        (to_column(shown), key, now()),
    )
    return DocumentId(cursor.lastrowid or 0)


def _insert_revision(
    writer: sqlite3.Connection,
    document_id: int,
    number: int,
    document: Document,
) -> RevisionId:
    cursor = writer.execute(
        """INSERT INTO revisions (document_id, number, sha256, size, kind, title, status, pages,
        metadata, warnings, created) VALUES (?, ?, ?, ?, ?, ?, 'read', ?, ?, ?, ?)""",
        (
            document_id,
            number,
            document.sha256,
            document.size,
            document.kind,
            to_column(document.title),
            len(document.pages),
            json.dumps(dict(document.metadata)),
            json.dumps(list(document.warnings)),
            now(),
        ),
    )
    return RevisionId(cursor.lastrowid or 0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
