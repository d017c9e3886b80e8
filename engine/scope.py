"""What is searched: revisions as arrays in memory, kept between questions."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import StoreError
from engine.records import DocumentId, PassageId, RevisionId, distinct_headings
from engine.search.index import (
    Index,
    IndexedRevision,
    MeaningVectors,
    TokenArrays,
    by_heading,
)
from engine.store import Store, StoredPostings

_MEANING_ARRAYS = ("sentence_vectors", "passage_vectors")
_TOKEN_ARRAYS = (
    "token_spans",
    "token_vectors",
    "block_summaries",
    "heading_vectors",
    "heading_starts",
)
# A question in one document and one in the whole library often alternate.
_KEPT = 4


@dataclass(frozen=True, slots=True)
class Scope:
    """Revisions to search, their passages and their words."""

    revisions: tuple[RevisionId, ...]
    index: Index
    postings: StoredPostings


class Scopes:
    """Builds scopes and keeps the last few. Safe to use from any thread.

    Analyses by another encoder than the one in use are left out: vectors of two say nothing
    about each other, and such documents wait to be analysed again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple, Scope] = OrderedDict()

    def current(
        self, documents: Sequence[DocumentId] = (), encoder_hash: str | None = None
    ) -> Scope:
        """The current revisions of these documents, or of all.

        Args:
            documents: Empty for all.
            encoder_hash: Identity of the encoder in use, None if there is none.

        Raises:
            StoreError: ``document_unknown``.
        """
        current = self._store.current_scope(documents)
        return self._scope(
            tuple((item.revision_id, _usable(item.encoder_hash, encoder_hash)) for item in current)
        )

    def of(
        self, revisions: Sequence[RevisionId], encoder_hash: str | None = None
    ) -> tuple[Scope, tuple[RevisionId, ...]]:
        """These revisions, current or not; see :meth:`current`.

        Returns:
            The scope of those that are still held, and those that are gone.
        """
        held, gone = [], []
        for revision_id in revisions:
            try:
                self._store.revision(revision_id)
                analysed = self._store.encoder_hash(revision_id)
                held.append((revision_id, _usable(analysed, encoder_hash)))
            except StoreError:
                gone.append(revision_id)
        return self._scope(tuple(held)), tuple(gone)

    def _scope(self, key: tuple[tuple[RevisionId, str | None], ...]) -> Scope:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        revisions = tuple(revision_id for revision_id, _ in key)
        index = Index(self._indexed(revision_id, hash_) for revision_id, hash_ in key)
        scope = Scope(revisions, index, self._store.postings(revisions))
        with self._lock:
            self._kept[key] = scope
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return scope

    def _indexed(self, revision_id: RevisionId, encoder_hash: str | None) -> IndexedRevision:
        info = self._store.revision(revision_id)
        passages = self._store.passages(revision_id)

        def tokens() -> TokenArrays:
            arrays = self._store.encoding_arrays(revision_id, _TOKEN_ARRAYS)
            return TokenArrays(
                arrays["token_spans"],
                arrays["token_vectors"],
                arrays["block_summaries"],
                self._store.block(revision_id),
                by_heading(
                    distinct_headings(passages),
                    arrays["heading_vectors"],
                    arrays["heading_starts"],
                ),
            )

        return IndexedRevision(
            document_id=info.document_id,
            revision_id=revision_id,
            path=info.path,
            passages=passages,
            passage_ids=tuple(PassageId(i) for i in self._store.passage_ids(revision_id)),
            vectors=self._vectors(revision_id) if encoder_hash else None,
            load_text=lambda: self._store.text(revision_id),
            load_tokens=tokens if encoder_hash else None,
        )

    def _vectors(self, revision_id: RevisionId) -> MeaningVectors:
        arrays = self._store.encoding_arrays(revision_id, _MEANING_ARRAYS)
        return MeaningVectors(arrays["sentence_vectors"], arrays["passage_vectors"])


def _usable(analysed: str | None, encoder_hash: str | None) -> str | None:
    return analysed if encoder_hash in (None, analysed) else None
