"""Lists of documents and revisions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StoreError
from engine.records import DocumentId, DocumentInfo, RevisionId
from engine.store.base import Part
from engine.store.keys import from_column

_COLUMNS = """
    SELECT d.id, r.id, coalesce(r.number, 0), d.path, r.kind, r.title,
        coalesce(r.status, 'failed'), coalesce(r.pages, 0), coalesce(r.tokens, 0),
        coalesce(r.size, d.size), coalesce(r.sha256, ''), coalesce(r.created, d.created),
        coalesce(r.warnings, '[]'), """
_DOCUMENT = f"""{_COLUMNS} coalesce(d.failure, r.reason),
        CASE WHEN d.failure IS NULL THEN coalesce(r.details, '{{}}') ELSE d.failure_details END
    FROM documents d"""
_REVISION = f"""{_COLUMNS} r.reason, r.details
    FROM documents d JOIN revisions r ON r.document_id = d.id"""


@dataclass(frozen=True, slots=True)
class Current:
    """A document's current revision; ``encoder_hash`` is None until it is analysed."""

    document_id: DocumentId
    revision_id: RevisionId
    path: str
    encoder_hash: str | None


class Listing(Part):
    """The part of :class:`engine.store.Store` about lists."""

    def documents(self) -> list[DocumentInfo]:
        """Every document that was not removed, failed ones too, in the order they were added."""
        rows = self._all(
            f"{_DOCUMENT} LEFT JOIN revisions r ON r.id = d.current_revision"
            " WHERE d.removed IS NULL ORDER BY d.id"
        )
        return [_info(row) for row in rows]

    def document(self, document_id: DocumentId) -> DocumentInfo:
        """One document, removed ones too while evidence refers to them.

        Raises:
            StoreError: ``document_unknown``.
        """
        row = self._one(
            f"{_DOCUMENT} LEFT JOIN revisions r ON r.id = coalesce(d.current_revision,"
            " (SELECT max(id) FROM revisions WHERE document_id = d.id)) WHERE d.id = ?",
            (document_id,),
        )
        if row is None:
            raise StoreError("document_unknown", document_id=document_id)
        return _info(row)

    def revisions(self, document_id: DocumentId) -> list[DocumentInfo]:
        """The revisions of a document that the library still holds, oldest first."""
        rows = self._all(
            f"{_REVISION} WHERE d.id = ? ORDER BY r.number",
            (document_id,),
        )
        return [_info(row) for row in rows]

    def revision(self, revision_id: RevisionId) -> DocumentInfo:
        """One revision.

        Raises:
            StoreError: ``document_unknown``.
        """
        row = self._one(f"{_REVISION} WHERE r.id = ?", (revision_id,))
        if row is None:
            raise StoreError("document_unknown", revision_id=revision_id)
        return _info(row)

    def is_current(self, revision_id: RevisionId) -> bool:
        """Whether a revision is the current one of a document that was not removed."""
        sql = "SELECT 1 FROM documents WHERE current_revision = ? AND removed IS NULL"
        return self._one(sql, (revision_id,)) is not None

    def current_scope(self, documents: Sequence[DocumentId] = ()) -> list[Current]:
        """Current revisions of these documents, or of all; ordered by document.

        Raises:
            StoreError: ``document_unknown``: one of them is not in the library.
        """
        rows = self._all(
            """SELECT d.id, d.current_revision, d.path, e.encoder_hash FROM documents d
            LEFT JOIN encodings e ON e.revision_id = d.current_revision
            WHERE d.removed IS NULL ORDER BY d.id"""
        )
        wanted = set(documents)
        for document_id in sorted(wanted - {row[0] for row in rows}):
            raise StoreError("document_unknown", document_id=document_id)
        return [
            Current(row[0], row[1], from_column(row[2]), row[3])
            for row in rows
            if row[1] is not None and (not wanted or row[0] in wanted)
        ]


def _info(row: tuple) -> DocumentInfo:
    path = from_column(row[3])
    return DocumentInfo(
        document_id=row[0],
        revision_id=row[1],
        revision=row[2],
        path=path,
        kind=row[4],
        title=Path(path).stem if row[5] is None else from_column(row[5]),
        status=row[6],
        pages=row[7],
        tokens=row[8],
        size=row[9],
        sha256=row[10],
        added=row[11],
        warnings=tuple(json.loads(row[12])),
        reason=row[13],
        details=json.loads(row[14]),
    )
