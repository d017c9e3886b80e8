"""The formats an answer can be exported to."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import ExportError
from engine.export.files import write_whole
from engine.export.report import Report, build_report
from engine.export.source import ExportSource, Language
from engine.progress import CancelToken
from engine.records import Evidence, RevisionId

RunInChild = Callable[[str, tuple], Any]


@dataclass(frozen=True, slots=True)
class Task:
    """What a format's writer is given besides the path."""

    evidence: Evidence
    report: Report
    now: datetime
    run_in_child: RunInChild | None
    cancel: CancelToken


@dataclass(frozen=True, slots=True)
class Exporter:
    """A format; its module is imported when first used, since most sessions need none."""

    suffix: str
    module: str

    def write(self, task: Task, path: Path) -> None:
        """Write the file."""
        importlib.import_module(self.module).write(task, path)


EXPORTERS = (
    Exporter(".pdf", "engine.export.pdf"),
    Exporter(".docx", "engine.export.docx"),
    Exporter(".html", "engine.export.html"),
    Exporter(".json", "engine.export.json"),
)
SUPPORTED_SUFFIXES = tuple(exporter.suffix for exporter in EXPORTERS)


def export(
    evidence: Evidence,
    source_of: Callable[[RevisionId], ExportSource],
    target: Path,
    *,
    words: Language = "ja",
    now: datetime,
    run_in_child: RunInChild | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write an answer with its sources to a file, whole or not at all.

    Args:
        evidence: The answer.
        source_of: Gives the source of each revision it rests on.
        target: The file; its suffix decides the format.
        words: Language of headings and labels.
        now: Time of the export.
        run_in_child: Runs a function named ``"module:function"`` with arguments in a process that
            may crash; PDF files are opened there. None opens them in this process.
        cancel: Checked between pieces of work.

    Returns:
        The target.

    Raises:
        ExportError: ``export_format``, ``export_denied``, ``export_full``,
            ``export_source_missing``.
        ReadingError: A PDF source cannot be opened any more.
        Cancelled: ``cancel`` was set; an existing target is untouched.
    """
    token = cancel or CancelToken()
    suffix = target.suffix.lower()
    exporter = next((item for item in EXPORTERS if item.suffix == suffix), None)
    if exporter is None:
        raise ExportError("export_format", path=str(target), suffix=suffix)
    report = build_report(evidence, source_of, words, now, token)
    task = Task(evidence, report, now, run_in_child, token)
    return write_whole(target, lambda path: exporter.write(task, path), token)
