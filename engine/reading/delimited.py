"""Reads CSV and TSV."""

import csv
import io
from collections import Counter
from collections.abc import Callable

from engine.reading.builder import CharacterLimit, DocumentBuilder
from engine.reading.encoding import decode
from engine.reading.limits import Limits
from engine.reading.source import Source
from engine.reading.table_words import one_line
from engine.reading.table_writing import write_rows
from engine.reading.tabular import Row
from engine.records import Document

_DELIMITERS = ",\t;|"
_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}
_MAX_FIELD = 1_000_000


def read(source: Source, limits: Limits, report: Callable[[int, int | None], None]) -> Document:
    """Read a CSV or TSV file: each record is a row with cell references like a sheet's.

    Raises:
        ReadingError: ``file_broken`` where it is no text, ``file_no_text`` where it is blank.
    """
    decoded = decode(source)
    text = decoded.text
    builder = DocumentBuilder(limits.characters)
    if decoded.is_damaged:
        builder.warnings.append("text_damaged")
    delimiter = find_delimiter(text, "\t" if source.suffix == ".tsv" else ",")
    csv.field_size_limit(_MAX_FIELD)
    rows: list[Row] = []
    number = 0
    # Not universal line ends: a quoted field keeps the line feeds inside it.
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            record = next(records)
        except StopIteration:
            break
        except csv.Error:
            builder.warnings.append(f"row_broken:{number + 1}")
            record = []
        number += 1
        if number > limits.rows:
            builder.warnings.append(f"rows_left_out:{limits.rows}")
            break
        if len(record) > limits.columns:
            builder.warnings.append(f"columns_left_out:{limits.columns}")
        values = [one_line(value) for value in record[: limits.columns]]
        if any(values):
            rows.append(Row(number, values))
        if number % 5_000 == 0:
            report(number, None)
    builder.begin_page()
    try:
        write_rows(builder, rows, captions=1)
    except CharacterLimit:
        builder.warnings.append("text_cut")
    metadata = {"encoding": decoded.encoding, "delimiter": _NAMES[delimiter]}
    return builder.finish("csv", source, title=source.stem, metadata=metadata)


def find_delimiter(text: str, default: str) -> str:
    """Find the delimiter: the one that parts most records into the same number of fields.

    Args:
        text: The file's text.
        default: Taken where nothing speaks against it.
    """
    lines = [line for line in text[:200_000].splitlines()[:200] if line.strip()]
    if len(text) > 200_000:
        lines = lines[:-1]
    scores: dict[str, tuple[float, int]] = {}
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(record) for record in csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            continue
        wide = {width: count for width, count in widths.items() if width > 1}
        if wide:
            width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
            scores[delimiter] = (count / sum(widths.values()), width)
    if default in scores and scores[default][0] >= 0.8:
        best = max(scores, key=lambda name: scores[name])
        return best if scores[best][0] > scores[default][0] + 0.15 else default
    try:
        sniffed = csv.Sniffer().sniff("\n".join(lines[:50]), _DELIMITERS).delimiter
    except csv.Error:
        sniffed = default
    if sniffed in scores and scores[sniffed][0] >= 0.8:
        return sniffed
    return max(scores, key=lambda name: scores[name]) if scores else default
