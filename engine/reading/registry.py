"""Which reader reads which file: by content where it is unmistakable, else by suffix."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ReadingError
from engine.reading.limits import Limits, check_archive
from engine.reading.source import Source, open_source
from engine.records import Document

Report = Callable[[int, int | None], None]
"""Called with units of work done and in all (None where not known)."""


# Each imports its library when it is first used, so that the window's own process, which only
# asks for the suffixes, never loads one.
def _read_pdf(source: Source, limits: Limits, report: Report) -> Document:
    from engine.reading import pdf

    return pdf.read(source, limits, report)


def _read_word(source: Source, limits: Limits, report: Report) -> Document:
    from engine.reading import word

    return word.read(source, limits, report)


def _read_sheet(source: Source, limits: Limits, report: Report) -> Document:
    from engine.reading import sheet

    return sheet.read(source, limits, report)


def _read_delimited(source: Source, limits: Limits, report: Report) -> Document:
    from engine.reading import delimited

    return delimited.read(source, limits, report)


def _read_drawing(source: Source, limits: Limits, report: Report) -> Document:
    from engine.reading import drawing

    return drawing.read(source, limits, report)


def _read_text(source: Source, limits: Limits, report: Report) -> Document:
    from engine.reading import text

    return text.read(source, limits, report)


@dataclass(frozen=True, slots=True)
class Reader:
    """A way to read a kind of file.

    Attributes:
        suffixes: Lower case, with the dot.
        read: Reads it.
        content: What :func:`_content` calls such a file, or None where bytes do not tell.
    """

    suffixes: tuple[str, ...]
    read: Callable[[Source, Limits, Report], Document]
    content: str | None = None


READERS = (
    Reader((".pdf",), _read_pdf, "pdf"),
    Reader((".docx",), _read_word, "word"),
    Reader((".xlsx", ".xlsm"), _read_sheet, "sheet"),
    Reader((".csv", ".tsv"), _read_delimited),
    Reader((".dxf",), _read_drawing, "dxf"),
    Reader((".txt", ".md"), _read_text),
)

SUPPORTED_SUFFIXES = tuple(suffix for reader in READERS for suffix in reader.suffixes)

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
    (b"AC10", "dwg"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "rar"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read(
    path: Path, limits: Limits, report: Report = lambda done, total: None, suffix: str | None = None
) -> Document:
    """Read a file in this process.

    Args:
        path: File to read.
        limits: Bounds to keep.
        report: Called as the work goes on.
        suffix: Overrides the suffix of ``path``.

    Raises:
        ReadingError: It cannot be read; the code says why.
    """
    source = open_source(path, limits.bytes, suffix)
    return choose(source, limits).read(source, limits, report)


def choose(source: Source, limits: Limits) -> Reader:
    """Find the reader of a file.

    Raises:
        ReadingError: ``file_unsupported`` with detail ``kind``, ``file_encrypted`` for an Office
            file with a password, ``file_broken`` where content and suffix disagree, or what
            :func:`check_archive` raises.
    """
    content = _content(source, limits)
    for reader in READERS:
        if content is not None and reader.content == content:
            return reader
    kind = source.suffix.lstrip(".")
    if content is None:
        for reader in READERS:
            if source.suffix in reader.suffixes:
                if reader.content is not None:
                    raise source.broken(f"not a {kind} file")
                return reader
    raise ReadingError("file_unsupported", path=str(source.path), kind=kind or content or "unknown")


def _content(source: Source, limits: Limits) -> str | None:
    data = source.data
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        names = check_archive(data, str(source.path), limits)
        if "word/document.xml" in names:
            return "word"
        if "xl/workbook.xml" in names:
            return "sheet"
        if source.suffix in (".docx", ".xlsx", ".xlsm"):
            raise source.broken("not an Office file")
        return "zip"
    if data.startswith(_OLE):
        if _OLE_ENCRYPTED in data:
            raise ReadingError("file_encrypted", path=str(source.path))
        return "ole"
    for magic, kind in _PICTURES:
        if data.startswith(magic):
            return kind
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"AutoCAD Binary DXF"):
        return "dxf"
    if head.startswith((b"0\r\nSECTION", b"0\nSECTION", b"999")) and b"SECTION" in head:
        return "dxf"
    return None
