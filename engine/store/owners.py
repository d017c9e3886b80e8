"""Which running programs are alive.

A program holds a lock on ``locks/<owner>.lock`` while it has the library open; the system lets go
of the lock when the program ends, however it ends.
"""

import contextlib
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

_SUFFIX = ".lock"


class Owner:
    """This program's mark on the work it has taken on."""

    def __init__(self, folder: Path) -> None:
        """Take a new mark in the folder of locks; call it under :func:`setup_lock`.

        Raises:
            OSError: The folder cannot be written to.
        """
        self.name = uuid.uuid4().hex
        self._lock = FileLock(folder / f"{self.name}{_SUFFIX}", thread_local=False)
        self._lock.acquire(timeout=5)

    def release(self) -> None:
        """Let go; the work left running counts as interrupted."""
        self._lock.release()
        with contextlib.suppress(OSError):
            Path(self._lock.lock_file).unlink(missing_ok=True)


def setup_lock(folder: Path) -> FileLock:
    """The lock under which a library is created, migrated, tidied and joined."""
    return FileLock(folder / f"setup{_SUFFIX}", timeout=30, thread_local=False)


def is_alive(folder: Path, name: str) -> bool:
    """Whether the program with this mark still has the library open."""
    path = folder / f"{name}{_SUFFIX}"
    if not path.exists():
        return False
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def sweep(folder: Path) -> None:
    """Delete the marks of programs that have ended; call it under :func:`setup_lock`."""
    for path in folder.glob(f"*{_SUFFIX}"):
        name = path.name.removesuffix(_SUFFIX)
        if name != "setup" and not is_alive(folder, name):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
