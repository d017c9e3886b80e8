"""Progress and cancellation of long work.

A job is a plain generator: it yields :class:`Progress`, takes a :class:`CancelToken` and returns
its result. Whoever runs it (a terminal, a thread of the window, a test) decides what to show.
"""

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from engine.errors import Cancelled

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes:
        stage: Code of the stage, such as ``"read"`` or ``"encode"``; ``app`` turns it into words.
        done: Units of work done in this stage.
        total: Units of work in this stage, or None where it is not known.
        subject: What the work is about, such as a file's path.
    """

    stage: str
    done: int
    total: int | None = None
    subject: str | None = None


Job = Generator[Progress, None, T]


class CancelToken:
    """A flag that one thread sets and another checks between pieces of work."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop; it stops at its next check."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise :class:`engine.errors.Cancelled` if :meth:`cancel` was called."""
        if self._event.is_set():
            raise Cancelled


def run(job: Job[T], on_progress: Callable[[Progress], None] | None = None) -> T:
    """Run a job to its end on this thread and return its result."""
    while True:
        try:
            progress = next(job)
        except StopIteration as stop:
            return stop.value
        if on_progress is not None:
            on_progress(progress)
