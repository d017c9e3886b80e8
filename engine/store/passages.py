"""Passages and the index of their terms."""

import json
import sqlite3
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from engine.errors import StoreError
from engine.records import Passage, RevisionId
from engine.store.base import Part
from engine.store.postings import StoredPostings
from engine.store.terms import TermIndex


class Passages(Part):
    """The part of :class:`engine.store.Store` about passages."""

    def passages(self, revision_id: RevisionId) -> tuple[Passage, ...]:
        """The passages of a revision, in order; their ids are :meth:`passage_ids`, in this order.

        Raises:
            StoreError: ``document_unknown``, ``store_broken``.
        """
        rows = self._all(
            """SELECT ordinal, start, end, kind, heading_path, sentences FROM passages
            WHERE revision_id = ? ORDER BY ordinal""",
            (revision_id,),
        )
        if not rows:
            self._require(revision_id)
        with self._decoding(revision_id):
            return tuple(
                Passage(
                    *row[:4],
                    heading_path=_headings(row[4]),
                    sentences=_unpack_spans(row[5], row[1]),
                )
                for row in rows
            )

    def passage_ids(self, revision_id: RevisionId) -> range:
        """Ids of a revision's passages: they are consecutive and never used again.

        Raises:
            StoreError: ``document_unknown``.
        """
        row = self._one(
            "SELECT min(id), count(*) FROM passages WHERE revision_id = ?", (revision_id,)
        )
        if row[1] == 0:
            self._require(revision_id)
            return range(0)
        return range(row[0], row[0] + row[1])

    def postings(self, scope: Sequence[RevisionId]) -> StoredPostings:
        """The search index as it stands for these revisions; see :class:`StoredPostings`."""
        return StoredPostings(self._database, tuple(scope))

    def _require(self, revision_id: RevisionId) -> None:
        if self._one("SELECT 1 FROM revisions WHERE id = ?", (revision_id,)) is None:
            raise StoreError("document_unknown", revision_id=revision_id)


def insert_passages(
    writer: sqlite3.Connection,
    revision_id: int,
    passages: Sequence[Passage],
    index: TermIndex,
) -> None:
    """Add the passages of a revision and index their terms, inside the caller's transaction."""
    row = writer.execute("SELECT seq FROM sqlite_sequence WHERE name = 'passages'").fetchone()
    first = (row[0] if row else 0) + 1
    writer.executemany(
        "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                first + i,
                revision_id,
                passage.ordinal,
                passage.start,
                passage.end,
                passage.kind,
                json.dumps(passage.heading_path),
                _pack_spans(passage.sentences, passage.start),
            )
            for i, passage in enumerate(passages)
        ),
    )
    insert_terms(writer, revision_id, first, index)


def insert_terms(
    writer: sqlite3.Connection, revision_id: int, first: int, index: TermIndex
) -> None:
    """Index the terms of a revision's passages, whose ids start at ``first``."""
    writer.execute(
        "INSERT INTO passage_terms VALUES (?, ?, ?, ?)",
        (revision_id, first, index.counts, index.packed),
    )
    writer.executemany(
        "INSERT INTO passages_fts(rowid, terms) VALUES (?, ?)",
        ((first + i, text) for i, text in enumerate(index.joined())),
    )


def delete_passages(writer: sqlite3.Connection, revision_id: int) -> None:
    """Take a revision's passages out of table and index, inside the caller's transaction."""
    row = writer.execute(
        "SELECT first_passage, counts, terms FROM passage_terms WHERE revision_id = ?",
        (revision_id,),
    ).fetchone()
    if row:
        writer.executemany(
            "INSERT INTO passages_fts(passages_fts, rowid, terms) VALUES ('delete', ?, ?)",
            ((row[0] + i, text) for i, text in enumerate(TermIndex(row[1], row[2]).joined())),
        )
    writer.execute("DELETE FROM passage_terms WHERE revision_id = ?", (revision_id,))
    writer.execute("DELETE FROM passages WHERE revision_id = ?", (revision_id,))


def _pack_spans(spans: Sequence[tuple[int, int]], origin: int) -> bytes:
    return (np.asarray(spans, "<i4").reshape(-1, 2) - origin).astype("<i4").tobytes()


def _unpack_spans(blob: bytes, origin: int) -> tuple[tuple[int, int], ...]:
    flat = (np.frombuffer(blob, "<i4") + origin).tolist()
    return tuple(zip(flat[::2], flat[1::2], strict=True))


@lru_cache(maxsize=4096)
def _headings(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))
