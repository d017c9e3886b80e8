from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font, PatternFill

from engine.reading.limits import Limits
from engine.reading.registry import read


@pytest.fixture
def sheet(tmp_path):
    """Make a workbook of one sheet from cells by name; bold ones begin with ``*``,
    filled ones with ``#``."""

    def _make(values, merged=(), sizes=None):
        book: Any = openpyxl.Workbook()
        page = book.active
        page.title = "表"
        for name, value in values.items():
            mark = value[0] if isinstance(value, str) and value[0] in "*#" else ""
            page[name] = value[1:] if mark else value
            page[name].font = Font(bold=mark == "*", size=(sizes or {}).get(name, 11))
            if mark == "#":
                page[name].fill = PatternFill("solid", fgColor="DDDDDD")
        for area in merged:
            page.merge_cells(area)
        path = tmp_path / "帳票.xlsx"
        book.save(path)
        return read(path, Limits())

    return _make
