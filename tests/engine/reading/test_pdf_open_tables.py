import time

import numpy as np
import pymupdf
import pytest

from engine.reading.limits import Limits
from engine.reading.registry import read

HEADER = ["記号", "ハウジング", "極数", "相手先"]
ROWS = [
    ["J1", "HSG-2.0-20D", "20", "基板 CN3"],
    ["J2", "HSG-3.96-04V", "4", "基板 CN4"],
    ["J3", "HSG-2.5-06F", "6", "操作パネル"],
    ["J4", "HSG-2.5-08F", "8", "端子台"],
]
LABELLED = [
    "\t".join(f"{label}: {value}" for label, value in zip(HEADER, row, strict=True)) for row in ROWS
]
XS = [60, 110, 260, 330]


@pytest.fixture
def make(tmp_path):
    def _make(*draw, save=False):
        path = tmp_path / "表.pdf"
        with pymupdf.open() as document:
            for step in draw:
                step(document.new_page())
            document.save(path)
        return path if save else read(path, Limits())

    return _make


def put(page, x, y, text):
    page.insert_text((x, y), text, fontname="japan", fontsize=10)


def put_rows(page, rows, y, xs=XS, step=18):
    for index, row in enumerate(rows):
        for x, text in zip(xs, row, strict=True):
            for line, part in enumerate(text.split("\n")):
                put(page, x, y + step * index + 12 * line, part)


def texts(document):
    return [document.text[u.start : u.end] for u in document.units if u.kind == "row"]


def test_words_above_values_are_headers_without_any_line(make):
    def _draw(page):
        put(page, 60, 100, "コネクタの一覧を次に示す。")
        put_rows(page, [HEADER, *ROWS], 130)
        put(page, 60, 240, "注記：誤挿入を防ぐため、ハウジングの色をそれぞれ変えてある。")

    document = make(_draw)
    assert texts(document) == ["\t".join(HEADER), *LABELLED]
    assert document.text.startswith("コネクタの一覧")
    assert document.text.endswith("変えてある。")
    unit = next(unit for unit in document.units if unit.cell == "T1R2C1:T1R2C4")
    assert document.char_boxes is not None
    boxes = document.char_boxes[unit.start : unit.end]
    shown = boxes[~np.isnan(boxes[:, 0])]
    assert len(shown) == len("".join(ROWS[0]).replace(" ", ""))
    assert (shown[:, 1] > 130).all() and (shown[:, 3] < 155).all()


def test_an_underlined_header_holds_also_where_it_names_only_values(make):
    rows = [
        ["", "", "MZ-37VA", "MZ-37VS"],
        ["騒音値", "dB(A)", "62", "66"],
        ["電源", "", "三相", "三相"],
    ]

    def _draw(page):
        for index, row in enumerate(rows):
            for x, text in zip((60, 150, 260, 400), row, strict=True):
                if text:
                    put(page, x, 130 + 18 * index, text)
        page.draw_line((55, 136), (480, 136))

    assert texts(make(_draw))[1:] == [
        "騒音値\tdB(A)\tMZ-37VA: 62\tMZ-37VS: 66",
        "電源\tMZ-37VA: 三相\tMZ-37VS: 三相",
    ]


def test_text_wrapped_in_a_cell_stays_in_its_row(make):
    rows = [
        ["コード", "表示", "処置"],
        ["A01", "油面低下", "油を補給する。"],
        ["A02", "差圧大", "エレメントを交換する。E09\nで停止する。"],
        ["A03", "整備時期", "メニューで戻す。"],
    ]

    def _draw(page):
        y = 130
        for row in rows:
            put_rows(page, [row], y, (60, 110, 200))
            y += 18 + 12 * ("\n" in row[-1])
        page.draw_line((55, 136), (330, 136))

    assert texts(make(_draw))[2:] == [
        "コード: A02\t表示: 差圧大\t処置: エレメントを交換する。E09で停止する。",
        "コード: A03\t表示: 整備時期\t処置: メニューで戻す。",
    ]


def test_a_string_that_touches_the_next_column_is_parted_there(make):
    rows = [["コード", "表示", "原因"], ["A01", "油面低下", "漏れ"], ["A02", "差圧大", "詰まり"]]

    def _draw(page):
        put_rows(page, rows, 130, (60, 110, 160))
        put(page, 60, 184, "A05")
        put(page, 110, 184, "吐出温度高換気不足")
        page.draw_line((55, 136), (200, 136))

    assert texts(make(_draw))[-1] == "コード: A05\t表示: 吐出温度高\t原因: 換気不足"


def test_lines_of_a_form_and_of_a_list_are_no_table(make):
    rows = [
        ["品名", "弁", "図番", "HV-1"],
        ["材料", "鋼", "版", "F"],
        ["製図", "山田", "検図", "川田"],
    ]
    assert texts(make(lambda page: put_rows(page, rows, 130))) == ["\t".join(row) for row in rows]


def test_a_header_over_all_columns_of_a_ruled_table_is_cut_into_labels(make):
    xs = [60, 110, 160, 210, 260, 330]
    rows = [["W001", "J8", "1", "J6", "285"], ["W002", "J4", "3", "J3", "1,095"]]

    def _draw(page):
        for y in (100, 140, 160, 180):
            page.draw_line((xs[0], y), (xs[-1], y))
        for x in xs:
            inner = x not in (xs[0], xs[-1])
            page.draw_line((x, 140 if inner else 100), (x, 180))
        put(page, 114, 114, "FROM")
        put(page, 214, 114, "TO")
        for x, text in zip(xs, ["線番", "記号", "ピン", "記号", "長さ"], strict=False):
            put(page, x + 4, 134, text)
        put_rows(page, rows, 154, [x + 4 for x in xs[:-1]], step=20)

    assert texts(make(_draw))[-2:] == [
        "線番: W001\tFROM / 記号: J8\tFROM / ピン: 1\tTO / 記号: J6\tTO / 長さ: 285",
        "線番: W002\tFROM / 記号: J4\tFROM / ピン: 3\tTO / 記号: J3\tTO / 長さ: 1,095",
    ]


def rule(page, rows, xs, top):
    for index, row in enumerate(rows):
        for x, after, text in zip(xs, xs[1:], row, strict=False):
            fill = (0.9, 0.9, 0.9) if index == 0 else None
            page.draw_rect((x, top + 20 * index, after, top + 20 * index + 20), fill=fill)
            put(page, x + 4, top + 14 + 20 * index, text)


CHANNELS = ["チャネル", "校正点", "補正値"]


def test_a_label_of_a_group_holds_for_the_rows_below_also_on_the_next_page(make):
    first = [
        CHANNELS,
        ["CH01", "5.0", "+0.11"],
        ["", "40.0", "-0.08"],
        ["", "121.0", "+0.02"],
        ["CH02", "5.0", "+0.07"],
    ]
    second = [CHANNELS, ["", "40.0", "+0.15"], ["", "121.0", "-0.37"]]
    xs = (60, 140, 220, 300)

    def _first(page):
        rule(page, first, xs, 600)
        put(page, 400, 720, "（次頁へ続く）")

    document = make(_first, lambda page: rule(page, second, xs, 60))
    rows = texts(document)
    assert "チャネル: CH01\t校正点: 121.0\t補正値: +0.02" in rows
    assert rows[-1] == "チャネル: CH02\t校正点: 121.0\t補正値: -0.37"
    assert document.units[-1].cells[0][2] == "T1R5C1"


@pytest.mark.parametrize(
    "rows",
    [
        # A purchased part has no drawing.
        [["No", "図番", "品名"], ["1", "HV-01", "弁"], ["2", "", "ねじ"], ["3", "", "座金"]],
        # A sum below its items.
        [["品名", "個数", "金額"], ["弁", "1", "100"], ["軸", "2", "300"], ["", "", "400"]],
    ],
)
def test_an_empty_cell_that_is_no_group_stays_empty(make, rows):
    written = texts(make(lambda page: rule(page, rows, (60, 140, 220, 300), 100)))
    for row, text in zip(rows[1:], written[1:], strict=True):
        assert [part.split(": ")[1] for part in text.split("\t")] == [cell for cell in row if cell]


def test_a_page_full_of_cells_is_read_in_bounded_time(make):
    def _draw(page):
        for row in range(380):
            cells = [f"{row + column:<{8 + (row * column) % 3}}" for column in range(12)]
            page.insert_text((20, 10 + 2.1 * row), "".join(cells), fontsize=2, fontname="cour")

    path = make(_draw, save=True)
    started = time.process_time()
    read(path, Limits())
    # Measured on one core: 1 s.
    assert time.process_time() - started < 8
