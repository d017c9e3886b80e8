"""Evidence: kept when an answer is given, read back, held against what is there now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from engine.errors import ReadingError, StoreError
from engine.explain import evidence as evidence_records
from engine.progress import CancelToken
from engine.reading.source import hash_file
from engine.records import (
    Evidence,
    EvidenceId,
    Hit,
    RevisionId,
    SourceFile,
    Summary,
)
from engine.store import Store


class EvidenceKeeper:
    """Evidence over a store. Safe to use from any thread."""

    def __init__(self, store: Store, version: str) -> None:
        self._store = store
        self._version = version

    def evidence(self, evidence_id: EvidenceId) -> Evidence:
        """What an answer rested on.

        Raises:
            StoreError: ``evidence_unknown``, ``store_broken``.
        """
        record = self._store.evidence(evidence_id)
        try:
            return evidence_records.from_json(record.decode("utf-8"))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError("store_broken", evidence_id=evidence_id) from error

    def keep(
        self,
        *,
        kind: Literal["search", "summary"],
        query: str | None,
        settings: Mapping[str, Any],
        pack_hash: str | None,
        revisions: Sequence[RevisionId],
        scope: Sequence[RevisionId],
        hits: tuple[Hit, ...] = (),
        summary: Summary | None = None,
        attended: Mapping[int, Mapping[str, Any]],
    ) -> EvidenceId:
        """Keep what an answer rested on.

        Args:
            kind: ``search`` or ``summary``.
            query: The question, if there was one.
            settings: As plain values.
            pack_hash: See :class:`engine.records.Evidence`.
            revisions: Those the answer quotes: they stay readable.
            scope: Those that were searched.
            hits: For a search.
            summary: For a summary.
            attended: Per revision, what was attended to.

        Raises:
            StoreError: ``document_unknown``: a revision is gone; ``store_full`` ...
        """
        created = datetime.now().astimezone().isoformat(timespec="seconds")
        distinct = list(dict.fromkeys(revisions))
        sources = tuple(self.source(revision_id) for revision_id in distinct)
        fidelity = {revision_id: self._store.fidelity(revision_id) for revision_id in distinct}

        def record(evidence_id: EvidenceId) -> bytes:
            evidence = Evidence(
                evidence_id=evidence_id,
                kind=kind,
                query=query,
                created=created,
                version=self._version,
                settings=settings,
                pack_hash=pack_hash,
                sources=sources,
                scope=tuple(scope),
                hits=hits,
                summary=summary and replace(summary, evidence_id=evidence_id),
                attended=attended,
                fidelity={key: value for key, value in fidelity.items() if value is not None},
            )
            return evidence_records.to_json(evidence).encode("utf-8")

        return self._store.add_evidence(
            kind=kind,
            query=query,
            created=created,
            documents=[source.path for source in sources],
            hits=len(summary.sentences) if summary else len(hits),
            pack_hash=pack_hash,
            revisions=distinct,
            record=record,
        )

    def source(self, revision_id: RevisionId) -> SourceFile:
        """The file of a revision, as evidence names it."""
        info = self._store.revision(revision_id)
        if info.kind is None:
            raise StoreError("document_unknown", revision_id=revision_id)
        return SourceFile(
            info.document_id,
            revision_id,
            info.revision,
            info.path,
            info.sha256,
            info.title,
            info.kind,
        )

    def changes(self, record: Evidence, pack_hash: str | None, cancel: CancelToken) -> list[str]:
        """What is no longer as it was when the answer was computed, as codes of ``Replay``."""
        changes = []
        for source in record.sources:
            path = Path(source.path)
            try:
                if hash_file(path, cancel)[0] != source.sha256:
                    changes.append(f"file_changed:{source.path}")
            except ReadingError:
                changes.append(f"file_missing:{source.path}")
            if not self._store.is_current(source.revision_id):
                document = self._store.document(source.document_id)
                newer = document.revision > source.revision
                code = "revision_newer" if newer else "revision_removed"
                changes.append(f"{code}:{source.path}")
        if record.pack_hash != pack_hash:
            changes.append("pack_changed")
        if record.version != self._version:
            changes.append("version_changed")
        return changes
