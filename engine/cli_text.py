"""Results of the command line as text for people."""

import sys

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from engine.cli_words import (
    CHANGES,
    CONTROLS,
    NOTES,
    PROBLEMS,
    code_text,
    reason_text,
    shown,
)
from engine.records import (
    AddResult,
    CheckReport,
    DocumentInfo,
    Evidence,
    EvidenceInfo,
    Fidelity,
    Hit,
    Replay,
    SearchResult,
    Summary,
)

_BLANKS = "\t\n"


def _shown_text(text: str) -> str:
    """A passage as it can be shown, as long as before so that its marks stay in place."""
    return CONTROLS.sub(lambda found: found[0] if found[0] in _BLANKS else "\ufffd", text)


def _console() -> Console:
    return Console(file=sys.stdout, highlight=False, soft_wrap=True, emoji=False)


def print_table(titles: list[str], rows: list[list[str]]) -> None:
    """Print rows under their titles; nothing is cut, since a path is of no use in part."""
    cells = [titles, *([shown(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def add_line(result: AddResult) -> str:
    """A line about one file, and one for each thing to know about it."""
    path = shown(result.path)
    if result.status == "failed":
        return f"failed     {path}: {reason_text(result.reason)}"
    line = (
        f"{result.status:<10} {path}  [document {result.document_id}, {result.pages} pages, "
        f"{result.tokens} tokens, {result.seconds:.1f} s]"
    )
    notes = [f"not analysed: {reason_text(result.reason)}"] if result.reason else []
    notes += [f"warning: {shown(warning)}" for warning in result.warnings]
    return "\n           ".join([line, *notes])


def show_documents(documents: list[DocumentInfo]) -> None:
    """Print the documents as a table."""
    rows = []
    for info in documents:
        status = f"{info.status}: {reason_text(info.reason)}" if info.reason else info.status
        counts = [str(value) for value in (info.revision, info.pages, info.tokens)]
        rows.append([str(info.document_id), status, *counts, info.path])
    print_table(["id", "status", "rev", "pages", "tokens", "path"], rows)


def place_text(hit: Hit) -> str:
    """Where a passage stands, in a few words."""
    place = hit.place
    if place.sheet:
        return f"{place.sheet} {place.cell or ''}".strip()
    if place.entity:
        return f"p. {place.page}, entity {place.entity}"
    return f"p. {place.page}" if place.page else ""


def _marked(text: str, start: int, spans: tuple[tuple[int, int, float], ...]) -> Text:
    marked = Text(_shown_text(text))
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
        if hit.parts.answer is not None:
            parts += f"  answer {hit.parts.answer:.2f}"
        console.print(Text(f"{hit.rank}. {shown(hit.path)}  {place_text(hit)}", style="bold cyan"))
        if hit.heading_path:
            console.print(Text("   " + shown(" > ".join(hit.heading_path)), style="dim"))
        console.print(_marked(hit.text, hit.start, hit.highlights))
        console.print(Text(f"   score {hit.score:.3f}  ({parts})", style="dim"))
        if hit.named:
            console.print(
                Text(f"   in its name or its number: {shown(', '.join(hit.named))}", style="dim")
            )
        if hit.related_words:
            console.print(
                Text(f"   related words: {shown(', '.join(hit.related_words))}", style="dim")
            )
    for note in result.notes:
        console.print(Text(f"note: {code_text(NOTES, note)}", style="yellow"))
    console.print(Text(f"evidence {result.evidence_id}, {result.seconds:.2f} s", style="dim"))


def show_summary(summary: Summary) -> None:
    """Print a summary with the place of each sentence."""
    console = _console()
    for sentence in summary.sentences:
        place = sentence.place
        where = place.sheet or (f"p. {place.page}" if place.page else f"{sentence.start}")
        console.print(Text.assemble(("[" + where + "] ", "dim"), _shown_text(sentence.text)))
    console.print(
        Text(
            f"coverage {summary.coverage:.0%}, evidence {summary.evidence_id}, "
            f"{summary.seconds:.2f} s",
            style="dim",
        )
    )


def show_history(history: list[EvidenceInfo]) -> None:
    """Print the history of evidence as a table."""
    rows = [
        [
            str(info.evidence_id),
            info.created,
            info.kind,
            info.query or "",
            str(info.hits),
            ", ".join(info.documents[:3]),
        ]
        for info in history
    ]
    print_table(["id", "created", "kind", "query", "hits", "documents"], rows)


def _fidelity_text(fidelity: Fidelity) -> str:
    lines = [
        f"attention kept {fidelity.recall_mean:.1%} of its dense mass "
        f"(5th percentile {fidelity.recall_p5:.1%}) reading {fidelity.density:.1%} of the blocks"
    ]
    if fidelity.sampled:
        beside = [f"output error {fidelity.output_error:.1%}"]
        if fidelity.passage_cosine is not None:
            beside.append(f"passage-vector cosine {fidelity.passage_cosine:.4f}")
        if fidelity.top10_overlap is not None:
            beside.append(f"top-10 overlap {fidelity.top10_overlap:.1%}")
        lines.append(f"against dense attention at {fidelity.sampled} places: {', '.join(beside)}")
    return "\n".join(f"      {line}" for line in lines)


def show_evidence(record: Evidence) -> None:
    """Print an evidence record: provenance, passages, what was kept and dropped, fidelity."""
    console = _console()
    console.print(Text(f"Evidence {record.evidence_id} ({record.kind}), {record.created}"))
    console.print(Text(f"query: {record.query or '–'}\npack: {record.pack_hash or '–'}"))
    for source in record.sources:
        console.print(
            Text(
                f"file: {shown(source.path)} (revision {source.revision})\n"
                f"      sha256 {source.sha256}"
            )
        )
        fidelity = record.fidelity.get(source.revision_id)
        if fidelity:
            console.print(Text(_fidelity_text(fidelity)))
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
        console.print(
            Text(f"{hit.rank}. {shown(hit.path)}  {place_text(hit)}  score {hit.score:.3f}")
        )
        console.print(_marked(hit.text, hit.start, hit.highlights))
        test = record.deletion.get(hit.rank)
        if test:
            console.print(
                Text(
                    f"   deletion test: {test.before:.3f} -> {test.after:.3f} without the attended "
                    f"tokens ({test.control:.3f} without as many others)"
                )
            )
            if test.headings is not None:
                console.print(Text(f"   by headings and file name alone {test.headings:.3f}"))
    if record.summary:
        show_summary(record.summary)


def replay_text(replay: Replay) -> str:
    """What a replay showed, and on a line each what has changed."""
    result = "same result" if replay.same else "different result"
    changes = [code_text(CHANGES, change) for change in replay.changes]
    return "\n  ".join([f"evidence {replay.evidence_id}: {result}", *changes])


def check_text(report: CheckReport) -> str:
    """A few lines about the library's health."""
    lines = [f"{report.documents} documents, {report.passages} passages"]
    lines += [f"problem: {code_text(PROBLEMS, problem)}" for problem in report.problems]
    lines.append("search index rebuilt" if report.rebuilt else "")
    lines.append("the library is well" if report.ok else "the library needs attention")
    return "\n".join(line for line in lines if line)
