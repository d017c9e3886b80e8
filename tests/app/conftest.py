"""A window without a screen, and records to show in it."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.bootstrap import Session
from app.i18n import Words
from app.settings import SettingsFile
from app.theme import Theme
from engine.records import (
    Document,
    DocumentId,
    DocumentInfo,
    Hit,
    Page,
    Parts,
    Place,
    RevisionId,
    Unit,
)


@pytest.fixture
def words(qapp) -> Words:
    return Words("ja")


@pytest.fixture
def theme(qapp) -> Theme:
    return Theme("light")


@pytest.fixture
def no_leaked_threads() -> Iterator[None]:
    """Fail if a lane's thread outlives the test."""
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("lane-")]
    assert not left


@pytest.fixture
def start_session(qtbot, tmp_path: Path, no_leaked_threads) -> Iterator[Callable[..., Session]]:
    """Start the real program on an empty library; it is closed at the end."""
    sessions: list[Session] = []

    def start(**settings: Any) -> Session:
        file = SettingsFile(tmp_path / "settings.json")
        file.change(**{"language": "ja", "theme": "light", **settings})
        session = Session(tmp_path / "library", settings=file)
        sessions.append(session)
        qtbot.addWidget(session.window)
        session.start()
        qtbot.waitUntil(session.window.search.isEnabled, timeout=20_000)
        return session

    yield start
    for session in sessions:
        session.close()


@pytest.fixture
def make_info() -> Callable[..., DocumentInfo]:
    def make(path: str = "/書類/手順.pdf", **changes: Any) -> DocumentInfo:
        values: dict[str, Any] = {
            "document_id": DocumentId(1),
            "revision_id": RevisionId(1),
            "revision": 1,
            "path": path,
            "kind": "pdf",
            "title": "手順",
            "status": "analysed",
            "reason": None,
            "details": {},
            "pages": 12,
            "tokens": 900,
            "size": 1000,
            "sha256": "ab" * 32,
            "added": "2026-11-23T10:00:00+09:00",
        }
        return DocumentInfo(**{**values, **changes})

    return make


@pytest.fixture
def make_hit() -> Callable[..., Hit]:
    def make(**changes: Any) -> Hit:
        values: dict[str, Any] = {
            "rank": 1,
            "document_id": DocumentId(1),
            "revision_id": RevisionId(1),
            "path": "/書類/手順.pdf",
            "start": 10,
            "end": 30,
            "text": "ボルトは 12 N·m で締め付ける。手順。",
            "heading_path": ("3 組立", "3.2 締付"),
            "place": Place(3, ((3, 10.0, 20.0, 90.0, 32.0),)),
            "score": 0.8,
            "parts": Parts(0.5, 0.9, None),
            "highlights": ((15, 21, 1.0), (24, 28, 0.4)),
        }
        return Hit(**{**values, **changes})

    return make


@pytest.fixture
def make_document() -> Callable[..., Document]:
    def make(kind: str, units: list[Unit], text: str, pages: tuple[Page, ...] = ()) -> Document:
        whole = (Page(1, 0, len(text)),)
        return Document(kind, "題", text, pages or whole, tuple(units), None, "00" * 32, 1)  # type: ignore[arg-type]

    return make


@pytest.fixture
def boxed_document() -> Document:
    """Two pages of two lines; each character is 10 points wide and 12 high."""
    text = "あいうえお\nかきくけこ\nさしすせそ\nたちつてと"
    boxes = np.full((len(text), 4), np.nan, np.float32)
    for position, character in enumerate(text):
        line, column = divmod(position, 6)
        if character != "\n":
            top = 100.0 + 20 * (line % 2)
            boxes[position] = (50 + 10 * column, top, 60 + 10 * column, top + 12)
    pages = (Page(1, 0, 11, 400.0, 600.0), Page(2, 12, 23, 400.0, 600.0))
    units = tuple(Unit(6 * i, 6 * i + 5, "line", page=1 + i // 2) for i in range(4))
    return Document("pdf", "題", text, pages, units, boxes, "00" * 32, 1)
