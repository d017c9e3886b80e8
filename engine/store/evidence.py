"""Evidence records."""

import json
from collections.abc import Callable, Sequence
from typing import Literal

from engine.errors import StoreError
from engine.records import EvidenceId, EvidenceInfo, RevisionId
from engine.store import codec
from engine.store.base import Part
from engine.store.keys import from_column, to_column


class EvidenceTable(Part):
    """The part of :class:`engine.store.Store` about evidence."""

    def add_evidence(
        self,
        kind: Literal["search", "summary"],
        query: str | None,
        created: str,
        documents: Sequence[str],
        hits: int,
        pack_hash: str | None,
        revisions: Sequence[RevisionId],
        record: Callable[[EvidenceId], bytes],
    ) -> EvidenceId:
        """Keep a new evidence record; on return it is on the disk.

        Args:
            kind: What it is evidence of.
            query: The question, if there was one.
            created: ISO 8601 with offset.
            documents: Paths, for the history.
            hits: Number of hits or sentences, for the history.
            pack_hash: See :class:`engine.records.Evidence`.
            revisions: Those that the hits stand in: they stay readable for as long as this
                record, even when their document is removed.
            record: Makes the record as UTF-8 JSON; it is handed the id.

        Raises:
            StoreError: ``document_unknown``: a revision is gone; ``store_full``, ``store_busy``,
                ``store_denied``, ``store_broken``.
        """
        with self._database.transaction() as writer:
            for revision_id in revisions:
                sql = "SELECT 1 FROM revisions WHERE id = ?"
                if writer.execute(sql, (revision_id,)).fetchone() is None:
                    raise StoreError("document_unknown", revision_id=revision_id)
            cursor = writer.execute(
                """INSERT INTO evidence (kind, query, created, documents, hits, pack_hash, record)
                VALUES (?, ?, ?, ?, ?, ?, x'')""",
                (
                    kind,
                    None if query is None else to_column(query),
                    created,
                    json.dumps(list(documents)),
                    hits,
                    pack_hash,
                ),
            )
            evidence_id = EvidenceId(cursor.lastrowid or 0)
            writer.execute(
                "UPDATE evidence SET record = ? WHERE id = ?",
                (_pack(record(evidence_id)), evidence_id),
            )
            writer.executemany(
                "INSERT INTO evidence_revisions VALUES (?, ?)",
                ((evidence_id, revision_id) for revision_id in set(revisions)),
            )
        return evidence_id

    def evidence(self, evidence_id: EvidenceId) -> bytes:
        """The record as UTF-8 JSON.

        Raises:
            StoreError: ``evidence_unknown``, ``store_broken``.
        """
        row = self._one("SELECT record FROM evidence WHERE id = ?", (evidence_id,))
        if row is None:
            raise StoreError("evidence_unknown", evidence_id=evidence_id)
        with self._decoding(evidence_id):
            return codec.unpack_text(row[0]).encode()

    def update_evidence(self, evidence_id: EvidenceId, change: Callable[[bytes], bytes]) -> None:
        """Put a changed record in the place of the old one, such as one with a deletion test.

        Args:
            evidence_id: Which.
            change: Takes the record as it is now and returns it as it shall be; two changes at
                once do not undo each other.

        Raises:
            StoreError: ``evidence_unknown``, ``store_full``, ``store_busy``, ``store_denied``,
                ``store_broken``.
        """
        with self._database.transaction() as writer:
            changed = _pack(change(self.evidence(evidence_id)))
            writer.execute("UPDATE evidence SET record = ? WHERE id = ?", (changed, evidence_id))

    def history(self, limit: int = 200, offset: int = 0) -> list[EvidenceInfo]:
        """Evidence, newest first."""
        rows = self._all(
            """SELECT id, kind, query, created, documents, hits FROM evidence
            ORDER BY id DESC LIMIT ? OFFSET ?""",
            (limit, offset),
        )
        return [
            EvidenceInfo(
                evidence_id=row[0],
                kind=row[1],
                query=None if row[2] is None else from_column(row[2]),
                created=row[3],
                documents=tuple(json.loads(row[4])),
                hits=row[5],
            )
            for row in rows
        ]


def _pack(record: bytes) -> bytes:
    return codec.pack_text(record.decode())
