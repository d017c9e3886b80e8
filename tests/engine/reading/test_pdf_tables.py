import time
from itertools import pairwise

import numpy as np
import pymupdf
import pytest
from pymupdf import mupdf

from engine.reading.limits import Limits
from engine.reading.registry import read

GREY = (0.88, 0.91, 0.96)
HEADER = ["順", "手順", "急所"]
STEPS = [
    ["1", "運転中に90秒で一度\nかごを揺らす", "上下に 30 mm"],
    ["2", "Lower the basket\nslowly", "底から 50 mm 離す"],
]


def put(page, x, y, text, size=10, rotate=0):
    for index, line in enumerate(text.split("\n")):
        font = "helv" if line.isascii() else "japan"
        page.insert_text((x, y + 14 * index), line, fontname=font, fontsize=size, rotate=rotate)


def draw_table(page, rows, xs, top, step=36, shaded=0, shade_columns=0):
    """Draw a table cell by cell, as word processors do."""
    for index, row in enumerate(rows):
        y = top + step * index
        for column, (text, (left, right)) in enumerate(zip(row, pairwise(xs), strict=True)):
            fill = GREY if index < shaded or column < shade_columns else None
            page.draw_rect((left, y, right, y + step), fill=fill)
            put(page, left + 5, y + 14, text)
    return top + step * len(rows)


@pytest.fixture
def make(tmp_path):
    def _make(*draw, **size):
        path = tmp_path / "表.pdf"
        with pymupdf.open() as document:
            for step in draw:
                step(document.new_page(**size))
            document.save(path)
        return read(path, Limits())

    return _make


def texts(document, kind="row"):
    return [document.text[u.start : u.end] for u in document.units if u.kind == kind]


def test_cells_carry_their_headers_and_wrapped_lines_are_joined(make):
    def _draw(page):
        put(page, 60, 80, "次の表の手順に従う。")
        draw_table(page, [HEADER, *STEPS], (60, 90, 200, 330), 100, shaded=1)
        put(page, 60, 240, "終わったら記録する。")

    document = make(_draw)
    assert document.text.split("\n") == [
        "次の表の手順に従う。",
        "順\t手順\t急所",
        "順: 1\t手順: 運転中に90秒で一度かごを揺らす\t急所: 上下に 30 mm",
        "順: 2\t手順: Lower the basket slowly\t急所: 底から 50 mm 離す",
        "終わったら記録する。",
    ]
    row = [unit for unit in document.units if unit.kind == "row"][1]
    assert row.cell == "T1R2C1:T1R2C3"
    values = [(document.text[start:end], name) for start, end, name in row.cells]
    assert values == [
        ("1", "T1R2C1"),
        ("運転中に90秒で一度かごを揺らす", "T1R2C2"),
        ("上下に 30 mm", "T1R2C3"),
    ]
    start, end, _ = row.cells[1]
    boxes = document.char_boxes[row.start : row.end]
    known = ~np.isnan(boxes[:, 0])
    inside = np.zeros(len(boxes), bool)
    for first, last, _ in row.cells:
        inside[first - row.start : last - row.start] = True
    printed = inside & np.array([not c.isspace() for c in document.text[row.start : row.end]])
    assert not known[~inside].any(), "labels have no boxes"
    assert known[printed].all()
    cell = document.char_boxes[start:end]
    assert (cell[:, 0] >= 90).all()
    assert (cell[:, 2] <= 200).all()
    assert (np.diff(cell[:, 1]) != 0).sum() <= 4, "characters keep the line they stand on"
    assert (np.diff(cell[:, 1]) > 10).sum() == 1, "one step down where the cell wraps"


def test_headers_in_merged_cells_are_put_together(make):
    def _draw(page):
        for box in ((60, 100, 160, 148), (160, 100, 360, 124), (160, 124, 260, 148),
                    (260, 124, 360, 148)):  # fmt: skip
            page.draw_rect(box, fill=GREY)
        put(page, 65, 114, "部品")
        put(page, 165, 114, "許容寸法")
        put(page, 165, 138, "最小")
        put(page, 265, 138, "最大")
        draw_table(page, [["スプール", "17.990", "17.996"], ["主穴", "18.000", "18.006"]],
                   (60, 160, 260, 360), 148, step=24)  # fmt: skip

    assert texts(make(_draw)) == [
        "部品\t許容寸法",
        "最小\t最大",
        "部品: スプール\t許容寸法 / 最小: 17.990\t許容寸法 / 最大: 17.996",
        "部品: 主穴\t許容寸法 / 最小: 18.000\t許容寸法 / 最大: 18.006",
    ]


@pytest.mark.parametrize(
    ("rows", "shade_columns"),
    [
        ([["文書番号", "WP-HV-112"], ["版", "第6版"], ["改訂日", "2025年4月21日"]], 1),
        ([["名称", "スプール"], ["材料", "SCM415"], ["図番", "HV-2041-02"]], 0),
        ([["名称", "本体", "担当", "北条"], ["材料", "鋳鉄", "課", "設計課"],
          ["表面", "黒染め", "検図", "久我"], ["尺度", "現尺", "用紙", "横長"]], 0),
        ([["12.1", "13.0", "OK"], ["12.2", "13.4", "NG"], ["12.3", "13.1", "OK"]], 0),
    ],
)  # fmt: skip
def test_forms_and_tables_without_headers_get_no_labels(make, rows, shade_columns):
    xs = tuple(60 + 110 * index for index in range(len(rows[0]) + 1))
    document = make(lambda page: draw_table(page, rows, xs, 100, 24, 0, shade_columns))
    assert texts(document) == ["\t".join(row) for row in rows]


def test_words_over_numbers_are_headers_without_shading(make):
    rows = [["項目", "規格", "実測"], ["内径", "18.002", "18.001"], ["外径", "17.994", "17.993"]]
    document = make(lambda page: draw_table(page, rows, (60, 160, 260, 360), 100, 24))
    assert texts(document)[1] == "項目: 内径\t規格: 18.002\t実測: 18.001"


def test_tables_beside_and_below_one_another_are_apart(make):
    def _draw(page):
        draw_table(page, [["甲", "値"], ["圧力", "21 MPa"]], (60, 130, 200), 100, 24, 1)
        draw_table(page, [["乙", "量"], ["油温", "55 ℃"]], (330, 400, 470), 100, 24, 1)
        draw_table(page, [["丙", "名", "数"], ["a", "ばね", "2"]], (60, 130, 200, 260), 200, 24, 1)

    document = make(_draw)
    assert texts(document) == [
        "甲\t値", "甲: 圧力\t値: 21 MPa", "乙\t量", "乙: 油温\t量: 55 ℃",
        "丙\t名\t数", "丙: a\t名: ばね\t数: 2",
    ]  # fmt: skip
    names = [unit.cell.partition("R")[0] for unit in document.units]
    assert names == ["T1", "T1", "T2", "T2", "T3", "T3"]


def test_a_table_in_one_of_two_columns_is_read_in_its_place(make):
    def _draw(page):
        left, right = "左の段の本文がここに続いている。", "右の段の本文がここに続いている。"
        for index in range(30):
            if not 10 <= index < 15:
                put(page, 50, 80 + 16 * index, f"{left}第{index}行まで")
            put(page, 310, 80 + 16 * index, f"{right}第{index}行まで")
        draw_table(page, [["甲", "値"], ["圧力", "21 MPa"]], (50, 150, 250), 238, 30, 1)

    document = make(_draw)
    order = [document.text.index(word) for word in ("左の段の本文がここに続いている。第9",
             "甲: 圧力", "左の段の本文がここに続いている。第15", "右の段")]  # fmt: skip
    assert order == sorted(order)


def test_tables_that_share_a_border_have_headers_of_their_own(make):
    def _draw(page):
        bottom = draw_table(page, [["工程", "場所"], ["40", "C-2"]], (60, 160, 360), 100, 24, 1)
        draw_table(page, [["順", "手順", "急所"], ["1", "沈める", "静かに"]],
                   (60, 100, 240, 360), bottom, 24, 1)  # fmt: skip

    assert texts(make(_draw)) == [
        "工程\t場所",
        "工程: 40\t場所: C-2",
        "順\t手順\t急所",
        "順: 1\t手順: 沈める\t急所: 静かに",
    ]


@pytest.mark.parametrize("repeated", [False, True])
def test_a_table_over_two_pages_keeps_its_headers(make, repeated):
    xs = (60, 90, 200, 330)

    def _first(page):
        put(page, 60, 60, "前の頁の文はここにある。")
        draw_table(page, [HEADER, *STEPS], xs, 700, shaded=1)

    def _second(page):
        rows = [HEADER] * repeated + [["3", "引き上げる", "液を切る"]]
        draw_table(page, rows, xs, 60, shaded=int(repeated))
        put(page, 60, 300, "後の文はここに続く。")

    document = make(_first, _second)
    rows = [unit for unit in document.units if unit.kind == "row"]
    last = rows[-1]
    assert document.text[last.start : last.end] == "順: 3\t手順: 引き上げる\t急所: 液を切る"
    assert last.cell == f"T1R{5 if repeated else 4}C1:T1R{5 if repeated else 4}C3"
    assert last.page == 2


def test_another_table_on_the_next_page_does_not_take_over_headers(make):
    def _first(page):
        draw_table(page, [HEADER, *STEPS], (60, 90, 200, 330), 700, shaded=1)

    def _second(page):
        put(page, 60, 50, "別の表を次に示す。")
        draw_table(page, [["甲", "乙の値", "丙"], ["丁", "戊", "己"]], (60, 90, 200, 330), 60)

    assert texts(make(_first, _second))[-2:] == ["甲\t乙の値\t丙", "丁\t戊\t己"]


def frame(page, right, number):
    for box in ((60, 30, 160, 78), (160, 30, 400, 78), (400, 30, 540, 54), (400, 54, 540, 78)):
        page.draw_rect(box)
    put(page, 70, 58, "作業手順書")
    put(page, 200, 50, "方向制御弁\n組立・検査")
    put(page, 410, 46, right)
    put(page, 410, 70, number)


def test_a_frame_at_the_top_of_every_page_is_a_running_header(make):
    def _page(number):
        def _draw(page):
            frame(page, "WP-HV-112 第6版", f"{number} / 4 ページ")
            put(page, 60, 130, f"本文は{'甲乙丙丁'[number - 1]}の説明である。")

        return _draw

    document = make(*map(_page, (1, 2, 3, 4)))
    expected = "作業手順書\t方向制御弁組立・検査\tWP-HV-112 第6版\t{} / 4 ページ"
    assert texts(document, "header") == [expected.format(number) for number in (1, 2, 3, 4)]
    assert texts(document) == []
    assert len(texts(document, "line")) == 4


def test_a_form_filled_in_on_every_page_is_no_running_header(make):
    def _page(number):
        def _draw(page):
            frame(page, f"SF-2041-{number:02}", f"{number} / 4 ページ")
            put(page, 60, 130, f"本文は{'甲乙丙丁'[number - 1]}の説明である。")

        return _draw

    document = make(*map(_page, (1, 2, 3, 4)))
    assert texts(document, "header") == []
    assert sum("SF-2041-03" in text for text in texts(document)) == 1


def test_strings_that_stand_close_are_parted_by_the_rule_between_them(make):
    def _draw(page):
        page.draw_rect((60, 100, 160, 124))
        page.draw_rect((160, 100, 260, 124))
        page.draw_rect((60, 124, 160, 148))
        page.draw_rect((160, 124, 260, 148))
        put(page, 119, 115, "声に出す")
        put(page, 161, 115, "桁を防ぐ")
        put(page, 65, 139, "次")
        put(page, 165, 139, "後")

    assert texts(make(_draw)) == ["声に出す\t桁を防ぐ", "次\t後"]


def test_a_string_printed_over_a_rule_is_not_cut(make):
    def _draw(page):
        draw_table(page, [["この文は隣の欄まで続く", "", "甲"], ["1", "2", "3"], ["4", "5", "6"]],
                   (60, 123, 260, 320), 100, 24)  # fmt: skip

    assert texts(make(_draw))[0] == "この文は隣の欄まで続く\t甲"


def test_a_table_printed_sideways(make):
    def _draw(page):
        for y in (100, 300, 500, 700):
            page.draw_line((100, y), (172, y))
        for x in (100, 136, 172):
            page.draw_line((x, 100), (x, 700))
        for column, row in enumerate((("品名", "規格", "数"), ("ばね", "SUS304", "12"))):
            for index, text in enumerate(row):
                put(page, 118 + 36 * column, 690 - 200 * index, text, rotate=90)

    assert texts(make(_draw)) == ["品名\t規格\t数", "品名: ばね\t規格: SUS304\t数: 12"]


def test_a_table_open_at_its_sides(make):
    def _draw(page):
        for y in (100, 124, 148, 172):
            page.draw_line((60, y), (360, y))
        for x in (160, 260):
            page.draw_line((x, 100), (x, 172))
        rows = (("条件", "値", "許容"), ("液温", "55", "5"), ("時間", "180", "30"))
        for index, row in enumerate(rows):
            for column, text in enumerate(row):
                put(page, 65 + 100 * column, 115 + 24 * index, text)

    assert texts(make(_draw))[-1] == "条件: 時間\t値: 180\t許容: 30"


def test_a_warning_beside_its_word_is_a_paragraph(make):
    def _draw(page):
        page.draw_rect((60, 100, 120, 140), fill=(0.7, 0.05, 0.05))
        page.draw_rect((60, 100, 320, 140))
        put(page, 75, 124, "警告")
        put(page, 128, 116, "運転中に手を槽に入れない。関節\nを傷める。")

    document = make(_draw)
    assert texts(document, "paragraph") == ["警告\t運転中に手を槽に入れない。関節を傷める。"]


def test_a_drawing_keeps_its_strings_and_its_title_block(make):
    def _draw(page):
        page.draw_rect((20, 20, 1171, 822))
        for x in range(20, 1171, 115):
            page.draw_line((x, 20), (x, 30))
        for left in (180, 270, 360, 450):
            page.draw_rect((left, 240, left + 90, 380))
        put(page, 300, 220, "96.4 ±0.1")
        for index, text in enumerate(("φ17.990", "選択はめあい", "識別溝 幅 1")):
            put(page, 900 + 30 * index, 400, text, rotate=90)
        draw_table(page, [["名称", "スプール"], ["材料", "SCM415"]], (971, 1031, 1171), 774, 24)

    document = make(_draw, width=1191, height=842)
    assert texts(document) == ["名称\tスプール", "材料\tSCM415"]
    lines = texts(document, "line")
    assert {"96.4 ±0.1", "φ17.990", "選択はめあい", "識別溝 幅 1"} == set(lines)


def test_the_frame_of_a_page_and_an_empty_raster_are_no_tables(make):
    def _draw(page):
        page.draw_rect((30, 30, 565, 812))
        page.draw_line((30, 500), (565, 500))
        for index in range(12):
            page.draw_line((100 + 20 * index, 600), (100 + 20 * index, 700))
        for index in range(6):
            page.draw_line((100, 600 + 20 * index), (320, 600 + 20 * index))
        for index in range(8):
            put(page, 60, 100 + 20 * index, f"{index} 本文の行がここにある。")
        put(page, 110, 655, "曲線A")

    document = make(_draw)
    assert texts(document) == []
    assert len(texts(document, "line")) == 9


@pytest.mark.parametrize("shape", ["lines", "cells", "slanting"])
def test_a_hostile_page_is_read_in_bounded_time(make, tmp_path, shape):
    def _stroke(number):
        x, y = number % 250 * 2.2, number // 250 * 3.9
        if shape == "lines":
            x, y = number % 37 * 16, number // 37 % 210 * 4
            return f"{x} {y} m {x + 12} {y} l S" if number % 2 else f"{x} {y} m {x} {y + 3} l S"
        return f"{x} {y} 30 20 re S" if shape == "cells" else f"{x} {y} m {x + 9} {y + 7} l S"

    path = tmp_path / "敵.pdf"
    with pymupdf.open() as document:
        page = document.new_page()
        put(page, 60, 100, "それでも本文は読める。")
        stream = document.get_new_xref()
        document.update_object(stream, "<<>>")
        document.update_stream(stream, "\n".join(map(_stroke, range(50_000))).encode())
        (text,) = page.get_contents()
        document.xref_set_key(page.xref, "Contents", f"[{text} 0 R {stream} 0 R]")
        document.save(path, deflate=True)
    before = time.process_time()
    found = read(path, Limits())
    assert time.process_time() - before < 5
    assert found.text == "それでも本文は読める。"


def test_tables_stand_where_they_are_shown_on_a_cropped_page(make, tmp_path):
    make(lambda page: draw_table(page, [HEADER, *STEPS], (160, 190, 300, 430), 300, shaded=1))
    path = tmp_path / "表.pdf"
    with pymupdf.open(path) as document:
        document[0].set_cropbox(pymupdf.Rect(100, 200, 500, 600))
        data = document.tobytes()
    path.write_bytes(data)
    document = read(path, Limits())
    assert texts(document)[1].endswith("手順: 運転中に90秒で一度かごを揺らす\t急所: 上下に 30 mm")
    box = document.units[0].box
    assert box is not None
    assert box[0] == pytest.approx(65, abs=1)


def test_page_numbers_like_headings_are_running_lines(make):
    def _page(number):
        def _draw(page):
            put(page, 500, 45, f"{number} / 30")
            put(page, 60, 130, f"本文は{'甲乙丙丁'[number - 1]}の説明である。")

        return _draw

    assert len(texts(make(*map(_page, (1, 2, 3, 4))), "header")) == 4


def test_text_is_read_where_the_lines_cannot_be(make, monkeypatch):
    def _fail(*_):
        raise mupdf.FzErrorGeneric("broken")

    monkeypatch.setattr(pymupdf.Page, "get_cdrawings", _fail)
    document = make(lambda page: draw_table(page, [HEADER, *STEPS], (60, 90, 200, 330), 100))
    assert "運転中に90秒で一度" in document.text
    assert document.warnings == ()
