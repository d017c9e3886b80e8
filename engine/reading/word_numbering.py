"""Numbers that Word puts before list items and headings; they are nowhere in the text."""

import re
from typing import Any

from docx.oxml.ns import qn

_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_AIUEO = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
)
_IROHA = (
    "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス"
)
_KANJI = "〇一二三四五六七八九"
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


class Numbering:
    """Counts as Word does, paragraph after paragraph.

    Args:
        numbering: The ``w:numbering`` element, or None.
    """

    def __init__(self, numbering: Any | None) -> None:
        self._levels: dict[str, dict[int, tuple[int, str, str]]] = {}
        self._lists: dict[str, str] = {}
        self._counts: dict[str, dict[int, int]] = {}
        if numbering is None:
            return
        for abstract in numbering.findall(qn("w:abstractNum")):
            self._levels[abstract.get(qn("w:abstractNumId"), "")] = {
                int(level.get(qn("w:ilvl"), "0")): (
                    int(_value(level, "w:start") or 1),
                    _value(level, "w:numFmt") or "decimal",
                    _value(level, "w:lvlText") or "",
                )
                for level in abstract.findall(qn("w:lvl"))
            }
        for number in numbering.findall(qn("w:num")):
            abstract_id = _value(number, "w:abstractNumId")
            if abstract_id is not None:
                self._lists[number.get(qn("w:numId"), "")] = abstract_id

    def label(self, number_id: str, level: int) -> str:
        """Count a paragraph and write its number, ``""`` for bullets and unknown lists."""
        abstract = self._lists.get(number_id, "")
        levels = self._levels.get(abstract, {})
        if level not in levels:
            return ""
        counts = self._counts.setdefault(abstract, {})
        start, kind, pattern = levels[level]
        counts[level] = counts.get(level, start - 1) + 1
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]
        if kind in ("bullet", "none"):
            return ""

        def _number(match: re.Match[str]) -> str:
            shown = int(match[1]) - 1
            first, style, _ = levels.get(shown, (1, "decimal", ""))
            # A deeper level writes the numbers above it plainly.
            return _write(counts.get(shown, first), style if shown == level else _plain(style))

        return re.sub(r"%(\d)", _number, pattern)


def _value(element: Any, tag: str) -> str | None:
    child = element.find(qn(tag))
    return None if child is None else child.get(qn("w:val"))


def _plain(style: str) -> str:
    return style if style.startswith("decimal") else "decimal"


def _write(number: int, style: str) -> str:
    if style in ("lowerLetter", "upperLetter"):
        letters = chr(97 + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letters if style == "lowerLetter" else letters.upper()
    if style in ("lowerRoman", "upperRoman"):
        text, left = "", number
        for value, letters in _ROMAN:
            text += letters * (left // value)
            left %= value
        return text if style == "lowerRoman" else text.upper()
    if style.startswith("aiueo"):
        return _AIUEO[(number - 1) % len(_AIUEO)]
    if style.startswith("iroha"):
        return _IROHA[(number - 1) % len(_IROHA)]
    if style.startswith("decimalEnclosed") and 1 <= number <= len(_CIRCLED):
        return _CIRCLED[number - 1]
    if style == "decimalFullWidth":
        return str(number).translate(_FULL_WIDTH)
    if style in ("japaneseCounting", "ideographDigital", "japaneseDigitalTenThousand"):
        return _kanji(number) if style == "japaneseCounting" else _digits(number)
    if style == "decimalZero":
        return f"{number:02d}"
    return str(number)


def _digits(number: int) -> str:
    return "".join(_KANJI[int(digit)] for digit in str(number))


def _kanji(number: int) -> str:
    if not 0 < number < 100:
        return _digits(number)
    tens, ones = divmod(number, 10)
    head = ("" if tens == 1 else _KANJI[tens]) + "十" if tens else ""
    return head + (_KANJI[ones] if ones else "")
