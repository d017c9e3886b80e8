"""The JSON that the command line prints: the contract with scripts, documented in README.md.

Keys are never renamed or dropped; absent places are null.
"""

import json
import re
from typing import Any

from engine.records import (
    AddResult,
    CheckReport,
    Deletion,
    DocumentInfo,
    Evidence,
    EvidenceInfo,
    Fidelity,
    Hit,
    Replay,
    SearchResult,
    SourceFile,
    Summary,
    SummarySentence,
)

Json = dict[str, Any]

_ESCAPED = re.compile("[\ud800-\udfff\x7f-\x9f\u2028\u2029]")


def dumps(value: Any) -> str:
    """A value as JSON on one line that UTF-8 can hold.

    Lone surrogates, as in file names that are no valid Unicode, and what some readers take for
    the end of a line are written as escapes.
    """
    text = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def add_json(result: AddResult) -> Json:
    """What became of one file, as ``chumoku add --json`` prints it."""
    return {
        "document_id": result.document_id,
        "path": result.path,
        "status": result.status,
        "reason": result.reason,
        "details": dict(result.details),
        "pages": result.pages,
        "tokens": result.tokens,
        "seconds": round(result.seconds, 3),
        "warnings": list(result.warnings),
    }


def document_json(info: DocumentInfo) -> Json:
    """A document in the library, as ``chumoku list --json`` prints it."""
    return {
        "document_id": info.document_id,
        "path": info.path,
        "title": info.title,
        "kind": info.kind,
        "status": info.status,
        "reason": info.reason,
        "revision": info.revision,
        "revision_id": info.revision_id,
        "pages": info.pages,
        "tokens": info.tokens,
        "size": info.size,
        "sha256": info.sha256,
        "added": info.added,
        "warnings": list(info.warnings),
    }


def hit_json(hit: Hit) -> Json:
    """A passage found."""
    return {
        "rank": hit.rank,
        "document_id": hit.document_id,
        "revision_id": hit.revision_id,
        "path": hit.path,
        "start": hit.start,
        "end": hit.end,
        "text": hit.text,
        "heading_path": list(hit.heading_path),
        "page": hit.place.page,
        "boxes": [list(box) for box in hit.place.boxes],
        "sheet": hit.place.sheet,
        "cell": hit.place.cell,
        "entity": hit.place.entity,
        "score": hit.score,
        "parts": {
            "lexical": hit.parts.lexical,
            "dense": hit.parts.dense,
            "attention": hit.parts.attention,
            "answer": hit.parts.answer,
        },
        "highlights": [list(span) for span in hit.highlights],
        "terms": [list(span) for span in hit.terms],
        "related": [list(span) for span in hit.related],
        "named": list(hit.named),
    }


def search_json(result: SearchResult) -> Json:
    """A search, as ``chumoku search --json`` prints it."""
    return {
        "evidence_id": result.evidence_id,
        "query": result.query,
        "hits": [hit_json(hit) for hit in result.hits],
        "notes": list(result.notes),
        "seconds": round(result.seconds, 4),
    }


def sentence_json(sentence: SummarySentence) -> Json:
    """A sentence of a summary."""
    return {
        "start": sentence.start,
        "end": sentence.end,
        "text": sentence.text,
        "page": sentence.place.page,
        "boxes": [list(box) for box in sentence.place.boxes],
        "sheet": sentence.place.sheet,
        "cell": sentence.place.cell,
        "entity": sentence.place.entity,
        "score": sentence.score,
    }


def summary_json(summary: Summary) -> Json:
    """A summary, as ``chumoku summarize --json`` prints it."""
    return {
        "evidence_id": summary.evidence_id,
        "document_id": summary.document_id,
        "revision_id": summary.revision_id,
        "query": summary.query,
        "sentences": [sentence_json(sentence) for sentence in summary.sentences],
        "coverage": summary.coverage,
        "seconds": round(summary.seconds, 4),
    }


def source_json(source: SourceFile) -> Json:
    """A file that evidence rests on."""
    return {
        "document_id": source.document_id,
        "revision_id": source.revision_id,
        "revision": source.revision,
        "path": source.path,
        "sha256": source.sha256,
        "title": source.title,
        "kind": source.kind,
    }


def fidelity_json(fidelity: Fidelity) -> Json:
    """Fidelity of a document's sparse pass to dense attention; null where not measured."""
    return {
        "recall_mean": fidelity.recall_mean,
        "recall_p5": fidelity.recall_p5,
        "output_error": fidelity.output_error,
        "sampled": fidelity.sampled,
        "density": fidelity.density,
        "passage_cosine": fidelity.passage_cosine,
        "top10_overlap": fidelity.top10_overlap,
    }


def deletion_json(deletion: Deletion) -> Json:
    """A deletion test."""
    return {
        "before": deletion.before,
        "after": deletion.after,
        "control": deletion.control,
        "removed": deletion.removed,
        "headings": deletion.headings,
    }


def evidence_json(evidence: Evidence) -> Json:
    """An evidence record, as ``chumoku evidence --json`` prints it."""
    return {
        "evidence_id": evidence.evidence_id,
        "kind": evidence.kind,
        "query": evidence.query,
        "created": evidence.created,
        "version": evidence.version,
        "settings": dict(evidence.settings),
        "pack_hash": evidence.pack_hash,
        "sources": [source_json(source) for source in evidence.sources],
        "scope": list(evidence.scope),
        "hits": [hit_json(hit) for hit in evidence.hits],
        "summary": summary_json(evidence.summary) if evidence.summary else None,
        "attended": {str(key): value for key, value in evidence.attended.items()},
        "fidelity": {str(key): fidelity_json(value) for key, value in evidence.fidelity.items()},
        "deletion": {str(key): deletion_json(value) for key, value in evidence.deletion.items()},
    }


def evidence_info_json(info: EvidenceInfo) -> Json:
    """A line of the history, as ``chumoku evidence --json`` without an id prints it."""
    return {
        "evidence_id": info.evidence_id,
        "kind": info.kind,
        "query": info.query,
        "created": info.created,
        "documents": list(info.documents),
        "hits": info.hits,
    }


def replay_json(replay: Replay) -> Json:
    """A replay, as ``chumoku replay --json`` prints it."""
    return {
        "evidence_id": replay.evidence_id,
        "same": replay.same,
        "changes": list(replay.changes),
        "hits": [hit_json(hit) for hit in replay.hits],
        "summary": summary_json(replay.summary) if replay.summary else None,
    }


def check_json(report: CheckReport) -> Json:
    """The health of the library, as ``chumoku check --json`` prints it."""
    return {
        "ok": report.ok,
        "problems": list(report.problems),
        "documents": report.documents,
        "passages": report.passages,
        "rebuilt": report.rebuilt,
    }
