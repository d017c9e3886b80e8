"""Runs readers in a child process and keeps it within bounds.

A file may be broken or hostile: it may crash the parser, hang it or eat all memory. So parsing
happens in a ``spawn`` child, and a watching thread kills that child at the deadline, at the memory
cap or when the user cancels. The next call starts a fresh one.
"""

import multiprocessing
import pickle
import sys
import threading
import time
import types
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from engine.errors import Cancelled, ChumokuError, ReadingError
from engine.progress import CancelToken, Job, Progress
from engine.reading import child
from engine.reading.limits import Limits
from engine.records import Document, Rendering

_POLL_S = 0.02
_START_LOCK = threading.Lock()


class _Watch:
    """Kills a child when its call has to end."""

    def __init__(
        self, process: Any, deadline_s: float, memory_bytes: int, cancel: CancelToken | None
    ) -> None:
        self.reason: str | None = None
        self._process = process
        self._deadline = time.monotonic() + deadline_s
        self._memory = memory_bytes
        self._cancel = cancel
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            child_process = psutil.Process(self._process.pid)
        except psutil.Error:
            return
        while not self._done.wait(_POLL_S):
            if self._cancel is not None and self._cancel.cancelled:
                self.reason = "cancelled"
            elif time.monotonic() > self._deadline:
                self.reason = "reader_timeout"
            elif _resident(child_process) > self._memory:
                self.reason = "reader_memory"
            if self.reason is not None:
                self._process.kill()
                return


class ReaderProcess:
    """A supervised child process that reads files; one call at a time.

    Calls from several threads wait for each other. Use it as a context manager or call
    :meth:`close`.

    Args:
        deadline_s: Seconds a call may take.
        memory_bytes: Resident memory the child may use.
        limits: Bounds on a file.
    """

    def __init__(
        self,
        *,
        deadline_s: float = 120.0,
        memory_bytes: int = 1_200_000_000,
        limits: Limits | None = None,
    ) -> None:
        self._deadline_s = deadline_s
        self._memory_bytes = memory_bytes
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._process: Any = None
        self._pipe: Connection | None = None
        self._closed = False

    def __enter__(self) -> "ReaderProcess":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process identifier of the child, None while there is none."""
        return self._process.pid if self._process is not None else None

    def read(
        self, path: Path, cancel: CancelToken | None = None, *, suffix: str | None = None
    ) -> Job[Document]:
        """Read a file.

        Args:
            path: File to read; it is opened read-only.
            cancel: Stops the work within 200 ms.
            suffix: Overrides the suffix of ``path``, for a copy kept under another name.

        Yields:
            ``Progress("read", pages done, pages, path)``.

        Returns:
            The document.

        Raises:
            ReadingError: It cannot be read; the code says why.
            Cancelled: ``cancel`` was set.
        """
        subject = str(path)
        answers = self._run("read", (path.absolute(), suffix), cancel, subject)
        while True:
            try:
                done, total = next(answers)
            except StopIteration as stop:
                return stop.value
            try:
                yield Progress("read", done, total, subject)
            except BaseException:
                answers.close()
                raise

    def render(
        self, path: Path, page: int, scale: float, cancel: CancelToken | None = None
    ) -> Rendering:
        """Render a page of a PDF.

        Args:
            path: A PDF file.
            page: From 1.
            scale: Pixels per point.
            cancel: Stops the work within 200 ms.

        Raises:
            ReadingError: It cannot be rendered.
            Cancelled: ``cancel`` was set.
        """
        return self._finish("render", (path.absolute(), page, scale), cancel, str(path))

    def call(self, function: str, args: tuple = (), cancel: CancelToken | None = None) -> Any:
        """Run a function in the child.

        Args:
            function: ``"package.module:function"``, importable in the child.
            args: Its positional arguments, picklable.
            cancel: Stops the work within 200 ms.

        Raises:
            ChumokuError: Raised by the function, or ``reader_*`` of :class:`ReadingError`.
            Cancelled: ``cancel`` was set.
        """
        return self._finish(function, args, cancel, function)

    def close(self) -> None:
        """End the child; a call still running in another thread fails with ``Cancelled``."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._stop()

    def _finish(self, name: str, args: tuple, cancel: CancelToken | None, subject: str) -> Any:
        answers = self._run(name, args, cancel, subject)
        while True:
            try:
                next(answers)
            except StopIteration as stop:
                return stop.value

    def _run(
        self, name: str, args: tuple, cancel: CancelToken | None, subject: str
    ) -> Generator[tuple[int, int | None], None, Any]:
        self._acquire(cancel)
        watch: _Watch | None = None
        finished = False
        try:
            pipe = self._start()
            watch = _Watch(self._process, self._deadline_s, self._memory_bytes, cancel)
            pipe.send((name, args))
            while True:
                # A blocking receive is safe: the watch ends it by killing the child.
                answer = pickle.loads(pipe.recv_bytes())
                if answer[0] == "progress":
                    yield answer[1], answer[2]
                    continue
                finished = True
                break
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._failure(watch, subject) from error
        finally:
            if watch is not None:
                watch.stop()
            if not finished or (watch is not None and watch.reason) or self._is_bloated():
                self._stop()
            self._lock.release()
        if cancel is not None:
            cancel.check()
        if answer[0] == "error":
            raise _with_subject(answer[1], subject)
        return answer[1]

    def _failure(self, watch: _Watch | None, subject: str) -> Exception:
        reason = watch.reason if watch is not None else None
        if reason == "cancelled" or self._closed:
            return Cancelled()
        if reason == "reader_timeout":
            return ReadingError(reason, path=subject, seconds=self._deadline_s)
        if reason == "reader_memory":
            return ReadingError(reason, path=subject, limit=self._memory_bytes)
        process = self._process
        process.join(1.0)
        exit_code = process.exitcode
        return ReadingError(
            "reader_crashed", path=subject, exit=exit_code if exit_code is not None else "none"
        )

    def _acquire(self, cancel: CancelToken | None) -> None:
        while not self._lock.acquire(timeout=_POLL_S):
            if cancel is not None:
                cancel.check()
        if self._closed:
            self._lock.release()
            raise Cancelled
        if cancel is not None and cancel.cancelled:
            self._lock.release()
            raise Cancelled

    def _start(self) -> Connection:
        if self._process is not None and self._process.is_alive() and self._pipe is not None:
            return self._pipe
        self._stop()
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(
            target=child.main,
            args=(there, self._limits, self._memory_bytes),
            name="chumoku reader",
            daemon=True,
        )
        try:
            with _START_LOCK, _without_main():
                process.start()
        except OSError:
            here.close()
            raise
        finally:
            # Only the child may hold this end, or its death would not end our receive.
            there.close()
        self._process, self._pipe = process, here
        return here

    def _stop(self) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            process.join(5.0)
            with suppress(ValueError):
                process.close()

    def _is_bloated(self) -> bool:
        """Whether the child kept so much memory that the next file would start near the cap."""
        try:
            return _resident(psutil.Process(self._process.pid)) > self._memory_bytes // 2
        except (psutil.Error, AttributeError, ValueError):
            return True


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _with_subject(error: ChumokuError, subject: str) -> ChumokuError:
    if isinstance(error, ReadingError):
        error.details.setdefault("path", subject)
    return error


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module while a child starts.

    ``spawn`` imports the parent's main module in the child: that would load the window there, and
    run a script that has no ``__main__`` guard a second time. The child needs neither.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
