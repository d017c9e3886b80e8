"""Evidence written to a file."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QDir, QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from app.i18n import Words
from app.jobs import JobRunner
from app.settings import SettingsFile
from app.views.message_bar import MessageBar
from app.views.status_line import StatusLine
from engine.progress import CancelToken
from engine.records import EvidenceId
from engine.service import Library

FORMATS = (("export.pdf", ".pdf"), ("export.docx", ".docx"), ("export.html", ".html"))
FORMATS += (("export.json", ".json"),)


class ExportController(QObject):
    """Asks where to, writes, and says where it went."""

    def __init__(
        self,
        library: Library,
        runner: JobRunner,
        words: Words,
        settings: SettingsFile,
        status: StatusLine,
        message: MessageBar,
        window: QWidget,
    ) -> None:
        super().__init__()
        self._library = library
        self._runner = runner
        self._words = words
        self._settings = settings
        self._status = status
        self._message = message
        self._window = window
        self.ask_target: Callable[[str], str] = self._ask_target

    def export(self, evidence_id: EvidenceId | None) -> None:
        """Ask for a file and write the evidence to it."""
        if evidence_id is None:
            self._message.say(self._words("export.nothing"), "info")
            return
        folder = self._settings.current.export_folder
        base = Path(folder) if folder and Path(folder).is_dir() else Path(QDir.homePath())
        name = self.ask_target(str(base / f"chumoku-{evidence_id}.pdf"))
        if name:
            self.export_to(evidence_id, Path(name))

    def export_to(self, evidence_id: EvidenceId, target: Path) -> None:
        """Write evidence to a file; the suffix says how."""
        language = self._words.language
        self._settings.change(export_folder=str(target.parent))

        def work(cancel: CancelToken) -> Path:
            return self._library.export(evidence_id, target, cancel, language)

        job = self._runner.submit(
            "query", work, on_finished=self._on_written, on_failed=self._on_failed
        )

        def stop() -> None:
            job.cancel()
            self._status.say(self._words("docs.cancelled"))

        writing = self._words("export.writing", name=target.name)
        self._status.say(writing, self._words("search.stop"), stop)

    def _on_written(self, path: Path) -> None:
        self._status.say(
            self._words("export.written", name=path.name),
            self._words("export.open_folder"),
            lambda: open_folder(path.parent),
        )

    def _on_failed(self, error: Exception) -> None:
        self._status.say("")
        self._message.say(self._words.error(error), "bad")

    def _ask_target(self, proposed: str) -> str:
        kinds = [f"{self._words(key)} (*{suffix})" for key, suffix in FORMATS]
        name, kind = QFileDialog.getSaveFileName(
            self._window, self._words("export.title"), proposed, ";;".join(kinds)
        )
        suffixes = [suffix for _key, suffix in FORMATS]
        if name and Path(name).suffix.lower() not in suffixes:
            chosen = kinds.index(kind) if kind in kinds else 0
            name += suffixes[chosen]
        return name


def open_folder(folder: Path) -> None:
    """Show a folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
