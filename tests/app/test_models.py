"""Models over the engine's records."""

from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from app.models.content import place, prepare
from app.models.document_row import fraction_of
from app.models.documents import DocumentListModel, DocumentRole
from app.models.history import HistoryModel, local_time
from app.models.marks import Marks, attended_within, marks_of, spans_within
from app.models.results import ResultListModel, ResultRole, file_name, named_spans, place_words
from app.models.sheet import SheetModel, cell_at, column_name, parse_cell
from engine.progress import Progress
from engine.records import (
    AddResult,
    DocumentId,
    EvidenceId,
    EvidenceInfo,
    Page,
    Place,
    RevisionId,
    Unit,
)

FAIL_ON_ERROR = QAbstractItemModelTester.FailureReportingMode.Fatal


def status(model: DocumentListModel, row: int = 0) -> str:
    return model.index(row, 0).data(DocumentRole.STATUS)


def test_a_file_goes_from_waiting_over_progress_to_analysed(words, theme, make_info):
    model = DocumentListModel(words, theme)
    QAbstractItemModelTester(model, FAIL_ON_ERROR, model)
    path = "/書類/手順.pdf"
    model.enqueue([path])
    assert status(model) == "順番を待っています"
    model.show_progress(Progress("encode", 3, 4, path))
    assert status(model).startswith("解析中")
    assert 0.5 < model.index(0, 0).data(DocumentRole.PROGRESS) < 0.97
    result = AddResult(path, DocumentId(1), "added", None, {}, 12, 900, 1.0)
    model.settle(result, make_info(path))
    assert status(model) == "解析済み・12 ページ"
    assert model.index(0, 0).data(DocumentRole.PROGRESS) is None


def test_a_failure_shows_its_reason_in_red_and_in_the_tooltip(words, theme, make_info):
    model = DocumentListModel(words, theme)
    info = make_info(status="failed", reason="file_encrypted", revision_id=None, kind=None, pages=0)
    model.set_library([info])
    assert status(model) == "パスワードで保護されています"
    assert model.index(0, 0).data(DocumentRole.TONE) == "bad"
    tip = model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert info.path in tip
    assert "パスワード" in tip


def test_a_failure_that_the_library_does_not_know_stays_in_the_list(words, theme):
    model = DocumentListModel(words, theme)
    model.enqueue(["/a/x.pdf"])
    model.settle(AddResult("/a/x.pdf", None, "failed", "file_missing", {}, 0, 0, 0.0), None)
    model.set_library([])
    assert status(model) == "ファイルが見つかりません"


def test_a_refresh_keeps_files_that_are_on_their_way(words, theme, make_info):
    model = DocumentListModel(words, theme)
    QAbstractItemModelTester(model, FAIL_ON_ERROR, model)
    model.enqueue(["/a/b.pdf", "/a/c.pdf"])
    model.show_progress(Progress("read", 1, 9, "/a/b.pdf"))
    model.set_library([make_info("/a/a.pdf"), make_info("/a/b.pdf", status="read")])
    assert [row.name for row in model.rows] == ["a.pdf", "b.pdf", "c.pdf"]
    assert [row.working for row in model.rows] == [False, True, True]
    model.stop()
    assert [row.name for row in model.rows] == ["a.pdf", "b.pdf"]
    assert status(model, 1) == "語句検索可・解析待ち・12 ページ"


def test_a_refresh_keeps_what_is_selected(words, theme, make_info):
    model = DocumentListModel(words, theme)
    model.set_library([make_info("/a/b.pdf"), make_info("/a/d.pdf")])
    kept = QPersistentModelIndex(model.index(1, 0))
    infos = [make_info("/a/a.pdf"), make_info("/a/c.pdf"), make_info("/a/d.pdf", status="read")]
    model.set_library(infos)
    assert [row.name for row in model.rows] == ["a.pdf", "c.pdf", "d.pdf"]
    assert kept.isValid()
    assert kept.row() == 2


def test_names_of_windows_paths_are_understood_everywhere():
    assert file_name("C:\\図面\\A-1.dxf") == "A-1.dxf"
    assert file_name("/図面/A-1.dxf") == "A-1.dxf"


def test_words_of_the_question_are_marked_in_a_files_name_as_far_as_it_is_shown():
    name = "QR-0417_検査_記録.xlsx"
    assert named_spans(name, ("QR-0417", "検査 記録")) == [(0, 7), (8, 13)]
    assert named_spans("QR-04…録.xlsx", ("QR-0417", "検査 記録")) == []


def test_fractions_of_the_stages_only_rise():
    steps = [("read", 0, 4), ("read", 4, 4), ("index", 1, 1), ("encode", 1, 8), ("encode", 8, 8)]
    values = [fraction_of(Progress(*step)) or 0.0 for step in steps]
    assert values == sorted(values)
    assert fraction_of(None) is None


def test_results_speak_to_screen_readers(words, make_hit):
    model = ResultListModel(words)
    QAbstractItemModelTester(model, FAIL_ON_ERROR, model)
    model.set_hits([make_hit(), make_hit(rank=2)])
    spoken = model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "手順.pdf" in spoken
    assert "3 ページ" in spoken
    assert model.index(1).data(ResultRole.HIT).rank == 2


def test_places_are_named_in_the_words_of_their_kind(words):
    assert place_words(words, Place(12, ())) == "12 ページ"
    assert place_words(words, Place(2, (), sheet="寸法", cell="B3")) == "シート「寸法」 ・ B3"
    assert place_words(words, Place(None, (), cell="T2R3C1")) == "表 2 の 3 行 1 列"
    in_pdf = Place(28, ((28, 1.0, 1.0, 2.0, 2.0),), cell="T57R2C1")
    assert place_words(words, in_pdf) == "28 ページ"
    assert place_words(words, Place(1, (), entity="1A")) == "1 ページ ・ 図形 1A"


def test_history_shows_local_time_and_file_names(words):
    model = HistoryModel(words)
    QAbstractItemModelTester(model, FAIL_ON_ERROR, model)
    created = "2026-11-23T10:00:00+09:00"
    model.set_items(
        [EvidenceInfo(EvidenceId(7), "search", "締付", created, ("/a/b.pdf", "C:\\c.docx"), 10)]
    )
    shown = [model.index(0, column).data() for column in range(5)]
    assert shown == [local_time(created), "検索", "締付", "10", "b.pdf、c.docx"]
    assert local_time("no time") == "no time"


def test_marks_of_the_hit_looked_at_are_the_strongest(make_hit):
    first = make_hit()
    other = make_hit(rank=2, start=40, end=60, score=0.4, highlights=((42, 45, 1.0),), terms=())
    elsewhere = make_hit(rank=3, revision_id=RevisionId(9))
    marks = marks_of([first, other, elsewhere], RevisionId(1), first)
    assert marks.passages == ((10, 30), (40, 60))
    assert marks.focus == (10, 30)
    weights = {(start, end): weight for start, end, weight in marks.attended}
    assert weights[15, 21] == 1.0
    assert weights[42, 45] == 0.5


def test_spans_are_cut_to_the_stretch_that_is_shown():
    assert spans_within([(0, 5), (8, 12), (30, 40)], 3, 10) == [(0, 2), (5, 7)]
    assert attended_within([(8, 12, 0.5)], 3, 10) == [(5, 7, 0.5)]


def test_marks_stand_on_the_lines_of_their_pages(boxed_document):
    content = prepare(RevisionId(1), "a.pdf", boxed_document)
    marks = Marks(attended=((2, 8, 0.7), (13, 15, 0.2)), passages=((0, 11),), focus=(0, 11))
    pages = place(content, marks).pages
    assert sorted(pages) == [1, 2]
    assert pages[1].attended == [((70, 100, 100, 112), 0.7), ((50, 120, 70, 132), 0.7)]
    assert pages[2].attended == [((60, 100, 80, 112), 0.2)]
    assert pages[1].focus == [(50, 100, 100, 112), (50, 120, 100, 132)]


def test_cell_names_are_read_and_written():
    assert [column_name(i) for i in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert parse_cell("B12") == (11, 1, 1, 1)
    assert parse_cell("A1:C3") == (0, 0, 3, 3)
    assert parse_cell("T1R2C3") is None


def test_cells_stand_in_the_rows_and_sheets_they_came_from(make_document):
    text = "品番 数量\nA-1 12\n備考"
    units = [
        Unit(0, 5, "row", page=1, sheet="表", cells=((0, 2, "A1"), (3, 5, "B1:C1"))),
        Unit(6, 12, "row", page=1, sheet="表", cells=((6, 9, "A2"), (10, 12, "B2"))),
        Unit(13, 15, "cell", page=2, sheet="注", cell="B4"),
    ]
    pages = (Page(1, 0, 12, name="表"), Page(2, 13, 15, name="注"))
    content = prepare(RevisionId(1), "a.xlsx", make_document("sheet", units, text, pages))
    first, second = content.sheets
    assert (first.name, first.rows, first.columns) == ("表", 2, 3)
    assert [cell.columns for cell in first.merged] == [2]
    assert second.cells[3, 1].text == "備考"
    model = SheetModel(first)
    QAbstractItemModelTester(model, FAIL_ON_ERROR, model)
    assert model.index(1, 1).data() == "12"
    assert model.headerData(1, Qt.Orientation.Horizontal) == "B"
    found = cell_at(content.sheets, 14, 15)
    assert found is not None
    assert (found[0], found[1].row) == (1, 3)
