import re

import numpy as np
import pytest
from ezdxf import filemanagement

from engine.errors import ReadingError
from engine.reading.limits import Limits
from engine.reading.registry import read


@pytest.fixture
def make(tmp_path):
    def _make(fill, version="R2010", name="図面.dxf", **save):
        drawing = filemanagement.new(version, setup=True)
        fill(drawing, drawing.modelspace())
        path = tmp_path / name
        drawing.saveas(path, **save)
        return path

    return _make


def note(space, text, x, y, height=3.5, **attributes):
    space.add_text(text, dxfattribs={"height": height, "insert": (x, y), **attributes})


def texts(document, *kinds):
    return [document.text[u.start : u.end] for u in document.units if not kinds or u.kind in kinds]


def unit_of(document, text):
    return next(u for u in document.units if text in document.text[u.start : u.end])


def frame(space):
    space.add_lwpolyline([(0, 0), (420, 0), (420, 297), (0, 297)], close=True)


def test_texts_with_handle_layer_and_place(make):
    def _fill(drawing, space):
        drawing.layers.add("注記")
        frame(space)
        note(space, "注記", 20, 250, 5, layer="注記")
        note(space, "1. 指示なき角部は C0.5", 20, 240, layer="注記")
        space.add_mtext(
            "{\\fMS Gothic;表面処理}\\P無電解ニッケル%%c",
            dxfattribs={"char_height": 3.5, "insert": (20, 200)},
        )

    path = make(_fill)
    document = read(path, Limits())
    assert document.text == "注記\n1. 指示なき角部は C0.5\n表面処理\n無電解ニッケルØ"
    handles = {e.dxf.handle: e for e in filemanagement.readfile(path).modelspace()}
    for unit in document.units:
        assert unit.entity in handles
    assert document.units[0].layer == "注記"
    page = document.pages[0]
    assert page.name == "Model"
    scale, x, y = map(float, document.metadata["page1_mapping"].split())
    assert page.width == pytest.approx((420 + 2 * 0.03 * 420) * scale, rel=1e-3)
    box = document.units[0].box
    assert box is not None
    assert box[0] == pytest.approx((20 - x) * scale, abs=0.1)
    assert box[1] == pytest.approx((y - 255) * scale, abs=0.1)
    assert document.char_boxes is not None
    assert document.char_boxes.shape == (len(document.text), 4)


def test_turned_text_has_a_turned_box(make):
    def _fill(_drawing, space):
        frame(space)
        note(space, "回転した文字列", 200, 100, rotation=90)

    document = read(make(_fill), Limits())
    x0, y0, x1, y1 = document.units[0].box or (0, 0, 0, 0)
    assert y1 - y0 > 4 * (x1 - x0)
    boxes = document.char_boxes
    assert boxes is not None
    assert (np.diff(boxes[:, 1]) < 0).all()


def test_neighbours_on_a_line_make_a_row_and_far_ones_do_not(make):
    def _fill(_drawing, space):
        frame(space)
        note(space, "M8%%177", 20, 230)
        note(space, "%%c25", 36, 230)
        note(space, "遠くの注記", 300, 230)
        note(space, "上の注記", 20, 260)

    assert read(make(_fill), Limits()).text == "上の注記\nM8±\tØ25\n遠くの注記"


@pytest.mark.parametrize(
    ("text", "override", "expected"),
    [
        ("<>", {}, "50.5"),
        ("<>", {"dimtol": 1, "dimtp": 0.05, "dimtm": 0.05, "dimtdec": 2}, "50.5±0.05"),
        ("<>", {"dimtol": 1, "dimtp": 0.05, "dimtm": 0.02, "dimtdec": 2}, "50.5 +0.05/-0.02"),
        ("<>", {"dimlim": 1, "dimtp": 0.5, "dimtm": 0.5}, "50.5 (51/50)"),
        ("4×<> H7", {}, "4×50.5 H7"),
        ("50 H7", {}, "50 H7 [50.5]"),
    ],
)
def test_dimensions(make, text, override, expected):
    style = {"dimlfac": 1, "dimdec": 1, "dimtxt": 3.5, **override}

    def _fill(_drawing, space):
        frame(space)
        space.add_linear_dim(
            base=(100, 120), p1=(100, 100), p2=(150.5, 100), text=text, override=style
        ).render()

    path = make(_fill)
    document = read(path, Limits())
    assert texts(document, "dimension") == [expected]
    scale, x, y = map(float, document.metadata["page1_mapping"].split())
    box = document.units[0].box
    assert box is not None
    centre = ((box[0] + box[2]) / 2 / scale + x, y - (box[1] + box[3]) / 2 / scale)
    assert centre[0] == pytest.approx(125.25, abs=3)
    assert centre[1] == pytest.approx(122, abs=4)


def test_diameter_and_radius(make):
    def _fill(_drawing, space):
        override = {"dimlfac": 1, "dimdec": 2, "dimzin": 8}
        space.add_diameter_dim(center=(0, 0), radius=12.7, angle=45, override=override).render()
        space.add_radius_dim(center=(99, 0), radius=2.5, angle=45, override=override).render()

    assert sorted(texts(read(make(_fill), Limits()), "dimension")) == ["R2.5", "φ25.4"]


def fill_title(drawing, space):
    frame(space)
    note(space, "本体の注記", 20, 250)
    block = drawing.blocks.new("TITLE")
    for text, x, y in (
        ("図番", 0, 0), ("名称", 0, 10), ("フランジ", 20, 10), ("材質", 0, 20), ("S45C", 20, 20),
        ("尺度", 50, 20), ("1:2", 70, 20),
    ):  # fmt: skip
        note(block, text, x, y, 3)
    block.add_attdef("DWG_NO", (20, 0), dxfattribs={"height": 3})
    space.add_blockref("TITLE", (300, 20)).add_auto_attribs({"DWG_NO": "SF-2041-07"})


def test_title_block_is_grouped_and_understood(make):
    document = read(make(fill_title), Limits())
    assert document.text == (
        "本体の注記\n材質\tS45C\t尺度\t1:2\n名称\tフランジ\n図番\tDWG_NO: SF-2041-07"
    )
    assert document.title == "フランジ"
    expected = {
        "drawing_number": "SF-2041-07", "drawing_title": "フランジ", "material": "S45C",
        "scale": "1:2",
    }  # fmt: skip
    assert expected.items() <= document.metadata.items()
    attribute = unit_of(document, "SF-2041-07")
    assert attribute.kind == "attribute"
    assert document.char_boxes is not None
    drawn = ~np.isnan(document.char_boxes[attribute.start : attribute.end, 0])
    assert drawn.sum() == len("SF-2041-07")


def test_blocks_are_scaled_and_turned_where_they_are_inserted(make):
    def _fill(drawing, space):
        frame(space)
        inner = drawing.blocks.new("INNER")
        note(inner, "内側", 10, 0, 2)
        outer = drawing.blocks.new("OUTER")
        outer.add_blockref("INNER", (0, 5))
        space.add_blockref(
            "OUTER", (100, 100), dxfattribs={"xscale": 2, "yscale": 2, "rotation": 90}
        )

    document = read(make(_fill), Limits())
    assert texts(document) == ["内側"]
    scale, x, y = map(float, document.metadata["page1_mapping"].split())
    box = document.units[0].box
    assert box is not None
    # (10, 5) twice as large, turned left by 90 degrees: (-10, 20) from the insertion point.
    assert box[2] / scale + x == pytest.approx(91, abs=1)
    assert y - box[3] / scale == pytest.approx(120, abs=1)


def test_hidden_layers_are_left_out_with_a_warning(make):
    def _fill(drawing, space):
        drawing.layers.add("旧版").off()
        note(space, "見える", 0, 0)
        note(space, "見えない", 0, 10, layer="旧版")

    document = read(make(_fill), Limits())
    assert document.text == "見える"
    assert document.warnings == ("layers_hidden",)


def test_layouts_are_pages(make):
    def _fill(drawing, space):
        note(space, "モデルの文字", 0, 0)
        drawing.layouts.new("部品図")
        note(drawing.paperspace("部品図"), "紙の文字", 0, 0)

    document = read(make(_fill), Limits())
    assert [page.name for page in document.pages] == ["Model", "部品図"]
    assert [unit.page for unit in document.units] == [1, 2]
    assert "page2_mapping" in document.metadata


@pytest.mark.parametrize("named", [b"ANSI_932", b"ANSI_1252", None])
def test_old_japanese_drawings_whatever_code_page_they_name(make, named):
    path = make(lambda _d, space: note(space, "日本語の注記、表面粗さ", 0, 0), "R2000")
    data = path.read_bytes()
    assert b"ANSI_1252" in data
    start = data.index(b"  9\n$DWGCODEPAGE")
    end = data.index(b"ANSI_1252") + len(b"ANSI_1252\n")
    variable = b"" if named is None else b"  9\n$DWGCODEPAGE\n  3\n" + named + b"\n"
    data = data[:start] + variable + data[end:]
    data = re.sub(rb"\\U\+([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)).encode("cp932"), data)
    path.write_bytes(data)
    assert read(path, Limits()).text == "日本語の注記、表面粗さ"


@pytest.mark.parametrize("share", [0.2, 0.6, 0.97])
def test_cut_off_drawings_are_recovered_or_broken(make, share):
    path = make(fill_title)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    try:
        document = read(path, Limits())
    except ReadingError as error:
        assert error.code in ("file_broken", "file_no_text")
    else:
        assert document.text


def test_binary_drawings(make):
    path = make(lambda _d, space: note(space, "二進の図面", 0, 0), fmt="bin")
    assert read(path, Limits()).text == "二進の図面"


def test_texts_are_bounded(make):
    def _fill(_drawing, space):
        for number in range(50):
            note(space, f"注記{number}", 0, 10 * number)

    document = read(make(_fill), Limits(entities=20))
    assert len(document.units) == 20
    assert document.warnings == ("texts_left_out:Model",)
