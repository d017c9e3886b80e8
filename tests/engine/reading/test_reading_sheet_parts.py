"""Sheets with several tables: beside and below each other, under captions and titles."""

from engine.passages.passages import split_passages
from engine.reading.limits import Limits
from engine.reading.registry import read
from tests.engine.reading.workbooks import cells, grid, paths, texts

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


def test_tables_beside_each_other_whose_captions_look_like_one_header(sheet):
    codes = [["#コード", "#区分", "#処分先"], ["Y1", "段取", "古紙"], ["Y2", "汚れ", "古紙"]]
    codes += [[f"Y{number}", "検査", "裁断"] for number in range(3, 7)]
    goals = [
        ["#号機", "#歩留(%)", None],
        [None, "#上期", "#下期"],
        ["K1", 95, 95.3],
        ["K2", 94, 96],
    ]
    values = grid(2, *codes) | grid(2, *goals, column=4) | {"A1": "*区分コード", "E1": "*号機別"}
    document = sheet(values, merged=["A1:B1", "E1:G1", "E2:E3", "F2:G2"])
    assert "コード: Y2\t区分: 汚れ\t処分先: 古紙" in texts(document)
    assert "号機: K2\t歩留(%) / 上期: 94\t歩留(%) / 下期: 96" in texts(document)
    assert paths(document)["号機: K1\t歩留(%) / 上期: 95\t歩留(%) / 下期: 95.3"] == ("号機別",)
