"""Translation of what SQLite and the operating system raise into :class:`StoreError` codes."""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from engine.errors import StoreError

_CODES = {
    sqlite3.SQLITE_FULL: "store_full",
    sqlite3.SQLITE_BUSY: "store_busy",
    sqlite3.SQLITE_LOCKED: "store_busy",
    sqlite3.SQLITE_READONLY: "store_denied",
    sqlite3.SQLITE_CANTOPEN: "store_denied",
    sqlite3.SQLITE_PERM: "store_denied",
    sqlite3.SQLITE_AUTH: "store_denied",
    sqlite3.SQLITE_IOERR: "store_denied",
    sqlite3.SQLITE_CORRUPT: "store_broken",
    sqlite3.SQLITE_NOTADB: "store_broken",
}
_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_WINERRORS = {39, 112, 1295}  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, quota exceeded


def store_error(error: sqlite3.Error | OSError, path: Path) -> StoreError | None:
    """The trouble that an exception stands for, or None if it is a defect of ours."""
    if isinstance(error, OSError):
        full = error.errno in _FULL_ERRNOS or getattr(error, "winerror", None) in _FULL_WINERRORS
        code = "store_full" if full else "store_denied"
        return StoreError(code, path=str(path), cause=error.strerror or type(error).__name__)
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    code = _CODES.get(primary)
    return None if code is None else StoreError(code, path=str(path), cause=str(error))


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise :class:`StoreError` for trouble with the library at ``path``.

    Raises:
        StoreError: ``store_full``, ``store_busy``, ``store_denied`` or ``store_broken``.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        known = store_error(error, path)
        if known is None:
            raise
        raise known from error
