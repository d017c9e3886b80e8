from itertools import pairwise

import numpy as np
import pymupdf
import pytest

from engine.reading.limits import Limits
from engine.reading.registry import read

XS = [60, 100, 240, 420, 520]
YS = [150, 172, 212, 252]
ROWS = [
    [["順"], ["手順"], ["急所"], ["理由"]],
    [["1"], ["層流棚にかごを置き、", "20分冷ます"], ["風下に人が立たない"], ["衣服の", "繊維"]],
    [["2"], ["Put the part into", "the clean bag"], ["手袋を使う"], ["皮脂"]],
]
EXPECTED = [
    "順\t手順\t急所\t理由",
    "順: 1\t手順: 層流棚にかごを置き、20分冷ます\t急所: 風下に人が立たない\t理由: 衣服の繊維",
    "順: 2\t手順: Put the part into the clean bag\t急所: 手袋を使う\t理由: 皮脂",
]


def put(page, x, y, text):
    page.insert_text((x, y), text, fontname="japan", fontsize=10)


def fill(page):
    put(page, 60, 130, "次の表の手順に従って作業をすること。")
    for row, cells in enumerate(ROWS):
        for column, lines in enumerate(cells):
            for index, text in enumerate(lines):
                font = "helv" if text.isascii() else "japan"
                place = (XS[column] + 4, YS[row] + 14 + 14 * index)
                page.insert_text(place, text, fontname=font, fontsize=10)
    put(page, 60, 280, "表の後の文もここに続いている。")


def rule_by_lines(page):
    for y in YS:
        page.draw_line((XS[0], y), (XS[-1], y))
    for x in XS:
        page.draw_line((x, YS[0]), (x, YS[-1]))


def rule_by_cells(page):
    for top, bottom in pairwise(YS):
        for left, right in pairwise(XS):
            page.draw_rect((left, top, right, bottom))


def rule_by_thin_boxes(page):
    for y in YS:
        page.draw_rect((XS[0], y, XS[-1], y + 0.5), fill=(0, 0, 0), color=None)
    for x in XS:
        page.draw_rect((x, YS[0], x + 0.5, YS[-1]), fill=(0, 0, 0), color=None)


@pytest.fixture
def save(tmp_path):
    def _save(*draw, rotation=0, width=595, height=842):
        path = tmp_path / "表.pdf"
        with pymupdf.open() as document:
            page = document.new_page(width=width, height=height)
            for step in draw:
                step(page)
            page.set_rotation(rotation)
            document.save(path)
        return read(path, Limits())

    return _save


def texts(document, kind):
    return [document.text[u.start : u.end] for u in document.units if u.kind == kind]


def document_boxes(document, unit):
    boxes = document.char_boxes[unit.start : unit.end]
    return boxes[~np.isnan(boxes[:, 0])]


@pytest.mark.parametrize("rule", [rule_by_lines, rule_by_cells, rule_by_thin_boxes])
def test_text_wrapped_in_a_cell_stays_in_its_row(save, rule):
    document = save(rule, fill)
    assert texts(document, "row") == EXPECTED
    assert document.text.startswith("次の表の手順に")
    assert document.text.endswith("表の後の文もここに続いている。")


def test_merged_cells_stand_in_each_of_their_rows(save):
    def _draw(page):
        for y in YS:
            page.draw_line((60, y), (420 if y == 212 else 520, y))
        for x in XS:
            page.draw_line((x, YS[0]), (x, YS[-1]))
        put(page, 64, 190, "1")
        put(page, 104, 190, "上の行")
        put(page, 424, 210, "両方にかかる")
        put(page, 64, 230, "2")
        put(page, 104, 230, "下の行")

    document = save(_draw)
    assert texts(document, "row") == ["1\t上の行\t両方にかかる", "2\t下の行\t両方にかかる"]
    # Only where it is printed.
    assert [len(document_boxes(document, unit)) for unit in document.units] == [10, 4]
    assert [cell[2] for cell in document.units[1].cells] == ["T1R3C1", "T1R3C2", "T1R2C4"]


def test_a_frame_around_a_page_is_no_table(save):
    def _draw(page):
        page.draw_rect((20, 20, 575, 822))
        page.draw_line((20, 700), (575, 700))
        page.draw_line((300, 700), (300, 822))
        for index in range(10):
            put(page, 60, 100 + 18 * index, f"{index} 行目の本文がここにある。")

    document = save(_draw)
    assert texts(document, "row") == []
    assert len(texts(document, "line")) == 10


def test_notes_beside_a_table_stay_together(save):
    def _draw(page):
        for index in range(6):
            put(page, 40, 160 + 18 * index, f"{index + 1}. 表面の硬さは指示のとおりとする。")
        for y in (150, 180, 210):
            page.draw_line((350, y), (550, y))
        for x in (350, 420, 550):
            page.draw_line((x, 150), (x, 210))
        for row, cells in enumerate((("名称", "スプール"), ("材料", "SCM415"))):
            for column, text in enumerate(cells):
                put(page, (354, 424)[column], 170 + 30 * row, text)

    document = save(_draw)
    assert texts(document, "row") == ["名称\tスプール", "材料\tSCM415"]
    assert [text[0] for text in texts(document, "line")] == list("123456")
    assert document.text.endswith("材料\tSCM415")


def test_a_table_on_a_page_shown_turned(save):
    def _draw(page):
        # Drawn so that it stands upright once the page is turned.
        turn = pymupdf.Matrix(1, 0, 0, 1, 0, 0) * page.derotation_matrix
        for y in YS:
            page.draw_line(pymupdf.Point(60, y) * turn, pymupdf.Point(520, y) * turn)
        for x in XS:
            page.draw_line(pymupdf.Point(x, YS[0]) * turn, pymupdf.Point(x, YS[-1]) * turn)
        for row, cells in enumerate(ROWS):
            for column, lines in enumerate(cells):
                for index, text in enumerate(lines):
                    at = pymupdf.Point(XS[column] + 4, YS[row] + 14 + 14 * index) * turn
                    font = "helv" if text.isascii() else "japan"
                    page.insert_text(at, text, fontname=font, fontsize=10, rotate=90)

    document = save(lambda page: page.set_rotation(90), _draw, rotation=90)
    assert texts(document, "row") == EXPECTED
