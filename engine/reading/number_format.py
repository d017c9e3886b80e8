"""Cell values as a sheet shows them."""

import datetime
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.reading.table_words import one_line

_SKIPPED = re.compile(r"\[[^\]]*\]|_.|\*.")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)')
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.([0#?]*))?")
_GENERAL = ("", "general", "@")


def format_value(value: Any, number_format: str = "General") -> str:
    """Write a cell's value.

    Args:
        value: What openpyxl found.
        number_format: The cell's format code; dates are written as ISO 8601 whatever it says.

    Returns:
        One line of text, ``""`` for an empty cell.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        if value.time() == datetime.time() and "h" not in number_format.lower():
            return value.date().isoformat()
        return value.isoformat(sep=" ", timespec="minutes" if not value.second else "seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.isoformat(timespec="minutes" if not value.second else "seconds")
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")
    if isinstance(value, int | float):
        return _number(value, number_format)
    return one_line(str(value))


def _number(value: int | float, number_format: str) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    sections = number_format.split(";")
    section, magnitude, sign = sections[0], value, ""
    if value < 0:
        magnitude = -value
        if len(sections) > 1 and sections[1].strip():
            section = sections[1]
        else:
            sign = "-"
    section = _SKIPPED.sub("", section)
    bare = _LITERAL.sub(lambda match: "\x01" * len(match[0]), section)
    digits = _DIGITS.search(bare)
    if section.strip().lower() in _GENERAL or digits is None or re.search("[eE/]", bare):
        return _general(value)
    before, after = section[: digits.start()], section[digits.end() :]
    percent = "%" in bare
    whole, _, fraction = digits[0].partition(".")
    amount = Decimal(repr(magnitude)) * (100 if percent else 1)
    try:
        rounded = amount.quantize(Decimal(1).scaleb(-len(fraction)), ROUND_HALF_UP)
    except ArithmeticError:
        return _general(value)
    text = f"{rounded:,f}" if "," in whole.rstrip(",") else f"{rounded:f}"
    head, point, tail = text.partition(".")
    needed = fraction.count("0")
    while len(tail) > needed and tail.endswith("0"):
        tail = tail[:-1]
    head = head.zfill(whole.count("0"))
    shown = head + (point + tail if tail else "")
    return (_plain(before) + sign + shown + _plain(after)).strip()


def _plain(text: str) -> str:
    return _LITERAL.sub(lambda match: match[1] if match[1] is not None else match[2], text)


def _general(value: int | float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.15g}"
