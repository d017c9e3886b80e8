"""The pages of a marked PDF that are not the original's: its cover and excerpts, as HTML."""

import html
import re
from collections.abc import Iterable, Sequence

from engine.export.marks import Segment
from engine.export.report import Entry, Report, file_name, source_facts
from engine.export.source import ExportSource

STYLE = """
body { font-family: sans-serif; font-size: 9.5px; line-height: 1.6; color: #1b1f24; }
h1 { font-size: 17px; color: #173a70; border-bottom: 2px solid #173a70; }
h2 { font-size: 12.5px; color: #173a70; margin-top: 14px; margin-bottom: 4px; }
h3 { font-size: 10.5px; color: #173a70; margin-top: 12px; margin-bottom: 2px; }
td { border: 1px solid #b8c0ca; padding: 2px 5px; font-size: 8.5px; }
.name { background-color: #eef2f8; width: 92px; }
.quote { background-color: #f6f7f9; border-left: 3px solid #1f5fbf; padding: 5px; margin: 4px; }
.around { color: #7a828c; margin: 4px; }
.note { color: #4a525c; margin: 3px 0; }
"""
_LIGHT, _STRONG = (255, 244, 208), (255, 178, 60)
_JOINED = re.compile("(&amp;|f(?=[fil]))")
# Breaks long paths and hashes, which hold nothing a line could be broken at.
_LONGEST_WORD = 60


def cover_html(report: Report, notes: Sequence[str]) -> str:
    """The cover: the answer as a whole, then every passage with its file, place and scores."""
    pieces = [f"<h1>{escape(report.title)}</h1>", _table(report.facts)]
    pieces += [f'<p class="note">{escape(note)}</p>' for note in (report.say("legend"), *notes)]
    pieces.append(f"<h2>{escape(report.heading)}</h2>")
    if not report.entries:
        pieces.append(f"<p>{escape(report.say('empty'))}</p>")
    for entry in report.entries:
        pieces.append(f"<h3>{_heading(entry)}</h3>")
        pieces.append(f'<p class="quote">{_marked(entry.quotation.segments)}</p>')
        pieces.append(_table(entry.facts))
    return "\n".join(pieces)


def excerpt_html(report: Report, source: ExportSource, entries: Iterable[Entry]) -> str:
    """Passages of a file that is no PDF, in their surroundings."""
    pieces = [
        f"<h1>{escape(file_name(source.info))}</h1>",
        _table(source_facts(source.info, report.say)),
    ]
    for entry in entries:
        quotation = entry.quotation
        pieces.append(f"<h2>{_heading(entry)}</h2>")
        if quotation.before:
            pieces.append(f'<p class="around">{_lines(quotation.before)}</p>')
        pieces.append(f'<p class="quote">{_marked(quotation.segments)}</p>')
        if quotation.after:
            pieces.append(f'<p class="around">{_lines(quotation.after)}</p>')
        facts = [fact for fact in entry.facts if fact not in source_facts(source.info, report.say)]
        pieces.append(_table(facts))
    return "\n".join(pieces)


def escape(text: str) -> str:
    """Escape a text for the HTML of MuPDF.

    It resolves entities twice, and sets ligatures that break copied hashes and file names; an
    empty element between the characters prevents both.
    """
    return _JOINED.sub(r"\1<span></span>", html.escape(text))


def _heading(entry: Entry) -> str:
    return escape(" › ".join((entry.label, *entry.heading_path)))


def _marked(segments: Iterable[Segment]) -> str:
    pieces = []
    for segment in segments:
        piece = _lines(segment.text)
        if segment.term:
            piece = f"<u>{piece}</u>"
        if segment.weight > 0:
            share = min(segment.weight, 1.0)
            colour = "".join(
                f"{round(a + (b - a) * share):02x}" for a, b in zip(_LIGHT, _STRONG, strict=True)
            )
            piece = f'<span style="background-color: #{colour}">{piece}</span>'
        pieces.append(piece)
    return "".join(pieces)


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br/>").replace("\t", "&#160;&#160;")


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><td class="name">{escape(name)}</td><td>{_lines(_broken(value))}</td></tr>'
        for name, value in rows
    )
    return f"<table>{cells}</table>"


def _broken(value: str) -> str:
    words = []
    for word in value.split(" "):
        latin = word.isascii() and len(word) > _LONGEST_WORD and len(word) != 64
        step = _LONGEST_WORD if latin else max(len(word), 1)
        words.append(" ".join(word[i : i + step] for i in range(0, len(word), step)))
    return " ".join(words)
