"""Reads plain text and Markdown."""

import re
from collections.abc import Callable

from engine.reading.builder import CharacterLimit, DocumentBuilder, clean
from engine.reading.encoding import decode
from engine.reading.limits import Limits
from engine.reading.source import Source
from engine.records import Document, UnitKind

_LINE = re.compile(r"[^\r\n]*")
_MARKDOWN_HEADING = re.compile(r"(#{1,6})[ \t　]+(.*?)(?:[ \t]+#+)?\s*")
_UNDERLINE = re.compile(r"(=+|-{2,})\s*")
_LIST_ITEM = re.compile(r"(?:[-*+・●○■◆※]|\d{1,3}[.)）]|[(（]\d{1,3}[)）]|[①-⑳])[\s　]*\S")
# Numbered chapters, the disciplines D0 to D8 of a corrective action report, annexes, 【目的】.
_PLAIN_HEADING = re.compile(
    r"(?:第\s*[0-9０-９一二三四五六七八九十百]+\s*([編部章節条])"
    r"|([0-9０-９]{1,2}(?:[.．][0-9０-９]{1,2})*)[.．]?"
    r"|[DＤ][0-8０-８]|(?:付録|附録|付属書|附属書|別紙)[ 　]?[0-9０-９A-ZＡ-Ｚ]{1,2})[ \t　]+\S"
    r"|【[^】]+】$"
)
_PLAIN_LEVELS = {"編": 1, "部": 1, "章": 1, "節": 2, "条": 3}
_FENCE = re.compile(r"\s*(```|~~~)")
_TABLE_RULE = re.compile(r"\s*\|?[\s:|-]+\|[\s:|-]*")


def read(source: Source, limits: Limits, report: Callable[[int, int | None], None]) -> Document:
    """Read plain text or Markdown: each line is a unit, and headings are recognised.

    Raises:
        ReadingError: ``file_broken`` where it is no text, ``file_no_text`` where it is blank.
    """
    decoded = decode(source)
    builder = DocumentBuilder(limits.characters)
    if decoded.is_damaged:
        builder.warnings.append("text_damaged")
    lines = [clean(line) for line in _split_lines(decoded.text)]
    is_markdown = source.suffix == ".md"
    kinds = _markdown(lines) if is_markdown else _plain(lines)
    measure = max((_columns(line) for line in lines[:100_000]), default=0)
    builder.begin_page()
    try:
        for index, (line, (kind, level)) in enumerate(zip(lines, kinds, strict=True)):
            if index and not (
                kind == "line"
                and kinds[index - 1][0] in ("line", "list")
                and _carries_on(lines[index - 1], line, measure, is_markdown)
            ):
                builder.gap("\n")
            elif index and line[0] < "\u2e80" and lines[index - 1].rstrip()[-1] < "\u2e80":
                builder.gap(" ")
            _add(builder, line, kind, level, is_markdown)
            if index % 10_000 == 0:
                report(index, len(lines))
    except CharacterLimit:
        builder.warnings.append("text_cut")
    return builder.finish("text", source, metadata={"encoding": decoded.encoding})


def _split_lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _columns(text: str) -> int:
    """Width on a screen of fixed pitch."""
    return sum(2 if char >= "\u2e80" else 1 for char in text)


def _carries_on(before: str, line: str, measure: int, is_markdown: bool) -> bool:
    """Whether a line goes on with the paragraph of the line before it."""
    if not before.strip() or not line.strip() or line[0] in " \t　":
        return False
    if is_markdown:
        return not before.endswith(("  ", "\\"))
    # Text wrapped by hand fills its measure; mail and terminals wrap at 70 to 100 columns.
    if not 40 <= measure <= 100 or before.rstrip().endswith(("。", "．", ".", ":", "：")):
        return False
    word = 4 if line[0] >= "\u2e80" else len(line.split()[0]) + 1
    return _columns(before.rstrip()) + word > measure


def _add(
    builder: DocumentBuilder, line: str, kind: UnitKind | None, level: int, is_markdown: bool
) -> None:
    if kind is None or not line.strip():
        builder.gap(line)
        return
    match = _MARKDOWN_HEADING.fullmatch(line) if is_markdown and kind == "heading" else None
    first, last = match.span(2) if match else (0, len(line))
    builder.gap(line[:first])
    builder.add(line[first:last], kind, level=level, page=None)
    builder.gap(line[last:])


def _plain(lines: list[str]) -> list[tuple[UnitKind | None, int]]:
    kinds: list[tuple[UnitKind | None, int]] = []
    for index, line in enumerate(lines):
        text = line.strip()
        before = lines[index - 1].strip() if index else ""
        match = _PLAIN_HEADING.match(text)
        short = 1 < len(text) <= 40 and not text.endswith(("。", "、", ".", ","))
        if match and short and not before:
            number = (match[2] or "").replace("．", ".")
            kinds.append(("heading", _PLAIN_LEVELS.get(match[1], 1) + number.count(".")))
        elif _LIST_ITEM.match(text):
            kinds.append(("list", 0))
        else:
            kinds.append(("line", 0))
    return kinds


def _markdown(lines: list[str]) -> list[tuple[UnitKind | None, int]]:
    kinds: list[tuple[UnitKind | None, int]] = []
    is_code = False
    for index, line in enumerate(lines):
        after = lines[index + 1] if index + 1 < len(lines) else ""
        if _FENCE.match(line):
            is_code = not is_code
            kinds.append((None, 0))
        elif is_code:
            kinds.append(("line", 0))
        elif match := _MARKDOWN_HEADING.fullmatch(line):
            kinds.append(("heading", len(match[1])))
        elif index and _UNDERLINE.fullmatch(line) and kinds[-1][0] == "heading":
            kinds.append((None, 0))
        elif line.strip() and (match := _UNDERLINE.fullmatch(after)) and "|" not in line:
            kinds.append(("heading", 1 if match[1][0] == "=" else 2))
        elif "|" in line and _TABLE_RULE.fullmatch(line):
            kinds.append((None, 0))
        elif line.lstrip().startswith("|"):
            kinds.append(("row", 0))
        elif _LIST_ITEM.match(line.strip()):
            kinds.append(("list", 0))
        else:
            kinds.append(("line", 0))
    return kinds
