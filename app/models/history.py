"""Evidence of earlier questions and summaries, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.i18n import Words
from app.models.results import file_name
from engine.records import EvidenceInfo

Index = QModelIndex | QPersistentModelIndex


class HistoryModel(QAbstractTableModel):
    """One row for each piece of evidence."""

    TIME, KIND, QUERY, HITS, DOCUMENTS = range(5)

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words
        self._items: tuple[EvidenceInfo, ...] = ()
        words.changed.connect(self._on_words_changed)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of records."""
        return 0 if parent.isValid() else len(self._items)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else 5

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the title of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            keys = ("time", "kind", "query", "hits", "documents")
            return self._words(f"history.{keys[section]}")
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        item = self._items[index.row()]
        names = [file_name(path) for path in item.documents]
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                local_time(item.created),
                self._words(f"history.{item.kind}"),
                item.query or "",
                str(item.hits),
                "、".join(names) if self._words.language == "ja" else ", ".join(names),
            )[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join([item.query or "", *item.documents]).strip()
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == self.HITS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def set_items(self, items: Sequence[EvidenceInfo]) -> None:
        """Show other records."""
        self.beginResetModel()
        self._items = tuple(items)
        self.endResetModel()

    def item(self, index: Index) -> EvidenceInfo:
        """Return the record of a row."""
        return self._items[index.row()]

    def _on_words_changed(self) -> None:
        if self._items:
            last = self.index(len(self._items) - 1, self.DOCUMENTS)
            self.dataChanged.emit(self.index(0, 0), last)


def local_time(created: str) -> str:
    """Return an ISO 8601 time as it is read on this machine's clock."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return created
