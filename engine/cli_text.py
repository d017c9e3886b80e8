"""Results of the command line as text for people."""

import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from engine.errors import ChumokuError
from engine.records import (
    AddResult,
    CheckReport,
    DocumentInfo,
    Evidence,
    EvidenceInfo,
    Hit,
    Replay,
    SearchResult,
    Summary,
)

STAGES = {
    "read": "reading",
    "index": "indexing",
    "encode": "analysing",
    "store": "storing",
    "check": "checking",
    "rebuild": "rebuilding",
}

REASONS = {
    "file_missing": "the file does not exist",
    "file_denied": "no permission to read the file",
    "file_locked": "the file is locked by another program",
    "file_empty": "the file is empty",
    "file_broken": "the file is damaged",
    "file_encrypted": "the file is protected by a password",
    "file_too_large": "the file is over the size limit",
    "file_unsupported": "this kind of file cannot be read",
    "file_no_text": "no text was found in the file",
    "file_archive_bomb": "the file unpacks to far more than its size",
    "reader_timeout": "reading took too long and was stopped",
    "reader_memory": "reading took too much memory and was stopped",
    "reader_crashed": "the reader crashed on this file",
    "pack_missing": "no model pack is installed",
    "pack_broken": "the model pack is damaged",
    "pack_hash": "a file of the model pack is not what it should be",
    "pack_unsupported": "this version cannot use the model pack",
    "store_newer": "the library was written by a newer version",
    "store_broken": "the library is damaged",
    "store_full": "the disk is full",
    "store_denied": "no permission to use the library's folder",
    "store_busy": "another program is using the library",
    "document_unknown": "there is no such document",
    "evidence_unknown": "there is no such evidence record",
    "query_empty": "the question is empty",
    "query_too_long": "the question is too long",
    "export_format": "the file name must end in .pdf, .docx, .html or .json",
    "export_denied": "the file cannot be written; is it open in another program?",
    "export_full": "the disk is full",
    "export_source_missing": "the original file is no longer in the library",
}


def reason_text(code: str | None) -> str:
    """Words for an error code; the code itself where there are none."""
    return REASONS.get(code or "", code or "")


def error_text(error: ChumokuError) -> str:
    """Words for an error, with its details."""
    details = ", ".join(f"{key}: {value}" for key, value in error.details.items())
    return f"{reason_text(error.code)} ({details})" if details else reason_text(error.code)


def _console() -> Console:
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def add_line(result: AddResult) -> str:
    """One line about one file."""
    if result.status == "failed":
        return f"failed     {result.path}: {reason_text(result.reason)}"
    return (
        f"{result.status:<10} {result.path}  [document {result.document_id}, {result.pages} pages, "
        f"{result.tokens} tokens, {result.seconds:.1f} s]"
    )


def show_documents(documents: list[DocumentInfo]) -> None:
    """Print the documents as a table."""
    table = Table("id", "status", "rev", "pages", "tokens", "path", box=None)
    for info in documents:
        status = f"failed: {reason_text(info.reason)}" if info.status == "failed" else info.status
        table.add_row(
            str(info.document_id),
            status,
            str(info.revision),
            str(info.pages),
            str(info.tokens),
            escape(info.path),
        )
    _console().print(table)


def place_text(hit: Hit) -> str:
    """Where a passage stands, in a few words."""
    place = hit.place
    if place.sheet:
        return f"{place.sheet} {place.cell or ''}".strip()
    if place.entity:
        return f"p. {place.page}, entity {place.entity}"
    return f"p. {place.page}" if place.page else ""


def _marked(text: str, start: int, spans: tuple[tuple[int, int, float], ...]) -> Text:
    marked = Text(text)
    for first, last, weight in spans:
        style = "bold reverse" if weight >= 0.5 else "bold"
        marked.stylize(style, max(0, first - start), max(0, last - start))
    return marked


def show_search(result: SearchResult) -> None:
    """Print the passages found, what was attended in bold."""
    console = _console()
    if not result.hits:
        console.print("No passage found.")
    for hit in result.hits:
        parts = "  ".join(
            f"{name} {value:.2f}" if value is not None else f"{name} –"
            for name, value in (
                ("lexical", hit.parts.lexical),
                ("dense", hit.parts.dense),
                ("attention", hit.parts.attention),
            )
        )
        console.print(Text(f"{hit.rank}. {hit.path}  {place_text(hit)}", style="bold cyan"))
        if hit.heading_path:
            console.print(Text("   " + " > ".join(hit.heading_path), style="dim"))
        console.print(_marked(hit.text, hit.start, hit.highlights))
        console.print(Text(f"   score {hit.score:.3f}  ({parts})", style="dim"))
    for note in result.notes:
        console.print(Text(f"note: {reason_text(note)}", style="yellow"))
    console.print(Text(f"evidence {result.evidence_id}, {result.seconds:.2f} s", style="dim"))


def show_summary(summary: Summary) -> None:
    """Print a summary with the place of each sentence."""
    console = _console()
    for sentence in summary.sentences:
        place = sentence.place
        where = place.sheet or (f"p. {place.page}" if place.page else f"{sentence.start}")
        console.print(Text.assemble(("[" + where + "] ", "dim"), sentence.text))
    console.print(
        Text(
            f"coverage {summary.coverage:.0%}, evidence {summary.evidence_id}, "
            f"{summary.seconds:.2f} s",
            style="dim",
        )
    )


def show_history(history: list[EvidenceInfo]) -> None:
    """Print the history of evidence as a table."""
    table = Table("id", "created", "kind", "query", "hits", "documents", box=None)
    for info in history:
        table.add_row(
            str(info.evidence_id),
            info.created,
            info.kind,
            escape(info.query or ""),
            str(info.hits),
            escape(", ".join(info.documents[:3])),
        )
    _console().print(table)


def show_evidence(record: Evidence) -> None:
    """Print an evidence record: provenance, passages, what was kept and dropped, fidelity."""
    console = _console()
    console.print(Text(f"Evidence {record.evidence_id} ({record.kind}), {record.created}"))
    console.print(Text(f"query: {record.query or '–'}\npack: {record.pack_hash or '–'}"))
    for source in record.sources:
        console.print(
            Text(f"file: {source.path} (revision {source.revision})\n      sha256 {source.sha256}")
        )
        fidelity = record.fidelity.get(source.revision_id)
        if fidelity:
            console.print(
                Text(
                    f"      attention kept {fidelity.recall_mean:.1%} of its dense mass "
                    f"(5th percentile {fidelity.recall_p5:.1%}) reading {fidelity.density:.1%} "
                    "of the blocks"
                )
            )
        attended = record.attended.get(source.revision_id)
        if attended:
            blocks = attended.get("blocks", {})
            console.print(
                Text(
                    f"      question read {len(blocks.get('kept', []))} blocks, "
                    f"dropped {blocks.get('dropped', 0)}"
                )
            )
    for hit in record.hits:
        console.print(Text(f"{hit.rank}. {hit.path}  {place_text(hit)}  score {hit.score:.3f}"))
        console.print(_marked(hit.text, hit.start, hit.highlights))
        test = record.deletion.get(hit.rank)
        if test:
            console.print(
                Text(
                    f"   deletion test: {test.before:.3f} -> {test.after:.3f} without the attended "
                    f"tokens ({test.control:.3f} without as many others)"
                )
            )
    if record.summary:
        show_summary(record.summary)


def replay_text(replay: Replay) -> str:
    """One line about a replay."""
    if replay.same:
        return f"evidence {replay.evidence_id}: same result" + (
            f" (changed since: {', '.join(replay.changes)})" if replay.changes else ""
        )
    return f"evidence {replay.evidence_id}: different result: {', '.join(replay.changes)}"


def check_text(report: CheckReport) -> str:
    """A few lines about the library's health."""
    lines = [f"{report.documents} documents, {report.passages} passages"]
    lines += [f"problem: {reason_text(problem)}" for problem in report.problems]
    lines.append("search index rebuilt" if report.rebuilt else "")
    lines.append("the library is well" if report.ok else "the library needs attention")
    return "\n".join(line for line in lines if line)
