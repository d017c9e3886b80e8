"""What is known of documents: as they were read, as they lie in the library."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NewType

import numpy as np

DocumentId = NewType("DocumentId", int)
RevisionId = NewType("RevisionId", int)
PassageId = NewType("PassageId", int)
EvidenceId = NewType("EvidenceId", int)

Box = tuple[float, float, float, float]
Span = tuple[int, int]
DocumentKind = Literal["pdf", "word", "sheet", "csv", "dxf", "text"]
UnitKind = Literal[
    "line", "heading", "paragraph", "list", "row", "cell", "header", "footer", "footnote",
    "note", "dimension", "attribute", "title",
]  # fmt: skip
PassageKind = Literal["text", "heading", "row", "entity"]
DocumentStatus = Literal["read", "running", "interrupted", "analysed", "failed"]
AddStatus = Literal["added", "unchanged", "updated", "failed"]


@dataclass(frozen=True, slots=True)
class Page:
    """A page, a sheet or a drawing layout.

    Attributes:
        number: From 1.
        start: First code point of its text.
        end: One past its last code point.
        width: Points; 0 where the source has no page geometry.
        height: Points; 0 where the source has no page geometry.
        name: Sheet or layout name, else None.
    """

    number: int
    start: int
    end: int
    width: float = 0.0
    height: float = 0.0
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest located stretch of text. Units are ordered and do not overlap.

    A ``row`` unit spans a whole table row; its cells are not units of their own but stand in
    ``cells``.

    Attributes:
        start: First code point.
        end: One past the last code point.
        kind: What it is.
        page: From 1, or None where the source has no pages.
        box: Where it stands on the page, or None.
        level: Heading level from 1, else 0.
        sheet: Sheet name, else None.
        cell: Cell or range in A1 notation, such as ``"B12"`` or ``"A12:F12"``; for a Word table
            ``"T1R2C3"``; else None.
        cells: ``(start, end, cell)`` of each cell of a row.
        entity: DXF handle, else None.
        layer: DXF layer, else None.
    """

    start: int
    end: int
    kind: UnitKind
    page: int | None = None
    box: Box | None = None
    level: int = 0
    sheet: str | None = None
    cell: str | None = None
    cells: tuple[tuple[int, int, str], ...] = ()
    entity: str | None = None
    layer: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read: immutable text and where each piece of it stands.

    Attributes:
        kind: Which reader read it.
        title: Title from its metadata or first heading, else the file name without its suffix.
        text: The whole text, pages joined by a line feed.
        pages: In order; at least one.
        units: In order, not overlapping.
        char_boxes: Box of each code point, float32 ``[len(text), 4]``, NaN where there is none;
            None where the source has no page geometry.
        sha256: Hash of the file's bytes, hexadecimal.
        size: Bytes of the file.
        metadata: Plain strings, such as ``author``, ``revision``, ``drawing_number``, ``encoding``.
        warnings: Codes of things left out, such as ``"page_without_text:12"``.
    """

    kind: DocumentKind
    title: str
    text: str
    pages: tuple[Page, ...]
    units: tuple[Unit, ...]
    char_boxes: np.ndarray | None
    sha256: str
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identifier:
    """A part number, a quantity or the like, recognised in a text.

    Attributes:
        start: First code point.
        end: One past the last code point.
        kind: ``part_number``, ``standard``, ``thread``, ``tolerance``, ``quantity``, ``date`` ...
        normal: Normal form, equal for all ways of writing it, such as ``"m8x1.25"``.
    """

    start: int
    end: int
    kind: str
    normal: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text that is found and shown as one.

    Attributes:
        ordinal: From 0, in order of the text.
        start: First code point.
        end: One past the last code point.
        kind: What it is made of.
        heading_path: Headings above it, outermost first.
        sentences: Spans of its sentences, in order, inside the passage.
    """

    ordinal: int
    start: int
    end: int
    kind: PassageKind
    heading_path: tuple[str, ...]
    sentences: tuple[Span, ...]


def distinct_headings(passages: Iterable[Passage]) -> tuple[str, ...]:
    """The headings above passages, each once, in order of their first passage."""
    return tuple(dict.fromkeys(one for passage in passages for one in passage.heading_path))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a span stands on the original; absent places are None or empty.

    Attributes:
        page: Page of its first character, from 1.
        boxes: ``(page, x0, y0, x1, y1)`` of each line it covers.
        sheet: Sheet name.
        cell: Cell or range in A1 notation.
        entity: DXF handle.
    """

    page: int | None
    boxes: tuple[tuple[int, float, float, float, float], ...]
    sheet: str | None = None
    cell: str | None = None
    entity: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document in the library, as lists show it."""

    document_id: DocumentId
    revision_id: RevisionId | None
    revision: int
    path: str
    kind: DocumentKind | None
    title: str
    status: DocumentStatus
    reason: str | None
    details: Mapping[str, Any]
    pages: int
    tokens: int
    size: int
    sha256: str
    added: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddResult:
    """What became of one file handed to ``add``."""

    path: str
    document_id: DocumentId | None
    status: AddStatus
    reason: str | None
    details: Mapping[str, Any]
    pages: int
    tokens: int
    seconds: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The file that evidence rests on, as it was."""

    document_id: DocumentId
    revision_id: RevisionId
    revision: int
    path: str
    sha256: str
    title: str
    kind: DocumentKind


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Health of the library; ``problems`` are codes, empty when all is well."""

    ok: bool
    problems: tuple[str, ...]
    documents: int
    passages: int
    rebuilt: bool


@dataclass(frozen=True, slots=True)
class Rendering:
    """A page as a picture.

    Attributes:
        width: Pixels.
        height: Pixels.
        stride: Bytes a row.
        rgb: ``stride * height`` bytes, three a pixel: red, green, blue.
    """

    width: int
    height: int
    stride: int
    rgb: bytes
