"""Writes a file whole or not at all."""

import errno
import os
import uuid
from collections.abc import Callable
from pathlib import Path

from engine.errors import ExportError
from engine.progress import CancelToken

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.
_FULL_WINDOWS = {39, 112}


def write_whole(target: Path, write: Callable[[Path], None], cancel: CancelToken) -> Path:
    """Let ``write`` fill a temporary file beside the target, then rename it over the target.

    Args:
        target: The file to be written; an existing one is replaced.
        write: Writes the file whose path it is given.
        cancel: Checked before the target is touched.

    Returns:
        The target.

    Raises:
        ExportError: ``export_denied`` or ``export_full``; an existing target is untouched.
        Cancelled: ``cancel`` was set; an existing target is untouched.
    """
    if not target.parent.is_dir():
        raise ExportError("export_denied", path=str(target), error="the folder does not exist")
    temporary = target.with_name(f".chumoku-{uuid.uuid4().hex[:12]}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        cancel.check()
        # On Windows this fails with PermissionError while Word or Acrobat holds the target.
        temporary.replace(target)
    except OSError as error:
        raise export_error(error, target) from error
    except ExportError as error:
        if error.details.get("path") == str(temporary):
            error.details["path"] = str(target)
        raise
    finally:
        _discard(temporary)
    return target


def export_error(error: OSError, target: Path) -> ExportError:
    """The export error that tells of trouble with the file system."""
    full = error.errno in _FULL or getattr(error, "winerror", None) in _FULL_WINDOWS
    code = "export_full" if full else "export_denied"
    return ExportError(code, path=str(target), error=error.strerror or str(error))


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # A virus scanner may hold it for a moment; the failure itself is what is reported.
        return
