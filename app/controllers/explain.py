"""The why-panel: evidence of the hit looked at, deletion test and replay."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from app.i18n import Words
from app.jobs import JobHandle, JobRunner
from app.views.why_view import WhyView
from engine.progress import CancelToken
from engine.records import Deletion, Evidence, EvidenceId, Hit, Replay
from engine.service import Library


class ExplainController(QObject):
    """Loads evidence and runs the tests on it."""

    def __init__(self, library: Library, runner: JobRunner, words: Words, view: WhyView) -> None:
        super().__init__()
        self._library = library
        self._runner = runner
        self._words = words
        self._view = view
        self._evidence: Evidence | None = None
        self._hit: Hit | None = None
        self._job: JobHandle | None = None
        view.deletion_requested.connect(self.test_deletion)
        view.replay_requested.connect(self.replay)
        view.cancel_requested.connect(self.cancel)

    def show(self, evidence_id: EvidenceId, hit: Hit | None) -> None:
        """Show the evidence of a hit, or of a summary if there is no hit."""
        self._hit = hit
        if self._evidence is not None and self._evidence.evidence_id == evidence_id:
            self._view.show_hit(self._evidence, hit)
            return
        self._load(evidence_id)

    def clear(self) -> None:
        """Show nothing."""
        self._evidence = self._hit = None
        self._view.show_hit(None, None)

    def test_deletion(self, rank: int) -> None:
        """Score a hit again without what was attended."""
        evidence = self._evidence
        if evidence is None:
            return

        def work(cancel: CancelToken) -> Deletion:
            return self._library.deletion_test(evidence.evidence_id, rank, cancel)

        def done(deletion: Deletion) -> None:
            self._view.show_deletion(rank, deletion)
            self._load(evidence.evidence_id)

        self._run("deletion", work, done)

    def replay(self) -> None:
        """Compute the answer again and compare."""
        evidence = self._evidence
        if evidence is None:
            return

        def work(cancel: CancelToken) -> Replay:
            return self._library.replay(evidence.evidence_id, cancel)

        def done(replay: Replay) -> None:
            if self._evidence and self._evidence.evidence_id == evidence.evidence_id:
                self._view.show_replay(replay)

        self._run("replay", work, done)

    def cancel(self) -> None:
        """Stop the deletion test or the replay."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._view.show_working("")
        self._view.retranslate()

    def replay_of(self, evidence: Evidence) -> None:
        """Compute an answer again that was just opened."""
        self._on_loaded(evidence)
        self.replay()

    def _run(
        self, what: str, work: Callable[[CancelToken], Any], done: Callable[[Any], None]
    ) -> None:
        self._view.show_working(what)

        def finished(result: Any) -> None:
            self._view.show_working("")
            done(result)

        def failed(error: Exception) -> None:
            self._view.show_working("")
            self._view.show_trouble(what, self._words.error(error))

        self._job = self._runner.submit(
            "query", work, key="explain", on_finished=finished, on_failed=failed
        )

    def _load(self, evidence_id: EvidenceId) -> None:
        self._runner.submit(
            "library",
            lambda _cancel: self._library.evidence(evidence_id),
            key="evidence",
            on_finished=self._on_loaded,
            on_failed=lambda _error: self.clear(),
        )

    def _on_loaded(self, evidence: Evidence) -> None:
        self._evidence = evidence
        hit = self._hit
        if evidence.kind == "search":
            rank = hit.rank if hit else 1
            hit = self._hit = next((item for item in evidence.hits if item.rank == rank), None)
        self._view.show_hit(evidence, hit)
