"""HTML: one file without scripts or links to anything, for the screen and for paper."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from engine.export.registry import Task
from engine.export.report import Entry, Report, file_name, source_facts

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #c9d1d9; --soft: #f3f5f8;
  --mark: 255, 176, 0; --accent: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181d; --line: #39424d;
  --soft: #1d232a; --mark: 214, 140, 0; --accent: #7fb2ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem; max-width: 56rem; color: var(--ink);
  background: var(--paper); line-height: 1.75;
  font-family: "Yu Gothic UI", "Meiryo", "Hiragino Sans", "Noto Sans CJK JP", sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
h1, h2 { border-bottom: 2px solid var(--accent); padding-bottom: .3rem; }
article { border: 1px solid var(--line); border-radius: 6px; margin: 1.25rem 0; padding: 1rem; }
h3 { font-size: 1rem; margin: 0; color: var(--accent); }
.path { margin: .1rem 0 .6rem; opacity: .8; }
blockquote { margin: .75rem 0; padding: .6rem 1rem; border-left: 4px solid var(--accent);
  background: var(--soft); white-space: pre-wrap; overflow-wrap: anywhere; }
.around { opacity: .6; } .passage { display: block; margin: .4rem 0; }
mark { color: inherit; background: rgba(var(--mark), var(--w)); border-radius: 2px; }
u { text-decoration-thickness: 2px; text-underline-offset: 3px; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { background: var(--soft); font-weight: 600; width: 11rem; }
.legend { font-size: .875rem; opacity: .8; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; }
  article { break-inside: avoid; } h2 { break-after: avoid; }
  mark { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""


def write(task: Task, path: Path) -> None:
    """Write the report as a page of its own."""
    path.write_text(page(task.report), encoding="utf-8", newline="\n")


def page(report: Report) -> str:
    """The report as an HTML document; every text in it is escaped."""
    body = [
        f"<h1>{escape(report.title)}</h1>",
        _table(report.facts),
        f'<p class="legend">{escape(report.say("legend"))}</p>',
        f"<h2>{escape(report.heading)}</h2>",
        *map(_article, report.entries),
    ]
    if not report.entries:
        body.append(f"<p>{escape(report.say('empty'))}</p>")
    body.append(f"<h2>{escape(report.say('sources'))}</h2>")
    for source in report.sources.values():
        body.append(f"<h3>{escape(file_name(source.info))}</h3>")
        body.append(_table(source_facts(source.info, report.say)))
    return (
        f'<!DOCTYPE html>\n<html lang="{report.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _article(entry: Entry) -> str:
    headings = escape(" › ".join(entry.heading_path))
    quotation = entry.quotation
    around = '<span class="around">{}</span>'
    before = around.format(escape(quotation.before)) if quotation.before else ""
    after = around.format(escape(quotation.after)) if quotation.after else ""
    return (
        f"<article>\n<h3>{escape(entry.label)}</h3>\n"
        + (f'<p class="path">{headings}</p>\n' if headings else "")
        + f'<blockquote>{before}<span class="passage">{marked(entry)}</span>{after}</blockquote>\n'
        + _table(entry.facts)
        + "\n</article>"
    )


def marked(entry: Entry) -> str:
    """The passage as HTML, with ``mark`` for what was attended to and ``u`` for exact matches."""
    pieces = []
    for segment in entry.quotation.segments:
        piece = escape(segment.text)
        if segment.term:
            piece = f"<u>{piece}</u>"
        if segment.weight > 0:
            opacity = 0.15 + 0.6 * min(segment.weight, 1.0)
            piece = f'<mark style="--w: {opacity:.2f}" title="{segment.weight:.3f}">{piece}</mark>'
        pieces.append(piece)
    return "".join(pieces)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table>\n{cells}\n</table>"
