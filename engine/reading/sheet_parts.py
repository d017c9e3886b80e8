"""What openpyxl does not read: texts in shapes, and formulas that were never computed."""

import posixpath
import re
import zipfile
from xml.etree import ElementTree

from engine.reading.tabular import column_name

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_TEXT = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_UNCOMPUTED = re.compile(rb"(?:</f>|<f[^>]*/>)(?:<v\s*/>|<v></v>)?</c>")
_MAX_DRAWING = 20_000_000


def shape_texts(archive: zipfile.ZipFile) -> dict[str, list[tuple[str, str]]]:
    """Read the texts of text boxes and shapes.

    Args:
        archive: The workbook.

    Returns:
        By sheet name: cell that the shape's corner stands in, and its text.
    """
    texts: dict[str, list[tuple[str, str]]] = {}
    for name, part in _sheets(archive).items():
        for kind, target in _relations(archive, part).values():
            if kind.endswith("/drawing") and _size(archive, target) <= _MAX_DRAWING:
                texts.setdefault(name, []).extend(_shapes(archive, target))
    return texts


def has_uncomputed(archive: zipfile.ZipFile, max_bytes: int) -> bool:
    """Whether a formula has no stored value, as in a file no spreadsheet program has saved."""
    for member in archive.namelist():
        if member.startswith("xl/worksheets/sheet") and _size(archive, member) <= max_bytes:
            data = archive.read(member)
            if b"<f" in data and _UNCOMPUTED.search(data):
                return True
    return False


def sheet_bytes(archive: zipfile.ZipFile) -> int:
    """Unpacked bytes of all sheets."""
    return sum(
        member.file_size
        for member in archive.infolist()
        if member.filename.startswith(("xl/worksheets/", "xl/sharedStrings"))
    )


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    relations = _relations(archive, "xl/workbook.xml")
    root = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    parts = {}
    for sheet in root.iter(f"{_MAIN}sheet"):
        relation = relations.get(sheet.get(f"{_RELATION}id", ""))
        if relation is not None:
            parts[sheet.get("name", "")] = relation[1]
    return parts


def _relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    folder, name = posixpath.split(part)
    path = f"{folder}/_rels/{name}.rels"
    if path not in archive.NameToInfo:
        return {}
    relations = {}
    for relation in ElementTree.fromstring(archive.read(path)):
        target = relation.get("Target", "")
        full = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
        relations[relation.get("Id", "")] = (relation.get("Type", ""), full)
    return relations


def _size(archive: zipfile.ZipFile, name: str) -> float:
    member = archive.NameToInfo.get(name)
    return member.file_size if member is not None else float("inf")


def _shapes(archive: zipfile.ZipFile, part: str) -> list[tuple[str, str]]:
    found = []
    for anchor in ElementTree.fromstring(archive.read(part)):
        corner = anchor.find(f"{_DRAWING}from")
        column = row = 0
        if corner is not None:
            column = int(corner.findtext(f"{_DRAWING}col", "0"))
            row = int(corner.findtext(f"{_DRAWING}row", "0"))
        for body in anchor.iter(f"{_DRAWING}txBody"):
            lines = (
                "".join(run.text or "" for run in paragraph.iter(f"{_TEXT}t"))
                for paragraph in body.iter(f"{_TEXT}p")
            )
            text = "\n".join(line for line in lines if line.strip())
            if text:
                found.append((f"{column_name(column)}{row + 1}", text))
    return found
