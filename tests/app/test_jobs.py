"""The job runner: results, progress, cancel, latest wins, errors, closing."""

import sys
import threading
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QThread

from app.jobs import JobRunner
from engine.errors import ReadingError
from engine.progress import CancelToken, Progress


@pytest.fixture
def runner(qapp, no_leaked_threads) -> Iterator[JobRunner]:
    made = JobRunner(("ingest", "query"))
    yield made
    assert made.shutdown()


def test_results_arrive_on_the_gui_thread_and_work_runs_elsewhere(runner, qtbot):
    seen = []

    def work(_cancel: CancelToken):
        seen.append(threading.current_thread().name)
        yield Progress("read", 1, 1)
        return 42

    runner.submit("ingest", work, on_finished=lambda value: seen.append((value, _on_gui_thread())))
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == ["lane-ingest", (42, True)]


def test_progress_comes_at_most_ten_times_a_second_and_ends_with_the_latest(runner, qtbot):
    shown, done = [], []

    def work(_cancel: CancelToken):
        for number in range(600):
            yield Progress("encode", number, 600)
            time.sleep(0.001)

    started = time.monotonic()
    runner.submit("ingest", work, on_progress=shown.append, on_finished=done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=10_000)
    elapsed = time.monotonic() - started
    assert 1 <= len(shown) <= 10 * elapsed + 1
    assert [progress.done for progress in shown] == sorted({p.done for p in shown})


def test_nothing_is_reported_after_cancel_but_the_end_is(runner, qtbot):
    reported, ended = [], []
    started = threading.Event()

    def work(cancel: CancelToken):
        started.set()
        while True:
            yield Progress("read", 0)
            time.sleep(0.002)

    handle = runner.submit(
        "ingest",
        work,
        on_progress=reported.append,
        on_finished=reported.append,
        on_failed=reported.append,
        on_ended=lambda: ended.append(True),
    )
    assert started.wait(5)
    handle.cancel()
    qtbot.waitUntil(lambda: bool(ended))
    assert reported == []


def test_a_result_that_was_already_on_its_way_is_dropped_by_cancel(runner, qtbot):
    reported, ended = [], []
    finished = threading.Event()

    def work(_cancel: CancelToken) -> int:
        finished.set()
        return 1

    handle = runner.submit(
        "query", work, on_finished=reported.append, on_ended=lambda: ended.append(True)
    )
    assert finished.wait(5)
    time.sleep(0.05)
    handle.cancel()
    qtbot.waitUntil(lambda: bool(ended))
    assert reported == []


def test_the_latest_job_of_a_key_wins(runner, qtbot):
    results, ran = [], []
    gate = threading.Event()

    def ask(number: int):
        def work(_cancel: CancelToken) -> int:
            ran.append(number)
            gate.wait(5)
            return number

        return work

    for number in range(5):
        runner.submit("query", ask(number), key="search", on_finished=results.append)
        qtbot.wait(5)
    gate.set()
    qtbot.waitUntil(lambda: not runner.busy)
    assert results == [4]
    assert ran == [0, 4], "questions that were overtaken while they waited are not even asked"


def test_lanes_do_not_wait_for_each_other(runner, qtbot):
    gate, results = threading.Event(), []
    runner.submit("ingest", lambda _cancel: gate.wait(5), on_finished=results.append)
    runner.submit("query", lambda _cancel: "quick", on_finished=results.append)
    qtbot.waitUntil(lambda: results == ["quick"])
    gate.set()
    qtbot.waitUntil(lambda: results == ["quick", True])


def test_errors_are_reported_and_defects_are_logged_with_their_stack(runner, qtbot, caplog):
    errors = []

    def trouble(_cancel: CancelToken):
        raise ReadingError("file_broken", path="x.pdf")

    def defect(_cancel: CancelToken):
        return {}["absent"]

    runner.submit("query", trouble, on_failed=errors.append)
    runner.submit("query", defect, on_failed=errors.append)
    qtbot.waitUntil(lambda: len(errors) == 2)
    assert isinstance(errors[0], ReadingError)
    assert isinstance(errors[1], KeyError)
    assert len(caplog.records) == 1
    assert "absent" in caplog.text


def test_closing_cancels_waits_and_refuses_more(qapp, no_leaked_threads):
    runner = JobRunner(("ingest",))
    reported = []

    def work(_cancel: CancelToken):
        while True:
            yield Progress("read", 0)
            time.sleep(0.001)

    runner.submit("ingest", work, on_finished=reported.append, on_failed=reported.append)
    time.sleep(0.02)
    assert runner.shutdown(3.0)
    late = runner.submit("ingest", work, on_finished=reported.append)
    assert late.token.cancelled
    qapp.processEvents()
    assert reported == []


def test_closing_does_not_wait_for_ever(qapp):
    runner = JobRunner(("ingest",))
    gate = threading.Event()
    started = threading.Event()

    def stubborn(_cancel: CancelToken) -> None:
        started.set()
        gate.wait(20)

    runner.submit("ingest", stubborn)
    assert started.wait(5)
    began = time.monotonic()
    assert not runner.shutdown(0.2)
    assert time.monotonic() - began < 1.0
    gate.set()
    assert runner.shutdown(3.0)


def test_calls_into_qt_do_not_wear_out_none(qapp):
    """PySide6 6.12.0 on Python 3.11 loses a reference in each call that returns nothing."""
    item = QObject()
    before = sys.getrefcount(None)
    for _ in range(500):
        item.setObjectName("x")
    assert sys.getrefcount(None) > before - 250


def _on_gui_thread() -> bool:
    return QThread.currentThread().isMainThread()
