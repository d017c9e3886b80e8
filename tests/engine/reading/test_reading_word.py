import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from engine.reading.limits import Limits
from engine.reading.registry import read


@pytest.fixture
def make(tmp_path):
    def _make(fill):
        document = docx.Document()
        fill(document)
        path = tmp_path / "手順書.docx"
        document.save(str(path))
        return read(path, Limits())

    return _make


def texts(document, *kinds):
    return [document.text[u.start : u.end] for u in document.units if not kinds or u.kind in kinds]


def add_xml(document, xml):
    document.element.body.insert(-1, parse_xml(xml))


def test_body_in_its_order(make):
    def _fill(document):
        document.add_heading("軸受交換作業手順書", 0)
        document.add_heading("目的", 1)
        document.add_paragraph("この手順書は軸受の交換を定める。")
        table = document.add_table(1, 2)
        table.cell(0, 0).text, table.cell(0, 1).text = "工具", "ソケット"
        document.add_heading("適用範囲", 2)
        document.add_paragraph("旋盤", style="List Bullet")
        document.sections[0].header.paragraphs[0].text = "社外秘 WI-2041"
        document.sections[0].footer.paragraphs[0].text = "品質保証課"

    document = make(_fill)
    assert [(u.kind, u.level) for u in document.units] == [
        ("header", 0), ("title", 0), ("heading", 1), ("paragraph", 0), ("row", 0),
        ("heading", 2), ("list", 0), ("footer", 0),
    ]  # fmt: skip
    assert document.title == "軸受交換作業手順書"
    assert document.text.split("\n")[4] == "工具\tソケット"
    assert len(document.pages) == 1
    assert document.pages[0].width == 0
    assert document.char_boxes is None
    assert all(unit.page is None for unit in document.units)


def test_merged_headers_of_a_table(make):
    grid = [
        ["工程", "測定値", ""],
        ["", "最小", "最大"],
        ["旋削", "10.0", "10.2"],
        ["", "9.9", "10.1"],
    ]

    def _fill(document):
        document.add_paragraph("次の表による。")
        document.add_table(1, 2).cell(0, 0).text = "前の表"
        table = document.add_table(4, 3)
        for row, cells in enumerate(grid):
            for column, text in enumerate(cells):
                table.cell(row, column).text = text
        table.cell(0, 0).merge(table.cell(1, 0))
        table.cell(0, 1).merge(table.cell(0, 2))
        table.cell(2, 0).merge(table.cell(3, 0))

    document = make(_fill)
    assert texts(document, "row")[-1] == "工程: 旋削\t測定値 / 最小: 9.9\t測定値 / 最大: 10.1"
    row = document.units[-1]
    assert row.cell == "T2R4C1:T2R4C3"
    cells = {cell: document.text[start:end] for start, end, cell in row.cells}
    assert cells == {"T2R3C1": "旋削", "T2R4C2": "9.9", "T2R4C3": "10.1"}


def test_a_frame_of_one_cell_is_running_text(make):
    def _fill(document):
        cell = document.add_table(1, 1).cell(0, 0)
        cell.text = "注意"
        cell.add_paragraph("電源を切ること。")

    document = make(_fill)
    assert [(u.kind, u.cell) for u in document.units] == [("paragraph", "T1R1C1")] * 2


def test_headings_by_outline_level_and_japanese_style(make):
    def _fill(document):
        paragraph = document.add_paragraph("段落で決めた見出し")
        paragraph._p.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {nsdecls("w")} w:val="1"/>'))
        style = document.styles.add_style("見出し 3", 1)
        document.add_paragraph("和名の見出し", style=style)
        derived = document.styles.add_style("社内見出し", 1)
        derived.base_style = document.styles["Heading 1"]
        document.add_paragraph("派生した見出し", style=derived)

    document = make(_fill)
    assert [(u.kind, u.level) for u in document.units] == [
        ("heading", 2), ("heading", 3), ("heading", 1),
    ]  # fmt: skip


NUMBERING = """<w:abstractNum {ns} w:abstractNumId="90"><w:multiLevelType w:val="multilevel"/>
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="第%1章"/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>
<w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="decimalEnclosedCircle"/>
<w:lvlText w:val="%3"/></w:lvl></w:abstractNum>"""


def test_automatic_numbers_are_written_out(make):
    def _fill(document):
        numbering = document.part.numbering_part.element
        numbering.insert(0, parse_xml(NUMBERING.format(ns=nsdecls("w"))))
        numbering.append(
            parse_xml(f'<w:num {nsdecls("w")} w:numId="90"><w:abstractNumId w:val="90"/></w:num>')
        )
        for level, text in (
            (0, "総則"),
            (1, "目的"),
            (2, "甲"),
            (2, "乙"),
            (1, "範囲"),
            (0, "作業"),
            (1, "準備"),
        ):
            paragraph = document.add_paragraph(text)
            paragraph._p.get_or_add_pPr().append(
                parse_xml(
                    f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/>'
                    '<w:numId w:val="90"/></w:numPr>'
                )
            )

    assert texts(make(_fill)) == [
        "第1章 総則", "1.1 目的", "① 甲", "② 乙", "1.2 範囲", "第2章 作業", "2.1 準備",
    ]  # fmt: skip


def test_changes_and_phonetic_guides_read_as_shown(make):
    ns = nsdecls("w")

    def _fill(document):
        add_xml(
            document,
            f"<w:p {ns}><w:r><w:t>締付けは</w:t></w:r>"
            "<w:del w:id='1'><w:r><w:delText>10</w:delText></w:r></w:del>"
            "<w:ins w:id='2'><w:r><w:t>12.5</w:t></w:r></w:ins>"
            "<w:r><w:t xml:space='preserve"
            "'> N·m</w:t></w:r><w:r><w:tab/><w:t>とする。</w:t></w:r></w:p>",
        )
        add_xml(
            document,
            f"<w:p {ns}><w:r><w:ruby><w:rt><w:r><w:t>じくうけ</w:t></w:r></w:rt><w:rubyBase>"
            "<w:r><w:t>軸受</w:t></w:r></w:rubyBase></w:ruby></w:r><w:r><w:t>の交換</w:t></w:r></w:p>",
        )
        add_xml(
            document,
            f"<w:sdt {ns}><w:sdtContent><w:p><w:r><w:t>部品の中の段落</w:t></w:r></w:p>"
            "</w:sdtContent></w:sdt>",
        )

    assert texts(make(_fill)) == ["締付けは12.5 N·m\tとする。", "軸受の交換", "部品の中の段落"]


TEXT_BOX = """<w:p {ns} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"
 xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"
 xmlns:v="urn:schemas-microsoft-com:vml"><w:r><w:t>図を見よ。</w:t></w:r><w:r>
<mc:AlternateContent><mc:Choice Requires="wps"><wps:txbx><w:txbxContent><w:p><w:r>
<w:t>囲みの注意</w:t></w:r></w:p></w:txbxContent></wps:txbx></mc:Choice><mc:Fallback><w:pict>
<v:textbox><w:txbxContent><w:p><w:r><w:t>囲みの注意</w:t></w:r></w:p></w:txbxContent></v:textbox>
</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"""


def test_text_boxes_are_read_once(make):
    document = make(lambda d: add_xml(d, TEXT_BOX.format(ns=nsdecls("w"))))
    assert [(u.kind) for u in document.units] == ["paragraph", "note"]
    assert texts(document) == ["図を見よ。", "囲みの注意"]


def test_footnotes_follow_the_paragraph_that_refers_to_them(make):
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    ns = nsdecls("w")
    notes = (
        f'<?xml version="1.0" encoding="UTF-8"?><w:footnotes {ns}>'
        '<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>---</w:t></w:r></w:p></w:footnote>'
        '<w:footnote w:id="2"><w:p><w:r><w:footnoteRef/><w:t>JIS B 1521 による。</w:t></w:r></w:p>'
        "</w:footnote></w:footnotes>"
    )
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    content = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"

    def _fill(document):
        part = Part(PackURI("/word/footnotes.xml"), content, notes.encode(), document.part.package)
        document.part.relate_to(part, relation)
        add_xml(
            document,
            f"<w:p {ns}><w:r><w:t>軸受を選ぶ。</w:t></w:r>"
            '<w:r><w:footnoteReference w:id="2"/></w:r></w:p>',
        )
        document.add_paragraph("次の段落。")

    document = make(_fill)
    assert texts(document) == ["軸受を選ぶ。", "JIS B 1521 による。", "次の段落。"]
    assert document.units[1].kind == "footnote"


def test_metadata(make):
    def _fill(document):
        document.add_paragraph("本文")
        document.core_properties.title = "品質規程"
        document.core_properties.author = "品質保証課"
        document.core_properties.version = "第3版"

    document = make(_fill)
    assert document.title == "品質規程"
    assert (document.metadata["author"], document.metadata["revision"]) == ("品質保証課", "第3版")


def fill_table(document, rows, merged):
    table = document.add_table(len(rows), len(rows[0]))
    for down, row in enumerate(rows):
        for across, text in enumerate(row):
            table.cell(down, across).text = text
    for first, last in merged:
        table.cell(*first).merge(table.cell(*last))


def test_a_form_whose_first_value_is_merged(make):
    rows = [
        ["件名", "ブレーキ付モータ", "", ""],
        ["文書番号", "PS-M-0417", "改訂", "改3"],
        ["供給者", "東雲モートル", "機種", "ローラコンベヤ"],
        ["承認", "栂野", "作成", "宍倉"],
    ]
    document = make(lambda each: fill_table(each, rows, [((0, 1), (0, 3))]))
    assert texts(document)[1:] == ["\t".join(row) for row in rows[1:]]


def test_a_header_of_values_parted_by_merged_cells(make):
    rows = [
        ["項目", "単位", "50Hz", "60Hz", ""],
        ["", "", "200V", "200V", "220V"],
        ["定格電流", "A", "2.35", "2.08", "2.02"],
        ["効率", "%", "73.5", "75.8", "76.1"],
    ]
    merged = [((0, 0), (1, 0)), ((0, 1), (1, 1)), ((0, 3), (0, 4))]
    assert texts(make(lambda each: fill_table(each, rows, merged)))[2] == (
        "項目: 定格電流\t単位: A\t50Hz / 200V: 2.35\t60Hz / 200V: 2.08\t60Hz / 220V: 2.02"
    )
