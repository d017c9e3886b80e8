"""Questions, summaries and what they rested on, over a store and a model."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import ExportError, PackError, StoreError
from engine.evidence_keeping import EvidenceKeeper
from engine.explain import evidence as evidence_records
from engine.explain.deletion import deletion_test
from engine.explain.highlights import highlights
from engine.explain.locate import locate
from engine.explain.replay import compare
from engine.models import Models
from engine.progress import CancelToken
from engine.reading.supervisor import ReaderProcess
from engine.records import (
    Deletion,
    Document,
    DocumentId,
    Evidence,
    EvidenceId,
    Hit,
    Place,
    QueryEncoding,
    Replay,
    RevisionId,
    SearchResult,
    SearchSettings,
    Summary,
    SummarySentence,
)
from engine.scope import Scope, Scopes
from engine.search.attention import passage_attention, passage_scorer
from engine.search.pipeline import RankedPassage, RankedPassages
from engine.search.pipeline import search as rank_passages
from engine.search.translation import shipped_translator
from engine.store import Store
from engine.summary.extract import extract

_CACHED_DOCUMENTS = 8
_SURROGATES = re.compile("[\ud800-\udfff]")


class Answers:
    """Answers questions and keeps the evidence. Safe to use from any thread."""

    def __init__(self, store: Store, models: Models, child: ReaderProcess, version: str) -> None:
        self._store = store
        self._models = models
        self._child = child
        self._keeper = EvidenceKeeper(store, version)
        self._scopes = Scopes(store)
        self._lock = threading.Lock()
        self._documents: OrderedDict[RevisionId, Document] = OrderedDict()

    def content(self, revision_id: RevisionId) -> Document:
        """A revision as it was read, from a small cache."""
        with self._lock:
            if revision_id in self._documents:
                self._documents.move_to_end(revision_id)
                return self._documents[revision_id]
        document = self._store.content(revision_id)
        with self._lock:
            self._documents[revision_id] = document
            while len(self._documents) > _CACHED_DOCUMENTS:
                self._documents.popitem(last=False)
        return document

    def locate(self, revision_id: RevisionId, start: int, end: int) -> Place:
        """Where a span stands on the original."""
        return locate(self.content(revision_id), start, end)

    def search(self, query: str, settings: SearchSettings, cancel: CancelToken) -> SearchResult:
        """See :meth:`engine.service.Library.search`."""
        began = time.perf_counter()
        query = _whole(query)
        scope = self._scopes.current(settings.documents, self._models.encoder_hash())
        ranked, pack_hash = self._rank(query, settings, scope, cancel)
        hits = self._hits(ranked)
        cancel.check()
        attended: dict[int, Mapping[str, Any]] = {
            revision_id: evidence_records.attended_record(
                ranked.query_tokens,
                seen.token_spans,
                seen.token_weights,
                seen.kept,
                seen.dropped,
            )
            for revision_id, seen in ranked.attended.items()
        }
        evidence_id = self._keeper.keep(
            kind="search",
            query=query,
            settings=evidence_records.settings_record(settings),
            pack_hash=pack_hash,
            revisions=[hit.revision_id for hit in hits],
            scope=scope.revisions,
            hits=hits,
            attended=attended,
        )
        seconds = time.perf_counter() - began
        return SearchResult(evidence_id, query, hits, seconds, ranked.notes)

    def summarize(
        self, document_id: DocumentId, query: str | None, sentences: int | None, cancel: CancelToken
    ) -> Summary:
        """See :meth:`engine.service.Library.summarize`."""
        began = time.perf_counter()
        info = self._store.document(document_id)
        if info.revision_id is None:
            reason = {"reason": info.reason} if info.reason else {}
            raise StoreError("document_not_analysed", document_id=document_id, **reason)
        query = None if query is None else _whole(query)
        summary, weights = self._summary(info.revision_id, query, sentences, cancel)
        attended: dict[int, Mapping[str, Any]] = {info.revision_id: weights}
        encoder_hash = self._store.encoder_hash(info.revision_id)
        settings = {"sentences": sentences, "document_id": document_id}
        evidence_id = self._keeper.keep(
            kind="summary",
            query=query,
            settings=settings,
            pack_hash=encoder_hash,
            revisions=[info.revision_id],
            scope=(info.revision_id,),
            summary=summary,
            attended=attended,
        )
        seconds = time.perf_counter() - began
        return replace(summary, evidence_id=evidence_id, seconds=seconds)

    def evidence(self, evidence_id: EvidenceId) -> Evidence:
        """See :meth:`engine.service.Library.evidence`."""
        return self._keeper.evidence(evidence_id)

    def replay(self, evidence_id: EvidenceId, cancel: CancelToken) -> Replay:
        """See :meth:`engine.service.Library.replay`."""
        record = self.evidence(evidence_id)
        models = self._models
        pack_hash = models.pack_hash() if record.summary is None else models.encoder_hash()
        changes = self._keeper.changes(record, pack_hash, cancel)
        if record.summary is not None:
            revision_id = record.summary.revision_id
            count = record.settings.get("sentences")
            try:
                summary, _ = self._summary(revision_id, record.query, count, cancel)
            except (PackError, StoreError) as error:
                # The pack has changed or is gone; until that is mended there is no answer.
                if isinstance(error, StoreError) and error.code != "document_not_analysed":
                    raise
                summary = None
            return compare(record, (), summary, changes)
        settings = evidence_records.search_settings(record.settings)
        scope, gone = self._scopes.of(record.scope, self._models.encoder_hash())
        changes += [f"revision_removed:{revision_id}" for revision_id in gone]
        ranked, _ = self._rank(record.query or "", settings, scope, cancel)
        return compare(record, self._hits(ranked), None, changes)

    def deletion_test(self, evidence_id: EvidenceId, rank: int, cancel: CancelToken) -> Deletion:
        """See :meth:`engine.service.Library.deletion_test`."""
        record = self.evidence(evidence_id)
        hit = next((hit for hit in record.hits if hit.rank == rank), None)
        if hit is None:
            raise StoreError("evidence_unknown", evidence_id=evidence_id, rank=rank)
        query = self._models.encoder().encode_query(record.query or "")
        scope, _ = self._scopes.of([hit.revision_id], self._models.encoder_hash())
        tokens = scope.index.tokens(0) if scope.revisions else None
        if tokens is None:
            raise StoreError("document_not_analysed", revision_id=hit.revision_id)
        passages = scope.index.revisions[0].passages
        row = next(i for i, item in enumerate(passages) if item.start == hit.start)
        _, weights = passage_attention(query, scope.index, row)
        _, score = passage_scorer(
            query, tokens, hit.start, hit.end, hit.heading_path, scope.index.revisions[0].path
        )
        result = deletion_test(score, weights, cancel)

        def insert(stored: bytes) -> bytes:
            current = evidence_records.from_json(stored.decode("utf-8"))
            changed = replace(current, deletion={**current.deletion, rank: result})
            return evidence_records.to_json(changed).encode("utf-8")

        self._store.update_evidence(evidence_id, insert)
        return result

    def export(
        self, evidence_id: EvidenceId, target: Path, language: str, cancel: CancelToken
    ) -> Path:
        """See :meth:`engine.service.Library.export`."""
        # Word and HTML writers take long to import and few sessions need them.
        from engine.export import ExportSource, export

        record = self.evidence(evidence_id)

        def source_of(revision_id: RevisionId) -> ExportSource:
            file = self._store.original(revision_id)
            if not file.is_file():
                raise ExportError("export_source_missing", path=str(file))
            source = next(item for item in record.sources if item.revision_id == revision_id)
            return ExportSource(document=self.content(revision_id), file=file, info=source)

        return export(
            record,
            source_of,
            target,
            words="en" if language == "en" else "ja",
            now=datetime.now().astimezone(),
            run_in_child=lambda function, args: self._child.call(function, args, cancel),
            cancel=cancel,
        )

    def _rank(
        self, query: str, settings: SearchSettings, scope: Scope, cancel: CancelToken
    ) -> tuple[RankedPassages, str | None]:
        encode: Callable[[str], QueryEncoding] | None = None
        calibration: Mapping[str, Any] = {}
        pack_hash = None
        marking: Mapping[str, Any] = {}
        lexicon: Mapping[str, Any] | None = None
        if query.strip():
            try:
                encoder = self._models.encoder()
                encode = encoder.encode_query
                calibration, pack_hash = encoder.pack.fusion, encoder.pack.pack_hash
                marking = encoder.pack.highlights
                lexicon = encoder.pack.lexicon
            except PackError:
                pass  # Exact search answers without the model; the result carries a note.
        ranked = rank_passages(
            query,
            settings,
            scope.index,
            scope.postings,
            encode,
            calibration,
            cancel,
            shipped_translator(lexicon),
            marking,
        )
        return ranked, pack_hash

    def _hits(self, ranked: RankedPassages) -> tuple[Hit, ...]:
        return tuple(self._hit(rank, found) for rank, found in enumerate(ranked.passages, start=1))

    def _hit(self, rank: int, found: RankedPassage) -> Hit:
        document = self.content(found.revision_id)
        return Hit(
            rank=rank,
            document_id=found.document_id,
            revision_id=found.revision_id,
            path=found.path,
            start=found.start,
            end=found.end,
            text=found.text,
            heading_path=found.heading_path,
            place=locate(document, found.start, found.end),
            score=found.score,
            parts=found.parts,
            highlights=highlights(
                document.text, found.start, found.end, found.marked_spans, found.marked_weights
            ),
            terms=found.terms,
            related=found.related,
            named=found.named,
        )

    def _summary(
        self, revision_id: RevisionId, query: str | None, count: int | None, cancel: CancelToken
    ) -> tuple[Summary, Mapping[str, Any]]:
        encoding = self._store.encoding(revision_id)
        if encoding is None:
            raise StoreError("document_not_analysed", revision_id=revision_id)
        document = self.content(revision_id)
        asked = None
        if query:
            encoder = self._models.encoder()
            if encoding.encoder_hash != encoder.pack.encoder_hash:
                raise StoreError("document_not_analysed", revision_id=revision_id)
            asked = encoder.encode_query(query)
        passages = self._store.passages(revision_id)
        chosen = extract(document.text, passages, encoding, asked, count, None, cancel)
        summary = Summary(
            evidence_id=EvidenceId(0),
            document_id=self._store.revision(revision_id).document_id,
            revision_id=revision_id,
            query=query,
            sentences=tuple(
                SummarySentence(
                    item.start,
                    item.end,
                    document.text[item.start : item.end],
                    locate(document, item.start, item.end),
                    item.score,
                )
                for item in chosen.sentences
            ),
            coverage=chosen.coverage,
            seconds=0.0,
        )
        attended = evidence_records.attended_record(
            (), encoding.token_spans, chosen.token_weights, (), 0
        )
        return summary, attended


def _whole(query: str) -> str:
    """A question as the model and UTF-8 can hold it; a terminal may hand over half a character."""
    return _SURROGATES.sub("\ufffd", query)
