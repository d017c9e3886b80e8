"""JSON: an answer and its evidence for other programs.

The file is one object in UTF-8::

    {"format": "chumoku-evidence", "format_version": 1,
     "exported": ISO 8601 time of the export,
     "evidence_id": int, "query": str or null, "created": ISO 8601 time of the answer,
     "pack_hash": str or null, "program_version": str,
     "files": [{"path", "revision", "sha256", "title", "kind", "document_id", "revision_id"}],
     "evidence": every field of engine.records.Evidence under its own name; spans and boxes are
                 arrays, start and end are code points into the document's text}
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.export.registry import Task

FORMAT_VERSION = 1


def write(task: Task, path: Path) -> None:
    """Write the evidence with its provenance."""
    evidence = task.evidence
    record = {
        "format": "chumoku-evidence",
        "format_version": FORMAT_VERSION,
        "exported": task.now.isoformat(),
        "evidence_id": evidence.evidence_id,
        "query": evidence.query,
        "created": evidence.created,
        "pack_hash": evidence.pack_hash,
        "program_version": evidence.version,
        "files": [_plain(source) for source in evidence.sources],
        "evidence": _plain(evidence),
    }
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1)
    # A lone surrogate has no UTF-8 form; the escape that replaces it is its JSON form.
    path.write_bytes(text.encode("utf-8", "backslashreplace"))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
