"""Progress of a job on a terminal, and Ctrl+C as its cancel button."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from engine.cli_words import STAGES
from engine.progress import CancelToken, Job, Progress, run

T = TypeVar("T")


def run_with_progress(start: Callable[[CancelToken], Job[T]]) -> T:
    """Run a job, drawing its progress on standard error if that is a terminal.

    Ctrl+C cancels the job at its next check, so that it can clean up.

    Raises:
        Cancelled: The job was stopped.
    """
    cancel = CancelToken()
    job = start(cancel)
    console = Console(file=sys.stderr)
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar, _interrupt_cancels(cancel):
        task = bar.add_task("", total=None)
        return run(
            job,
            lambda progress: bar.update(
                task,
                description=_describe(progress),
                completed=progress.done,
                total=progress.total,
            ),
        )


@contextmanager
def _interrupt_cancels(cancel: CancelToken) -> Iterator[None]:
    """Turn Ctrl+C into a cancel, which unlike an exception lets a transaction finish."""
    before = signal.signal(signal.SIGINT, lambda *_: cancel.cancel())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _describe(progress: Progress) -> str:
    stage = STAGES.get(progress.stage, progress.stage)
    if progress.subject is None:
        return stage
    name = Path(progress.subject).name
    return f"{stage} {name if len(name) <= 40 else name[:39] + '…'}"
