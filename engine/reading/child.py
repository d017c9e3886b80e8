"""The child process: runs readers, one call after another, until its parent goes away."""

import importlib
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine.errors import ChumokuError, ReadingError
from engine.reading import registry
from engine.reading.limits import Limits
from engine.records import Document

# Address space also holds libraries and reserved, never touched memory.
_ADDRESS_SLACK = 3_000_000_000
_REPORT_INTERVAL_S = 0.05


class Worker:
    """Answers calls that come through a pipe.

    Requests are ``(name, args)``; answers are any number of ``("progress", done, total)``
    followed by one ``("result", value)`` or ``("error", exception)``.
    """

    def __init__(self, pipe: Connection, limits: Limits) -> None:
        self._pipe = pipe
        self._limits = limits
        self._renderer: Any = None
        self._reported = 0.0

    def run(self) -> None:
        """Answer until the other end closes."""
        while True:
            try:
                name, args = self._pipe.recv()
            except (EOFError, OSError):
                return
            try:
                answer = ("result", self._call(name, args))
            except ChumokuError as error:
                answer = ("error", error)
            except MemoryError:
                answer = ("error", ReadingError("reader_memory"))
            except Exception as error:  # noqa: BLE001 - whatever a hostile file brings about
                answer = ("error", _crashed(error))
            try:
                self._send(answer)
            except (BrokenPipeError, OSError):
                return

    def _call(self, name: str, args: tuple) -> Any:
        if name == "read":
            return self._read(*args)
        if name == "render":
            if self._renderer is None:
                from engine.reading.rendering import PageRenderer

                self._renderer = PageRenderer(self._limits)
            return self._renderer.render(*args)
        return _resolve(name)(*args)

    def _read(self, path: Path, suffix: str | None) -> Document:
        return registry.read(path, self._limits, self._report, suffix)

    def _report(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._reported >= _REPORT_INTERVAL_S:
            self._reported = now
            self._send(("progress", done, total))

    def _send(self, message: tuple) -> None:
        try:
            data = pickle.dumps(message, protocol=5)
        except MemoryError:
            data = pickle.dumps(("error", ReadingError("reader_memory")), protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            data = pickle.dumps(("error", _crashed(error)), protocol=5)
        self._pipe.send_bytes(data)


def main(pipe: Connection, limits: Limits, memory_bytes: int) -> None:
    """Entry point of the child.

    Args:
        pipe: Its end of the pipe.
        limits: Bounds on a file.
        memory_bytes: Memory it may use; the parent watches what is resident, this only makes
            one huge allocation fail at once where the system can.
    """
    # Ctrl+C reaches every process of a console; the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries that print must not write among the results on the parent's standard output.
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    _cap_memory(memory_bytes)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    Worker(pipe, limits).run()


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _cap_memory(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:
        return
    cap = memory_bytes + _ADDRESS_SLACK
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > cap:
        resource.setrlimit(resource.RLIMIT_AS, (cap, hard))


def _resolve(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _crashed(error: BaseException) -> ReadingError:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    text = f"{type(error).__name__}: {error}"[:300]
    return ReadingError("reader_crashed", error=text, where=where)
