"""What an answer rested on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.records.answers import Hit, Summary
from engine.records.documents import EvidenceId, RevisionId, SourceFile
from engine.records.encodings import Fidelity


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
        pack_hash: Identity of what of the model pack it rested on: all of it for a search, the
            encoder for a summary. None if the model did not run.
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
        removed: How many tokens were taken out.
        headings: Score with none of the passage's tokens: what headings and file name reach; None
            in a record from before this was measured.
    """

    before: float
    after: float
    control: float
    removed: int
    headings: float | None = None


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
