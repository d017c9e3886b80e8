import pytest

from engine.progress import CancelToken, Progress, run

TERMS = [
    "m8x1.25", "±0.05mm", "hv-2041-07", "ra1.6", "品質", "質管", "12.5n·m", "φ20h7", "a'b", 'c"d',
    '"', "''", "\\", "*", "^a", "and", "near", "()", "{x:y}", "jis_b_0205", "㎜", "ʰ見出", "-",
    "%s", "𠮷野", "が", "か\u3099", "50%", "a/b\\c",
]  # fmt: skip


@pytest.mark.parametrize("term", TERMS)
def test_every_term_stays_whole(store, add, term):
    _, revision_id, _ = add(store, "a.txt", f"前 {term} 後 {term}\n他 の 行")
    passage = store.passage_ids(revision_id)[0]
    assert store.postings([revision_id]).postings(term) == [(passage, 2, (1, 3))]


def test_terms_do_not_match_in_part_and_ascii_case_is_folded(store, add):
    _, revision_id, _ = add(store, "a.txt", "Ra1.6 hv-2041-07 ÄB")
    postings = store.postings([revision_id])
    for part in ("ra1", "hv", "2041", "07", "hv-2041", ""):
        assert postings.postings(part) == []
    assert postings.postings("RA1.6") == postings.postings("ra1.6") != []
    assert postings.postings("Äb") and not postings.postings("äb")


def test_terms_that_hold_blanks_controls_or_surrogates(store, tmp_path, read_lines):
    path = tmp_path / "a.txt"
    path.write_text("一行")
    document, passages, _ = read_lines(path)
    odd = [["a b", "\x00x\x7f", " ", "", "\ud800y", "z\n"]]
    _, revision_id, _ = store.add_read(path, document, passages, odd, path)
    postings = store.postings([revision_id])
    (passage,) = store.passage_ids(revision_id)
    for position, term in enumerate(("ab", "x", "y", "z")):
        assert postings.postings(term) == [(passage, 1, (position,))]
    assert postings.lengths()[1].tolist() == [4]


def test_every_passage_needs_terms(store, tmp_path, read_lines):
    path = tmp_path / "a.txt"
    path.write_text("一行")
    document, passages, terms = read_lines(path)
    with pytest.raises(ValueError, match="terms"):
        store.add_read(path, document, passages, terms[:-1], path)


def test_a_scope_sees_its_own_revisions_only(store, add):
    _, one, _ = add(store, "a.txt", "ボルト 締付\nボルト")
    _, two, _ = add(store, "b.txt", "ボルト ナット ボルト")
    ids_one, ids_two = list(store.passage_ids(one)), list(store.passage_ids(two))
    before = store.postings([one]).postings("ボルト")
    _, one_changed, _ = add(store, "a.txt", "ナット")
    assert store.postings([one]).postings("ボルト") == before
    assert [hit[:2] for hit in before] == [(ids_one[0], 1), (ids_one[1], 1)]
    current = store.postings([c.revision_id for c in store.current_scope()])
    assert [hit[:2] for hit in current.postings("ボルト")] == [(ids_two[0], 2)]
    ids, counts = store.postings([two, one]).lengths()
    assert ids.tolist() == ids_one + ids_two and counts.tolist() == [4, 3, 5]
    assert current.lengths()[0].tolist() == [*ids_two, *store.passage_ids(one_changed)]
    assert store.postings([]).postings("ボルト") == []
    assert [array.size for array in store.postings([]).lengths()] == [0, 0]


def test_counts_agree_with_a_plain_count_on_many_passages(store, add):
    lines = {
        f"{n}.txt": [[f"w{(n * i + j * j) % 23}" for j in range(1 + i % 7)] for i in range(40)]
        for n in range(6)
    }
    revisions = {
        name: add(store, name, "\n".join(" ".join(words) for words in rows))[1]
        for name, rows in lines.items()
    }
    scope = [revisions[f"{n}.txt"] for n in (1, 3, 4)]
    postings = store.postings(scope)
    for term in ("w0", "w5", "w22"):
        expected = [
            (passage, words.count(term), tuple(i for i, w in enumerate(words) if w == term))
            for n in (1, 3, 4)
            for passage, words in zip(
                store.passage_ids(revisions[f"{n}.txt"]), lines[f"{n}.txt"], strict=True
            )
            if term in words
        ]
        assert postings.postings(term) == expected


def test_a_document_without_passages(store, add):
    document_id, revision_id, _ = add(store, "a.txt", "\n")
    add(store, "b.txt", "行")
    assert store.passages(revision_id) == () and len(store.passage_ids(revision_id)) == 0
    assert store.postings([revision_id]).postings("行") == []
    store.remove(document_id)
    assert run(store.check(deep=True)).ok


def test_rebuilding_replaces_the_terms(store, add):
    _, revision_id, _ = add(store, "a.txt", "ボルト 締付\nナット")
    add(store, "empty.txt", "")
    seen = []

    def terms_of(text, heading_path):
        seen.append((text, heading_path))
        return ["新", *text.split()[:1]]

    before = store.postings([revision_id])
    assert before.postings("締付") and before.lengths()[1].tolist() == [4, 3]
    stages: list[Progress] = []
    assert run(store.rebuild_search(terms_of), stages.append) == 2
    assert seen == [("ボルト 締付", ("手順書", "第1章")), ("ナット", ("手順書", "第1章"))]
    assert {p.stage for p in stages} == {"rebuild"} and stages[-1].done == stages[-1].total == 2
    postings = store.postings([revision_id])
    assert [hit[2] for hit in postings.postings("新")] == [(0,), (0,)]
    for view in (postings, before):
        assert view.postings("締付") == [] and view.lengths()[1].tolist() == [2, 2]
    assert run(store.check()).ok
    store.remove(store.documents()[0].document_id)
    assert run(store.check()).ok


def test_a_rebuild_that_stops_leaves_the_index_as_it_was(store, add):
    _, revision_id, _ = add(store, "a.txt", "ボルト")
    cancel = CancelToken()
    job = store.rebuild_search(lambda text, path: ["新"], cancel)
    next(job)
    cancel.cancel()
    with pytest.raises(Exception) as caught:
        run(job)
    assert type(caught.value).__name__ == "Cancelled"

    def fails(text, path):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run(store.rebuild_search(fails))
    assert store.postings([revision_id]).postings("ボルト")


def test_documents_that_come_and_go_during_a_rebuild(store, add):
    gone, _, _ = add(store, "a.txt", "去る")
    _, stays, _ = add(store, "b.txt", "残る")
    job = store.rebuild_search(lambda text, path: ["新", text])
    next(job)
    store.remove(gone)
    _, came, _ = add(store, "c.txt", "来る")
    assert run(job) == 2
    assert len(store.postings([stays, came]).postings("新")) == 2
    assert run(store.check()).ok
