"""Passages: stretches of whole sentences that are found and shown as one.

Every character of a body unit that is not a space belongs to exactly one passage. Headings stand
in the ``heading_path`` of what is below them and form a passage only where nothing is; running
headers and footers form one on the first page that has them, since later ones only repeat the
names of chapters; mere page numbers form none.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.notation.folding import fold
from engine.passages.sentences import line_width, split_sentences, strip_span
from engine.records import Document, Passage, PassageKind, Span, Unit

# Widths in em, so that English (half the width) gets twice the characters: about 60 to 200 tokens.
MIN_WIDTH = 80.0
SOFT_WIDTH = 240.0
MAX_WIDTH = 400.0
# Drawing notes are short, and far-off ones must not be joined.
MAX_ENTITY_WIDTH = 160.0
# A row of headers says nothing alone and goes with the row below it.
MIN_ROW_WIDTH = 24.0

_RUNNING = ("header", "footer")
_ENTITIES = ("note", "dimension", "attribute", "title")
_CLAUSE_END = re.compile(r"[、，,;；：:]|(?<=[A-Za-z0-9]) |\n")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class _Section:
    """Consecutive units that may share passages."""

    kind: PassageKind
    units: tuple[Unit, ...]
    heading_path: tuple[str, ...]


def split_passages(document: Document) -> tuple[Passage, ...]:
    """Split a document into passages, in order of the text.

    A passage never crosses a heading, a page, a sheet or a change of kind. Text passages hold
    whole sentences and lie between about 80 and 400 em of width where the section has that much;
    a sentence longer than that is cut at a comma. Table rows stand alone, except that short
    neighbouring rows of one PDF table are joined.
    """
    found = [
        (sentences, section)
        for section in _sections(document)
        for sentences in _groups(document, section)
    ]
    # A heading turns out to have nothing below it only when the next one is met.
    found.sort(key=lambda one: one[0][0])
    return tuple(
        Passage(
            ordinal=ordinal,
            start=sentences[0][0],
            end=sentences[-1][1],
            kind=section.kind,
            heading_path=section.heading_path,
            sentences=tuple(sentences),
        )
        for ordinal, (sentences, section) in enumerate(found)
    )


def _sections(document: Document) -> Iterator[_Section]:
    headings: list[Unit] = []
    names: list[str] = []
    bare: list[tuple[Unit, tuple[str, ...]]] = []
    running: set[str] = set()
    running_page: int | None = None
    held: list[Unit] = []
    held_key: tuple[object, ...] | None = None
    held_path: tuple[str, ...] = ()

    def release() -> Iterator[_Section]:
        if held:
            yield _Section(_kind(document, held[0]), tuple(held), held_path)
            held.clear()

    for unit in document.units:
        content = " ".join(document.text[unit.start : unit.end].split())
        if not content:
            continue
        if unit.kind in _RUNNING:
            yield from release()
            key = _DIGITS.sub("#", fold(content).text)
            if not any(char.isalpha() for char in key):
                # A page number.
                continue
            if key not in running and (not running or unit.page in (None, running_page)):
                running.add(key)
                running_page = unit.page
                yield _Section("text", (unit,), ())
        elif unit.kind == "heading":
            yield from release()
            level = max(unit.level, 1)
            while headings and max(headings[-1].level, 1) >= level:
                headings.pop()
                names.pop()
            while bare and max(bare[-1][0].level, 1) >= level:
                heading, path = bare.pop()
                yield _Section("heading", (heading,), path)
            bare.append((unit, tuple(names)))
            headings.append(unit)
            names.append(content)
        else:
            bare.clear()
            key_now = _joint(document, unit)
            if key_now is None or key_now != held_key:
                yield from release()
            if not held:
                held_key = key_now
                held_path = tuple(names)
                if unit.sheet and unit.sheet not in names:
                    held_path = (unit.sheet, *names)
            held.append(unit)
    yield from release()
    for heading, path in bare:
        yield _Section("heading", (heading,), path)


def _kind(document: Document, unit: Unit) -> PassageKind:
    if unit.kind in ("row", "cell"):
        return "row"
    if document.kind == "dxf" or unit.kind in ("note", "dimension", "attribute"):
        return "entity"
    return "text"


def _joint(document: Document, unit: Unit) -> tuple[object, ...] | None:
    """Units with equal keys may share a passage; None stands alone."""
    kind = _kind(document, unit)
    if kind == "row" and document.kind != "pdf":
        return None
    if kind == "row":
        return kind, unit.page, _table_of(unit)
    if kind == "entity":
        return kind, unit.page, unit.kind
    return kind, unit.page, unit.sheet, unit.kind == "footnote"


def _table_of(unit: Unit) -> str | None:
    """Table of a row whose cells have names such as ``T1R2C3``."""
    return unit.cell.partition("R")[0] if unit.cell is not None else None


def _groups(document: Document, section: _Section) -> Iterator[list[Span]]:
    if section.kind == "text":
        yield from _text_groups(document.text, section.units)
        return
    limit = {"row": MIN_WIDTH, "entity": MAX_ENTITY_WIDTH, "heading": MAX_WIDTH}[section.kind]
    group: list[Span] = []
    width = 0.0
    for unit in section.units:
        span = strip_span(document.text, unit.start, unit.end)
        if span is None:
            continue
        unit_width = line_width(document.text[span[0] : span[1]])
        over = width + unit_width
        is_bare = section.kind == "row" and width < MIN_ROW_WIDTH and over <= SOFT_WIDTH
        if group and over > limit and not is_bare:
            yield group
            group, width = [], 0.0
        for piece in _bounded(document.text, span):
            if group and width > MAX_WIDTH:
                yield group
                group, width = [], 0.0
            group.append(piece)
            width += line_width(document.text[piece[0] : piece[1]])
    if group:
        yield group


def _text_groups(text: str, units: Sequence[Unit]) -> Iterator[list[Span]]:
    """Pack sentences, preferring to stop where a paragraph does."""
    group: list[Span] = []
    width = 0.0
    finished: list[tuple[list[Span], float]] = []
    for paragraph in _paragraphs(units):
        for sentence in split_sentences(text, *paragraph):
            for piece in _bounded(text, sentence):
                piece_width = line_width(text[piece[0] : piece[1]])
                over = width + piece_width
                if group and (over > MAX_WIDTH or (width >= MIN_WIDTH and over > SOFT_WIDTH)):
                    finished.append((group, width))
                    group, width = [], 0.0
                group.append(piece)
                width += piece_width
        if width >= MIN_WIDTH:
            finished.append((group, width))
            group, width = [], 0.0
    if group:
        # A short rest joins what is before it rather than standing alone.
        if finished and width < MIN_WIDTH and finished[-1][1] + width <= MAX_WIDTH:
            finished[-1][0].extend(group)
        else:
            finished.append((group, width))
    yield from (sentences for sentences, _ in finished)


def _paragraphs(units: Sequence[Unit]) -> Iterator[Span]:
    """Spans to be split into sentences: one a unit, consecutive lines together."""
    start = end = -1
    for unit in units:
        if unit.kind != "line":
            if start >= 0:
                yield start, end
            start = -1
            yield unit.start, unit.end
            continue
        if start < 0:
            start = unit.start
        end = unit.end
    if start >= 0:
        yield start, end


def _bounded(text: str, span: Span) -> Iterator[Span]:
    """Cut a sentence wider than a passage may be, at commas or spaces where there are any."""
    start, end = span
    while line_width(text[start : min(end, start + int(MAX_WIDTH * 2) + 1)]) > MAX_WIDTH:
        reach = start
        width = 0.0
        while reach < end and width < MAX_WIDTH:
            width += line_width(text[reach])
            reach += 1
        ends = [match.end() for match in _CLAUSE_END.finditer(text, start + 1, reach)]
        late = [place for place in ends if place - start >= (reach - start) // 2]
        cut = late[-1] if late else reach - 1
        piece = strip_span(text, start, cut)
        if piece is not None:
            yield piece
        start = cut
    rest = strip_span(text, start, end)
    if rest is not None:
        yield rest
