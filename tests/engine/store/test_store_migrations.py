"""Every released schema is reproduced, filled, upgraded and read again.

A migration that has no test here fails :func:`test_every_migration_has_a_test`; one that was edited
after its release fails :func:`test_released_migrations_are_not_edited`.
"""

import hashlib
import sqlite3
import sys
from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.progress import run
from engine.records import DocumentId, EvidenceId, RevisionId
from engine.store import Store, codec, migrations
from engine.store import database as database_module

DOCUMENT, REVISION, EVIDENCE = DocumentId(1), RevisionId(1), EvidenceId(5)
NAMES = [name for name, _ in migrations.MIGRATIONS]
RELEASED = {
    "0001_documents": "a6b48e9585b8b4d8485bc773c6c9c65e90a987c00741b5721e8851a63bc9ad02",
    "0002_passages": "bcfa6db1d57c15785deccdea0df68aaa46db8b40b6558410c550cccd50bf0ab5",
    "0003_encodings": "73aabd64adc346142e39ba272fb399e4b38755dec3309059ba9e68a8b9f81d32",
    "0004_evidence": "777a2345c212b9127c165ad99ee7dffb9fd2ef3bb14e4796a8e62bc26cc4243f",
    "0005_headings": "777a2345c212b9127c165ad99ee7dffb9fd2ef3bb14e4796a8e62bc26cc4243f",
    "0006_encoder_hash": "d010741cbb8bab55d0e8e617cfb73d5e52c5472516e85b6cfd712080329e1607",
}


def write_library(folder: Path, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library as the version wrote it whose last migration was ``last``."""
    steps = migrations.MIGRATIONS[: NAMES.index(last) + 1]
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "MIGRATIONS", steps)
        Store.open(folder).close()


def schema(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / "library.db")
    rows = connection.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'passages_fts_%'"
        " ORDER BY name"
    ).fetchall()
    connection.close()
    return [" ".join(row[0].split()) for row in rows]


def execute(folder: Path, *statements: tuple[str, tuple]) -> None:
    connection = sqlite3.connect(folder / "library.db")
    for sql, parameters in statements:
        connection.execute(sql, parameters)
    connection.commit()
    connection.close()


def add_document_of_0001(folder: Path, text: str) -> None:
    data = text.encode()
    sha256 = hashlib.sha256(data).hexdigest()
    (folder / "files" / sha256).write_bytes(data)
    layout = {"pages": [[1, 0, len(text), 0.0, 0.0, None]], "units": []}
    execute(
        folder,
        ("INSERT INTO documents (id, path, path_key, current_revision, created)"
         " VALUES (1, '/古い.txt', '/古い.txt', 1, '2026-11-01')", ()),
        ("INSERT INTO revisions (id, document_id, number, sha256, size, kind, title, status, pages,"
         " metadata, warnings, created) VALUES (1, 1, 1, ?, ?, 'text', '古い', 'read', 1, '{}',"
         " '[]', '2026-11-01')", (sha256, len(data))),
        ("INSERT INTO contents VALUES (1, ?, ?, NULL, NULL)",
         (codec.pack_text(text), codec.pack_json(layout))),
    )  # fmt: skip


def add_passage_of_0002(folder: Path) -> None:
    execute(
        folder,
        ("INSERT INTO passages VALUES (1, 1, 0, 0, 2, 'text', '[]', ?)",
         (bytes([0, 0, 0, 0, 2, 0, 0, 0]),)),
        ("INSERT INTO passage_terms VALUES (1, 1, ?, ?)",
         (bytes([1, 0, 0, 0]), codec.pack_text("締付"))),
        ("INSERT INTO passages_fts(rowid, terms) VALUES (1, '締付')", ()),
    )  # fmt: skip


def test_0001_documents(tmp_path, monkeypatch):
    write_library(tmp_path, "0001_documents", monkeypatch)
    add_document_of_0001(tmp_path, "締付トルク")
    with Store.open(tmp_path) as store:
        (info,) = store.documents()
        assert info.path == "/古い.txt" and store.text(REVISION) == "締付トルク"
        assert store.passages(REVISION) == () and store.pending() == [1]
        assert run(store.check(deep=True)).problems == ()


def test_0002_passages(tmp_path, monkeypatch):
    write_library(tmp_path, "0002_passages", monkeypatch)
    add_document_of_0001(tmp_path, "締付トルク")
    add_passage_of_0002(tmp_path)
    with Store.open(tmp_path) as store:
        assert store.postings([REVISION]).postings("締付") == [(1, 1, (0,))]
        assert store.passages(REVISION)[0].sentences == ((0, 2),)
        assert run(store.check(deep=True)).problems == ()


def test_0003_encodings(tmp_path, monkeypatch, encoding):
    write_library(tmp_path, "0003_encodings", monkeypatch)
    add_document_of_0001(tmp_path, "締付トルク")
    execute(
        tmp_path,
        ("INSERT INTO encodings VALUES (1, 'pack', 64, '{}', 1.5, '2026-11-01')", ()),
        (
            "INSERT INTO encoding_arrays VALUES (1, 'token_vectors', ?, ?)",
            ('{"dtype": "|i1", "shape": [1, 2], "coding": "raw"}', b"\x05\xfb"),
        ),
    )
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "MIGRATIONS", migrations.MIGRATIONS[:4])
        with Store.open(tmp_path) as store:
            vectors = store.encoding_arrays(REVISION, ["token_vectors"])["token_vectors"]
            assert vectors is not None and vectors.tolist() == [[5, -5]]


def test_0004_evidence(tmp_path, monkeypatch):
    write_library(tmp_path, "0004_evidence", monkeypatch)
    add_document_of_0001(tmp_path, "締付トルク")
    execute(
        tmp_path,
        ("INSERT INTO evidence VALUES (5, 'search', '締付', '2026-11-01', '[\"a\"]', 1, NULL, ?)",
         (codec.pack_text("{}"),)),
        ("INSERT INTO evidence_revisions VALUES (5, 1)", ()),
    )  # fmt: skip
    with Store.open(tmp_path) as store:
        assert store.evidence(EVIDENCE) == b"{}" and store.history()[0].documents == ("a",)
        store.remove(DOCUMENT)
        assert store.text(REVISION) == "締付トルク"


def test_0005_headings(tmp_path, monkeypatch, encoding):
    write_library(tmp_path, "0004_evidence", monkeypatch)
    add_document_of_0001(tmp_path, "締付トルク")
    execute(
        tmp_path,
        ("UPDATE revisions SET status = 'analysed'", ()),
        ("INSERT INTO encodings VALUES (1, 'pack', 64, '{}', 1.5, '2026-11-01')", ()),
        ("INSERT INTO encoding_arrays VALUES (1, 'token_vectors', '{}', '')", ()),
    )
    with Store.open(tmp_path) as store:
        assert store.pending("pack") == [REVISION] and store.encoding(REVISION) is None
        assert store.current_scope()[0].encoder_hash is None
        store.save_encoding(REVISION, encoding(1))
        assert store.document(DOCUMENT).status == "analysed"
        assert run(store.check(deep=True)).problems == ()


def test_0006_encoder_hash(tmp_path, monkeypatch):
    write_library(tmp_path, "0005_headings", monkeypatch)
    add_document_of_0001(tmp_path, "締付トルク")
    execute(
        tmp_path,
        ("INSERT INTO encodings VALUES (1, 'pack', 64, '{}', 1.5, '2026-11-01')", ()),
    )
    with Store.open(tmp_path) as store:
        assert store.current_scope()[0].encoder_hash == "pack"
        assert store.block(REVISION) == 64


def test_every_migration_has_a_test():
    tests = vars(sys.modules[__name__])
    assert [name for name in NAMES if f"test_{name}" not in tests] == []
    assert [name for name in NAMES if name not in RELEASED] == []


@pytest.mark.parametrize("name", NAMES)
def test_released_migrations_are_not_edited(name, tmp_path, monkeypatch):
    write_library(tmp_path, name, monkeypatch)
    assert hashlib.sha256("\n".join(schema(tmp_path)).encode()).hexdigest() == RELEASED[name]


@pytest.mark.parametrize("name", NAMES[:-1])
def test_upgrade_gives_the_schema_of_a_new_library_and_keeps_a_backup(name, tmp_path, monkeypatch):
    old, new = tmp_path / "old", tmp_path / "new"
    write_library(old, name, monkeypatch)
    add_document_of_0001(old, "締付")
    Store.open(old).close()
    Store.open(new).close()
    assert schema(old) == schema(new)
    (backup,) = (old / "backups").iterdir()
    (old / "library.db").unlink()
    backup.rename(old / "library.db")
    with Store.open(old) as store:
        assert store.text(REVISION) == "締付"
    assert not (new / "backups").exists()


def test_a_migration_that_fails_leaves_the_library_as_it_was(tmp_path, monkeypatch):
    write_library(tmp_path, NAMES[-1], monkeypatch)
    before = schema(tmp_path)

    def fails(db):
        db.execute("CREATE TABLE half_done (id INTEGER)")
        raise RuntimeError("defect")

    with monkeypatch.context() as patch:
        steps = (*migrations.MIGRATIONS, ("9999_fails", fails))
        patch.setattr(database_module, "MIGRATIONS", steps)
        with pytest.raises(RuntimeError):
            Store.open(tmp_path)
    assert schema(tmp_path) == before
    Store.open(tmp_path).close()


def test_old_backups_are_not_kept_for_ever(tmp_path, monkeypatch):
    Store.open(tmp_path).close()
    for number in range(6):
        extra = tuple((f"9{i}_nothing", lambda db: None) for i in range(number + 1))
        with monkeypatch.context() as patch:
            patch.setattr(database_module, "MIGRATIONS", (*migrations.MIGRATIONS, *extra))
            Store.open(tmp_path).close()
    assert [path.name.split("-")[-1] for path in sorted((tmp_path / "backups").iterdir())] == [
        f"{len(NAMES) + i}.db" for i in (3, 4, 5)
    ]


@pytest.mark.parametrize(
    "change",
    ["PRAGMA user_version=99", "INSERT INTO migrations VALUES ('0999_of_tomorrow', '2030')"],
)
def test_a_newer_library_is_refused_and_left_untouched(change, tmp_path):
    Store.open(tmp_path).close()
    execute(tmp_path, (change, ()))
    before = (tmp_path / "library.db").read_bytes()
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path)
    assert caught.value.code == "store_newer"
    assert (tmp_path / "library.db").read_bytes() == before
    assert not (tmp_path / "backups").exists()
