"""The Word procedure MP-CL-034 for the ultrasonic cleaner."""

from pathlib import Path

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph as DocxParagraph

from resources.samples.builder import markup
from resources.samples.builder.archive import fix_times

TITLE = "超音波洗浄機 UC-450 点検・洗浄手順"
FOOTNOTE_AFTER = "屈折計の読みに 1.8 を掛けて求める"
FOOTNOTE = (
    "係数 1.8 は洗剤メーカの資料 MC-20-TD（2019年）による。"
    "古い液では油分の影響で読みが高く出るため、月に一度、滴定で確かめる。"
)


def write_cleaning(path: Path) -> None:
    """Write the procedure as a Word document."""
    document = docx.Document()
    _style(document)
    _head(document)
    for block in markup.load("cleaning.md"):
        _add(document, block)
    document.save(str(path))
    fix_times(path)


def _style(document: Document) -> None:
    for name in ("Normal", "Heading 1", "Heading 2", "Title", "List Bullet", "List Number"):
        style = document.styles[name]
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qn("w:eastAsia"), "游ゴシック")
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(theme), None)
        fonts.set(qn("w:ascii"), "Yu Gothic")
        fonts.set(qn("w:hAnsi"), "Yu Gothic")
    normal = document.styles["Normal"]
    assert isinstance(normal, ParagraphStyle)
    normal.font.size = Pt(10.5)
    properties = document.core_properties
    properties.title, properties.author = TITLE, "水無瀬油機株式会社 設備保全係"
    properties.subject, properties.comments = "MP-CL-034 第3版", ""


def _head(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.header.paragraphs[0].text = "MP-CL-034 第3版\t\t水無瀬油機株式会社 弥富工場"
    section.footer.paragraphs[0].text = "洗浄室に掲示のこと。保全係 内線 4180"
    document.add_paragraph(TITLE, style="Title")
    table = document.add_table(rows=2, cols=4, style="Table Grid")
    cells = ("文書番号", "MP-CL-034", "版", "第3版", "改訂日", "2025年4月21日", "作成", "加納")
    for number, text in enumerate(cells):
        table.cell(number // 4, number % 4).text = text


def _add(document: Document, block: markup.Block) -> None:
    match block:
        case markup.Heading(level, text):
            document.add_heading(text, level)
        case markup.Paragraph(text):
            paragraph = document.add_paragraph(text)
            if FOOTNOTE_AFTER in text:
                _footnote(document, paragraph)
        case markup.ListItem(label, text):
            numbered = label != "・"
            item = document.add_paragraph(text, style="List Number" if numbered else "List Bullet")
            if label == "1.":
                _restart_numbering(document)
            if numbered:
                _number(document, item)
        case markup.Table(header, rows):
            table = document.add_table(rows=0, cols=len(header), style="Table Grid")
            for row in (header, *rows):
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
            for cell in table.rows[0].cells:
                cell.paragraphs[0].runs[0].bold = True
            document.add_paragraph()
        case markup.Notice(kind, text):
            paragraph = document.add_paragraph()
            paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT
            run = paragraph.add_run(f"【{kind}】{text}")
            run.bold, run.font.color.rgb = True, RGBColor(0xB0, 0x10, 0x10)


def _restart_numbering(document: Document) -> None:
    numbering = document.part.numbering_part.element
    style = document.styles["List Number"].element
    listed = numbering.num_having_numId(style.pPr.numPr.numId.val)
    fresh = numbering.add_num(listed.abstractNumId.val)
    fresh.add_lvlOverride(ilvl=0).add_startOverride(1)


def _number(document: Document, item: DocxParagraph) -> None:
    newest = document.part.numbering_part.element.num_lst[-1]
    properties = item._p.get_or_add_pPr().get_or_add_numPr()
    properties.get_or_add_ilvl().val = 0
    properties.get_or_add_numId().val = newest.numId


def _footnote(document: Document, paragraph: DocxParagraph) -> None:
    xml = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:footnotes {nsdecls("w")}>'
        '<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
        '<w:footnote w:type="continuationSeparator" w:id="0"><w:p><w:r>'
        "<w:continuationSeparator/></w:r></w:p></w:footnote>"
        '<w:footnote w:id="1"><w:p><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
        f"<w:footnoteRef/></w:r><w:r><w:t>{FOOTNOTE}</w:t></w:r></w:p></w:footnote></w:footnotes>"
    )
    part = Part(
        PackURI("/word/footnotes.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml",
        xml.encode(),
        document.part.package,
    )
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    reference = parse_xml(
        f'<w:r {nsdecls("w")}><w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
        '<w:footnoteReference w:id="1"/></w:r>'
    )
    paragraph._p.append(reference)
