"""Puts a document together: text, pages and units grow in step."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from engine.errors import ReadingError
from engine.reading.source import Source
from engine.records import Box, Document, DocumentKind, Page, Unit, UnitKind

# Code points that no store, screen or XML writer takes; each is replaced one for one, so that
# spans and boxes stay in step.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_USELESS_TITLE = re.compile(
    r"untitled|無題|名称未設定|microsoft (word|excel|powerpoint) - .*|(文書|document|book)\s*\d*"
    r"|.*\.(docx?|xlsx?|pptx?|dwg|dxf|pdf|indd|jtd)",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Replace forbidden code points, one for one, by spaces or the replacement character."""

    def _replace(match: re.Match[str]) -> str:
        return "\ufffd" if match[0] >= "\ud800" else " "

    return _FORBIDDEN.sub(_replace, text)


class CharacterLimit(Exception):  # noqa: N818 - not an error: the reader stops and keeps the rest
    """The text has reached the limit."""


class DocumentBuilder:
    """Collects text and units in order.

    Args:
        max_characters: :class:`CharacterLimit` is raised once the text grows beyond.
        boxes: Whether characters have boxes.
    """

    def __init__(self, max_characters: int, *, boxes: bool = False) -> None:
        self._parts: list[str] = []
        self._boxes: list[np.ndarray] | None = [] if boxes else None
        self._max = max_characters
        self._pages: list[Page] = []
        self._page_open = False
        self.length = 0
        self.units: list[Unit] = []
        self.warnings: list[str] = []

    @property
    def page(self) -> int | None:
        """Number of the page begun last."""
        return self._pages[-1].number if self._pages else None

    def begin_page(self, width: float = 0.0, height: float = 0.0, name: str | None = None) -> None:
        """Start a page; a line feed parts it from the one before."""
        self._end_page()
        if self._pages:
            self.gap("\n")
        number = len(self._pages) + 1
        self._pages.append(Page(number, self.length, self.length, width, height, name))
        self._page_open = True

    def _end_page(self) -> None:
        if self._page_open:
            self._pages[-1] = replace(self._pages[-1], end=self.length)
            self._page_open = False

    @property
    def at_page_start(self) -> bool:
        """Whether nothing was added since the page began."""
        return not self._pages or self._pages[-1].start == self.length

    def gap(self, text: str) -> None:
        """Add text that belongs to no unit: a line feed, a tab or a space."""
        if text:
            self._append(text, None)

    def add(
        self,
        text: str,
        kind: UnitKind,
        *,
        char_boxes: np.ndarray | None = None,
        box: Box | None = None,
        cells: tuple[tuple[int, int, str], ...] = (),
        **place: Any,
    ) -> Unit | None:
        """Add a unit.

        Args:
            text: Its text; nothing is added where it is blank.
            kind: Its kind.
            char_boxes: Box of each code point, ``[len(text), 4]``.
            box: Its box; found from ``char_boxes`` where absent.
            cells: Spans relative to ``text``.
            place: Other fields of :class:`Unit`.

        Returns:
            The unit, or None where the text is blank.
        """
        text = clean(text)
        if not text.strip():
            return None
        start = self.length
        self._append(text, char_boxes)
        if box is None and char_boxes is not None:
            box = span_box(char_boxes)
        place.setdefault("page", self.page)
        unit = Unit(
            start,
            self.length,
            kind,
            box=box,
            cells=tuple((start + first, start + last, name) for first, last, name in cells),
            **place,
        )
        self.units.append(unit)
        return unit

    def _append(self, text: str, boxes: np.ndarray | None) -> None:
        if self.length + len(text) > self._max:
            raise CharacterLimit
        self._parts.append(text)
        self.length += len(text)
        if self._boxes is not None:
            if boxes is None:
                boxes = np.full((len(text), 4), np.nan, np.float32)
            self._boxes.append(np.asarray(boxes, np.float32))

    def finish(
        self,
        kind: DocumentKind,
        source: Source,
        *,
        title: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Document:
        """Make the document.

        Args:
            kind: Which reader made it.
            source: The file.
            title: Title from its metadata; the first heading or the file name where useless.
            metadata: Plain strings; empty ones are dropped.

        Raises:
            ReadingError: ``file_no_text`` where there is no text at all.
        """
        if not self.units:
            raise ReadingError("file_no_text", path=str(source.path), pages=len(self._pages))
        if not self._pages:
            self._pages.append(Page(1, 0, self.length))
        self._end_page()
        text = "".join(self._parts)
        boxes = None
        if self._boxes is not None:
            boxes = np.concatenate(self._boxes) if self._boxes else np.empty((0, 4), np.float32)
            boxes.setflags(write=False)
        return Document(
            kind=kind,
            title=self._title(text, title, source),
            text=text,
            pages=tuple(self._pages),
            units=tuple(self.units),
            char_boxes=boxes,
            sha256=source.sha256,
            size=len(source.data),
            metadata={key: clean(value) for key, value in (metadata or {}).items() if value},
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def _title(self, text: str, given: str | None, source: Source) -> str:
        given = clean(given or "").strip()
        if given and not _USELESS_TITLE.fullmatch(given):
            return given[:200]
        for unit in self.units[:200]:
            if unit.kind in ("title", "heading"):
                return text[unit.start : unit.end].strip()[:200]
        return source.stem


def span_box(boxes: np.ndarray) -> Box | None:
    """The box around boxes ``[n, 4]``, leaving out NaN; None where nothing is left."""
    known = boxes[~np.isnan(boxes[:, 0])]
    if not len(known):
        return None
    low, high = known[:, :2].min(axis=0), known[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
