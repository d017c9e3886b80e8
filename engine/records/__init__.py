"""The records that flow through the engine.

All are frozen and picklable. Spans are half-open ranges of code points into ``Document.text``.
Pages count from 1. Boxes are ``(x0, y0, x1, y1)`` in points from the top left of the page as it is
shown (after its own rotation). Arrays are NumPy and must not be written to.
"""

from engine.records.answers import (
    Hit,
    Parts,
    SearchResult,
    SearchSettings,
    Summary,
    SummarySentence,
)
from engine.records.documents import (
    AddResult,
    AddStatus,
    Box,
    CheckReport,
    Document,
    DocumentId,
    DocumentInfo,
    DocumentKind,
    DocumentStatus,
    EvidenceId,
    Identifier,
    Page,
    Passage,
    PassageId,
    PassageKind,
    Place,
    Rendering,
    RevisionId,
    SourceFile,
    Span,
    Unit,
    UnitKind,
    distinct_headings,
)
from engine.records.encodings import (
    Encoding,
    Fidelity,
    QueryEncoding,
)
from engine.records.evidence import (
    Deletion,
    Evidence,
    EvidenceInfo,
    Replay,
)

__all__ = [
    "AddResult",
    "AddStatus",
    "Box",
    "CheckReport",
    "Deletion",
    "Document",
    "DocumentId",
    "DocumentInfo",
    "DocumentKind",
    "DocumentStatus",
    "Encoding",
    "Evidence",
    "EvidenceId",
    "EvidenceInfo",
    "Fidelity",
    "Hit",
    "Identifier",
    "Page",
    "Parts",
    "Passage",
    "PassageId",
    "PassageKind",
    "Place",
    "QueryEncoding",
    "Rendering",
    "Replay",
    "RevisionId",
    "SearchResult",
    "SearchSettings",
    "SourceFile",
    "Span",
    "Summary",
    "SummarySentence",
    "Unit",
    "UnitKind",
    "distinct_headings",
]
