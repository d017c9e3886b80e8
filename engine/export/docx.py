"""Word: the passages quoted with shaded words, and where they stand."""

from collections.abc import Iterable
from pathlib import Path

import docx
from docx.document import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import CharacterStyle
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from engine.export.registry import Task
from engine.export.report import Entry, Report, file_name, source_facts

_LIGHT, _STRONG = (255, 247, 220), (255, 170, 40)
_GREY = RGBColor(0x70, 0x70, 0x70)
_STYLES = ("Normal", "Title", "Heading 1", "Heading 2", "Intense Quote")
_FONTS = {"ja": "Yu Gothic", "en": "Calibri"}


def write(task: Task, path: Path) -> None:
    """Write the report as a Word document."""
    report = task.report
    document = docx.Document()
    _prepare(document, task)
    document.add_heading(report.title, 0)
    _table(document, report.facts)
    document.add_paragraph(report.say("legend"))
    document.add_heading(report.heading, 1)
    for entry in report.entries:
        task.cancel.check()
        _entry(document, entry)
    if not report.entries:
        document.add_paragraph(report.say("empty"))
    _sources(document, report)
    with path.open("wb") as stream:
        document.save(stream)


def _prepare(document: Document, task: Task) -> None:
    report = task.report
    for name in _STYLES:
        style = document.styles[name]
        assert isinstance(style, CharacterStyle)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        # Theme fonts would win over the named ones.
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        for script in ("ascii", "hAnsi", "eastAsia"):
            fonts.set(qn(f"w:{script}"), _FONTS[report.language])
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.0)
    section.footer.paragraphs[0].text = f"{report.say('evidence')} {task.evidence.evidence_id}"
    properties = document.core_properties
    properties.title, properties.author, properties.comments = report.title, "Chumoku", ""
    properties.created = properties.modified = task.now.replace(tzinfo=None)


def _entry(document: Document, entry: Entry) -> None:
    document.add_heading(entry.label, 2)
    if entry.heading_path:
        _grey(document.add_paragraph(), " › ".join(entry.heading_path))
    quotation = entry.quotation
    if quotation.before:
        _grey(document.add_paragraph(), quotation.before)
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.left_indent = Cm(0.6)
    for segment in quotation.segments:
        run = paragraph.add_run(segment.text)
        run.underline = True if segment.term else None
        if segment.weight > 0:
            _shade(run, segment.weight)
    if quotation.after:
        _grey(document.add_paragraph(), quotation.after)
    _table(document, entry.facts)


def _sources(document: Document, report: Report) -> None:
    document.add_heading(report.say("sources"), 1)
    for source in report.sources.values():
        document.add_heading(file_name(source.info), 2)
        _table(document, source_facts(source.info, report.say))


def _grey(paragraph: Paragraph, text: str) -> None:
    run = paragraph.add_run(text)
    run.font.color.rgb, run.font.size = _GREY, Pt(9)


def _shade(run: Run, weight: float) -> None:
    share = min(weight, 1.0)
    colour = "".join(
        f"{round(a + (b - a) * share):02X}" for a, b in zip(_LIGHT, _STRONG, strict=True)
    )
    shading = OxmlElement("w:shd")
    shading.set(qn("w:val"), "clear")
    shading.set(qn("w:color"), "auto")
    shading.set(qn("w:fill"), colour)
    run._r.get_or_add_rPr().append(shading)


def _table(document: Document, rows: Iterable[tuple[str, str]]) -> None:
    table = document.add_table(rows=0, cols=2, style="Table Grid")
    table.autofit = False
    for name, value in rows:
        cells = table.add_row().cells
        for cell, text, width in zip(cells, (name, value), (4.0, 13.0), strict=True):
            cell.width = Cm(width)
            run = cell.paragraphs[0].add_run(text)
            run.font.size = Pt(9)
        cells[0].paragraphs[0].runs[0].bold = True
    document.add_paragraph()
