import multiprocessing

from engine.store import Store


def test_a_revision_is_taken_on_once(store, add, encoding):
    _, revision_id, _ = add(store, "a.txt", "一")
    assert store.pending() == [revision_id]
    assert store.claim(revision_id) and not store.claim(revision_id)
    assert store.revision(revision_id).status == "running" and store.pending() == []
    with Store.open(store.folder) as other:
        assert not other.claim(revision_id)
        assert other.revision(revision_id).status == "running"
        other.release(revision_id)
        assert store.revision(revision_id).status == "running"
    store.release(revision_id)
    assert store.revision(revision_id).status == "interrupted"
    assert store.pending() == [revision_id] and store.claim(revision_id)
    store.save_encoding(revision_id, encoding(1))
    assert store.pending("pack-1") == []


def test_failed_analysis_keeps_its_reason_and_can_be_tried_again(store, add):
    _, revision_id, _ = add(store, "a.txt", "一")
    store.claim(revision_id)
    store.mark_failed(revision_id, "reader_memory", {"bytes": 5})
    info = store.revision(revision_id)
    assert (info.status, info.reason, dict(info.details)) == (
        "failed", "reader_memory", {"bytes": 5}
    )  # fmt: skip
    assert store.pending("x") == []
    assert store.postings([revision_id]).postings("一")
    assert store.claim(revision_id)
    assert store.revision(revision_id).reason is None
    store.mark_failed(revision_id, "reader_memory")
    assert add(store, "a.txt", "一")[2] == "unchanged"
    assert store.pending("x") == [revision_id]
    assert store.revision(revision_id).reason is None


def test_closing_gives_back_what_was_taken_on(tmp_path, add):
    with Store.open(tmp_path / "library") as store:
        _, revision_id, _ = add(store, "a.txt", "一")
        store.claim(revision_id)
        store.close()
    assert [path.name for path in (tmp_path / "library" / "locks").glob("?" * 32 + ".lock")] == []
    with Store.open(tmp_path / "library") as store:
        assert store.revision(revision_id).status == "interrupted"


def _claim_and_die(folder, revision_id, pipe):
    store = Store.open(folder)
    pipe.send(store.claim(revision_id))
    pipe.recv()


def test_work_of_a_killed_program_is_taken_over(store, add):
    _, revision_id, _ = add(store, "a.txt", "一")
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    child = spawn.Process(target=_claim_and_die, args=(store.folder, revision_id, there))
    child.start()
    assert here.recv() is True
    assert not store.claim(revision_id) and store.recover() == 0
    with Store.open(store.folder) as other:
        assert other.revision(revision_id).status == "running"
    child.kill()
    child.join()
    assert store.recover() == 1
    assert store.revision(revision_id).status == "interrupted" and store.claim(revision_id)
