"""A revision made ready for showing, away from the GUI thread."""

from dataclasses import dataclass, field

from app.models.marks import Marks, PageMarks, place_marks
from app.models.sheet import Sheet, build_sheets
from engine.records import Document, RevisionId


@dataclass(frozen=True, slots=True)
class Content:
    """What a viewer shows.

    Attributes:
        revision_id: Identity of the revision.
        path: Path of its file.
        document: Its text and places.
        sheets: Its cells as tables, for workbooks and CSV files.
    """

    revision_id: RevisionId
    path: str
    document: Document
    sheets: tuple[Sheet, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedMarks:
    """Marks of a revision and, where it has pages with geometry, where they stand on them."""

    marks: Marks = field(default_factory=Marks)
    pages: dict[int, PageMarks] = field(default_factory=dict)


def prepare(revision_id: RevisionId, path: str, document: Document) -> Content:
    """Make a document ready for its viewer."""
    tabular = document.kind in ("sheet", "csv")
    sheets = tuple(build_sheets(document)) if tabular else ()
    return Content(revision_id, path, document, sheets)


def place(content: Content, marks: Marks) -> PlacedMarks:
    """Find where marks stand."""
    paged = content.document.kind in ("pdf", "dxf")
    return PlacedMarks(marks, place_marks(content.document, marks) if paged else {})
