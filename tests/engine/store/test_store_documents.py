import os
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ReadingError, StoreError
from engine.progress import run
from engine.records import DocumentId, RevisionId
from engine.store import Store

TEXT = "締付トルクは 12.5N·m とする。\n\nM8x1.25 の ボルト を 使う。\n"


def test_a_document_comes_back_as_it_was_read(store, add, tmp_path, read_lines):
    document_id, revision_id, status = add(store, "手順.txt", TEXT)
    expected, passages, _ = read_lines(tmp_path / "手順.txt")
    content = store.content(revision_id)
    assert status == "added"
    for name in ("kind", "title", "text", "pages", "units", "sha256", "size", "warnings"):
        assert getattr(content, name) == getattr(expected, name)
    assert dict(content.metadata) == expected.metadata
    np.testing.assert_array_equal(content.char_boxes, expected.char_boxes)
    assert content.char_boxes is not None and not content.char_boxes.flags.writeable
    assert store.text(revision_id) == TEXT
    assert store.passages(revision_id) == passages
    assert len(store.passage_ids(revision_id)) == len(passages)
    assert store.original(revision_id).read_bytes() == TEXT.encode()
    (info,) = store.documents()
    assert info == store.document(document_id)
    assert (info.status, info.revision, info.path) == ("read", 1, str(tmp_path / "手順.txt"))


def test_the_same_file_changes_nothing_and_a_changed_one_is_a_revision(store, add):
    first = add(store, "a.txt", TEXT)
    assert add(store, "a.txt", TEXT) == (first[0], first[1], "unchanged")
    second = add(store, "a.txt", TEXT + "改訂。\n")
    assert (second[0], second[2]) == (first[0], "updated")
    assert [info.revision for info in store.revisions(first[0])] == [1, 2]
    assert store.text(first[1]) == TEXT
    assert store.original(first[1]).read_bytes() == TEXT.encode()
    assert [c.revision_id for c in store.current_scope()] == [second[1]]
    assert not store.is_current(first[1]) and store.is_current(second[1])


def test_an_earlier_state_that_returns_is_a_new_revision(store, add):
    first = add(store, "a.txt", "一")
    add(store, "a.txt", "二")
    third = add(store, "a.txt", "一")
    assert third[2] == "updated" and third[1] != first[1]
    assert store.document(third[0]).revision == 3


def test_known_lets_unchanged_files_be_skipped(store, add, tmp_path):
    assert store.known(tmp_path / "a.txt") is None
    document_id, revision_id, _ = add(store, "a.txt", TEXT)
    known, stat = store.known(tmp_path / "a.txt"), (tmp_path / "a.txt").stat()
    assert known is not None
    assert (known.document_id, known.revision_id) == (document_id, revision_id)
    assert (known.size, known.mtime_ns, known.status) == (stat.st_size, stat.st_mtime_ns, "read")
    os.utime(tmp_path / "a.txt", ns=(1, 5_000_000_000))
    store.touch(document_id, stat.st_size, 5_000_000_000)
    touched = store.known(tmp_path / "a.txt")
    assert touched is not None and touched.mtime_ns == 5_000_000_000


def test_a_file_that_changed_since_it_was_read_is_refused(store, tmp_path, read_lines):
    path = tmp_path / "a.txt"
    path.write_text("一")
    read = read_lines(path)
    path.write_text("二")
    with pytest.raises(StoreError, match="file_changed"):
        store.add_read(path, *read, path)
    path.unlink()
    with pytest.raises(StoreError, match="file_changed"):
        store.add_read(path, *read, path)
    assert store.documents() == []
    assert list((store.folder / "files").iterdir()) == []


def test_a_failed_file_is_listed_with_its_reason_until_it_is_read(store, add, tmp_path):
    path = tmp_path / "秘.pdf"
    error = ReadingError("file_encrypted", path=str(path))
    document_id = store.record_failure(path, error)
    assert store.record_failure(path, error) == document_id
    (info,) = store.documents()
    assert (info.status, info.reason, info.revision_id) == ("failed", "file_encrypted", None)
    assert info.details == {"path": str(path)} and info.title == "秘"
    known = store.known(path)
    assert known is not None and known.status == "failed" and known.revision_id is None
    assert store.current_scope() == [] and store.pending() == []
    assert add(store, "秘.pdf", TEXT)[::2] == (document_id, "added")
    assert store.document(document_id).reason is None


def test_a_document_that_can_no_longer_be_read_stays_searchable(store, add, tmp_path):
    document_id, revision_id, _ = add(store, "a.txt", TEXT)
    store.record_failure(tmp_path / "a.txt", ReadingError("file_locked", path="a.txt"))
    info = store.document(document_id)
    assert (info.status, info.reason, info.revision_id) == ("read", "file_locked", revision_id)
    assert [c.revision_id for c in store.current_scope()] == [revision_id]
    add(store, "a.txt", TEXT)
    assert store.document(document_id).reason is None


def test_removal_deletes_text_index_and_file(store, add):
    document_id, revision_id, _ = add(store, "a.txt", TEXT)
    other = add(store, "b.txt", "別 の 文書")
    original = store.original(revision_id)
    store.remove(document_id)
    assert [info.document_id for info in store.documents()] == [other[0]]
    assert not original.exists() and store.original(other[1]).exists()
    assert store.postings([revision_id, other[1]]).postings("m8x1.25") == []
    for call in (store.document, store.remove):
        with pytest.raises(StoreError, match="document_unknown"):
            call(document_id)
    for call in (store.content, store.text, store.passages, store.passage_ids, store.original):
        with pytest.raises(StoreError, match="document_unknown"):
            call(revision_id)
    assert run(store.check(deep=True)).problems == ()


def test_removal_keeps_what_evidence_refers_to(store, add, tmp_path):
    document_id, first, _ = add(store, "a.txt", TEXT)
    _, second, _ = add(store, "a.txt", "改訂 二")
    evidence = store.add_evidence("search", "q", "2026", ["a"], 1, None, [first], lambda _: b"{}")
    store.remove(document_id)
    assert store.documents() == [] and store.current_scope() == []
    assert store.known(tmp_path / "a.txt") is None
    assert store.text(first) == TEXT and store.original(first).read_bytes() == TEXT.encode()
    assert store.postings([first]).postings("m8x1.25")
    assert store.evidence(evidence) == b"{}"
    assert [info.revision_id for info in store.revisions(document_id)] == [first]
    with pytest.raises(StoreError, match="document_unknown"):
        store.content(second)
    again = add(store, "a.txt", TEXT)
    assert again[2] == "added" and again[0] != document_id
    assert run(store.check(deep=True)).problems == ()


def test_two_documents_with_the_same_bytes_share_a_file(store, add):
    one, two = add(store, "a.txt", TEXT), add(store, "b.txt", TEXT)
    assert one[0] != two[0] and store.original(one[1]) == store.original(two[1])
    store.remove(one[0])
    assert store.original(two[1]).read_bytes() == TEXT.encode()


def test_scope_of_some_documents(store, add):
    one, two = add(store, "a.txt", "一"), add(store, "b.txt", "二")
    assert [c.document_id for c in store.current_scope([two[0]])] == [two[0]]
    assert [c.document_id for c in store.current_scope()] == [one[0], two[0]]
    with pytest.raises(StoreError, match="document_unknown"):
        store.current_scope([DocumentId(99)])


@pytest.mark.skipif(os.name == "nt", reason="Windows names are Unicode")
def test_names_and_texts_that_are_no_valid_unicode(store, tmp_path, read_lines):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + "/手順.txt".encode("cp932")))
    path.write_text("文書")
    document_id, revision_id, status = store.add_read(path, *read_lines(path), path)
    assert status == "added" and store.document(document_id).path == str(path)
    known = store.known(path)
    assert known is not None and known.revision_id == revision_id
    assert store.document(document_id).title == path.stem


def test_unfinished_copies_and_orphans_are_swept_when_the_library_opens(store, add):
    _, revision_id, _ = add(store, "a.txt", TEXT)
    files = store.folder / "files"
    (files / f"{'0' * 32}-{'1' * 32}.part").write_bytes(b"left by a killed program")
    (files / ("f" * 64)).write_bytes(b"copied, never added")
    with Store.open(store.folder):
        assert [path.name for path in files.iterdir()] == [store.original(revision_id).name]


def test_unknown_revisions(store):
    for call in (store.content, store.passages, store.revision):
        with pytest.raises(StoreError, match="document_unknown"):
            call(RevisionId(7))
    assert store.encoding(RevisionId(7)) is None
