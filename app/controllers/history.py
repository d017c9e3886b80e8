"""Earlier questions and summaries."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.i18n import Words
from app.jobs import JobRunner
from app.models.history import HistoryModel
from app.views.history_view import HistoryView
from app.views.message_bar import MessageBar
from engine.records import Evidence, EvidenceInfo
from engine.service import Library

SHOWN = 200


class HistoryController(QObject):
    """Lists evidence and opens it.

    Signals:
        opened: (Evidence), it should be shown.
        replay_wanted: (Evidence), it should be shown and computed again.
        export_wanted: (int), the evidence of this identity should be written to a file.
    """

    opened = Signal(object)
    replay_wanted = Signal(object)
    export_wanted = Signal(int)

    def __init__(
        self,
        library: Library,
        runner: JobRunner,
        model: HistoryModel,
        words: Words,
        view: HistoryView,
        message: MessageBar,
    ) -> None:
        super().__init__()
        self._library = library
        self._runner = runner
        self._model = model
        self._words = words
        self._message = message
        view.open_requested.connect(lambda item: self._load(item, self.opened.emit))
        view.replay_requested.connect(lambda item: self._load(item, self.replay_wanted.emit))
        view.export_requested.connect(lambda item: self.export_wanted.emit(item.evidence_id))

    def reload(self) -> None:
        """Show what the library holds now."""
        self._runner.submit(
            "library",
            lambda _cancel: self._library.history(SHOWN),
            key="history",
            on_finished=self._model.set_items,
            on_failed=self._on_failed,
        )

    def _load(self, item: EvidenceInfo, show: Callable[[Evidence], None]) -> None:
        self._runner.submit(
            "library",
            lambda _cancel: self._library.evidence(item.evidence_id),
            key="open",
            on_finished=show,
            on_failed=self._on_failed,
        )

    def _on_failed(self, error: Exception) -> None:
        self._message.say(self._words.error(error), "bad")
