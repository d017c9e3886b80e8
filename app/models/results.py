"""Hits of a question, best first."""

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import PurePath
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from app.i18n import Words
from engine.records import Hit, Place, Span

Index = QModelIndex | QPersistentModelIndex
_WORD_CELL = re.compile(r"T(\d+)R(\d+)C(\d+)")


class ResultRole(IntEnum):
    """Data of a hit beyond what Qt's own roles carry."""

    HIT = Qt.ItemDataRole.UserRole + 1
    PLACE = Qt.ItemDataRole.UserRole + 2


class ResultListModel(QAbstractListModel):
    """Hits of one question."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words
        self._hits: tuple[Hit, ...] = ()
        words.changed.connect(self._on_words_changed)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of hits."""
        return 0 if parent.isValid() else len(self._hits)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a row shows."""
        hit = self._hits[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return hit.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return hit.path
        if role == Qt.ItemDataRole.AccessibleTextRole:
            place = place_words(self._words, hit.place)
            name = file_name(hit.path)
            return self._words(
                "result.spoken", rank=hit.rank, name=name, place=place, text=hit.text
            )
        if role == ResultRole.HIT:
            return hit
        if role == ResultRole.PLACE:
            return place_words(self._words, hit.place)
        return None

    def set_hits(self, hits: Sequence[Hit]) -> None:
        """Show other hits."""
        self.beginResetModel()
        self._hits = tuple(hits)
        self.endResetModel()

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits shown."""
        return self._hits

    def hit(self, index: Index) -> Hit:
        """Return the hit of a row."""
        return self._hits[index.row()]

    def _on_words_changed(self) -> None:
        if self._hits:
            self.dataChanged.emit(self.index(0), self.index(len(self._hits) - 1))


def file_name(path: str) -> str:
    """Return the file name of a path of Windows or POSIX."""
    return PurePath(path.replace("\\", "/")).name


def named_spans(name: str, named: Iterable[str]) -> list[Span]:
    """Return where ``Hit.named`` stands in a file's name, in which underscores may be spaces."""
    spaced = name.replace("_", " ")
    starts = ((spaced.find(word), len(word)) for word in named)
    return [(start, start + length) for start, length in starts if start >= 0]


def place_words(words: Words, place: Place) -> str:
    """Return where a hit stands, in words, such as ``p. 12`` or ``Sheet1!B3``."""
    parts = []
    if place.sheet:
        parts.append(words("place.sheet", sheet=place.sheet))
    if place.page and not place.sheet:
        parts.append(words("place.page", page=place.page))
    if place.cell:
        inner = _WORD_CELL.fullmatch(place.cell)
        if inner and not place.boxes:
            table, row, column = inner.groups()
            parts.append(words("place.table_cell", table=table, row=row, column=column))
        elif not inner:
            parts.append(words("place.cell", cell=place.cell))
    if place.entity:
        parts.append(words("place.entity", entity=place.entity))
    return words("place.separator").join(parts)
