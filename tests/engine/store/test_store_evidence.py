import json

import pytest

from engine.errors import StoreError
from engine.progress import run
from engine.records import EvidenceId, RevisionId


def test_a_record_is_made_with_its_id_and_listed(store, add):
    _, revision_id, _ = add(store, "a.txt", "一")

    def record(evidence_id):
        return json.dumps({"id": evidence_id, "語": "注目"}, ensure_ascii=False).encode()

    ids = [
        store.add_evidence(
            kind, query, f"2026-11-2{i}", ["a.txt"], i, "pack", [revision_id], record
        )
        for i, (kind, query) in enumerate((("search", "締付 \ud800"), ("summary", None)))
    ]
    assert [json.loads(store.evidence(i))["id"] for i in ids] == ids
    newest, oldest = store.history()
    assert (newest.evidence_id, newest.kind, newest.query, newest.hits) == (
        ids[1], "summary", None, 1
    )  # fmt: skip
    assert oldest.query == "締付 \ud800" and oldest.documents == ("a.txt",)
    assert store.history(limit=1, offset=1) == [oldest]


def test_a_record_that_cannot_be_made_leaves_nothing(store, add):
    _, revision_id, _ = add(store, "a.txt", "一")

    def fails(_):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.add_evidence("search", "q", "2026", [], 0, None, [revision_id], fails)
    with pytest.raises(StoreError, match="document_unknown"):
        store.add_evidence("search", "q", "2026", [], 0, None, [RevisionId(9)], lambda _: b"{}")
    assert store.history() == []
    store.remove(store.documents()[0].document_id)
    assert list((store.folder / "files").iterdir()) == []


def test_a_record_is_changed_in_place(store):
    evidence_id = store.add_evidence("search", "q", "2026", [], 0, None, [], lambda _: b'{"a": 1}')
    store.update_evidence(evidence_id, lambda old: json.dumps({**json.loads(old), "b": 2}).encode())
    assert json.loads(store.evidence(evidence_id)) == {"a": 1, "b": 2}
    for call in (store.evidence, lambda i: store.update_evidence(i, lambda old: old)):
        with pytest.raises(StoreError, match="evidence_unknown"):
            call(EvidenceId(99))
    assert run(store.check()).ok
