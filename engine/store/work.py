"""Who analyses what: revisions are taken on, given back, marked as failed."""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import StoreError
from engine.records import RevisionId
from engine.store import owners
from engine.store.base import Part


class Work(Part):
    """The part of :class:`engine.store.Store` about the analysis of revisions."""

    _owner_name: str
    _locks: Path

    def pending(self, encoder_hash: str | None = None) -> list[RevisionId]:
        """Current revisions that wait for analysis, oldest first.

        Args:
            encoder_hash: Identity of the encoder; revisions that another one analysed wait too.
        """
        rows = self._all(
            """SELECT r.id FROM documents d JOIN revisions r ON r.id = d.current_revision
            LEFT JOIN encodings e ON e.revision_id = r.id
            WHERE d.removed IS NULL AND (r.status IN ('read', 'interrupted')
                OR (r.status = 'analysed' AND ?1 IS NOT NULL AND e.encoder_hash IS NOT ?1))
            ORDER BY r.id""",
            (encoder_hash,),
        )
        return [RevisionId(row[0]) for row in rows]

    def claim(self, revision_id: RevisionId) -> bool:
        """Take a revision on for analysis: it becomes ``running``, in this program's name.

        Returns:
            False if it is gone or a running program (this one, too) has taken it on.
        """
        with self._database.transaction() as writer:
            row = writer.execute(
                "SELECT status, owner FROM revisions WHERE id = ?", (revision_id,)
            ).fetchone()
            if row is None or (row[0] == "running" and self._is_alive(row[1])):
                return False
            writer.execute(
                """UPDATE revisions SET status = 'running', owner = ?, reason = NULL,
                details = '{}' WHERE id = ?""",
                (self._owner_name, revision_id),
            )
        return True

    def release(self, revision_id: RevisionId) -> None:
        """Give back a revision whose analysis was stopped: it becomes ``interrupted``."""
        with self._database.transaction() as writer:
            writer.execute(
                """UPDATE revisions SET status = 'interrupted', owner = NULL
                WHERE id = ? AND status = 'running' AND owner = ?""",
                (revision_id, self._owner_name),
            )

    def mark_failed(
        self, revision_id: RevisionId, reason: str, details: Mapping[str, Any] | None = None
    ) -> None:
        """Note that the analysis failed; the revision stays searchable by its words.

        Raises:
            StoreError: ``document_unknown``.
        """
        with self._database.transaction() as writer:
            known = writer.execute(
                "UPDATE revisions SET status = 'failed', reason = ?, details = ?, owner = NULL"
                " WHERE id = ?",
                (reason, json.dumps(dict(details or {})), revision_id),
            )
            if known.rowcount == 0:
                raise StoreError("document_unknown", revision_id=revision_id)

    def recover(self) -> int:
        """Mark as ``interrupted`` what programs that have ended left ``running``.

        Returns:
            How many revisions that were.
        """
        with self._database.transaction() as writer:
            names = writer.execute(
                "SELECT DISTINCT owner FROM revisions WHERE status = 'running'"
            ).fetchall()
            return sum(
                self._interrupt(writer, owner) for (owner,) in names if not self._is_alive(owner)
            )

    def _release_all(self) -> None:
        with self._database.transaction() as writer:
            self._interrupt(writer, self._owner_name)

    def _is_alive(self, owner: str | None) -> bool:
        if owner is None or owner == self._owner_name:
            return owner is not None
        return owners.is_alive(self._locks, owner)

    @staticmethod
    def _interrupt(writer: sqlite3.Connection, owner: str | None) -> int:
        return writer.execute(
            """UPDATE revisions SET status = 'interrupted', owner = NULL
            WHERE status = 'running' AND owner IS ?""",
            (owner,),
        ).rowcount
