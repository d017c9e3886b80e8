"""PDF: the original pages with marks on them, after a cover that says what they rest on."""

from pathlib import Path

from engine.export.pdf_plan import plan
from engine.export.registry import Task


def write(task: Task, path: Path) -> None:
    """Write the marked PDF, in the child process if there is one."""
    evidence = task.evidence
    subject = f"evidence {evidence.evidence_id}, pack {evidence.pack_hash or '-'}"
    job = plan(task.report, subject)
    task.cancel.check()
    if task.run_in_child is not None:
        task.run_in_child("engine.export.pdf_pages:write_marked_pdf", (job, str(path)))
        return
    from engine.export.pdf_pages import write_marked_pdf

    write_marked_pdf(job, str(path))
