"""The façade: add, ask, replay, summarise, remove, on real files and the pack that ships."""

import os
from pathlib import Path

import pytest

from engine.errors import Cancelled, QueryError, StoreError
from engine.progress import CancelToken, Progress, run
from engine.records import DocumentId, EvidenceId, SearchSettings
from engine.service import Library
from tests.engine.conftest import PROCEDURE


@pytest.fixture
def filled(library: Library, files: list[Path]) -> Library:
    run(library.add(files))
    return library


def status_of(library: Library) -> dict[str, str]:
    return {Path(info.path).name: info.status for info in library.documents()}


def test_a_batch_goes_on_after_a_file_that_cannot_be_read(library: Library, files: list[Path]):
    reported = []
    results = run(library.add(files, on_result=reported.append))
    assert reported == results
    assert {Path(result.path).name: result.status for result in results} == {
        "manual.md": "added",
        "図面.dwg": "failed",
        "手順.txt": "added",
    }
    failed = next(result for result in results if result.status == "failed")
    assert failed.reason == "file_unsupported"
    assert status_of(library)["図面.dwg"] == "failed"


def test_folders_are_walked_and_litter_is_left_out(library: Library, files: list[Path]):
    folder = files[0].parent
    for name in ("~$手順.docx", ".hidden.txt", "Thumbs.db"):
        (folder / name).write_bytes(b"x")
    assert library.expand([folder, files[0]]) == files


def test_a_file_named_in_two_ways_is_added_once(
    library: Library, files: list[Path], monkeypatch: pytest.MonkeyPatch
):
    text = next(path for path in files if path.suffix == ".txt")
    monkeypatch.chdir(text.parent)
    results = run(library.add([text, Path(text.name), Path("..", text.parent.name, text.name)]))
    assert [(result.path, result.status) for result in results] == [(str(text), "added")]
    assert [info.path for info in library.documents()] == [str(text)]


def test_a_library_inside_a_folder_leaves_its_own_and_others_files_alone(tmp_path: Path):
    (tmp_path / "files").mkdir()
    mine = [tmp_path / "files" / "手順.txt", tmp_path / "notes.txt"]
    for path in mine:
        path.write_text(PROCEDURE + path.name, encoding="utf-8")
    for _ in range(2):
        with Library.open(tmp_path) as library:
            results = run(library.add([tmp_path]))
            assert {result.path for result in results} == {str(mine[1])}
    assert all(path.is_file() for path in mine)
    with Library.open(tmp_path) as library:
        assert [result.status for result in run(library.add([mine[0]]))] == ["added"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user who can be denied"
)
def test_a_folder_that_cannot_be_listed_is_named(library: Library, tmp_path: Path):
    folder = tmp_path / "documents" / "denied"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("x", encoding="utf-8")
    folder.chmod(0)
    try:
        for asked in (folder, folder.parent, folder / "a.txt"):
            results = run(library.add([asked]))
            assert [result.reason for result in results] == ["file_denied"], asked
    finally:
        folder.chmod(0o700)


def test_the_same_file_again_changes_nothing_and_a_changed_one_is_a_revision(
    filled: Library, files: list[Path]
):
    text = next(path for path in files if path.suffix == ".txt")
    assert [result.status for result in run(filled.add([text]))] == ["unchanged"]
    old = filled.search("合いマーク")
    text.write_text(PROCEDURE.replace("赤", "青"), encoding="cp932")
    result = run(filled.add([text]))[0]
    assert result.status == "updated"
    assert result.document_id == old.hits[0].document_id
    new = filled.search("合いマーク")
    assert "青で記入" in new.hits[0].text
    assert all("赤で記入" not in hit.text for hit in new.hits)
    assert "赤で記入" in filled.content(old.hits[0].revision_id).text
    assert [info.revision for info in filled.revisions(DocumentId(result.document_id or 0))] == [
        1,
        2,
    ]


def test_exact_words_are_found_while_the_model_has_not_run(library: Library, files: list[Path]):
    job = library.add(files)
    indexed = 0
    while indexed < len(files):
        progress = next(job)
        indexed += isinstance(progress, Progress) and progress.stage == "index"
    found = library.search("合いマーク")
    assert "合いマーク" in found.hits[0].text
    assert found.hits[0].parts.dense is None
    assert found.notes == ("not_analysed:2",)
    job.close()
    assert library.pending() == 2
    run(library.resume())
    assert library.pending() == 0
    assert library.search("合いマーク").hits[0].parts.attention is not None


def test_a_heading_says_what_the_text_below_it_is_about(library: Library, tmp_path: Path):
    sections = {
        "エンドカバーの締付トルク": "12.5 N·m とし、対角の順に二回に分ける。",
        "出荷前の梱包": "紙で包み、乾いた箱に入れて、封をする。",
        "図面の変更履歴": "前のものと並べて綴じ、十年のあいだ棚に置く。",
        "データのバックアップ": "毎晩、別の建物にあるものへ写す。",
    }
    text = "\n\n".join(f"## {heading}\n\n{body}" for heading, body in sections.items())
    path = tmp_path / "手順.md"
    path.write_text(f"# ポンプの保守\n\n{text}\n", encoding="utf-8")
    run(library.add([path]))
    attention_alone = SearchSettings(use_lexical=False, use_dense=False)
    for query, heading in {
        "How tightly are the bolts of the end cover fastened?": "エンドカバーの締付トルク",
        "How are goods packed before they are shipped?": "出荷前の梱包",
        "Where is the change history kept?": "図面の変更履歴",
    }.items():
        first = library.search(query, attention_alone).hits[0]
        assert (first.heading_path[-1], first.text) == (heading, sections[heading])
    found = library.search("How is data backed up?", attention_alone)
    assert found.hits[0].heading_path[-1] == "データのバックアップ"
    # Its own words may go: what it lies below remains.
    deletion = library.deletion_test(found.evidence_id, 1)
    assert deletion.after > 0.9 * deletion.before > 0.5


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("洗浄", "洗い油に"),
        ("ＨＶ−２０４１−０７", "HV-2041-07"),
        ("±0.05", "±0.05 mm"),
        ("how often are gauges calibrated", "once a year"),
    ],
)
def test_a_question_finds_its_passage(filled: Library, query: str, expected: str):
    hit = filled.search(query).hits[0]
    assert expected in hit.text
    assert hit.text == filled.content(hit.revision_id).text[hit.start : hit.end]
    assert all(hit.start <= start < end <= hit.end for start, end, _ in hit.highlights)
    assert max(weight for _, _, weight in hit.highlights) == 1.0


def test_a_search_in_one_document_stays_in_it(filled: Library):
    ids = {Path(info.path).name: info.document_id for info in filled.documents()}
    settings = SearchSettings(documents=(ids["manual.md"],))
    hits = filled.search("洗浄", settings).hits
    assert hits
    assert {hit.document_id for hit in hits} == {ids["manual.md"]}
    with pytest.raises(StoreError, match="document_unknown"):
        filled.search("洗浄", SearchSettings(documents=(DocumentId(999),)))


def test_replay_is_the_same_until_something_changes(filled: Library, files: list[Path]):
    asked = filled.search("締め付けの順序")
    replay = filled.replay(asked.evidence_id)
    assert (replay.same, replay.changes) == (True, ())
    assert replay.hits == asked.hits

    other = files[0].parent / "other.txt"
    other.write_text("締め付けの順序は図の通りとする。\n" * 3, encoding="utf-8")
    run(filled.add([other]))
    assert filled.replay(asked.evidence_id).same

    text = next(path for path in files if path.suffix == ".txt")
    text.write_text("新しい手順。\n", encoding="utf-8")
    assert filled.replay(asked.evidence_id).changes == (f"file_changed:{text}",)
    run(filled.add([text]))
    changes = filled.replay(asked.evidence_id).changes
    assert set(changes) == {f"file_changed:{text}", f"revision_newer:{text}"}
    text.unlink()
    assert f"file_missing:{text}" in filled.replay(asked.evidence_id).changes


def test_evidence_outlives_its_document(filled: Library):
    asked = filled.search("合いマーク")
    before = filled.evidence(asked.evidence_id)
    filled.remove(asked.hits[0].document_id)
    assert all("合いマーク" not in hit.text for hit in filled.search("合いマーク").hits)
    assert filled.evidence(asked.evidence_id) == before
    assert filled.replay(asked.evidence_id).same
    assert before.sources[0].sha256 == filled.content(asked.hits[0].revision_id).sha256
    assert before.pack_hash == filled.pack_info()["hash"]
    assert before.fidelity


def test_deletion_test_is_kept_in_the_evidence(filled: Library):
    asked = filled.search("合いマークを記入する")
    result = filled.deletion_test(asked.evidence_id, 1)
    assert result.after < result.control <= result.before
    assert filled.evidence(asked.evidence_id).deletion == {1: result}
    with pytest.raises(StoreError, match="evidence_unknown"):
        filled.deletion_test(asked.evidence_id, 99)


def test_every_sentence_of_a_summary_stands_in_the_document(filled: Library):
    info = next(info for info in filled.documents() if info.path.endswith("手順.txt"))
    summary = filled.summarize(info.document_id, sentences=2)
    assert len(summary.sentences) == 2
    assert 0 < summary.coverage <= 1
    for sentence in summary.sentences:
        assert PROCEDURE[sentence.start : sentence.end] == sentence.text
    assert filled.replay(summary.evidence_id).same
    focused = filled.summarize(info.document_id, "部品の洗い方", 1)
    assert "洗い油" in focused.sentences[0].text


@pytest.mark.parametrize("at", [("index", 1), ("encode", 0), ("store", 0)])
def test_a_document_removed_meanwhile_does_not_stop_the_rest(
    library: Library, tmp_path: Path, at: tuple[str, int]
):
    paths = [tmp_path / f"{name}.txt" for name in "abc"]
    for path in paths:
        path.write_text(PROCEDURE + path.name, encoding="utf-8")
    removed = False
    job = library.add(paths)
    while True:
        try:
            progress = next(job)
        except StopIteration as stop:
            results = stop.value
            break
        if not removed and (progress.stage, progress.done) == at:
            library.remove(library.documents()[0].document_id)
            removed = True
    assert removed
    assert [result.path for result in results] == list(map(str, paths[1:]))
    assert status_of(library) == {"b.txt": "analysed", "c.txt": "analysed"}
    assert run(library.check()).ok


def test_cancel_stops_and_resume_goes_on(library: Library, files: list[Path]):
    cancel = CancelToken()
    job = library.add(files, cancel)
    for progress in job:
        if progress.stage == "encode":
            break
    cancel.cancel()
    with pytest.raises(Cancelled):
        run(job)
    assert set(status_of(library).values()) <= {"read", "interrupted", "failed"}
    run(library.resume())
    assert status_of(library)["手順.txt"] == "analysed"


def test_half_a_character_in_a_question_is_replaced(filled: Library):
    found = filled.search("合いマーク\udcff")
    assert found.query == "合いマーク\ufffd"
    assert "合いマーク" in found.hits[0].text
    assert filled.replay(found.evidence_id).same


def test_a_summary_of_what_could_not_be_read_says_why(filled: Library):
    failed = next(info for info in filled.documents() if info.status == "failed")
    with pytest.raises(StoreError, match="document_not_analysed") as caught:
        filled.summarize(failed.document_id)
    assert caught.value.details["reason"] == "file_unsupported"


def test_history_without_a_limit(filled: Library):
    asked = [filled.search("洗浄").evidence_id for _ in range(3)]
    assert [info.evidence_id for info in filled.history(limit=None)] == asked[::-1]
    assert len(filled.history(limit=2)) == 2


def test_questions_that_cannot_be_asked(filled: Library):
    for query, code in (("  ", "query_empty"), ("検" * 3000, "query_too_long")):
        with pytest.raises(QueryError, match=code):
            filled.search(query)
    with pytest.raises(StoreError, match="evidence_unknown"):
        filled.evidence(EvidenceId(12345))


def test_check_finds_the_library_well_and_rebuilds_it(filled: Library):
    before = filled.search("合いマーク")
    report = run(filled.check(rebuild=True))
    assert (report.ok, report.rebuilt, report.documents) == (True, True, 3)
    assert filled.search("合いマーク").hits == before.hits
