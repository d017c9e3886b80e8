"""One key for all the ways of writing one path."""

import os
import unicodedata
from pathlib import Path


def path_key(path: str, *, windows: bool = os.name == "nt") -> str:
    r"""Key under which a file is known.

    Japanese names are composed (NFC): a name typed on Windows and the same name copied from a Mac
    share are one. On Windows letter case, the direction of slashes and the prefixes ``\\?\`` and
    ``\\?\UNC\`` make no difference. Links are not followed: a server that is away must not stall.

    Args:
        path: An absolute path.
        windows: Whether the rules of Windows hold.
    """
    key = unicodedata.normalize("NFC", path)
    if not windows:
        return key
    key = key.replace("/", "\\")
    for prefix, replacement in (("\\\\?\\unc\\", "\\\\"), ("\\\\?\\", ""), ("\\\\.\\", "")):
        if key.lower().startswith(prefix):
            key = replacement + key[len(prefix) :]
            break
    head, tail = key[:2], key[2:]
    parts = [part for part in tail.split("\\") if part]
    rooted = "\\" if tail.startswith("\\") and head != "\\\\" else ""
    # NTFS compares letter by letter; casefold would merge names that it keeps apart, such as ß, ss.
    return (head + rooted + "\\".join(parts)).lower()


def absolute(path: str | Path) -> str:
    """The path as it is shown: absolute, without ``.`` and ``..``, links not followed."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links


def to_column(text: str) -> str | bytes:
    """A path as SQLite can hold it: names that are no valid Unicode go in as bytes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def from_column(value: str | bytes) -> str:
    """The inverse of :func:`to_column`."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
