"""Exact copies of the files that revisions were read from, under their hashes."""

import contextlib
import hashlib
import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path

from engine.errors import ReadingError, StoreError
from engine.store.faults import translated

_CHUNK = 1 << 20
_PART = ".part"
_PART_NAME = re.compile(r"([0-9a-f]{32})-[0-9a-f]{32}\.part")
_HASH = re.compile("[0-9a-f]{64}")
_LOCKED_WINERRORS = {32, 33}  # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION


class Originals:
    """The folder ``files`` of a library."""

    def __init__(self, folder: Path, owner: str) -> None:
        """Use ``folder``; ``owner`` marks the copies that are not finished yet."""
        self.folder = folder
        self._owner = owner

    def path(self, sha256: str) -> Path:
        """Where the original with this hash stands, whether it is there or not."""
        return self.folder / sha256

    def put(self, source: Path, sha256: str, size: int) -> None:
        """Copy a file, unless its bytes are there already; durable on return.

        Raises:
            ReadingError: ``file_denied``, ``file_locked``: the source cannot be read any more.
            StoreError: ``file_changed``: the source is gone or no longer has this hash;
                ``store_full``, ``store_denied``.
        """
        target = self.path(sha256)
        with translated(self.folder):
            if target.is_file() and target.stat().st_size == size:
                return
        part = self.folder / f"{self._owner}-{uuid.uuid4().hex}{_PART}"
        try:
            copied = _copy(source, part, self.folder)
            if copied != sha256:
                raise StoreError("file_changed", path=str(source))
            with translated(self.folder):
                try:
                    part.replace(target)
                except PermissionError:
                    # Windows: another program has put it there meanwhile and holds it open.
                    if not target.is_file() or target.stat().st_size != size:
                        raise
                _sync_folder(self.folder)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def delete(self, sha256: str) -> None:
        """Delete an original; one that another program has open stays until the next sweep."""
        with contextlib.suppress(OSError):
            self.path(sha256).unlink(missing_ok=True)

    def sweep(self, used: set[str], alive: Callable[[str], bool]) -> None:
        """Delete what no revision refers to and unfinished copies of programs that have ended.

        Files with other names are not ours: somebody made a library in a folder of their own that
        has a folder ``files`` already.
        """
        for path in self.folder.iterdir():
            if part := _PART_NAME.fullmatch(path.name):
                stale = not alive(part[1])
            else:
                stale = bool(_HASH.fullmatch(path.name)) and path.name not in used
            if stale:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _copy(source: Path, part: Path, folder: Path) -> str:
    digest = hashlib.sha256()
    try:
        reader = source.open("rb")
    except FileNotFoundError as error:
        raise StoreError("file_changed", path=str(source)) from error
    except OSError as error:
        locked = getattr(error, "winerror", None) in _LOCKED_WINERRORS
        code = "file_locked" if locked else "file_denied"
        raise ReadingError(code, path=str(source)) from error
    with reader, translated(folder), part.open("xb") as writer:
        while chunk := _read(reader, source):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _read(reader, source: Path) -> bytes:
    try:
        return reader.read(_CHUNK)
    except OSError as error:
        raise ReadingError("file_denied", path=str(source)) from error


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
