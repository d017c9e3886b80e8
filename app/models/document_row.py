"""One row of the list of documents."""

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from engine.progress import Progress
from engine.records import DocumentId, DocumentInfo

_SEARCHABLE = ("read", "running", "interrupted", "analysed")
_KINDS = {
    ".pdf": "pdf",
    ".docx": "word",
    ".xlsx": "sheet",
    ".xlsm": "sheet",
    ".csv": "csv",
    ".tsv": "csv",
    ".dxf": "dxf",
    ".txt": "text",
    ".md": "text",
}
_STAGE_SPAN = {"read": (0.0, 0.2), "index": (0.2, 0.25), "encode": (0.25, 0.97), "store": (0.97, 1)}


@dataclass(slots=True)
class DocumentRow:
    """A row of the list.

    Attributes:
        path: Path of the file.
        info: What the library knows, None while the file waits for its first reading.
        progress: How far the work on it is, None when nothing runs.
        queued: Whether work on it is yet to start.
        reason: Why it failed, where the library keeps no record of it.
        details: Values that go with ``reason``.
    """

    path: str
    info: DocumentInfo | None = None
    progress: Progress | None = None
    queued: bool = False
    reason: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """File name."""
        return PurePath(self.path.replace("\\", "/")).name

    @property
    def kind(self) -> str:
        """Kind of document, by the file's suffix until it was read."""
        if self.info is not None and self.info.kind is not None:
            return self.info.kind
        return _KINDS.get(PurePath(self.name).suffix.lower(), "unknown")

    @property
    def failed(self) -> bool:
        """Whether its last reading failed."""
        return self.reason is not None or bool(self.info and self.info.status == "failed")

    @property
    def working(self) -> bool:
        """Whether work on it runs or waits."""
        return self.queued or self.progress is not None

    @property
    def searchable(self) -> bool:
        """Whether questions reach it."""
        return self.info is not None and self.info.status in _SEARCHABLE

    @property
    def document_id(self) -> DocumentId | None:
        """Its identity, None before its first reading."""
        return self.info.document_id if self.info else None


def fraction_of(progress: Progress | None) -> float | None:
    """Return how much of all the work on a file is done, in 0..1."""
    if progress is None:
        return None
    low, high = _STAGE_SPAN.get(progress.stage, (0.0, 1.0))
    part = progress.done / progress.total if progress.total else 0.0
    return low + (high - low) * min(1.0, part)


def tone_of(row: DocumentRow) -> str:
    """Return the name of the colour that its status is written in."""
    if row.working:
        return "accent" if row.progress else "muted"
    if row.failed:
        return "bad"
    if row.info is None or row.info.status in ("interrupted", "running") or row.info.warnings:
        return "warn"
    return "muted"
