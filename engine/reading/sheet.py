"""Reads Excel workbooks: values, not formulas."""

import io
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from engine.reading.builder import CharacterLimit, DocumentBuilder
from engine.reading.limits import Limits
from engine.reading.number_format import format_value
from engine.reading.sheet_parts import has_uncomputed, shape_texts, sheet_bytes
from engine.reading.source import Source
from engine.reading.table_writing import write_rows
from engine.reading.tabular import Merge, Row, spread_merges
from engine.records import Document

# Above this, openpyxl's full model would take gigabytes; streaming knows no merged cells.
_STREAMED_BYTES = 25_000_000
# Styles tell headers, which stand at the top of a block.
_STYLED_ROWS = 16
_BROKEN = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    SyntaxError,  # XML parsers derive theirs from it
    OSError,
    EOFError,
)


def read(source: Source, limits: Limits, report: Callable[[int, int | None], None]) -> Document:
    """Read a workbook: each sheet is a page, each row a unit that carries its column headers.

    Titles and captions of tables are headings below the sheet's name.

    Raises:
        ReadingError: ``file_broken`` or ``file_no_text``.
    """
    builder = DocumentBuilder(limits.characters)
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive, warnings.catch_warnings():
            # openpyxl warns of parts it leaves out, such as validation rules.
            warnings.simplefilter("ignore")
            is_streamed = sheet_bytes(archive) > _STREAMED_BYTES
            shapes = shape_texts(archive)
            if has_uncomputed(archive, _STREAMED_BYTES):
                builder.warnings.append("formula_without_value")
            book: Any = openpyxl.load_workbook(
                io.BytesIO(source.data), read_only=is_streamed, data_only=True, keep_links=False
            )
            try:
                _write(builder, book, shapes, is_streamed, limits, report)
            except CharacterLimit:
                builder.warnings.append("text_cut")
            finally:
                book.close()
    except _BROKEN as error:
        raise source.broken(error) from error
    properties = book.properties
    metadata = {
        "author": properties.creator or "",
        "subject": properties.subject or "",
        "keywords": properties.keywords or "",
        "revision": properties.version or "",
    }
    return builder.finish("sheet", source, title=properties.title or source.stem, metadata=metadata)


def _write(
    builder: DocumentBuilder,
    book: Any,
    shapes: dict[str, list[tuple[str, str]]],
    is_streamed: bool,
    limits: Limits,
    report: Callable[[int, int | None], None],
) -> None:
    sheets = book.worksheets
    left = limits.rows
    for index, sheet in enumerate(sheets):
        rows, notes = _rows(sheet, is_streamed, left, limits, builder.warnings)
        left -= len(rows)
        notes += shapes.get(sheet.title, [])
        if rows or notes:
            builder.begin_page(name=sheet.title)
            builder.add(sheet.title, "heading", level=1, sheet=sheet.title)
        merges = [] if is_streamed else _merges(sheet)
        spread_merges(rows, merges)
        write_rows(builder, rows, merges=merges, sheet=sheet.title, page=builder.page, captions=2)
        for cell, text in notes:
            builder.gap("\n")
            builder.add(text, "note", sheet=sheet.title, cell=cell)
        report(index + 1, len(sheets))


def _rows(
    sheet: Any, is_streamed: bool, max_rows: int, limits: Limits, warned: list[str]
) -> tuple[list[Row], list[tuple[str, str]]]:
    rows: list[Row] = []
    notes: list[tuple[str, str]] = []
    columns = limits.columns
    if is_streamed:
        # The size that a file claims for a sheet is often wrong.
        sheet.reset_dimensions()
    else:
        if sheet.max_column > columns:
            warned.append(f"columns_left_out:{sheet.title}")
        columns = min(columns, sheet.max_column)
    since_gap, last = 0, 0
    for number, cells in enumerate(sheet.iter_rows(max_col=columns), start=1):
        values = [format_value(cell.value, cell.number_format or "General") for cell in cells]
        if not any(values):
            continue
        if len(rows) >= max_rows:
            warned.append(f"rows_left_out:{sheet.title}")
            break
        since_gap = since_gap + 1 if number == last + 1 else 0
        last = number
        filled = [(column, cell) for column, cell in enumerate(cells) if values[column]]
        row = Row(number, values[: filled[-1][0] + 1])
        row.styled = frozenset(column for column, cell in filled if _stands_out(cell))
        if since_gap < _STYLED_ROWS:
            row.sizes = {column: float(cell.font.sz or 0) for column, cell in filled}
        rows.append(row)
        if not is_streamed:
            notes += [
                (cell.coordinate, cell.comment.text.strip()) for cell in cells if cell.comment
            ]
    return rows, notes


def _stands_out(cell: Any) -> bool:
    return bool(cell.font and cell.font.b) or bool(cell.fill and cell.fill.patternType == "solid")


def _merges(sheet: Any) -> list[Merge]:
    return [
        (merge.min_row, merge.min_col, merge.max_row, merge.max_col)
        for merge in sheet.merged_cells.ranges
    ]
