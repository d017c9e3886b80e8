"""Engine work off the GUI thread.

A job is a callable that takes a :class:`engine.progress.CancelToken` and returns either a result
or a generator of progress (an ``engine.progress.Job``). Each lane runs one job at a time on its
own thread. What a job reports is delivered on the GUI thread.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from engine.errors import Cancelled, ChumokuError
from engine.progress import CancelToken, Progress

log = logging.getLogger(__name__)

PROGRESS_INTERVAL_MS = 100

Work = Callable[[CancelToken], Any]


def _ignore(*_values: object) -> None:
    """Do nothing with what is reported."""


class JobHandle:
    """One piece of work and who wants to hear of it. Lives on the GUI thread.

    Attributes:
        lane: Lane that runs it.
        key: Jobs of one key supersede each other, None for jobs that all count.
        token: Asks the work to stop.
        progress: Latest progress, written by the worker thread.
    """

    def __init__(self, lane: str, key: str | None) -> None:
        self.lane = lane
        self.key = key
        self.token = CancelToken()
        self.progress: Progress | None = None
        self._shown: Progress | None = None
        self._silent = False
        self._on_progress: Callable[[Progress], None] = _ignore
        self._on_finished: Callable[[Any], None] = _ignore
        self._on_failed: Callable[[Exception], None] = _ignore
        self._on_ended: Callable[[], None] = _ignore

    def cancel(self) -> None:
        """Ask the work to stop; neither progress nor a result is reported after this returns."""
        self._silent = True
        self.token.cancel()

    def show_progress(self) -> None:
        """Report the latest progress if it is new."""
        progress = self.progress
        if self._silent or progress is None or progress is self._shown:
            return
        self._shown = progress
        self._on_progress(progress)

    def settle(self, result: Any, error: Exception | None) -> None:
        """Report how the work ended."""
        try:
            if self._silent or isinstance(error, Cancelled):
                return
            self._silent = True
            if error is None:
                self._on_finished(result)
            else:
                self._on_failed(error)
        finally:
            self._on_ended()


class _Lane:
    """A thread that runs queued jobs one after another."""

    def __init__(self, name: str, run: Callable[[JobHandle, Work], None]) -> None:
        self._run = run
        self._queue: deque[tuple[JobHandle, Work]] = deque()
        self._ready = threading.Condition()
        self._closing = False
        self.running: JobHandle | None = None
        self._thread = threading.Thread(target=self._loop, name=f"lane-{name}", daemon=True)
        self._thread.start()

    def put(self, handle: JobHandle, work: Work) -> None:
        with self._ready:
            self._queue.append((handle, work))
            self._ready.notify()

    def jobs(self) -> list[JobHandle]:
        with self._ready:
            waiting = [handle for handle, _ in self._queue]
            return [self.running, *waiting] if self.running else waiting

    def close(self) -> None:
        with self._ready:
            self._closing = True
            self._queue.clear()
            if self.running:
                self.running.token.cancel()
            self._ready.notify()

    def join(self, seconds: float) -> bool:
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _loop(self) -> None:
        while True:
            with self._ready:
                self.running = None
                while not self._queue and not self._closing:
                    self._ready.wait()
                if self._closing:
                    return
                handle, work = self._queue.popleft()
                self.running = handle
            self._run(handle, work)


class JobRunner(QObject):
    """Runs engine work on lanes and reports back on the GUI thread.

    Lives as long as the application; jobs never own Qt objects. Progress is read from the running
    jobs ten times a second, so that a busy job cannot flood the event loop.

    Signals:
        activity_changed: A job started or ended.
    """

    activity_changed = Signal()
    _posted = Signal(object)

    def __init__(self, lanes: tuple[str, ...] = ("ingest", "query", "view")) -> None:
        super().__init__()
        self._closed = False
        self._active: set[JobHandle] = set()
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setInterval(PROGRESS_INTERVAL_MS)
        self._timer.timeout.connect(self._poll)
        self._lanes = {name: _Lane(name, self._work) for name in lanes}

    def submit(
        self,
        lane: str,
        work: Work,
        *,
        key: str | None = None,
        on_progress: Callable[[Progress], None] = _ignore,
        on_finished: Callable[[Any], None] = _ignore,
        on_failed: Callable[[Exception], None] = _ignore,
        on_ended: Callable[[], None] = _ignore,
    ) -> JobHandle:
        """Queue work.

        Args:
            lane: Which thread runs it.
            work: The work; see the module.
            key: A job of the same key that waits or runs is cancelled first: the latest wins.
            on_progress: Called at most ten times a second.
            on_finished: Called with the result.
            on_failed: Called with the exception.
            on_ended: Called when the work has stopped, whatever the reason.

        Returns:
            The handle, with which the job can be cancelled.
        """
        handle = JobHandle(lane, key)
        handle._on_progress = on_progress
        handle._on_finished = on_finished
        handle._on_failed = on_failed
        handle._on_ended = on_ended
        if self._closed:
            handle.cancel()
            return handle
        if key is not None:
            for other in self._lanes[lane].jobs():
                if other.key == key:
                    other.cancel()
        self._active.add(handle)
        if not self._timer.isActive():
            self._timer.start()
        self._lanes[lane].put(handle, work)
        self.activity_changed.emit()
        return handle

    def post(self, function: Callable[..., None], *values: object) -> None:
        """Call a function on the GUI thread soon; may be called from any thread."""
        if not self._closed:
            self._posted.emit((function, values))

    @property
    def busy(self) -> bool:
        """Whether any job waits or runs."""
        return bool(self._active)

    def shutdown(self, seconds: float = 3.0) -> bool:
        """Cancel everything and wait for the threads.

        Returns:
            Whether all threads ended in time.
        """
        self._closed = True
        self._timer.stop()
        for handle in self._active:
            handle.cancel()
        self._active.clear()
        deadline = time.monotonic() + seconds
        for lane in self._lanes.values():
            lane.close()
        ended = [lane.join(deadline - time.monotonic()) for lane in self._lanes.values()]
        return all(ended)

    def _work(self, handle: JobHandle, work: Work) -> None:
        result, error = None, None
        try:
            handle.token.check()
            result = work(handle.token)
            if isinstance(result, Generator):
                result = self._drain(handle, result)
        except Exception as exception:
            error = exception
            if not isinstance(exception, Cancelled | ChumokuError):
                log.exception("a job on lane %s failed", handle.lane)
        self.post(self._settle, handle, result, error)

    def _drain(self, handle: JobHandle, job: Generator[Progress, None, Any]) -> Any:
        try:
            while True:
                handle.progress = next(job)
                if handle.token.cancelled:
                    raise Cancelled
        except StopIteration as stop:
            return stop.value
        finally:
            job.close()

    def _settle(self, handle: JobHandle, result: Any, error: Exception | None) -> None:
        self._active.discard(handle)
        if not self._active:
            self._timer.stop()
        try:
            handle.settle(result, error)
        finally:
            self.activity_changed.emit()

    def _deliver(self, message: tuple[Callable[..., None], tuple[object, ...]]) -> None:
        if not self._closed:
            function, values = message
            function(*values)

    def _poll(self) -> None:
        for handle in tuple(self._active):
            handle.show_progress()
