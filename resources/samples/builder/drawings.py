"""The drawings: the valve body as DXF, the spool as PDF with turned text."""

from itertools import pairwise
from pathlib import Path

import pymupdf
from ezdxf import options  # pyright: ignore[reportPrivateImportUsage]
from ezdxf.document import Drawing
from ezdxf.filemanagement import new
from ezdxf.layouts.layout import Modelspace
from ezdxf.sections.classes import REQ_R2004

from resources.samples.builder.layout import PageWriter, save

BODY_NOTES = (
    "注記",
    "1. 指示なき角部は C0.5 とする。",
    "2. 鋳肌面の抜け勾配は 2度以下。",
    "3. 主穴と横穴の交差部にばりなきこと。内視鏡 20倍で確認する。",
    "4. 耐漏れ: 空気 0.6 MPa、水中にて気泡なきこと。",
    "5. 鋳出し文字は版記号 D とし、高さ 5、凸 0.5。",
    "6. 塗装: マンセル N5.5 半つや、膜厚 25～40 μm。取付面は塗らない。",
)
BODY_TITLE = {
    "TITLE": "本体",
    "DRAWING_NO": "HV-2041-01",
    "REVISION": "D",
    "MATERIAL": "FCD450-10",
    "SCALE": "1:1",
    "DATE": "2020-10-19",
    "DRAWN": "久我",
    "CHECKED": "北条",
    "COMPANY": "水無瀬油機株式会社",
}
LAYERS = {"外形線": 7, "中心線": 1, "寸法": 3, "注記": 2, "表題欄": 4, "照合番号": 6}
SPOOL_NOTES = (
    "注記",
    "1. 材料 SCM415。浸炭焼入れ焼戻し、有効硬化層深さ 0.5～0.8 mm。",
    "2. 表面の硬さ 58～62 HRC。",
    "3. ランドの縁は鋭角のまま残し、面取りをしないこと。",
    "4. 円筒度 0.8 μm、ランド4か所に適用する。",
    "5. 研削後に脱磁し、残留磁気を 0.3 mT 以下とする。",
    "6. 識別溝は A 側の端から 3 mm に設ける。",
)


def write_body_drawing(path: Path) -> None:
    """Write the body HV-2041-01 as DXF with layers, notes, dimensions and a title block."""
    options.write_fixed_meta_data_for_testing = True
    drawing = new("R2010", setup=True, units=4)
    for name, colour in LAYERS.items():
        drawing.layers.add(name, color=colour)
    drawing.styles.add("JP", font="msgothic.ttc")
    space = drawing.modelspace()
    _body_outline(space)
    _body_dimensions(space)
    _body_texts(space)
    _title_block(drawing, space)
    # ezdxf adds these from a set, in another order each time.
    for kind in sorted({*REQ_R2004, *drawing.entitydb.dxf_types_in_use()}):
        drawing.classes.add_class(kind)
    drawing.saveas(path)


def _body_outline(space: Modelspace) -> None:
    outline = {"layer": "外形線"}
    space.add_lwpolyline(
        [(60, 120), (180, 120), (180, 190), (60, 190)], close=True, dxfattribs=outline
    )
    for y in (146, 164):
        space.add_line((60, y), (180, y), dxfattribs=outline)
    for x in (80, 100, 120, 140, 160):
        space.add_circle((x, 155), 5, dxfattribs=outline)
    for x in (97, 143):
        for y in (128, 182):
            space.add_circle((x, y), 2.75, dxfattribs=outline)
    centre = {"layer": "中心線", "linetype": "CENTER"}
    space.add_line((50, 155), (190, 155), dxfattribs=centre)
    space.add_line((120, 112), (120, 198), dxfattribs=centre)
    space.add_lwpolyline(
        [(10, 10), (410, 10), (410, 287), (10, 287)], close=True, dxfattribs=outline
    )


def _body_dimensions(space: Modelspace) -> None:
    layer = {"layer": "寸法"}
    style = {"dimtxt": 3.5, "dimasz": 2.5, "dimlfac": 1.0}
    dimensions = [
        ((60, 205), (60, 190), (180, 190), 0, "120 ±0.2"),
        ((97, 102), (97, 128), (143, 128), 0, "46 ±0.05"),
        ((45, 120), (60, 120), (60, 190), 90, "70 ±0.1"),
        ((195, 128), (143, 128), (143, 182), 90, "54 ±0.05"),
        ((205, 146), (180, 146), (180, 164), 90, "φ18 H6"),
    ]
    for base, first, second, angle, text in dimensions:
        space.add_linear_dim(
            base=base, p1=first, p2=second, angle=angle, text=text, override=style, dxfattribs=layer
        ).render()


def _body_texts(space: Modelspace) -> None:
    texts = [
        ("P", (118, 160), 4, 0, "照合番号"),
        ("A", (98, 160), 4, 0, "照合番号"),
        ("B", (138, 160), 4, 0, "照合番号"),
        ("T", (78, 160), 4, 0, "照合番号"),
        ("4-φ5.5 通し、M5 ボルト用", (150, 210), 3.5, 0, "注記"),
        ("取付面 平面度 0.01", (30, 130), 3.5, 90, "注記"),
        ("主穴 Ra 0.2 ホーニング仕上げ", (215, 168), 3.5, 0, "注記"),
        ("横穴 5-φ10 等間隔 20", (215, 158), 3.5, 0, "注記"),
        ("断面 A-A", (108, 225), 5, 0, "注記"),
    ]
    for text, place, height, turn, layer in texts:
        attributes = {"layer": layer, "height": height, "rotation": turn, "style": "JP"}
        space.add_text(text, dxfattribs=attributes).set_placement(place)
    notes = space.add_mtext(
        "\\P".join(BODY_NOTES),
        dxfattribs={"layer": "注記", "char_height": 3.5, "width": 170, "style": "JP"},
    )
    notes.set_location((235, 275))


def _title_block(drawing: Drawing, space: Modelspace) -> None:
    block = drawing.blocks.new("TITLE_BLOCK")
    block.add_lwpolyline([(0, 0), (170, 0), (170, 50), (0, 50)], close=True)
    labels = ("名称", "図番", "版", "材料", "尺度", "日付", "製図", "検図", "会社")
    for row, (tag, label) in enumerate(zip(BODY_TITLE, labels, strict=True)):
        x, y = (row % 3) * 56 + 3, 38 - (row // 3) * 16
        block.add_text(label, height=2.5, dxfattribs={"style": "JP"}).set_placement((x, y + 5))
        block.add_attdef(tag, (x, y), dxfattribs={"height": 3.5, "style": "JP"})
    reference = space.add_blockref("TITLE_BLOCK", (240, 10), dxfattribs={"layer": "表題欄"})
    reference.add_auto_attribs(BODY_TITLE)


def write_spool_drawing(path: Path) -> None:
    """Write the spool HV-2041-02 as an A3 PDF with vertical and slanted text."""
    pdf = pymupdf.open()
    pdf.new_page(width=1191, height=842)
    page = PageWriter((1191, 842))
    page.box(28, 28, 1163, 814, width=1.6)
    _spool_outline(page)
    _spool_dimensions(page)
    for row, note in enumerate(SPOOL_NOTES):
        page.text(70, 560 + row * 24, note, 13)
    _spool_title(page)
    page.finish(pdf[0])
    save(pdf, path, "スプール HV-2041-02", "水無瀬油機株式会社", "HV-2041-02 F版")


def _spool_outline(page: PageWriter) -> None:
    lands = ((180, 270), (380, 470), (580, 670), (780, 870))
    for left, right in lands:
        page.box(left, 240, right, 380, width=1.4)
    for (_, left), (right, _) in pairwise(lands):
        page.box(left, 275, right, 345, width=1.2)
    page.box(130, 265, 180, 355, width=1.2)
    page.box(870, 265, 920, 355, width=1.2)
    page.line(100, 310, 950, 310, 0.5, "[16 4 3 4] 0")
    page.line(150, 265, 150, 355, 1.0)


def _spool_dimensions(page: PageWriter) -> None:
    page.line(130, 160, 920, 160, 0.5)
    page.line(130, 155, 130, 260, 0.4)
    page.line(920, 155, 920, 260, 0.4)
    page.text(525, 152, "96.4 ±0.1", 14, align="center")
    page.line(380, 205, 470, 205, 0.5)
    page.text(425, 198, "9.20 ±0.02", 13, align="center")
    page.line(990, 240, 990, 380, 0.5)
    page.rotated(984, 375, "φ17.990～17.996", 13, 90)
    page.rotated(1018, 385, "選択はめあい 3区分", 11, 90)
    page.line(60, 275, 60, 345, 0.5)
    page.rotated(54, 352, "φ10 -0.1", 12, 90)
    page.rotated(700, 225, "Ra 0.1 円筒研削", 12, 35)
    page.line(690, 240, 706, 226, 0.5)
    page.rotated(110, 500, "A側 識別溝 幅 1 深さ 0.3", 12, 90)
    page.text(320, 410, "溝 φ10 すみ R0.5", 12)
    page.text(525, 470, "正面図  尺度 5:1", 13, align="center")


def _spool_title(page: PageWriter) -> None:
    rows = [
        (("名称", "スプール"), ("図番", "HV-2041-02")),
        (("材料", "SCM415"), ("版", "F")),
        (("熱処理", "浸炭焼入れ"), ("尺度", "5:1")),
        (("製図", "宇佐美 2024-12-09"), ("検図", "久我 2024-12-12")),
    ]
    for row, fields in enumerate(rows):
        y = 654 + row * 32
        for column, (label, value) in enumerate(fields):
            x = 753 + column * 205
            page.box(x, y, x + 60, y + 32)
            page.box(x + 60, y, x + 205, y + 32)
            page.text(x + 30, y + 21, label, 10, align="center")
            page.text(x + 68, y + 21, value, 13)
    page.box(753, 782, 1163, 814)
    page.text(958, 803, "水無瀬油機株式会社  弥富工場  設計課", 12, align="center")
    page.rotated(1150, 640, "第三角法", 11, 90)
