"""Sheets used as paper: forms, several tables on a sheet, captions, remarks and signatures."""

from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font

from engine.passages.passages import split_passages
from engine.reading.limits import Limits
from engine.reading.registry import read


def texts(document, kind="row"):
    return [document.text[u.start : u.end] for u in document.units if u.kind == kind]


def cells(document, text):
    """Cells of the unit that has a text, by name."""
    unit = next(u for u in document.units if document.text[u.start : u.end] == text)
    return {name: document.text[start:end] for start, end, name in unit.cells}


def paths(document):
    """Headings above each passage, without the sheet's name."""
    return {document.text[p.start : p.end]: p.heading_path[1:] for p in split_passages(document)}


@pytest.fixture
def sheet(tmp_path):
    """Make a workbook of one sheet from cells by name; bold ones begin with ``*``."""

    def _make(values, merged=(), sizes=None):
        book: Any = openpyxl.Workbook()
        page = book.active
        page.title = "表"
        for name, value in values.items():
            is_bold = isinstance(value, str) and value.startswith("*")
            page[name] = value[1:] if is_bold else value
            page[name].font = Font(bold=is_bold, size=(sizes or {}).get(name, 11))
        for area in merged:
            page.merge_cells(area)
        path = tmp_path / "帳票.xlsx"
        book.save(path)
        return read(path, Limits())

    return _make


def grid(first_row, *rows, column=0):
    """Cells by name of rows one below another."""
    return {
        f"{chr(65 + column + across)}{first_row + down}": value
        for down, row in enumerate(rows)
        for across, value in enumerate(row)
        if value is not None
    }


def test_a_form_of_merged_cells_is_read_as_pairs(sheet):
    rows = [
        ["*報告番号", None, "R7-03", None, "*報告日", "令和7年7月25日"],
        ["*発生日時", None, "令和7年7月22日", None, "*発生場所", "第2工場"],
        ["*被災者", None, "製缶課", None, "*経験年数", "1年4箇月"],
        ["*傷病名", None, "右示指", None, "*受診先", "中央病院"],
    ]
    merged = [f"{a}{row}:{b}{row}" for row in range(1, 5) for a, b in ("AB", "CD")]
    document = sheet(grid(1, *rows), merged)
    assert texts(document)[2:] == [
        "被災者\t製缶課\t経験年数\t1年4箇月",
        "傷病名\t右示指\t受診先\t中央病院",
    ]
    assert cells(document, "傷病名\t右示指\t受診先\t中央病院")["C4"] == "右示指"


def test_a_form_without_styles_is_read_as_pairs(tmp_path):
    path = tmp_path / "成形条件.csv"
    path.write_text(
        "号機,J07（130t）,承認,北原\n品番,MKC-4410,確認,宮下\n金型番号,K-4410-3,作成,外山\n"
        "\n項目,設定値,下限\n乾燥温度,120,115\n乾燥時間,4.0,3.5\n",
        encoding="utf-8",
    )
    rows = texts(read(path, Limits()))
    assert rows[1:3] == ["品番\tMKC-4410\t確認\t宮下", "金型番号\tK-4410-3\t作成\t外山"]
    assert rows[4] == "項目: 乾燥温度\t設定値: 120\t下限: 115"


def test_numbers_in_the_second_line_of_a_header(sheet):
    document = sheet(
        grid(
            1,
            ["No.", "採取日", "先端径", None, None, "全長", None],
            [None, None, 1, 2, None, 1, 2],
            [1, "2025-11-04", 3.974, 3.968, None, 24.597, 24.606],
            [2, "2025-11-05", 3.966, 3.981, None, 24.606, 24.572],
        ),
        ["A1:A2", "B1:B2", "C1:D1", "F1:G1"],
    )
    row = (
        "No.: 2\t採取日: 2025-11-05\t先端径 / 1: 3.966\t先端径 / 2: 3.981"
        "\t全長 / 1: 24.606\t全長 / 2: 24.572"
    )
    assert texts(document)[3] == row
    assert cells(document, row)["F4"] == "24.606"


def test_a_line_of_units_belongs_to_the_header(sheet):
    document = sheet(
        grid(
            1,
            ["ロット", "箇所", "膜厚", "測定者"],
            [None, None, "(μm)", None],
            ["HB250903-1", "A", 10.329, "二木"],
            ["HB250903-2", "B", 10.689, "小穴"],
        )
    )
    assert texts(document)[2] == "ロット: HB250903-1\t箇所: A\t膜厚 / (μm): 10.329\t測定者: 二木"


def test_merged_header_cells_without_parts_are_one_line(sheet):
    rows = [
        ["*項目", None, "*規格", None, "*判定"],
        ["硬さ", None, "HV850以上", None, "合"],
        ["密着性", None, "ふくれ無きこと", None, "合"],
    ]
    merged = [f"{a}{row}:{b}{row}" for row in range(1, 4) for a, b in ("AB", "CD")]
    assert texts(sheet(grid(1, *rows), merged))[1:] == [
        "項目: 硬さ\t規格: HV850以上\t判定: 合",
        "項目: 密着性\t規格: ふくれ無きこと\t判定: 合",
    ]


def test_a_merged_value_carries_what_its_headers_share(sheet):
    document = sheet(
        grid(
            1,
            ["No.", "実測", None, None, "判定"],
            [None, "n1", "n2", "n3", None],
            [1, 1.61, 1.64, 1.63, "○"],
            [2, "最大 0.73", None, None, "○"],
            ["注）定盤上で測る", None, None, None, None],
        ),
        ["A1:A2", "B1:D1", "E1:E2", "B4:D4", "A5:E5"],
    )
    assert texts(document)[3:] == ["No.: 2\t実測: 最大 0.73\t判定: ○", "注）定盤上で測る"]


def test_a_remark_in_the_first_column_has_no_label(sheet):
    document = sheet(
        grid(
            1,
            ["*No.", "*測定箇所", "*備考"],
            [1, "長辺", None],
            [None, None, "※再測定"],
            ["※反りは冷却後に測る。", None, None],
        )
    )
    assert texts(document)[2:] == ["備考: ※再測定", "※反りは冷却後に測る。"]


REGISTER = [
    ["*番号", "*場所", "*内容", "*状況"],
    ["H-01", "第1工場", "切粉で指を切りそうになった", "済"],
    ["H-02", "倉庫棟", "歩行者に接近", "済"],
    ["H-03", "第2工場", "材料がはね上がった", "済"],
    ["H-04", "組立棟", "逆方向に走行", "対応中"],
    ["H-05", "屋外", "扉が施錠されていない", "済"],
]


def test_a_table_beside_another_has_its_own_caption_and_header(sheet):
    beside = [["*課別件数", None], ["課", "件数"], ["機械課", 71], ["製缶課", 96], ["目標は3件。"]]
    document = sheet({**grid(1, *REGISTER), **grid(1, *beside, column=6)})
    assert (
        texts(document)[1]
        == "番号: H-01\t場所: 第1工場\t内容: 切粉で指を切りそうになった\t状況: 済"
    )
    assert texts(document)[6:] == [
        "課\t件数",
        "課: 機械課\t件数: 71",
        "課: 製缶課\t件数: 96",
        "目標は3件。",
    ]
    assert paths(document)["課: 製缶課\t件数: 96"] == ("課別件数",)
    assert cells(document, "課: 製缶課\t件数: 96") == {"G4": "製缶課", "H4": "96"}


def test_an_empty_column_does_not_split_a_register(sheet):
    rows = [[*row[:2], None, *row[2:]] for row in REGISTER]
    assert (
        texts(sheet(grid(1, *rows)))[2] == "番号: H-02\t場所: 倉庫棟\t内容: 歩行者に接近\t状況: 済"
    )


def test_a_table_right_below_another_has_its_own_header(sheet):
    document = sheet(
        grid(
            1,
            ["原因", "人的", "足を離さなかった"],
            [None, "設備的", "装置が古い"],
            ["*対策", "*内容", None, "*期限"],
            ["対策1", "鍵を保管する", None, "即日"],
            ["対策2", "治具を作る", None, "8月8日"],
        ),
        ["A1:A2", "C1:D1", "C2:D2", "B3:C3", "B4:C4", "B5:C5"],
    )
    assert texts(document)[1] == "原因\t設備的\t装置が古い"
    assert texts(document)[3:] == [
        "対策: 対策1\t内容: 鍵を保管する\t期限: 即日",
        "対策: 対策2\t内容: 治具を作る\t期限: 8月8日",
    ]


def test_a_highlighted_row_does_not_end_a_register(sheet):
    rows = [*REGISTER[:3], ["*保留", "*第2工場", "*材料がはね上がった", "*済"], *REGISTER[4:]]
    document = sheet(grid(1, *rows))
    assert texts(document)[3].startswith("番号: 保留\t場所: 第2工場")
    assert texts(document)[5].startswith("番号: H-05\t場所: 屋外")


def test_captions_are_headings_above_their_tables(sheet):
    table = [["*品名", "*数量"], ["軸", 5], ["蓋", 7]]
    document = sheet(
        {
            "A1": "*初品測定表（590材）",
            **grid(2, ["*ロット", "L251024", "*室温", "21.5℃"]),
            "A4": "*1. 結果",
            **grid(5, *table),
            "A9": "■予備品",
            **grid(10, ["*部品", "*在庫"], ["ばね", 3]),
            "A13": "【備考】",
            "A14": "・再測定で合格とした。",
            "A15": "・次回は12月。",
        },
        ["A1:D1", "A4:D4"],
        {"A1": 16},
    )
    assert texts(document, "heading") == [
        "表", "初品測定表（590材）", "1. 結果", "■予備品", "【備考】",
    ]  # fmt: skip
    found = paths(document)
    assert found["ロット\tL251024\t室温\t21.5℃"] == ("初品測定表（590材）",)
    assert found["品名: 蓋\t数量: 7"] == ("初品測定表（590材）", "1. 結果")
    assert found["部品: ばね\t在庫: 3"] == ("初品測定表（590材）", "■予備品")
    assert found["・次回は12月。"] == ("初品測定表（590材）", "【備考】")
    assert cells(document, "1. 結果") == {"A4": "1. 結果"}


def test_captions_that_look_alike_are_not_inside_each_other(sheet):
    document = sheet(
        {
            "A1": "*ランクと処置",
            **grid(3, ["*ランク", "*点"], ["A", 90], ["B", 75]),
            "A7": "*得点換算",
            **grid(8, ["*不良率", "*得点"], ["0~10", 40]),
        }
    )
    assert paths(document)["ランク: B\t点: 75"] == ("ランクと処置",)
    assert paths(document)["不良率: 0~10\t得点: 40"] == ("得点換算",)


def test_a_title_stands_above_the_number_of_its_form(sheet):
    document = sheet(
        {
            **grid(1, ["*管 理 台 帳", None, None, None, "様式 QF-760-01"]),
            **grid(3, ["*番号", "*名称"], ["M-1", "ノギス"]),
        },
        ["A1:C1"],
        {"A1": 18},
    )
    assert paths(document)["様式 QF-760-01"] == ("管理台帳",)
    assert paths(document)["番号: M-1\t名称: ノギス"] == ("管理台帳",)


def test_items_of_a_list_are_no_captions(sheet):
    document = sheet(
        {"A1": "*作業手順", "A2": "1. 電源を切る", "A3": "2. 札を掛ける", "A4": "3. 確認"}
    )
    assert texts(document, "heading") == ["表", "作業手順"]
    assert texts(document) == ["1. 電源を切る", "2. 札を掛ける", "3. 確認"]


def test_the_title_line_of_a_delimited_file_is_a_heading(tmp_path):
    path = tmp_path / "条件表.csv"
    table = "区分,項目,単位,値,上限\n型締,型締力,kN,{},1250\n突出,突出量,mm,38,39\n"
    path.write_text(
        "\n".join(
            f"成形条件表,,,,J0{n} Rev.5\n号機,{n}号機,型式,130t\n\n{table.format(1000 + n)}"
            for n in (7, 9)
        ),
        encoding="utf-8",
    )
    document = read(path, Limits())
    assert document.title == "条件表"
    found = {document.text[p.start : p.end]: p.heading_path for p in split_passages(document)}
    assert found["区分: 型締\t項目: 型締力\t単位: kN\t値: 1009\t上限: 1250"] == (
        "成形条件表 J09 Rev.5",
    )
    assert cells(document, "成形条件表\tJ09 Rev.5") == {"A8": "成形条件表", "E8": "J09 Rev.5"}


@pytest.mark.parametrize("title", ["*災害報告書", None])
def test_names_below_who_signs(sheet, title):
    left = (
        {"A1": title}
        if title
        else grid(1, ["*客先", "東美㈱"], ["*品番", "5C418"], ["*品名", "座"])
    )
    box = grid(1, ["工場長", "審査", "作成"], ["黒須", "小野寺", "仲村"], column=3)
    document = sheet({**left, **box}, ["A1:B2"] if title else [])
    rows = texts(document)
    assert rows[-2:] == ["工場長\t審査\t作成", "工場長: 黒須\t審査: 小野寺\t作成: 仲村"]
    assert cells(document, rows[-1]) == {"D2": "黒須", "E2": "小野寺", "F2": "仲村"}
    if title is None:
        assert rows[:3] == ["客先\t東美㈱", "品番\t5C418", "品名\t座"]
