"""The list of documents: those of the library and those on their way into it."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.i18n import Words
from app.models.document_row import DocumentRow, fraction_of, tone_of
from app.theme import Theme
from engine.progress import Progress
from engine.records import AddResult, DocumentInfo

Index = QModelIndex | QPersistentModelIndex


class DocumentRole(IntEnum):
    """Data of a document beyond what Qt's own roles carry."""

    ROW = Qt.ItemDataRole.UserRole + 1
    PROGRESS = Qt.ItemDataRole.UserRole + 2
    TONE = Qt.ItemDataRole.UserRole + 3
    STATUS = Qt.ItemDataRole.UserRole + 4


class DocumentListModel(QAbstractTableModel):
    """Documents by name, with status and live progress."""

    NAME, STATUS, PAGES = range(3)

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._rows: list[DocumentRow] = []
        words.changed.connect(self.refresh_words)
        theme.changed.connect(self.refresh_words)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of documents."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else 3

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the title of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._words(("docs.name", "docs.status", "docs.pages")[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        row = self._rows[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            if column == self.NAME:
                return row.name
            if column == self.STATUS:
                return self.status_words(row)
            return str(row.info.pages) if row.info and row.info.pages else ""
        if role == Qt.ItemDataRole.DecorationRole and column == self.NAME:
            return self._theme.icon(row.kind, "bad" if row.failed else "muted")
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.name}, {self.status_words(row)}"
        if role == Qt.ItemDataRole.TextAlignmentRole and column == self.PAGES:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == DocumentRole.ROW:
            return row
        if role == DocumentRole.PROGRESS:
            return fraction_of(row.progress)
        if role == DocumentRole.TONE:
            return tone_of(row)
        if role == DocumentRole.STATUS:
            return self.status_words(row)
        return None

    def row(self, index: Index) -> DocumentRow:
        """Return the document of a row."""
        return self._rows[index.row()]

    @property
    def rows(self) -> Sequence[DocumentRow]:
        """All documents, as shown."""
        return self._rows

    def status_words(self, row: DocumentRow) -> str:
        """Return the status of a document in words."""
        words = self._words
        if row.progress is not None:
            percent = round(100 * (fraction_of(row.progress) or 0.0))
            return words("docs.working", stage=words.stage(row.progress.stage), percent=percent)
        if row.queued and not row.searchable:
            return words("status.waiting")
        if row.reason is not None:
            return words.code(row.reason, {"path": row.path, **row.details})
        info = row.info
        if info is None:
            return words("status.waiting")
        if info.status == "failed":
            return words.code(info.reason, {"path": row.path, **info.details})
        text = words(f"status.{info.status}")
        if info.pages:
            key = "docs.with_page" if info.pages == 1 else "docs.with_pages"
            text = words(key, status=text, pages=info.pages)
        if info.revision > 1:
            text = words("docs.with_revision", status=text, revision=info.revision)
        if info.warnings:
            text = words("docs.with_warnings", status=text, count=len(info.warnings))
        return text

    def set_library(self, infos: Sequence[DocumentInfo]) -> None:
        """Show what the library holds; files on their way into it stay."""
        known = {info.path: info for info in infos}
        # Row by row, not all at once: a reset would take away what the user has selected.
        for row in list(self._rows):
            if row.path not in known and not row.working and not row.reason:
                self.remove(row.path)
        for path, info in known.items():
            position = self._position(path)
            if position is None:
                self._insert(DocumentRow(path, info))
                continue
            row = self._rows[position]
            if row.info != info or (row.reason is not None and not row.working):
                row.info, row.reason = info, None
                self._touch(position)

    def enqueue(self, paths: Sequence[str]) -> None:
        """Show files that wait for their reading."""
        for path in paths:
            position = self._position(path)
            if position is None:
                self._insert(DocumentRow(path, queued=True))
            else:
                row = self._rows[position]
                row.queued, row.reason = True, None
                self._touch(position)

    def show_progress(self, progress: Progress) -> None:
        """Show how far the work on one file is."""
        if progress.subject is None:
            return
        position = self._position(progress.subject)
        if position is None:
            self._insert(DocumentRow(progress.subject, progress=progress))
            return
        for other, row in enumerate(self._rows):
            if row.progress is not None and other != position:
                # Its batch goes on: it is read and waits for its analysis.
                row.progress, row.queued = None, True
                self._touch(other)
        self._rows[position].progress = progress
        self._rows[position].queued = False
        self._touch(position)

    def settle(self, result: AddResult, info: DocumentInfo | None) -> None:
        """Show what became of one file."""
        position = self._position(result.path)
        if position is None:
            self._insert(DocumentRow(result.path))
            position = self._position(result.path)
        assert position is not None
        row = self._rows[position]
        row.progress, row.queued = None, False
        row.info = info or row.info
        row.reason = result.reason if result.status == "failed" and info is None else None
        row.details = dict(result.details)
        self._touch(position)

    def put(self, info: DocumentInfo) -> None:
        """Show the latest state of one document of the library."""
        position = self._position(info.path)
        if position is None:
            self._insert(DocumentRow(info.path, info))
        else:
            self._rows[position].info = info
            self._touch(position)

    def stop(self, paths: Sequence[str] | None = None) -> None:
        """Show that no work on these files, or on any, runs or waits; unread ones go."""
        for position in reversed(range(len(self._rows))):
            row = self._rows[position]
            if not row.working or (paths is not None and row.path not in paths):
                continue
            row.progress, row.queued = None, False
            if row.info is None and row.reason is None:
                self.beginRemoveRows(QModelIndex(), position, position)
                del self._rows[position]
                self.endRemoveRows()
            else:
                self._touch(position)

    def remove(self, path: str) -> None:
        """Take one file off the list."""
        position = self._position(path)
        if position is not None:
            self.beginRemoveRows(QModelIndex(), position, position)
            del self._rows[position]
            self.endRemoveRows()

    def refresh_words(self) -> None:
        """Show every row again, in the language and colours of now."""
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, 2))

    def _tooltip(self, row: DocumentRow) -> str:
        lines = [row.path, self.status_words(row)]
        if row.info is not None:
            lines += [self._words.warning(code) for code in row.info.warnings[:8]]
        return "\n".join(lines)

    def _position(self, path: str) -> int | None:
        return next((i for i, row in enumerate(self._rows) if row.path == path), None)

    def _insert(self, row: DocumentRow) -> None:
        key = row.name.casefold()
        position = sum(other.name.casefold() <= key for other in self._rows)
        self.beginInsertRows(QModelIndex(), position, position)
        self._rows.insert(position, row)
        self.endInsertRows()

    def _touch(self, position: int) -> None:
        self.dataChanged.emit(self.index(position, 0), self.index(position, 2))
