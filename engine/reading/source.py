"""The bytes of a file: opened read-only, hashed, and every way in which that fails named."""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ReadingError
from engine.progress import CancelToken

_CHUNK = 1 << 20
# ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION: another program holds the file.
_WINDOWS_LOCKED = (32, 33)


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes as they were at one moment.

    Attributes:
        path: Where it was read from.
        suffix: Lower-case suffix that says what it claims to be, such as ``".pdf"``.
        data: All of it.
        sha256: Hash of ``data``, hexadecimal.
    """

    path: Path
    suffix: str
    data: bytes
    sha256: str

    @property
    def stem(self) -> str:
        """File name without its suffix."""
        return self.path.stem

    def broken(self, error: Exception | str) -> ReadingError:
        """A ``file_broken`` error about this file."""
        return ReadingError("file_broken", path=str(self.path), error=str(error)[:300])


def file_error(path: Path, error: OSError) -> ReadingError:
    """Name what the operating system said about a file."""
    details = {"path": str(path), "error": error.strerror or str(error)}
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return ReadingError("file_missing", **details)
    if getattr(error, "winerror", None) in _WINDOWS_LOCKED:
        return ReadingError("file_locked", **details)
    if isinstance(error, BlockingIOError):
        return ReadingError("file_locked", **details)
    if isinstance(error, PermissionError):
        return ReadingError("file_denied", **details)
    return ReadingError("file_broken", **details)


def hash_file(path: Path, cancel: CancelToken | None = None) -> tuple[str, int]:
    """Hash a file without keeping it.

    Returns:
        SHA-256 in hexadecimal, and the number of bytes.

    Raises:
        ReadingError: The file cannot be opened or read.
        Cancelled: ``cancel`` was set.
    """
    digest = hashlib.sha256()
    size = 0
    try:
        _check_regular(path)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                if cancel is not None:
                    cancel.check()
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise file_error(path, error) from error
    return digest.hexdigest(), size


def open_source(path: Path, max_bytes: int, suffix: str | None = None) -> Source:
    """Read a whole file into memory, so that what is parsed is what was hashed.

    Args:
        path: File to read; it is closed again before parsing, so nothing stays locked.
        max_bytes: Bigger files are refused.
        suffix: Overrides the suffix of ``path``, for a copy kept under another name.

    Raises:
        ReadingError: ``file_missing``, ``file_denied``, ``file_locked``, ``file_empty``,
            ``file_too_large``, ``file_unsupported`` (a folder or a device) or ``file_broken``.
    """
    try:
        size = _check_regular(path)
        if size > max_bytes:
            raise ReadingError("file_too_large", path=str(path), size=size, limit=max_bytes)
        with path.open("rb") as stream:
            # One byte more than allowed, in case the file grows meanwhile.
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise file_error(path, error) from error
    if not data:
        raise ReadingError("file_empty", path=str(path))
    if len(data) > max_bytes:
        raise ReadingError("file_too_large", path=str(path), size=len(data), limit=max_bytes)
    claimed = path.suffix if suffix is None else suffix
    return Source(path, claimed.lower(), data, hashlib.sha256(data).hexdigest())


def _check_regular(path: Path) -> int:
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise ReadingError("file_unsupported", path=str(path), kind="folder")
    if not stat.S_ISREG(status.st_mode):
        raise ReadingError("file_unsupported", path=str(path), kind="device")
    return status.st_size
