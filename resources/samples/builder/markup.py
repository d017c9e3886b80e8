"""The small markup of the texts in ``content``.

``#`` headings, ``1.`` steps, ``-`` bullets, ``| a | b |`` table rows (the first is the header),
``> kind: text`` notices, ``---`` page breaks; anything else is a paragraph.
"""

import re
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 3."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class ListItem:
    """One item of a list with its label, such as ``"1."`` or a bullet."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A ruled table."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A boxed warning or caution."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows starts a new page."""


Block = Heading | Paragraph | ListItem | Table | Notice | PageBreak


def parse(text: str) -> list[Block]:
    """Parse a text in the markup into blocks, in order."""
    blocks: list[Block] = []
    rows: list[tuple[str, ...]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(tuple(cell.strip() for cell in line.strip("| ").split("|")))
            continue
        if rows:
            blocks.append(Table(rows[0], tuple(rows[1:])))
            rows = []
        if line.strip():
            blocks.append(_parse_line(line.strip()))
    return blocks


def _parse_line(line: str) -> Block:
    if line == "---":
        return PageBreak()
    if match := re.match(r"(#{1,3}) (.+)", line):
        return Heading(len(match[1]), match[2])
    if match := re.match(r"(\d+\.) (.+)", line):
        return ListItem(match[1], match[2])
    if line.startswith("- "):
        return ListItem("・", line[2:])
    if match := re.match(r"> (\S+?): (.+)", line):
        return Notice(match[1], match[2])
    return Paragraph(line)


def load(name: str) -> list[Block]:
    """Parse the text ``content/<name>``."""
    path = files("resources.samples.builder") / "content" / name
    return parse(path.read_text(encoding="utf-8"))
