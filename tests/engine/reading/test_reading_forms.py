"""Sheets used as paper: forms, headers of several lines and signatures."""

import pytest

from engine.reading.limits import Limits
from engine.reading.registry import read
from tests.engine.reading.workbooks import cells, grid, texts


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
