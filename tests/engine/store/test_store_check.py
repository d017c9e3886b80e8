import sqlite3

import pytest

from engine.errors import Cancelled
from engine.progress import CancelToken, run
from engine.store import Store


@pytest.fixture
def filled(store, add, encoding):
    for name in ("a.txt", "b.txt"):
        _, revision_id, _ = add(store, name, f"ボルト {name}\n締付")
        store.save_encoding(revision_id, encoding(2))
    return store


def kinds(store: Store, deep: bool = False) -> list[str]:
    return [problem.split(":")[0] for problem in run(store.check(deep=deep)).problems]


def test_a_sound_library(filled):
    report = run(filled.check(deep=True))
    assert report.ok and report.problems == () and not report.rebuilt
    assert (report.documents, report.passages) == (2, 4)


def test_originals_that_are_missing_or_changed(filled):
    one, two = (filled.original(c.revision_id) for c in filled.current_scope())
    data = one.read_bytes()
    one.write_bytes(data[:-1] + b"?")
    assert kinds(filled) == [] and kinds(filled, deep=True) == ["original_damaged"]
    one.write_bytes(data[:-1])
    two.unlink()
    report = run(filled.check())
    assert [p.split(":", 1)[0] for p in report.problems] == ["original_damaged", "original_missing"]
    assert report.problems[1].endswith("b.txt") and not report.ok


def test_a_search_index_that_lacks_a_passage_is_rebuilt(filled):
    with filled._database.transaction() as writer:
        writer.execute(
            "INSERT INTO passages_fts(passages_fts, rowid, terms) VALUES ('delete', 1, ?)",
            ("ボルト a.txt h:手順書 h:第1章",),
        )
    assert kinds(filled) == ["search_incomplete"]
    run(filled.rebuild_search(lambda text, path: text.split()))
    assert kinds(filled) == []


@pytest.mark.parametrize("damage", [
    "UPDATE passages_fts_data SET block = x'0011223344' WHERE id > 10",
    "DELETE FROM passages_fts_data WHERE id > 10",
])  # fmt: skip
def test_a_damaged_search_index_is_rebuilt(damage, filled):
    scope = [c.revision_id for c in filled.current_scope()]
    filled.close()
    connection = sqlite3.connect(filled.folder / "library.db")
    connection.execute(damage)
    connection.commit()
    connection.close()
    with Store.open(filled.folder) as store:
        assert "search_broken" in kinds(store)
        run(store.rebuild_search(lambda text, path: text.split()))
        assert kinds(store) == []
        assert len(store.postings(scope).postings("ボルト")) == 2


def test_rows_that_refer_to_nothing(filled):
    filled.close()
    connection = sqlite3.connect(filled.folder / "library.db")
    connection.execute("INSERT INTO evidence_revisions VALUES (77, 1)")
    connection.commit()
    connection.close()
    with Store.open(filled.folder) as store:
        assert run(store.check()).problems == ("reference_broken:evidence_revisions",)


def test_a_check_can_be_stopped(filled):
    cancel = CancelToken()
    job = filled.check(cancel=cancel)
    next(job)
    cancel.cancel()
    with pytest.raises(Cancelled):
        run(job)
