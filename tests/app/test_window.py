"""The whole window over a real library, driven as a user drives it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QLineEdit,
    QTextEdit,
    QWidget,
)

from app.bootstrap import Session
from engine.service import Library

PROCEDURE = """1 締付作業
ボルトはトルクレンチを使い、対角の順に二回に分けて締め付ける。
締め付けが終わったら合いマークを赤で記入する。
2 洗浄
部品は洗い油に十分間浸し、乾いたエアを吹き付けて乾かす。
3 検査
品番HV-2041-07の穴径の公差は±0.05 mmとする。
"""
RECORD = "品番,寸法,判定\nHV-2041-07,12.03,合格\nHV-2041-08,12.31,不合格\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "書類"
    made.mkdir()
    (made / "手順.txt").write_text(PROCEDURE, encoding="cp932")
    (made / "記録.csv").write_text(RECORD, encoding="cp932")
    (made / "旧図面.dwg").write_bytes(b"AC1032")
    return made


def drop(session: Session, *paths: Path) -> None:
    """Drag files over the results and let them go."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(500, 400), Qt.DropAction.CopyAction, mime, left, none)
    QApplication.sendEvent(session.window, enter)
    assert enter.isAccepted()
    assert session.window._overlay.isVisible()
    event = QDropEvent(QPointF(500, 400), Qt.DropAction.CopyAction, mime, left, none)
    QApplication.sendEvent(session.window, event)
    assert not session.window._overlay.isVisible()


def statuses(session: Session) -> dict[str, str | None]:
    return {row.name: row.info and row.info.status for row in session.documents.rows}


def encoding(session: Session) -> bool:
    rows = session.documents.rows
    return any(row.progress and row.progress.stage == "encode" for row in rows)


def idle(session: Session) -> bool:
    return (
        not session.runner.busy
        and not session.ingest.busy
        and not session.ingest._refresh.isActive()
    )


@pytest.fixture
def filled(start_session: Callable[..., Session], folder: Path, qtbot) -> Session:
    session = start_session()
    drop(session, folder)
    qtbot.waitUntil(lambda: session.ingest.busy, timeout=5_000)
    qtbot.waitUntil(lambda: idle(session), timeout=60_000)
    return session


def ask(session: Session, qtbot, query: str) -> None:
    session.window.search.field.setText(query)
    qtbot.keyClick(session.window.search.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: idle(session), timeout=30_000)


def test_a_dropped_folder_is_analysed_and_the_failure_named(filled: Session):
    assert statuses(filled) == {
        "手順.txt": "analysed",
        "記録.csv": "analysed",
        "旧図面.dwg": "failed",
    }
    assert "旧図面.dwg" in filled.window.message.text
    row = next(row for row in filled.documents.rows if row.failed)
    assert filled.documents.status_words(row) == filled.words.code("file_unsupported")


def test_a_question_shows_the_passage_marked_on_its_original(filled: Session, qtbot):
    ask(filled, qtbot, "合いマーク")
    hits = filled.results.hits
    assert "合いマーク" in hits[0].text
    viewer = filled.window.viewer
    assert viewer.content is not None
    assert viewer.content.path.endswith("手順.txt")
    assert viewer._placed.marks.focus == (hits[0].start, hits[0].end)
    marked = [s.cursor.selectedText() for s in viewer.text.edit.extraSelections()]
    assert any("合いマーク" in text for text in marked)
    assert filled.window.search.field.text() == "合いマーク"
    assert filled.settings.current.queries == ("合いマーク",)


def test_clicking_another_hit_shows_its_cells(filled: Session, qtbot):
    ask(filled, qtbot, "HV-2041-08 不合格")
    rows = [i for i, hit in enumerate(filled.results.hits) if hit.path.endswith(".csv")]
    view = filled.window.results.list
    rect = view.visualRect(filled.results.index(rows[0]))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    qtbot.waitUntil(lambda: idle(filled), timeout=10_000)
    assert filled.window.viewer.current_view is filled.window.viewer.sheet
    assert filled.window.why._hit == filled.results.hits[rows[0]]
    assert filled.window.viewer.sheet.table.model().index(1, 1).data() == "12.03"


def test_the_answer_is_exported_by_ctrl_e(filled: Session, qtbot, tmp_path: Path):
    ask(filled, qtbot, "公差")
    target = tmp_path / "根拠.json"
    filled.export.ask_target = lambda proposed: str(target)
    filled.window.activateWindow()
    qtbot.waitUntil(filled.window.isActiveWindow)
    qtbot.keyClick(filled.window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: target.exists() and idle(filled), timeout=20_000)
    assert "公差" in json.dumps(json.loads(target.read_text("utf-8")), ensure_ascii=False)
    assert "根拠.json" in filled.window.status.text
    assert not filled.window.status.link.isHidden()


def test_a_summary_leads_back_to_its_places(filled: Session, qtbot):
    row = next(row for row in filled.documents.rows if row.name == "手順.txt")
    filled._on_document_action("summarise", [row])
    view = filled.window.summary
    qtbot.waitUntil(lambda: view.summary is not None and idle(filled), timeout=30_000)
    assert view.summary is not None
    view.list.setCurrentRow(0)
    qtbot.waitUntil(lambda: idle(filled), timeout=10_000)
    first = view.summary.sentences[0]
    assert filled.window.viewer._placed.marks.focus == (first.start, first.end)
    assert first.text.strip() in PROCEDURE


def test_evidence_is_listed_reopened_and_replayed_to_the_same_result(filled: Session, qtbot):
    ask(filled, qtbot, "合いマーク")
    first = filled.results.hits
    ask(filled, qtbot, "洗い油")
    assert filled.history_model.rowCount() == 2
    history = filled.window.history
    filled.window.show_answers(history)
    history.table.selectRow(1)
    history.replay_button.click()
    qtbot.waitUntil(lambda: idle(filled), timeout=30_000)
    assert filled.results.hits == first
    assert filled.window.originals.currentWidget() is filled.window.why
    assert filled.window.why._verdict.text() == filled.words("why.same")


def test_removing_asks_first_and_then_forgets(filled: Session, qtbot):
    row = next(row for row in filled.documents.rows if row.name == "記録.csv")
    filled._on_document_action("remove", [row])
    assert "記録.csv" in statuses(filled)
    assert "記録.csv" in filled.window.message.text
    qtbot.mouseClick(filled.window.message.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "記録.csv" not in statuses(filled), timeout=10_000)
    qtbot.waitUntil(lambda: idle(filled), timeout=10_000)
    ask(filled, qtbot, "HV-2041-08")
    assert all(not hit.path.endswith(".csv") for hit in filled.results.hits)


def test_search_can_be_restricted_to_a_document(filled: Session, qtbot):
    row = next(row for row in filled.documents.rows if row.name == "記録.csv")
    filled._on_document_action("restrict", [row])
    ask(filled, qtbot, "HV-2041-07")
    assert {Path(hit.path).name for hit in filled.results.hits} == {"記録.csv"}
    filled.window.search.scope_cleared.emit()
    ask(filled, qtbot, "HV-2041-07")
    assert "手順.txt" in {Path(hit.path).name for hit in filled.results.hits}


def test_keys_reach_every_part_of_the_window(start_session: Callable[..., Session], qtbot):
    window = start_session().window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    control = Qt.KeyboardModifier.ControlModifier
    for key, tabs, view in (
        (Qt.Key.Key_2, window.answers, window.summary),
        (Qt.Key.Key_3, window.answers, window.history),
        (Qt.Key.Key_1, window.answers, window.results),
        (Qt.Key.Key_5, window.originals, window.why),
        (Qt.Key.Key_4, window.originals, window.viewer),
    ):
        qtbot.keyClick(window, key, control)
        assert tabs.currentWidget() is view
    qtbot.keyClick(window, Qt.Key.Key_F, control)
    assert window.search.field.hasFocus()
    keys = [s.toString() for action in window.findChildren(QAction) for s in action.shortcuts()]
    assert sorted(set(keys)) == sorted(keys), "two actions share a key"


def test_nothing_in_the_window_keeps_a_drop_to_itself(start_session: Callable[..., Session]):
    window = start_session().window
    takers = [child for child in window.findChildren(QWidget) if child.acceptDrops()]
    assert takers == []
    assert window.acceptDrops()


def test_everything_that_takes_the_keyboard_has_a_name(start_session: Callable[..., Session]):
    """A screen reader says the name; a button or label may be named by its text."""
    window = start_session().window
    nameless = []
    for child in window.findChildren(QWidget):
        text = child.text() if isinstance(child, QAbstractButton) else ""
        named = child.accessibleName() or text
        inner = child.parent() is not None and isinstance(child.parent(), QAbstractItemView)
        kinds = (QLineEdit, QAbstractItemView, QAbstractButton, QTextEdit, QAbstractSlider)
        foreign = child.objectName().startswith("qt_") or child.isHidden()
        own = isinstance(child, kinds) and not foreign
        if own and not named and not inner and child.focusPolicy() != Qt.FocusPolicy.NoFocus:
            parent = type(child.parent()).__name__
            nameless.append((type(child).__name__, child.objectName(), parent))
    assert nameless == []


def test_words_change_without_a_restart(filled: Session):
    filled.window.language_chosen.emit("en")
    assert filled.window.answers.tabText(0) == "Results"
    assert filled.settings.current.language == "en"
    row = next(row for row in filled.documents.rows if row.failed)
    assert filled.documents.status_words(row) == "This kind of file is not supported"
    filled.window.theme_chosen.emit("dark")
    assert filled.theme.colours.dark
    assert not filled.window.grab().isNull()


def test_what_was_left_unfinished_is_taken_up_at_the_start(
    start_session: Callable[..., Session], folder: Path, tmp_path: Path, qtbot
):
    with Library.open(tmp_path / "library") as library:
        job = library.add([folder / "手順.txt"])
        for progress in job:
            if progress.stage == "encode":
                job.close()
                break
        assert library.documents()[0].status in ("interrupted", "read")
    session = start_session()
    qtbot.waitUntil(lambda: statuses(session) == {"手順.txt": "analysed"}, timeout=60_000)


def test_cancelled_work_stops_and_the_rest_of_the_batch_goes_on(
    start_session: Callable[..., Session], folder: Path, qtbot
):
    long = folder / "長い.txt"
    long.write_text("\n".join(f"{i} 行目では{PROCEDURE}" for i in range(700)), encoding="utf-8")
    session = start_session()
    drop(session, long, folder / "記録.csv")

    qtbot.waitUntil(lambda: encoding(session), timeout=60_000)
    row = next(row for row in session.documents.rows if row.name == "長い.txt")
    session.window.documents.action_requested.emit("cancel", [row])
    qtbot.waitUntil(lambda: idle(session), timeout=60_000)
    after = statuses(session)
    assert after["記録.csv"] == "analysed"
    assert after["長い.txt"] in ("interrupted", "read")


def test_a_library_that_cannot_be_opened_is_explained(qtbot, tmp_path: Path):
    from app.settings import SettingsFile

    (tmp_path / "library").write_text("a file where the folder should be")
    settings = SettingsFile(tmp_path / "settings.json")
    settings.change(language="ja")
    session = Session(tmp_path / "library", settings=settings)
    qtbot.addWidget(session.window)
    session.start()
    qtbot.waitUntil(lambda: bool(session.window.message.text), timeout=20_000)
    assert "ライブラリ" in session.window.message.text
    session.close()


def test_closing_during_work_is_quick_and_loses_nothing(
    start_session: Callable[..., Session], folder: Path, tmp_path: Path, qtbot
):
    long = folder / "長い.txt"
    long.write_text("\n".join(f"{i} 行目では{PROCEDURE}" for i in range(700)), encoding="utf-8")
    session = start_session()
    drop(session, long)
    qtbot.waitUntil(lambda: encoding(session), timeout=60_000)
    session.window.close()
    assert session._closed
    with Library.open(tmp_path / "library") as library:
        assert [info.status for info in library.documents()] in (["interrupted"], ["read"])
        assert library.pending() == 1
