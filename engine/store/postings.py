"""The search index as the ranking sees it."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from engine.records import PassageId, RevisionId
from engine.store.database import Database
from engine.store.faults import translated
from engine.store.terms import MOST_TERMS, clean_term

# Occurrences in passages that are kept, of all terms together: 16 MB of a library of 43 files.
_CACHED_PLACES = 100_000
_CHUNK = 500


class StoredPostings:
    """Postings restricted to a scope of revisions. Safe to use from any thread.

    Counts see the revisions of the scope only, whatever was added or changed since; a revision
    that was deleted meanwhile has no postings. A rebuilt index is noticed.
    """

    def __init__(self, database: Database, scope: tuple[RevisionId, ...]) -> None:
        """Look at these revisions."""
        self._database = database
        self._scope = scope
        self._guard = threading.Lock()
        self._schema_version = -1
        self._lengths: tuple[np.ndarray, np.ndarray] | None = None
        self._terms: OrderedDict[str, list[tuple[PassageId, int, tuple[int, ...]]]] = OrderedDict()
        self._places = 0

    def lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Passage ids of the scope, int64 ``[P]`` ascending, and their term counts,
        int32 ``[P]``.
        """
        with self._guard:
            self._notice_rebuild()
            if self._lengths is None:
                self._lengths = self._load_lengths()
            return self._lengths

    def postings(self, term: str) -> Sequence[tuple[PassageId, int, tuple[int, ...]]]:
        """Where a term occurs.

        Args:
            term: As the index holds it; ASCII letters match in either case.

        Returns:
            Passage, number of occurrences and their positions (from 0, in terms), by passage.
        """
        term = clean_term(term)
        if not term:
            return []
        passages, _ = self.lengths()
        with self._guard:
            if term in self._terms:
                self._terms.move_to_end(term)
                return self._terms[term]
        found = self._load(term, passages)
        with self._guard:
            if term not in self._terms:
                self._terms[term] = found
                self._places += len(found) + 1
            while self._places > _CACHED_PLACES:
                self._places -= len(self._terms.popitem(last=False)[1]) + 1
        return found

    def _notice_rebuild(self) -> None:
        # A rebuild makes the index table anew, in whatever program, and so changes this number.
        with translated(self._database.path):
            (version,) = self._database.connection.execute("PRAGMA schema_version").fetchone()
        if version != self._schema_version:
            self._schema_version = version
            self._lengths = None
            self._terms.clear()
            self._places = 0

    def _load_lengths(self) -> tuple[np.ndarray, np.ndarray]:
        rows: list[tuple[int, bytes]] = []
        scope = sorted(set(self._scope))
        with self._database.snapshot() as reader:
            for i in range(0, len(scope), _CHUNK):
                part = scope[i : i + _CHUNK]
                marks = ",".join("?" * len(part))
                rows += reader.execute(
                    "SELECT first_passage, counts FROM passage_terms"
                    f" WHERE revision_id IN ({marks}) AND length(counts) > 0",
                    part,
                ).fetchall()
        rows.sort()
        counts = np.frombuffer(b"".join(row[1] for row in rows), "<i4")
        ranges = [np.arange(first, first + len(blob) // 4) for first, blob in rows]
        ids = np.concatenate(ranges) if ranges else np.zeros(0, np.int64)
        ids.flags.writeable = False
        return ids, counts

    def _load(
        self, term: str, passages: np.ndarray
    ) -> list[tuple[PassageId, int, tuple[int, ...]]]:
        if not passages.size:
            return []
        # One text instead of a tuple per occurrence: three times as fast for a frequent term.
        with translated(self._database.path):
            (joined,) = self._database.connection.execute(
                """SELECT group_concat(doc * ?1 + offset, ' ') FROM passages_vocab
                WHERE term = ?2 AND doc BETWEEN ?3 AND ?4""",
                (MOST_TERMS, term, int(passages[0]), int(passages[-1])),
            ).fetchone()
        keys = np.sort(np.fromstring(joined or "", np.int64, sep=" "))
        documents, offsets = np.divmod(keys, MOST_TERMS)
        inside = passages[np.searchsorted(passages, documents)] == documents
        documents, offsets = documents[inside], offsets[inside]
        ids, starts = np.unique(documents, return_index=True)
        bounds = [*starts.tolist(), len(documents)]
        positions = offsets.tolist()
        return [
            (PassageId(passage), stop - start, tuple(positions[start:stop]))
            for passage, start, stop in zip(ids.tolist(), bounds[:-1], bounds[1:], strict=True)
        ]
