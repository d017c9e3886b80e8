"""Views: what they show and what they ask for, with real key presses and clicks."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QTextEdit, QWidget

from app.models.content import PlacedMarks, place, prepare
from app.models.documents import DocumentListModel
from app.models.marks import Marks, marks_of
from app.models.results import ResultListModel
from app.theme import DARK, LIGHT
from app.views.document_list import DocumentListView
from app.views.drawing_view import DrawingView
from app.views.mark_paint import format_ranges, mark_alpha, mark_colour
from app.views.mark_strip import MarkStrip, StripMark
from app.views.message_bar import MessageBar
from app.views.result_list import ResultListView
from app.views.search_bar import SearchBar
from app.views.text_view import TextView
from app.views.viewer_pane import ViewerPane
from app.views.why_view import WhyView
from engine.records import Deletion, Evidence, EvidenceId, Fidelity, Replay, RevisionId

from engine.records import DocumentId, Page, SourceFile, Unit  # isort: skip


@pytest.fixture
def text_content(make_document):
    heading, body = "1 締付", "𠮷野製作所のボルトは 12 N·m で締め付ける。"
    text = f"{heading}\n{body}\n部位\t値\nM8\t12"
    at = text.index("部位")
    second = ((at + 5, at + 7, "T1R2C1"), (at + 8, at + 10, "T1R2C2"))
    units = [
        Unit(0, 4, "heading", level=1),
        Unit(5, 5 + len(body), "paragraph"),
        Unit(at, at + 4, "row", cells=((at, at + 2, "T1R1C1"), (at + 3, at + 4, "T1R1C2"))),
        Unit(at + 5, at + 10, "row", cells=second),
    ]
    return prepare(RevisionId(1), "/a/手順.docx", make_document("word", units, text))


def activate(qtbot, widget: QWidget) -> None:
    """Make shortcuts reach a window."""
    widget.activateWindow()
    qtbot.waitUntil(widget.isActiveWindow)


def selected(edit: QTextEdit) -> list[str]:
    return [selection.cursor.selectedText() for selection in edit.extraSelections()]


def test_marks_in_a_text_cover_exactly_their_characters(qtbot, words, theme, text_content):
    view = TextView(words, theme)
    qtbot.addWidget(view)
    view.show_content(text_content)
    text = text_content.document.text
    start, row = text.index("12 N·m"), text.index("M8")
    view.show_marks(PlacedMarks(Marks(attended=((start, start + 6, 0.9), (row, row + 5, 0.4)))))
    qtbot.waitUntil(lambda: len(selected(view.edit)) == 3)
    assert selected(view.edit) == ["12 N·m", "M8", "12"]


def test_a_long_text_is_written_in_pieces_and_reaches_the_passage(
    qtbot, words, theme, make_document
):
    lines = [f"{number} 行目の本文です。" for number in range(3000)]
    text = "\n".join(lines)
    units, position = [], 0
    for line in lines:
        units.append(Unit(position, position + len(line), "paragraph"))
        position += len(line) + 1
    content = prepare(RevisionId(1), "/a/長い.txt", make_document("text", units, text))
    view = TextView(words, theme)
    qtbot.addWidget(view)
    view.resize(500, 400)
    view.show()
    view.show_content(content)
    assert view.edit.document().blockCount() < 3000
    span = (units[2900].start, units[2900].end)
    view.show_marks(PlacedMarks(Marks(passages=(span,), focus=span)))
    view.go_to(*span)
    qtbot.waitUntil(lambda: view.edit.document().blockCount() >= 3000, timeout=15_000)
    qtbot.waitUntil(lambda: selected(view.edit) == [lines[2900]] * 1)
    bar = view.edit.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() > 0.9 * bar.maximum())


def test_pages_are_asked_for_when_seen_and_drawn_with_their_marks(
    qtbot, words, theme, boxed_document, make_hit
):
    pane = ViewerPane(words, theme)
    qtbot.addWidget(pane)
    pane.resize(640, 480)
    pane.show()
    content = prepare(RevisionId(1), "/a/手順.pdf", boxed_document)
    hit = make_hit(start=12, end=23, highlights=((13, 16, 1.0),), terms=())
    with qtbot.waitSignal(pane.pages_wanted) as wanted:
        pane.show_content(content)
    assert 1 in wanted.args[0]
    pane.show_marks(place(content, marks_of([hit], RevisionId(1), hit)))
    pages = pane.pdf.pages
    assert pages.current_page() == 2
    for page in (1, 2):
        image = QImage(400, 600, QImage.Format.Format_RGB888)
        image.fill(Qt.GlobalColor.white)
        pages.put_image(page, pages.scale_of(page), image)
    picture = pages.viewport().grab().toImage()
    rect, zoom = pages.page_rect(2), pages.zoom
    marked = picture.pixelColor(round(rect.x() + 75 * zoom), round(rect.y() + 106 * zoom))
    plain = picture.pixelColor(round(rect.x() + 200 * zoom), round(rect.y() + 300 * zoom))
    assert plain.name() == "#ffffff"
    assert marked.blue() < 120 < marked.red()
    assert any(mark.kind == "attended" and mark.top > 0.4 for mark in pane.strip.marks)


def test_zoom_keeps_the_place_and_fit_width_fits(qtbot, words, theme, boxed_document):
    pane = ViewerPane(words, theme)
    qtbot.addWidget(pane)
    pane.resize(600, 400)
    pane.show()
    activate(qtbot, pane)
    pane.show_content(prepare(RevisionId(1), "/a/手順.pdf", boxed_document))
    pages = pane.pdf.pages
    qtbot.waitUntil(lambda: pages.viewport().width() > 300)
    fitted = pages.zoom
    pages.scroll_to_page(2)
    qtbot.keyClick(pane, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert pages.zoom == pytest.approx(fitted * 1.2)
    assert pages.current_page() == 2
    qtbot.keyClick(pane, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert pages.zoom == pytest.approx(fitted, rel=0.05)


def test_a_click_on_the_strip_jumps_to_the_nearest_mark(qtbot, words, theme):
    strip = MarkStrip(words, theme)
    qtbot.addWidget(strip)
    strip.resize(14, 400)
    strip.set_marks([StripMark(0.5, 0.51, "attended", 0.8), StripMark(0.1, 0.9, "passage")])
    with qtbot.waitSignal(strip.jump_requested) as jump:
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(7, 204))
    assert jump.args == [0.5]
    with qtbot.waitSignal(strip.jump_requested) as jump:
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(7, 100))
    assert jump.args[0] == pytest.approx(0.25, abs=0.01)


def test_a_drawing_shows_its_texts_where_they_stand_and_in_a_list(
    qtbot, words, theme, make_document
):
    text = "材質 SUS304\n寸法 120"
    units = [
        Unit(0, 9, "note", page=1, box=(10, 10, 90, 20), layer="注記", entity="1A"),
        Unit(10, 16, "dimension", page=1, box=(200, 30, 208, 90), layer="寸法", entity="2B"),
    ]
    pages = (Page(1, 0, 16, 420.0, 297.0, "Model"),)
    content = prepare(RevisionId(1), "/a/図.dxf", make_document("dxf", units, text, pages))
    view = DrawingView(words, theme)
    qtbot.addWidget(view)
    view.resize(500, 500)
    view.show()
    view.show_content(content)
    # Texts are drawn a slice of time after another.
    qtbot.waitUntil(lambda: len(view.sheet.scene().items()) == len(units))
    items = view.sheet.scene().items(Qt.SortOrder.AscendingOrder)
    assert [view.list.item(i).text() for i in range(2)] == [
        "材質 SUS304    [注記]",
        "寸法 120    [寸法]",
    ]
    for item, unit in zip(items, units, strict=True):
        assert unit.box is not None
        bounds = item.sceneBoundingRect()
        assert bounds.center().x() == pytest.approx((unit.box[0] + unit.box[2]) / 2, abs=30)
        assert bounds.top() >= unit.box[1] - 3
    assert items[1].sceneBoundingRect().height() > items[1].sceneBoundingRect().width()
    marks = Marks(attended=((3, 9, 1.0),), passages=((0, 9),), focus=(0, 9))
    view.show_marks(place(content, marks))
    view.go_to(0, 9)
    assert view.sheet.transform().m11() > 1
    assert view.list.item(0).background().color().alpha() > 100


def test_the_question_is_asked_by_enter_and_never_empty(qtbot, words, theme):
    bar = SearchBar(words, theme)
    qtbot.addWidget(bar)
    asked = []
    bar.search_requested.connect(asked.append)
    qtbot.keyClicks(bar.field, "  torque ")
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    bar.field.clear()
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    assert asked == ["torque"]
    bar.set_busy(True)
    with qtbot.waitSignal(bar.cancel_requested):
        qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)


def test_choosing_a_hit_by_key_shows_it(qtbot, words, theme, make_hit):
    model = ResultListModel(words)
    view = ResultListView(model, words, theme)
    qtbot.addWidget(view)
    view.resize(400, 500)
    view.show()
    model.set_hits([make_hit(), make_hit(rank=2)])
    chosen = []
    view.hit_chosen.connect(chosen.append)
    view.choose_first()
    qtbot.keyClick(view.list, Qt.Key.Key_Down)
    assert [hit.rank for hit in chosen] == [1, 2]
    assert not view.grab().isNull()


def test_passages_are_laid_out_anew_for_other_hits_widths_and_colours(
    qtbot, words, theme, make_hit
):
    model = ResultListModel(words)
    view = ResultListView(model, words, theme)
    qtbot.addWidget(view)
    view.resize(400, 500)
    view.show()
    hits = [make_hit(rank=rank, text="締付トルクを確認する。" * rank) for rank in range(1, 9)]

    def seen() -> QImage:
        last = view.list.model().index(7, 0)
        qtbot.waitUntil(lambda: view.list.visualRect(last).height() > 0)
        return view.list.viewport().grab().toImage()

    model.set_hits(hits)
    first = seen()
    assert seen() == first
    model.set_hits([replace(hit, text="点検周期を守る。" * hit.rank) for hit in hits])
    assert seen() != first
    model.set_hits([replace(hit, highlights=((10, 12, 1.0),)) for hit in hits])
    assert seen() != first
    model.set_hits(hits)
    assert seen() == first
    theme.choose("dark" if not theme.colours.dark else "light")
    assert seen() != first
    long = view.list.visualRect(model.index(7)).height()
    view.resize(900, 500)
    qtbot.waitUntil(lambda: view.list.visualRect(model.index(7)).height() < long)


def test_keys_on_a_document_ask_for_what_they_say(qtbot, words, theme, make_info):
    model = DocumentListModel(words, theme)
    view = DocumentListView(model, words, theme)
    qtbot.addWidget(view)
    view.show()
    activate(qtbot, view)
    model.set_library([make_info()])
    view.table.setFocus()
    view.table.selectRow(0)
    asked = []
    view.action_requested.connect(lambda name, rows: asked.append((name, rows[0].name)))
    qtbot.keyClick(view.table, Qt.Key.Key_Return)
    qtbot.keyClick(view.table, Qt.Key.Key_Delete)
    qtbot.keyClick(view.table, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(view.table, Qt.Key.Key_F5)
    assert asked == [("open", "手順.pdf"), ("remove", "手順.pdf"), ("summarise", "手順.pdf")]


def test_a_message_runs_its_action_once_and_goes(qtbot, words, theme):
    bar = MessageBar(words, theme)
    qtbot.addWidget(bar)
    done = []
    bar.say("外しますか", "warn", "外す", lambda: done.append(True))
    bar.show()
    qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    assert done == [True]
    assert bar.isHidden()


def test_stronger_marks_are_less_transparent_and_readable_on_dark(qapp, theme):
    alphas = [mark_alpha(weight / 10) for weight in range(11)]
    assert alphas == sorted(alphas)
    assert 0 < alphas[0] < alphas[-1] < 1
    theme.colours = DARK
    strong, weak = format_ranges(theme, "締付トルク", [(0, 2, 1.0), (2, 5, 0.1)], ())
    assert strong.format.foreground().color().name() == DARK.on_mark
    assert weak.format.foreground().color().name() != DARK.on_mark
    backs = [mark_colour(theme, weight / 20).alphaF() for weight in range(21)]
    assert backs == sorted(backs)
    theme.colours = LIGHT


def test_the_why_panel_takes_the_score_apart_and_shows_verdicts(qtbot, words, theme, make_hit):
    hit = make_hit()
    source = SourceFile(DocumentId(1), RevisionId(1), 2, hit.path, "ab" * 32, "手順", "pdf")
    attended = {
        "query_tokens": [[0, 2, 0.9], [2, 5, 0.3]],
        "tokens": [[15, 21, 1.0]],
        "blocks": {"kept": [[3, 0, 90, 2.0], [7, 100, 190, 1.0]], "dropped": 38},
    }
    evidence = Evidence(
        EvidenceId(5), "search", "締付トルク", "2026-11-23T10:00:00+09:00", "0.1.0", {}, "cd" * 32,
        (source,), (RevisionId(1),), (hit,), None, {1: attended},
        {1: Fidelity(0.93, 0.81, 0.05, 24, 0.02, 0.9912, 0.975)},
    )  # fmt: skip
    view = WhyView(words, theme)
    qtbot.addWidget(view)
    view.show_hit(evidence, hit)
    reading = view._reading
    assert "40 ブロックのうち 2 ブロック" in reading._blocks.text()
    assert "24 箇所" in reading._fidelity.text() and "81.0%" in reading._fidelity.text()
    bars = (reading._recall, reading._cosine, reading._overlap, reading._density)
    assert [bar.accessibleName() for bar in bars] == [
        "全読みとの一致 93.0%", "ベクトルの一致 0.991", "上位 10 件の一致 97.5%", "読んだ割合 2.0%",
    ]  # fmt: skip
    assert not any(bar.isHidden() for bar in bars)
    before = replace(evidence, fidelity={1: Fidelity(0.93, 0.81, 0.05, 24, 0.02)})
    view.show_hit(before, hit)
    assert [bar.isHidden() for bar in bars] == [False, True, True, False]
    view.show_hit(replace(evidence, fidelity={}), hit)
    assert all(bar.isHidden() for bar in bars)
    assert reading._fidelity.text() == words("why.no_fidelity")
    view.show_hit(evidence, hit)
    assert "計算していない項目: 注目の強さ" in view._score_note.text()
    assert view._related.isHidden()
    view.show_hit(evidence, replace(hit, related=((10, 13), (23, 27), (10, 13))))
    assert not view._related.isHidden()
    assert view._related.text() == "効いた関連語: ボルト・締め付け"
    view.show_hit(evidence, replace(hit, named=("HV-2041", "本体")))
    assert not view._named.isHidden()
    assert view._named.text() == "ファイル名にある語句・文書やシートの番号: HV-2041・本体"
    view.show_hit(evidence, hit)
    assert view._related.isHidden() and view._named.isHidden()
    assert view._answer.isHidden()
    view.show_hit(evidence, replace(hit, parts=replace(hit.parts, answer=0.64)))
    assert not view._answer.isHidden()
    assert view._answer.accessibleName() == "答えの割合 0.640"
    view.show_hit(evidence, hit)
    with qtbot.waitSignal(view.deletion_requested) as asked:
        view.deletion_button.click()
    assert asked.args == [1]
    view.show_deletion(1, Deletion(0.8, 0.2, 0.75, 9))
    assert view._deletion_text.text() == words("why.mattered")
    view.show_deletion(1, Deletion(0.8, 0.74, 0.75, 9))
    assert view._deletion_text.text() == words("why.not_mattered")
    assert view._headings.isHidden()
    view.show_deletion(1, Deletion(0.8, 0.74, 0.75, 9, headings=0.7))
    assert view._deletion_text.text() == words("why.by_headings")
    assert not view._headings.isHidden()
    view.show_deletion(1, Deletion(0.8, 0.2, 0.75, 9, headings=0.15))
    assert view._deletion_text.text() == words("why.mattered")
    changes = ("file_changed:/書類/手順.pdf",)
    view.show_replay(Replay(EvidenceId(5), False, changes, (), None))
    assert "手順.pdf" in view._verdict.text()
    view.show_replay(Replay(EvidenceId(5), True, (), (hit,), None))
    assert view._verdict.text() == words("why.same")
    assert not view.grab().isNull()
