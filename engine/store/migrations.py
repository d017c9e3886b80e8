"""The schema, as the list of steps that lead to it.

A released step is never edited: a change is a new step at the end of :data:`MIGRATIONS`, with a
test that upgrades a library written before it.
"""

from collections.abc import Callable

from sqlite_utils import Database

Migration = tuple[str, Callable[[Database], None]]

_TOKEN_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def _documents(db: Database) -> None:
    db.execute("""
        CREATE TABLE documents (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            path TEXT NOT NULL,
            path_key TEXT UNIQUE,
            current_revision INTEGER REFERENCES revisions(id) DEFERRABLE INITIALLY DEFERRED,
            mtime_ns INTEGER NOT NULL DEFAULT 0,
            size INTEGER NOT NULL DEFAULT 0,
            failure TEXT,
            failure_details TEXT NOT NULL DEFAULT '{}',
            created TEXT NOT NULL,
            removed TEXT
        )""")
    db.execute("""
        CREATE TABLE revisions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            document_id INTEGER NOT NULL REFERENCES documents(id),
            number INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            size INTEGER NOT NULL,
            kind TEXT NOT NULL,
            title TEXT NOT NULL,
            status TEXT NOT NULL
                CHECK (status IN ('read', 'running', 'interrupted', 'analysed', 'failed')),
            reason TEXT,
            details TEXT NOT NULL DEFAULT '{}',
            owner TEXT,
            pages INTEGER NOT NULL,
            tokens INTEGER NOT NULL DEFAULT 0,
            metadata TEXT NOT NULL,
            warnings TEXT NOT NULL,
            created TEXT NOT NULL,
            seconds REAL NOT NULL DEFAULT 0,
            UNIQUE (document_id, number)
        )""")
    db.execute("CREATE INDEX revisions_sha256 ON revisions(sha256)")
    db.execute("CREATE INDEX revisions_owner ON revisions(owner) WHERE owner IS NOT NULL")
    db.execute("""
        CREATE TABLE contents (
            revision_id INTEGER PRIMARY KEY REFERENCES revisions(id) ON DELETE CASCADE,
            text BLOB NOT NULL,
            layout BLOB NOT NULL,
            boxes_header TEXT,
            boxes BLOB
        )""")


def _passages(db: Database) -> None:
    db.execute("""
        CREATE TABLE passages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            revision_id INTEGER NOT NULL REFERENCES revisions(id) ON DELETE CASCADE,
            ordinal INTEGER NOT NULL,
            start INTEGER NOT NULL,
            end INTEGER NOT NULL,
            kind TEXT NOT NULL,
            heading_path TEXT NOT NULL,
            sentences BLOB NOT NULL,
            UNIQUE (revision_id, ordinal)
        )""")
    # A table without content forgets a row only when it is handed the very terms again, and these
    # may come out differently in a later version of the program: so they are kept, compressed.
    db.execute("""
        CREATE TABLE passage_terms (
            revision_id INTEGER PRIMARY KEY REFERENCES revisions(id) ON DELETE CASCADE,
            first_passage INTEGER NOT NULL,
            counts BLOB NOT NULL,
            terms BLOB NOT NULL
        )""")
    # The ascii tokenizer takes every code point above 127 as part of a word; with ASCII
    # punctuation added, only the space separates.
    marks = _TOKEN_PUNCTUATION.replace("'", "''").replace('"', '""')
    db.execute(
        "CREATE VIRTUAL TABLE passages_fts USING fts5("
        f"terms, content='', tokenize=\"ascii tokenchars '{marks}'\")"
    )
    db.execute("CREATE VIRTUAL TABLE passages_vocab USING fts5vocab(passages_fts, 'instance')")


def _encodings(db: Database) -> None:
    db.execute("""
        CREATE TABLE encodings (
            revision_id INTEGER PRIMARY KEY REFERENCES revisions(id) ON DELETE CASCADE,
            pack_hash TEXT NOT NULL,
            block INTEGER NOT NULL,
            fidelity TEXT NOT NULL,
            seconds REAL NOT NULL,
            created TEXT NOT NULL
        )""")
    db.execute("""
        CREATE TABLE encoding_arrays (
            revision_id INTEGER NOT NULL REFERENCES encodings(revision_id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            header TEXT NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (revision_id, name)
        )""")


def _evidence(db: Database) -> None:
    db.execute("""
        CREATE TABLE evidence (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('search', 'summary')),
            query TEXT,
            created TEXT NOT NULL,
            documents TEXT NOT NULL,
            hits INTEGER NOT NULL,
            pack_hash TEXT,
            record BLOB NOT NULL
        )""")
    db.execute("""
        CREATE TABLE evidence_revisions (
            evidence_id INTEGER NOT NULL REFERENCES evidence(id) ON DELETE CASCADE,
            revision_id INTEGER NOT NULL REFERENCES revisions(id),
            PRIMARY KEY (evidence_id, revision_id)
        ) WITHOUT ROWID""")
    db.execute("CREATE INDEX evidence_revisions_revision ON evidence_revisions(revision_id)")


def _headings(db: Database) -> None:
    # These analyses lack the vectors of headings: the documents wait to be analysed again.
    db.execute("DELETE FROM encoding_arrays")
    db.execute("DELETE FROM encodings")
    db.execute("UPDATE revisions SET status = 'read' WHERE status = 'analysed'")


def _encoder_hash(db: Database) -> None:
    db.execute("ALTER TABLE encodings RENAME COLUMN pack_hash TO encoder_hash")


MIGRATIONS: tuple[Migration, ...] = (
    ("0001_documents", _documents),
    ("0002_passages", _passages),
    ("0003_encodings", _encodings),
    ("0004_evidence", _evidence),
    ("0005_headings", _headings),
    ("0006_encoder_hash", _encoder_hash),
)
