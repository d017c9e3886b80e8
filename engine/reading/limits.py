"""Bounds on what a file may cost, and the checks of archives made before they are opened."""

import io
import re
import zipfile
from dataclasses import dataclass

from engine.errors import ReadingError

_SCANNED_HEAD = 1 << 16
_DOCTYPE = re.compile(
    b"<!DOCTYPE|<!ENTITY|<\x00!\x00(?:D\x00O\x00C|E\x00N\x00T)|\x00<\x00!\x00(?:D\x00O|E\x00N)"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a single file may cost.

    Attributes:
        bytes: Size of the file.
        pages: Pages of a PDF; further ones are left out with a warning.
        characters: Code points of text; the rest is left out with a warning.
        rows: Rows of a sheet or a CSV file; further ones are left out with a warning.
        columns: Columns of a sheet or a CSV file.
        entities: Texts of a drawing.
        archive_bytes: Unpacked size of an Office file.
        archive_ratio: Unpacked over packed size of a member bigger than ``archive_floor``.
        archive_floor: Members up to this many bytes may have any ratio.
        archive_members: Members of an Office file.
    """

    bytes: int = 400_000_000
    pages: int = 5_000
    characters: int = 20_000_000
    rows: int = 200_000
    columns: int = 512
    entities: int = 200_000
    archive_bytes: int = 600_000_000
    archive_ratio: float = 250.0
    archive_floor: int = 8_000_000
    archive_members: int = 20_000


def check_archive(data: bytes, path: str, limits: Limits) -> frozenset[str]:
    """Check an Office file's archive without unpacking it.

    Args:
        data: The whole archive.
        path: Goes into errors.
        limits: Bounds to keep.

    Returns:
        Names of its members.

    Raises:
        ReadingError: ``file_archive_bomb`` where a bound is broken or a part declares entities
            (no Office program writes them), ``file_broken`` where it is no archive,
            ``file_encrypted`` where members are encrypted.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ReadingError("file_broken", path=path, error=str(error)) from error
    with archive:
        members = archive.infolist()
        if len(members) > limits.archive_members:
            raise ReadingError("file_archive_bomb", path=path, reason="members")
        if sum(member.file_size for member in members) > limits.archive_bytes:
            raise ReadingError("file_archive_bomb", path=path, reason="size")
        for member in members:
            if member.flag_bits & 1:
                raise ReadingError("file_encrypted", path=path)
            ratio = member.file_size / max(1, member.compress_size)
            if member.file_size > limits.archive_floor and ratio > limits.archive_ratio:
                raise ReadingError("file_archive_bomb", path=path, reason="ratio")
        for member in members:
            if member.filename.endswith((".xml", ".rels")):
                _check_entities(archive, member, path)
        return frozenset(member.filename for member in members)


def _check_entities(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str) -> None:
    try:
        with archive.open(member) as stream:
            head = stream.read(_SCANNED_HEAD)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
        raise ReadingError("file_broken", path=path, error=str(error)) from error
    except Exception as error:  # zlib.error derives from Exception alone
        if type(error).__name__ != "error":
            raise
        raise ReadingError("file_broken", path=path, error=str(error)) from error
    if _DOCTYPE.search(head):
        raise ReadingError("file_archive_bomb", path=path, reason="entities")
