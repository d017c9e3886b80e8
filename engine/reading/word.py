"""Reads Word documents (.docx)."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from engine.reading.builder import CharacterLimit, DocumentBuilder
from engine.reading.limits import Limits
from engine.reading.source import Source
from engine.reading.table_words import one_line
from engine.reading.table_writing import write_rows
from engine.reading.tabular import Merge, Row, spread_merges
from engine.reading.word_numbering import Numbering
from engine.reading.word_text import (
    blocks,
    container_text,
    note_ids,
    paragraph_text,
    text_boxes,
)
from engine.records import Document

_HEADING_STYLE = re.compile(r"(?:heading|見出し)\s*([1-9])", re.IGNORECASE)
_BROKEN = (OpcError, KeyError, ValueError, TypeError, AttributeError, SyntaxError, OSError)
_MAX_SPAN = 200


def read(source: Source, limits: Limits, report: Callable[[int, int | None], None]) -> Document:
    """Read a Word document: paragraphs, table rows, notes and text boxes in their order.

    It has no pages of its own, so everything stands on one page without geometry.

    Raises:
        ReadingError: ``file_broken`` or ``file_no_text``.
    """
    builder = DocumentBuilder(limits.characters)
    builder.begin_page()
    try:
        document = docx.Document(io.BytesIO(source.data))
        try:
            _WordReader(document, builder, limits).read(report)
        except CharacterLimit:
            builder.warnings.append("text_cut")
        properties = document.core_properties
        metadata = {
            "author": properties.author,
            "subject": properties.subject,
            "keywords": properties.keywords,
            "revision": properties.version,
        }
        title = properties.title
    except (*_BROKEN, zipfile.BadZipFile) as error:
        raise source.broken(error) from error
    # The title that python-docx's and Word's templates leave behind says nothing.
    title = "" if title == "Word Document" else title
    return builder.finish("word", source, title=title, metadata=metadata)


class _WordReader:
    def __init__(self, document: Any, builder: DocumentBuilder, limits: Limits) -> None:
        self._document = document
        self._builder = builder
        self._limits = limits
        self._tables = 0
        self._rows = 0
        self._notes = {
            (kind, note.get(qn("w:id"), "")): container_text(note, " ")
            for kind in ("footnote", "endnote")
            for root in self._parts(f"/{kind}s")
            for note in root.findall(qn(f"w:{kind}"))
            if note.get(qn("w:type")) in (None, "normal")
        }
        roots = self._parts("/numbering")
        self._numbering = Numbering(roots[0] if roots else None)
        self._styles: dict[str | None, tuple[int, bool, tuple[str, int] | None]] = {}

    def read(self, report: Callable[[int, int | None], None]) -> None:
        self._running("/header", "header")
        elements = list(blocks(self._document.element.body))
        for index, element in enumerate(elements):
            if element.tag == qn("w:p"):
                self._paragraph(element)
            else:
                self._table(element)
            if index % 200 == 0:
                report(index, len(elements))
        self._running("/footer", "footer")

    def _parts(self, ending: str) -> list[Any]:
        """Roots of the parts that the document refers to by a kind of relation."""
        return [
            parse_xml(relation.target_part.blob)
            for relation in self._document.part.rels.values()
            if not relation.is_external and relation.reltype.endswith(ending)
        ]

    def _running(self, ending: str, kind: str) -> None:
        texts = (container_text(root, " ") for root in self._parts(ending))
        for text in dict.fromkeys(texts):
            self._add(text, kind)

    def _add(self, text: str, kind: Any, **place: Any) -> None:
        if text.strip():
            if not self._builder.at_page_start:
                self._builder.gap("\n")
            self._builder.add(text, kind, page=None, **place)

    def _paragraph(self, element: Any, cell: str | None = None) -> None:
        text = paragraph_text(element)
        level, is_title, listed = self._style(element)
        if text.strip():
            label = self._numbering.label(*listed) if listed else ""
            if label:
                text = f"{label} {text}"
            kind = "title" if is_title else "heading" if level else "list" if listed else None
            self._add(text, kind or "paragraph", level=level, cell=cell)
        for box in text_boxes(element):
            self._add(box, "note")
        self._write_notes(element)

    def _write_notes(self, element: Any) -> None:
        for key in note_ids(element):
            self._add(self._notes.pop(key, ""), "footnote")

    def _style(self, element: Any) -> tuple[int, bool, tuple[str, int] | None]:
        """Heading level, whether it is the title, and list and level of a paragraph."""
        properties = element.find(qn("w:pPr"))
        style_id, level, listed = None, None, None
        if properties is not None:
            style_id = _attribute(properties, "w:pStyle")
            level = _outline(properties)
            listed = _list(properties)
        styled_level, is_title, styled_list = self._named_style(style_id)
        if listed is not None and listed[0] == "0":
            listed = styled_list = None
        return (styled_level if level is None else level), is_title, listed or styled_list

    def _named_style(self, style_id: str | None) -> tuple[int, bool, tuple[str, int] | None]:
        if style_id in self._styles:
            return self._styles[style_id]
        level, is_title, listed = 0, False, None
        seen: set[str] = set()
        current = style_id
        while current is not None and current not in seen:
            seen.add(current)
            style = self._document.styles.element.get_by_id(current)
            if style is None:
                break
            name = _attribute(style, "w:name") or ""
            match = _HEADING_STYLE.fullmatch(name)
            is_title = is_title or name.lower() in ("title", "表題")
            properties = style.find(qn("w:pPr"))
            outline = _outline(properties) if properties is not None else None
            level = level or (int(match[1]) if match else outline or 0)
            if properties is not None and listed is None:
                listed = _list(properties, level)
            current = _attribute(style, "w:basedOn")
        self._styles[style_id] = (level, is_title, listed)
        return self._styles[style_id]

    def _table(self, table: Any) -> None:
        self._tables += 1
        rows, merges, cells = _grid(table)
        number = self._tables
        if len(cells) == 1:
            # A frame around running text.
            for element in blocks(cells[0]):
                if element.tag == qn("w:p"):
                    self._paragraph(element, cell=f"T{number}R1C1")
                else:
                    self._table(element)
            return

        def _name(row: int, column: int) -> str:
            return f"T{number}R{row}C{column + 1}"

        left = self._limits.rows - self._rows
        if len(rows) > left:
            self._builder.warnings.append(f"rows_left_out:T{number}")
            rows = rows[:left]
        self._rows += len(rows)
        spread_merges(rows, merges, _name)
        write_rows(self._builder, rows, merges=merges, name=_name)
        for paragraph in table.iter(qn("w:p")):
            for box in text_boxes(paragraph):
                self._add(box, "note")
        self._write_notes(table)


def _grid(table: Any) -> tuple[list[Row], list[Merge], list[Any]]:
    """Rows with text, merged cells, and all cells of a table."""
    rows: list[Row] = []
    merges: list[Merge] = []
    cells: list[Any] = []
    open_merges: dict[int, list[int]] = {}
    for number, row in enumerate(_descend(table, "w:tr"), start=1):
        column = _skipped(row)
        values: list[str] = [""] * column
        styled: set[int] = set()
        for cell in _descend(row, "w:tc"):
            cells.append(cell)
            properties = cell.find(qn("w:tcPr"))
            width, merge = 1, None
            if properties is not None:
                width = min(_MAX_SPAN, int(_attribute(properties, "w:gridSpan") or 1))
                merge = properties.find(qn("w:vMerge"))
            if merge is not None and merge.get(qn("w:val")) != "restart" and column in open_merges:
                open_merges[column][2] = number
                values += [""] * width
            else:
                values += [one_line(container_text(cell, " ")), *[""] * (width - 1)]
                closed = open_merges.pop(column, None)
                if closed is not None:
                    merges.append(_merge(closed))
                if merge is not None or width > 1:
                    open_merges[column] = [number, column + 1, number, column + width]
            if _stands_out(cell, row):
                styled.add(column)
            column += width
        if any(values):
            rows.append(Row(number, values, frozenset(styled)))
    merges += [_merge(merge) for merge in open_merges.values()]
    return rows, merges, cells


def _merge(corners: list[int]) -> Merge:
    top, left, bottom, right = corners
    return top, left, bottom, right


def _descend(element: Any, tag: str) -> list[Any]:
    """Children of a kind, also inside content controls."""
    found = []
    for child in element:
        if child.tag == qn(tag):
            found.append(child)
        elif child.tag in (qn("w:sdt"), qn("w:sdtContent"), qn("w:customXml"), qn("w:ins")):
            found += _descend(child, tag)
    return found


def _skipped(row: Any) -> int:
    properties = row.find(qn("w:trPr"))
    before = _attribute(properties, "w:gridBefore") if properties is not None else None
    return min(_MAX_SPAN, int(before or 0))


def _stands_out(cell: Any, row: Any) -> bool:
    if row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None:
        return True
    shade = cell.find(f"{qn('w:tcPr')}/{qn('w:shd')}")
    if shade is not None and shade.get(qn("w:fill"), "auto").lower() not in ("auto", "ffffff"):
        return True
    runs = [run for run in cell.iter(qn("w:r")) if run.find(qn("w:t")) is not None]
    return bool(runs) and all(run.find(f"{qn('w:rPr')}/{qn('w:b')}") is not None for run in runs)


def _attribute(element: Any, tag: str) -> str | None:
    child = element.find(qn(tag))
    return None if child is None else child.get(qn("w:val"))


def _outline(properties: Any) -> int | None:
    value = _attribute(properties, "w:outlineLvl")
    if value is None:
        return None
    return int(value) + 1 if int(value) < 9 else 0


def _list(properties: Any, heading_level: int = 0) -> tuple[str, int] | None:
    numbering = properties.find(qn("w:numPr"))
    if numbering is None:
        return None
    number_id = _attribute(numbering, "w:numId")
    level = _attribute(numbering, "w:ilvl")
    if number_id is None:
        return None
    return number_id, int(level) if level is not None else max(0, heading_level - 1)
