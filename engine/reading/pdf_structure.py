"""What the lines of a PDF are: headings, running headers and footers, parts of a paragraph."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass

from engine.reading.pdf_layout import Line
from engine.reading.pdf_pieces import BULLET, CJK

_EDGE = 0.12
_EDGE_LINES = 3
# Height of the tallest running frame, as a share of the page.
_FRAME = 0.2
_MIN_RUNNING = 0.3
# Headings of 12 points above text of 10.5, the sizes most used in Japanese.
_LARGER = 1.12
_PAGE_NUMBER = re.compile(
    r"(?:[-–—―(]\s*)?(?:p\.?\s*|page\s*)?\d{1,4}(?:\s*(?:/|of|／)\s*\d{1,4})?(?:\s*[-–—―)]|\s*頁)?",
    re.IGNORECASE,
)
_PAGE_CELL = re.compile(
    r"\d+\s*(?:/|of|の)\s*\d+|(?:ページ|頁|page|p\.|sheet)\s*[:.]?\s*\d+|\d+\s*(?:ページ|頁|枚目)"
    r"|^[-–—\s]*\d{1,4}[-–—\s]*$",
    re.IGNORECASE,
)
_CHAPTER = re.compile(
    r"第\s*[0-9一二三四五六七八九十百]+\s*([編部章節条項])(?!で|に|の|を|は|と|参)"
)
_CHAPTER_LEVELS = {"編": 1, "部": 1, "章": 1, "節": 2, "条": 3, "項": 3}
_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})\.?(?=\s|[^\W\d]|[「『(])")
_WORDS = re.compile(
    r"(?:[附付]属書|付録|[附付]表|別紙|別表|appendix|annex|chapter)(?=[\s0-9A-Z]|$)", re.IGNORECASE
)
_LETTERED = re.compile(r"[A-Z]((?:\.\d{1,2}){1,3})\s*(?=[^\W\d])")
_LEADER = re.compile(r"[.・…‥]{4,}\s*\d*\s*$")
_UNIT_AFTER = re.compile(
    r"\d[\d.]*\s*(?:(?:mm|cm|kg|g|N|Pa|MPa|V|A|Hz|rpm)(?![A-Za-z])"
    r"|[℃°%個本枚年月日時分秒回人台点件])"
)
_OPENING = "(（"
_CLOSING = ")）"
_FULL_EM = 0.6
# Letters of a line that may fill its measure.
_FULL_LINE = 20
_SENTENCE_END = ("。", "、", "，", ",", ";", "；")


@dataclass(frozen=True, slots=True)
class Typography:
    """What is usual in a document.

    Attributes:
        body: Font size of running text.
        larger: Sizes of headings, largest first.
        body_bold: Whether running text is bold.
        numbers_stand_out: Whether numbered headings are larger or bolder than running text, so
            that a numbered line which is not is an item of a list.
    """

    body: float
    larger: tuple[float, ...]
    body_bold: bool
    numbers_stand_out: bool


def measure(pages: list[list[Line]]) -> Typography:
    """Find the size of running text and those of headings."""
    sizes: Counter[float] = Counter()
    bold: Counter[bool] = Counter()
    letters = sum(len(line.text) for lines in pages for line in lines)
    running = sum(len(line.text) for lines in pages for line in lines if line.table is None)
    # Tables are often set smaller, unless a document is made of them.
    with_tables = running < _MIN_RUNNING * letters
    for lines in pages:
        for line in lines:
            if line.table is not None and not with_tables:
                continue
            sizes[_rounded(line.size)] += len(line.text)
            bold[line.bold] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 10.0
    larger = sorted((size for size in sizes if size >= _LARGER * body), reverse=True)
    body_bold = bold[True] > bold[False]
    standing_out = sum(
        1
        for lines in pages
        for line in lines
        if (_rounded(line.size) in larger or (line.bold and not body_bold))
        and numbering(unicodedata.normalize("NFKC", line.text))
    )
    return Typography(body, tuple(larger), body_bold, standing_out >= 2)


def mark_running(pages: list[list[Line]], heights: list[float]) -> None:
    """Mark lines that come back at the edge of many pages, and page numbers, in place.

    Args:
        pages: Lines of each page.
        heights: Height of each page in points.
    """
    places: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    edges: list[tuple[str, list[tuple[Line, str, list[tuple[str, int]]]]]] = []
    for page, (lines, height) in enumerate(zip(pages, heights, strict=True)):
        upright = [line for line in lines if line.turn == 0]
        for kind in ("header", "footer"):
            outward = -1 if kind == "footer" else 1
            near = sorted(upright, key=lambda line: outward * line.v0)[:_EDGE_LINES]
            found = []
            for line in near:
                if line.v0 > _EDGE * height if kind == "header" else line.v1 < (1 - _EDGE) * height:
                    break
                if line.table is not None and line.v1 - line.v0 > _FRAME * height:
                    break
                text = unicodedata.normalize("NFKC", line.text).strip()
                masked = _masked(line, text)
                keys = [(masked, slot) for slot in (round(line.v0 / 4), round(line.v0 / 4) + 1)]
                found.append((line, text, keys))
                for key in keys:
                    places[key].add(page)
            edges.append((kind, found))
    needed = 2 if len(pages) < 3 else max(3, math.ceil(0.02 * len(pages)))
    for kind, found in edges:
        for line, text, keys in found:
            repeated = len(pages) > 1 and max(len(places[key]) for key in keys) >= needed
            is_number = kind == "footer" and _PAGE_NUMBER.fullmatch(text)
            if text.endswith(_SENTENCE_END) or not (repeated or is_number):
                # Whatever stands further in belongs to the page.
                break
            line.kind = kind


def _masked(line: Line, text: str) -> str:
    """Text without what changes from page to page in a running line."""
    if line.table is not None:
        # In a form, a cell that differs by a digit is another value.
        return "\t".join(_PAGE_CELL.sub("#", cell) for cell in text.split("\t"))
    # The numbers of headings differ from page to page too.
    is_heading = numbering(text) and not _PAGE_NUMBER.fullmatch(text)
    return text if is_heading else re.sub(r"\d+", "#", text)


def mark_headings(lines: list[Line], typography: Typography) -> None:
    """Mark the headings among the lines of a page, in place."""
    body = [line for line in lines if line.kind == "line"]
    for index, line in enumerate(body):
        if line.is_row:
            continue
        before = body[index - 1] if index else None
        after = body[index + 1] if index + 1 < len(body) else None
        level = _heading_level(line, before, after, typography)
        if level:
            line.kind, line.level = "heading", level


def _heading_level(
    line: Line, before: Line | None, after: Line | None, typography: Typography
) -> int:
    text = unicodedata.normalize("NFKC", line.text).strip()
    if not 1 < len(text) <= 70 or text.endswith(_SENTENCE_END) or _LEADER.search(text):
        return 0
    if not any(char.isalpha() for char in text) or "\t" in text:
        return 0
    number = numbering(text)
    size = _rounded(line.size)
    is_larger = size in typography.larger
    is_bold = line.bold and not typography.body_bold
    if not is_bold and after is not None and _runs_on(line, after, is_larger):
        return 0
    if number and (is_larger or is_bold):
        return number
    if is_larger:
        return min(4, typography.larger.index(size) + 1)
    if size < typography.body:
        return 0
    if is_bold and len(text) <= 40 and not BULLET.match(text):
        return min(4, len(typography.larger) + 1)
    if typography.numbers_stand_out and not text.startswith("第"):
        return 0
    if _UNIT_AFTER.match(text):
        return 0
    if number and len(text) <= 40 and not text.endswith(("する", "こと", ".", ":")):
        apart = before is None or before.region != line.region or _gap(before, line) > 0.9
        return number if apart or "." in text[:4] or text.startswith("第") else 0
    return 0


def _runs_on(line: Line, after: Line, is_larger: bool) -> bool:
    """Whether a line is the first of a paragraph; long headings of larger type are no sentences."""
    alike = after.region == line.region and not after.is_row and abs(after.size - line.size) < 0.5
    follows = alike and after.bold == line.bold and 0 <= _gap(line, after) <= 0.9
    is_full = len(line.text) >= _FULL_LINE and line.u1 >= after.u1 - 1.5 * line.size
    begins = BULLET.match(after.text) or numbering(after.text)
    return follows and is_full and not begins and (not is_larger or "。" in after.text)


def numbering(text: str) -> int:
    """Level that the number of a heading gives, 0 where it has none."""
    if match := _CHAPTER.match(text):
        return _CHAPTER_LEVELS[match[1]]
    if _WORDS.match(text):
        return 1
    if match := _LETTERED.match(text):
        return match[1].count(".") + 1
    if match := _NUMBER.match(text):
        rest = text[match.end() :].strip()
        if len(rest) > 1 and not match[1].startswith("0"):
            return match[1].count(".") + 1
    return 0


def _gap(before: Line, line: Line) -> float:
    return (line.v0 - before.v1) / max(1.0, line.size)


def continues(before: Line, line: Line, measure_right: float, pitch: float) -> bool:
    """Whether a line carries on the paragraph of the line before it.

    Args:
        before: The line above, in the same region.
        line: The line.
        measure_right: Right edge of the region's running text.
        pitch: Usual distance between its lines.
    """
    if before.region != line.region or before.kind != "line" or line.kind != "line":
        return False
    if before.is_row or line.is_row or len(before.text) < 12:
        return False
    size = before.size
    if abs(size - line.size) > 0.08 * size or before.bold != line.bold:
        return False
    step = line.v1 - before.v1
    if not 0 < step <= min(1.3 * pitch, 2.8 * size):
        return False
    if begins_item(before.text, line.text) or _LEADER.search(before.text):
        return False
    indent = line.u0 - before.u0
    if indent > (4.5 if BULLET.match(before.text) else 0.7) * size:
        return False
    return measure_right - before.u1 < room_for(line.text, line.size) + 0.7 * size


def room_for(text: str, size: float) -> float:
    """Room in points that the first word of a line would have needed on the line above."""
    if CJK.match(text[0]):
        # Two characters: one may not begin a line without the next (kinsoku).
        return 1.5 * size
    word = re.match(r"\S+", text)
    return (word.end() if word else 1) * 0.55 * size + 0.3 * size


def begins_item(before: str, text: str) -> bool:
    """Whether a line begins with a bullet, not with the end of what is in brackets before it."""
    match = BULLET.match(text)
    if match is None:
        return False
    closes = match[0][-1] in _CLOSING and match[0][0] not in _OPENING
    is_open = sum(before.count(mark) for mark in _OPENING) > sum(map(before.count, _CLOSING))
    return not (closes and is_open)


def joint(before: str, after: str, left: float = 1.0) -> tuple[str, bool]:
    """What stands between two lines of a paragraph.

    Args:
        before: The line above.
        after: The line.
        left: Room that is left at the end of the line above, in em.

    Returns:
        The text between, and whether the hyphen that ends ``before`` goes away.
    """
    last, first = before[-1], after[0]
    if last == "\u00ad":
        return "", True
    if last in "-\u2010" and len(before) > 1:
        return "", before[-2].islower() and first.islower()
    if CJK.match(last) or CJK.match(first) or last in "(/":
        return "", False
    # Japanese typesetting cuts numbers where the line is full.
    is_cut = last.isdigit() and first.isdigit() and left < _FULL_EM
    if is_cut and CJK.search(before) and CJK.search(after):
        return "", False
    return " ", False


def _rounded(size: float) -> float:
    return round(size * 2) / 2
