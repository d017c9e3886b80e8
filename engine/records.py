"""The records that flow through the engine.

All are frozen and picklable. Spans are half-open ranges of code points into ``Document.text``.
Pages count from 1. Boxes are ``(x0, y0, x1, y1)`` in points from the top left of the page as it is
shown (after its own rotation). Arrays are NumPy and must not be written to.
"""

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How close the sparse pass came to dense attention, on sampled query blocks.

    Attributes:
        recall_mean: Mean share of dense attention mass that fell on the kept blocks.
        recall_p5: Its 5th percentile over sampled blocks, layers and heads.
        output_error: Relative L2 error of the attention output.
        sampled: Number of (layer, query block) pairs computed densely.
        density: Key blocks read per query block, as a share of all blocks.
    """

    recall_mean: float
    recall_p5: float
    output_error: float
    sampled: int
    density: float


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the encoder made of a document in one pass (T tokens, NB blocks, L layers).

    Attributes:
        pack_hash: Identity of the model pack.
        block: Tokens per block.
        token_spans: Spans into the text, int32 ``[T, 2]``.
        token_vectors: Late-interaction vectors times 127, int8 ``[T, 64]``.
        block_summaries: Mean token vector of each block, float16 ``[NB, 64]``.
        passage_vectors: Unit vectors, float16 ``[P, 384]``.
        sentence_vectors: Unit vectors, float16 ``[S, 384]``, in the order of the sentences.
        kept_blocks: Key blocks read by each query block, int32 ``[L, NB, K]``, -1 where unused.
        kept_mass: Attention mass of each, float16 ``[L, NB, K]``.
        fidelity: Sampled fidelity to dense attention.
        seconds: Wall time of the pass.
    """

    pack_hash: str
    block: int
    token_spans: np.ndarray
    token_vectors: np.ndarray
    block_summaries: np.ndarray
    passage_vectors: np.ndarray
    sentence_vectors: np.ndarray
    kept_blocks: np.ndarray
    kept_mass: np.ndarray
    fidelity: Fidelity
    seconds: float


@dataclass(frozen=True, slots=True)
class QueryEncoding:
    """A question as the encoder sees it.

    Attributes:
        text: The question.
        token_spans: Spans into ``text``, int32 ``[Q, 2]``.
        token_vectors: Unit vectors, float32 ``[Q, 64]``.
        vector: Unit vector, float32 ``[384]``.
        token_weights: How much each token counts, positive float32 ``[Q]``.
        pointer_vectors: Where each token looks for the answer, unit vectors to be compared with a
            document's token vectors, float32 ``[Q, 64]``.
        pointer_weights: Share of each token in that, float32 ``[Q]``, summing to 1.
    """

    text: str
    token_spans: np.ndarray
    token_vectors: np.ndarray
    vector: np.ndarray
    token_weights: np.ndarray
    pointer_vectors: np.ndarray
    pointer_weights: np.ndarray


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
class Parts:
    """The parts of a score, each in 0..1, None where that part could not run."""

    lexical: float | None
    dense: float | None
    attention: float | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found.

    Attributes:
        highlights: ``(start, end, weight)`` spans into the document's text, weight in 0..1: the
            phrases likeliest to answer the question or, where it asks for none, what its tokens
            attended to.
        terms: Spans of exact matches of the question's words.
    """

    rank: int
    document_id: DocumentId
    revision_id: RevisionId
    path: str
    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]
    place: Place
    score: float
    parts: Parts
    highlights: tuple[tuple[int, int, float], ...]
    terms: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Everything that decides the result of a search besides library and pack."""

    top: int = 10
    documents: tuple[DocumentId, ...] = ()
    use_lexical: bool = True
    use_dense: bool = True
    use_attention: bool = True


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits of one question, best first; ties broken by revision and position."""

    evidence_id: EvidenceId
    query: str
    hits: tuple[Hit, ...]
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """A sentence of a summary, word for word from the document."""

    start: int
    end: int
    text: str
    place: Place
    score: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Sentences in the order of the document.

    ``coverage`` is the share of the document's passages whose meaning is close to a chosen
    sentence, 0..1.
    """

    evidence_id: EvidenceId
    document_id: DocumentId
    revision_id: RevisionId
    query: str | None
    sentences: tuple[SummarySentence, ...]
    coverage: float
    seconds: float


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
class EvidenceInfo:
    """A line of the history."""

    evidence_id: EvidenceId
    kind: Literal["search", "summary"]
    query: str | None
    created: str
    documents: tuple[str, ...]
    hits: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer rested on, kept for ever.

    Attributes:
        kind: ``search`` or ``summary``.
        created: ISO 8601 with offset.
        settings: ``SearchSettings`` or the summary's options, as plain values.
        pack_hash: Identity of the model pack, None if the model did not run.
        sources: Every file the hits stand in.
        scope: Revisions that were searched.
        hits: For a search.
        summary: For a summary.
        attended: Per revision: ``{"query_tokens", "tokens": [[start, end, weight]],
            "blocks": {"kept": [[block, start, end, score]], "dropped": n}}``.
        fidelity: Per revision, of its stored analysis.
        deletion: Result of the deletion test per rank, empty until it is run.
    """

    evidence_id: EvidenceId
    kind: Literal["search", "summary"]
    query: str | None
    created: str
    version: str
    settings: Mapping[str, Any]
    pack_hash: str | None
    sources: tuple[SourceFile, ...]
    scope: tuple[RevisionId, ...]
    hits: tuple[Hit, ...]
    summary: Summary | None
    attended: Mapping[int, Mapping[str, Any]]
    fidelity: Mapping[int, Fidelity]
    deletion: Mapping[int, "Deletion"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion test: the passage is scored again with its attended tokens taken out.

    Attributes:
        before: Attention score with everything.
        after: Without the attended tokens.
        control: Mean score without as many other tokens, taken at random.
    """

    before: float
    after: float
    control: float
    removed: int


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer computed again.

    Attributes:
        same: Whether the result is identical.
        changes: Codes of what changed: ``file_changed:PATH``, ``file_missing:PATH``,
            ``revision_newer:PATH``, ``revision_removed:PATH``, ``pack_changed``,
            ``version_changed``, ``result_changed``.
        hits: The hits of the new run.
        summary: The summary of the new run.
    """

    evidence_id: EvidenceId
    same: bool
    changes: tuple[str, ...]
    hits: tuple[Hit, ...]
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Health of the library; ``problems`` are codes, empty when all is well."""

    ok: bool
    problems: tuple[str, ...]
    documents: int
    passages: int
    rebuilt: bool
