import contextlib
import errno
import os
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.progress import run
from engine.store import Store
from engine.store.faults import store_error, translated


@contextlib.contextmanager
def mounted(folder: Path, options: str):
    """A file system of its own; skips where the system does not allow it."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.name == "nt" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs to mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(store: Store, add) -> list[str]:
    """Add documents until the library refuses; the texts that were reported as added."""
    added = []
    with pytest.raises(StoreError) as caught:
        for number in range(2000):
            text = f"文書{number} " + os.urandom(3000).hex()
            add(store, f"{number}.txt", text)
            added.append(text)
    assert caught.value.code == "store_full"
    return added


def contents(store: Store) -> list[str]:
    return [store.text(current.revision_id) for current in store.current_scope()]


def test_a_full_disk(tmp_path, add):
    with mounted(tmp_path / "disk", "size=2m"):
        with Store.open(tmp_path / "disk" / "library") as store:
            added = fill(store, add)
            assert len(added) >= 10 and contents(store) == added
        for file in (tmp_path / "disk" / "library" / "files").iterdir():
            assert not file.name.endswith(".part")
        subprocess.run(["mount", "-o", "remount,size=8m", str(tmp_path / "disk")], check=True)
        with Store.open(tmp_path / "disk" / "library") as store:
            assert contents(store) == added
            assert run(store.check(deep=True)).problems == ()
            assert add(store, "after.txt", "後")[2] == "added"


def test_a_database_that_cannot_grow(store, add):
    connection = store._database.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 60}")
    added = fill(store, add)
    assert contents(store) == added and added
    connection.execute("PRAGMA max_page_count=1000000")
    assert run(store.check(deep=True)).problems == ()
    assert add(store, "after.txt", "後")[2] == "added"


def test_a_library_that_may_only_be_read(tmp_path, add):
    with mounted(tmp_path / "disk", "size=8m"):
        with Store.open(tmp_path / "disk" / "library") as store:
            add(store, "a.txt", "一")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        for folder in ("library", "new"):
            with pytest.raises(StoreError) as caught:
                Store.open(tmp_path / "disk" / folder)
            assert caught.value.code == "store_denied"


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "library").write_text("")
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path / "library")
    assert caught.value.code == "store_denied"


@pytest.mark.parametrize("damage", ["text", "other", "header", "middle"])
def test_a_damaged_library_is_named_and_left_as_it_is(damage, tmp_path, add):
    with Store.open(tmp_path / "library") as store:
        for number in range(12):
            add(store, f"{number}.txt", os.urandom(3000).hex())
    path = tmp_path / "library" / "library.db"
    if damage == "text":
        path.write_bytes(b"not a database at all, but long enough to be read as one" * 40)
    elif damage == "other":
        path.unlink()
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE other (id INTEGER)")
        other.commit()
        other.close()
    else:
        data = bytearray(path.read_bytes())
        start = 100 if damage == "header" else len(data) // 2 // 4096 * 4096
        data[start : start + 6000] = os.urandom(6000)
        path.write_bytes(data)
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path / "library")
    assert caught.value.code == "store_broken"
    assert path.read_bytes() == before


def test_damaged_blobs_are_named(store, add, encoding):
    _, revision_id, _ = add(store, "a.txt", "一\n二")
    store.save_encoding(revision_id, encoding(2))
    with store._database.transaction() as writer:
        writer.execute("UPDATE contents SET text = x'00', layout = x'00'")
        writer.execute("UPDATE encoding_arrays SET data = x'00'")
    for call in (store.text, store.content, store.encoding):
        with pytest.raises(StoreError) as caught:
            call(revision_id)
        assert caught.value.code == "store_broken"
    assert [p.split(":")[0] for p in run(store.check()).problems] == [
        "content_broken", "encoding_broken"
    ]  # fmt: skip
    assert run(store.rebuild_search(lambda text, path: [text])) == 2


def test_another_program_that_writes_for_too_long(store, add):
    add(store, "a.txt", "一")
    other = sqlite3.connect(store.folder / "library.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        store._database.connection.execute("PRAGMA busy_timeout=50")
        with pytest.raises(StoreError) as caught:
            add(store, "b.txt", "二")
        assert caught.value.code == "store_busy"
        assert len(store.documents()) == 1
    finally:
        other.close()
    assert add(store, "b.txt", "二")[2] == "added"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "x"), "store_full"),
        (OSError(errno.EDQUOT, "x"), "store_full"),
        (PermissionError(errno.EACCES, "x"), "store_denied"),
        (OSError(errno.EROFS, "x"), "store_denied"),
    ],
)
def test_errors_of_the_system(error, code, tmp_path):
    with pytest.raises(StoreError) as caught, translated(tmp_path):
        raise error
    assert caught.value.code == code and caught.value.details["path"] == str(tmp_path)


def test_our_own_defects_are_not_dressed_up(tmp_path):
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as caught, translated(tmp_path):
        connection.execute("SELECT nonsense")
    connection.close()
    assert store_error(caught.value, tmp_path) is None


def test_threads_share_a_store(store, add):
    failures = []

    def work(number: int) -> None:
        try:
            for i in range(5):
                _, revision_id, _ = add(store, f"{number}-{i}.txt", f"文書 {number} {i}")
                assert store.text(revision_id) == f"文書 {number} {i}"
                assert len(store.postings([revision_id]).postings("文書")) == 1
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and len(store.documents()) == 20
    assert run(store.check(deep=True)).problems == ()
