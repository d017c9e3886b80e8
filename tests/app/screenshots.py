"""Takes pictures of the window at work: ``python tests/app/screenshots.py FOLDER [--fast]``.

Runs the real program on the sample documents and on some files that cannot be read, in both
languages and both themes. Needs a display, such as ``xvfb-run -s "-screen 0 1440x900x24"``, and
the repository on ``PYTHONPATH`` or installed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent
from PySide6.QtWidgets import QApplication

from app.bootstrap import Session
from app.settings import SettingsFile
from resources.samples import sample_paths

QUERY = "締付トルクはいくつか"


class Photographer:
    """Drives one window and saves what it looks like."""

    def __init__(self, folder: Path, language: str, theme: str, library: Path) -> None:
        self._folder = folder
        self._prefix = f"{language}-{theme}"
        settings = SettingsFile(library.parent / f"settings-{self._prefix}.json")
        settings.change(language=language, theme=theme)
        self.session = Session(library, settings=settings)
        self.window = self.session.window
        self.window.resize(1400, 860)
        self.session.start()
        self.wait(lambda: self.session.library is not None and self.window.search.isEnabled())

    def wait(self, condition: Callable[[], bool], seconds: float = 240.0) -> None:
        """Let the window work until a condition holds."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(self._prefix)
            QApplication.processEvents()
            time.sleep(0.005)

    def settle_for(self, seconds: float) -> None:
        """Let the window work for a while."""
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > until)

    def settle(self, seconds: float = 0.6) -> None:
        """Let the window work until nothing runs."""
        until = time.monotonic() + seconds
        self.wait(lambda: not self.session.runner.busy and time.monotonic() > until)

    def take(self, name: str) -> None:
        """Save a picture."""
        QApplication.processEvents()
        self.window.grab().save(str(self._folder / f"{self._prefix}-{name}.png"))

    def ask(self, query: str) -> None:
        """Ask a question and wait for the page."""
        self.window.search.field.setText(query)
        self.window.search.field.returnPressed.emit()
        self.settle(1.2)

    def close(self) -> None:
        """Close the window."""
        self.window.close()
        QApplication.processEvents()


def bad_files(folder: Path) -> list[Path]:
    """Write files that cannot be read, each for another reason."""
    folder.mkdir(exist_ok=True)
    contents = {
        "空の記録.csv": b"",
        "壊れた図面.pdf": b"%PDF-1.7\nnothing of a PDF follows",
        "旧図面_A-1024.dwg": b"AC1032" + bytes(64),
        "旧様式_検査票.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    }
    paths = []
    for name, data in contents.items():
        path = folder / name
        path.write_bytes(data)
        paths.append(path)
    return [*paths, folder / "見当たらない手順.docx"]


def shoot_first(folder: Path, work: Path) -> None:
    """Take the pictures of a library that fills up."""
    camera = Photographer(folder, "ja", "light", work / "library")
    session = camera.session
    camera.settle(0.2)
    camera.take("1-empty")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(sample_paths()[0]))])
    enter = QDragEnterEvent(
        QPoint(300, 300),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(camera.window, enter)
    camera.take("1-dragging")
    camera.window._overlay.hide()
    session.ingest.add(sample_paths())
    rows = session.documents
    camera.wait(lambda: any(row.progress and row.progress.stage == "read" for row in rows.rows))
    camera.take("2-reading")
    camera.wait(
        lambda: any(
            row.progress and row.progress.stage == "encode" and row.progress.done
            for row in rows.rows
        )
    )
    camera.take("2-analysing")
    camera.wait(lambda: not session.ingest.busy)
    session.ingest.add(bad_files(work / "bad"))
    camera.settle(1.0)
    camera.take("6-failures")
    camera.close()


def shoot(folder: Path, work: Path, language: str, theme: str) -> None:
    """Take the pictures of a full library."""
    camera = Photographer(folder, language, theme, work / "library")
    session, window = camera.session, camera.window
    camera.settle(0.5)
    camera.ask(QUERY)
    camera.take("3-results")
    window.originals.setCurrentWidget(window.why)
    camera.settle()
    window.why.deletion_button.click()
    window.why.replay_button.click()
    camera.settle(1.0)
    camera.take("4-why")
    window.show_original()
    for suffix, query in ((".xlsx", "外径 ±0.05"), (".dxf", "材質"), (".docx", "点検周期")):
        info = next(row for row in session.documents.rows if row.path.endswith(suffix))
        session.search.restrict([info])
        camera.ask(query)
        camera.take(f"3-results-{suffix[1:]}")
    session.search.restrict([])
    longest = max(session.documents.rows, key=lambda row: row.info.pages if row.info else 0)
    session._on_document_action("summarise", [longest])
    camera.wait(lambda: window.summary.summary is not None)
    camera.settle()
    window.summary.list.setCurrentRow(1)
    camera.settle(1.0)
    camera.take("5-summary")
    window.show_answers(window.history)
    camera.settle()
    camera.take("7-history")
    camera.close()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fast", action="store_true", help="Japanese, light only")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory() as work:
        shoot_first(options.folder, Path(work))
        looks = [("ja", "light"), ("en", "dark"), ("ja", "dark"), ("en", "light")]
        for language, theme in looks[:1] if options.fast else looks:
            shoot(options.folder, Path(work), language, theme)
    application.quit()


if __name__ == "__main__":
    main()
