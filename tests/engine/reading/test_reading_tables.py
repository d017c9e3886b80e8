import datetime

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.styles import Font

from engine.reading.limits import Limits
from engine.reading.number_format import format_value
from engine.reading.registry import read
from engine.reading.tabular import column_name


def texts(document, kind="row"):
    return [document.text[u.start : u.end] for u in document.units if u.kind == kind]


def values(document, unit):
    return {cell: document.text[start:end] for start, end, cell in unit.cells}


@pytest.fixture
def make(tmp_path):
    def _make(fill):
        book = openpyxl.Workbook()
        fill(book)
        path = tmp_path / "検査.xlsx"
        book.save(path)
        return path

    return _make


def fill_inspection(book):
    sheet = book.active
    sheet.title = "寸法検査"
    sheet["A1"] = "検査成績書"
    sheet.merge_cells("A1:F1")
    for cell, value in {"A2": "品名", "B2": "フランジ", "D2": "図番", "E2": "SF-2041"}.items():
        sheet[cell] = value
    heads = {"A4": "No.", "B4": "項目", "C4": "測定値", "C5": "1回目", "D5": "2回目", "E4": "日付"}
    for cell, value in heads.items():
        sheet[cell] = value
    for area in ("A4:A5", "B4:B5", "C4:D4", "E4:E5", "B6:B7"):
        sheet.merge_cells(area)
    for row in (6, 7):
        sheet.cell(row, 1, row - 5)
        sheet.cell(row, 3, 10.1).number_format = '0.00"mm"'
        sheet.cell(row, 4, 10.02)
        sheet.cell(row, 5, datetime.date(2024, 5, row))
    sheet["B6"] = "外径"
    sheet["D7"].comment = Comment("再測定済み", "検査課")
    book.create_sheet("空のシート")
    other = book.create_sheet("部品表")
    for row in (["品番", "名称", "材質"], ["A-1", "軸", "S45C"], ["A-2", "蓋", "SS400"]):
        other.append(row)
    other.append(["A-3", "座", "SUS304"])


def test_rows_carry_their_merged_headers(make):
    document = read(make(fill_inspection), Limits())
    assert texts(document)[:2] == ["検査成績書", "品名\tフランジ\t図番\tSF-2041"]
    row = document.units[6]
    assert document.text[row.start : row.end] == (
        "No.: 2\t項目: 外径\t測定値 / 1回目: 10.10mm\t測定値 / 2回目: 10.02\t日付: 2024-05-07"
    )
    assert (row.kind, row.sheet, row.cell, row.page) == ("row", "寸法検査", "A7:E7", 1)
    assert values(document, row) == {
        "A7": "2", "B6": "外径", "C7": "10.10mm", "D7": "10.02", "E7": "2024-05-07",
    }  # fmt: skip


def test_sheets_are_pages_with_names_and_empty_ones_are_left_out(make):
    document = read(make(fill_inspection), Limits())
    assert [page.name for page in document.pages] == ["寸法検査", "部品表"]
    assert texts(document, "heading") == ["寸法検査", "部品表"]
    assert texts(document)[-1] == "品番: A-3\t名称: 座\t材質: SUS304"
    assert document.units[-1].page == 2
    second = document.pages[1]
    assert document.text[second.start : second.end].startswith("部品表\n")


def test_comments_follow_their_sheet(make):
    document = read(make(fill_inspection), Limits())
    note = next(u for u in document.units if u.kind == "note")
    assert document.text[note.start : note.end] == "再測定済み"
    assert (note.sheet, note.cell) == ("寸法検査", "D7")


def test_a_table_of_words_with_bold_headers(make):
    def _fill(book):
        sheet = book.active
        sheet.append(["工程", "担当"])
        sheet.append(["旋削", "製造一課"])
        for cell in sheet[1]:
            cell.font = Font(bold=True)

    assert texts(read(make(_fill), Limits()))[-1] == "工程: 旋削\t担当: 製造一課"


def test_two_tables_on_a_sheet_have_their_own_headers(make):
    def _fill(book):
        sheet = book.active
        for row in (
            ["品番", "数量"],
            ["A-1", 5],
            ["A-2", 7],
            [],
            ["日付", "温度"],
            ["2024/5/1", 21],
        ):
            sheet.append(row)

    rows = texts(read(make(_fill), Limits()))
    assert rows[2] == "品番: A-2\t数量: 7"
    assert rows[4] == "日付: 2024/5/1\t温度: 21"


def test_a_form_is_no_table(make):
    def _fill(book):
        sheet = book.active
        sheet.append(["文書番号", "MP-CL-034", "版", "第3版"])
        sheet.append(["改訂日", datetime.date(2025, 4, 21), "作成", "加納"])
        sheet.append(["配布先", "洗浄室", "部数", 3])
        sheet.append([])
        sheet.append(["担当", "山田", "承認", "佐藤"])
        sheet.append(["日付", "4月1日", "時刻", "8:00"])
        for row in (5, 6):
            for column in (1, 3):
                sheet.cell(row, column).font = Font(bold=True)

    rows = texts(read(make(_fill), Limits()))
    assert rows[1] == "改訂日\t2025-04-21\t作成\t加納"
    assert rows[4] == "日付\t4月1日\t時刻\t8:00"


def test_formulas_without_a_value_are_warned_of(make):
    def _fill(book):
        sheet = book.active
        sheet.append(["数量", "単価"])
        sheet.append([2, "=A2*3"])

    document = read(make(_fill), Limits())
    assert document.warnings == ("formula_without_value",)
    assert "=A2" not in document.text


def test_rows_beyond_the_limit_are_left_out_with_a_warning(make):
    def _fill(book):
        for number in range(50):
            book.active.append([f"A-{number}", number])

    document = read(make(_fill), Limits(rows=20))
    assert len(texts(document)) == 20
    assert document.warnings == ("rows_left_out:Sheet",)


def test_big_workbooks_are_streamed_with_the_same_rows(make, monkeypatch):
    def _fill(book):
        sheet = book.active
        for row in (["品番", "数量"], ["A-1", 5], [], ["A-2", 7.25]):
            sheet.append(row)

    path = make(_fill)
    whole = read(path, Limits())
    monkeypatch.setattr("engine.reading.sheet._STREAMED_BYTES", 0)
    streamed = read(path, Limits())
    assert streamed.text == whole.text
    assert streamed.units == whole.units


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (10.1, "0.00", "10.10"),
        (10.125, "0.00", "10.13"),
        (1234567, "#,##0", "1,234,567"),
        (0.125, "0.0%", "12.5%"),
        (7, "0000", "0007"),
        (-3.5, "0.0;△0.0", "△3.5"),
        (-3.5, "0.0", "-3.5"),
        (25.4, '"φ"0.0##" mm"', "φ25.4 mm"),
        (0.1 + 0.2, "General", "0.3"),
        (True, "General", "TRUE"),
        (datetime.datetime(2024, 5, 13), "yyyy/m/d", "2024-05-13"),
        (datetime.datetime(2024, 5, 13, 8, 30), "yyyy/m/d h:mm", "2024-05-13 08:30"),
        (datetime.time(8, 5), "h:mm", "08:05"),
        (datetime.timedelta(hours=26, minutes=3), "[h]:mm", "26:03"),
        ("二行の\n文", "General", "二行の 文"),
        (None, "General", ""),
    ],
)
def test_values_are_written_as_a_sheet_shows_them(value, number_format, expected):
    assert format_value(value, number_format) == expected


def test_column_names():
    assert [column_name(c) for c in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


RECORDS = "測定記録表\n\n品番,測定日,測定値,判定\n" + "".join(
    f"SF-2041-{n:02d},2024/05/{n:02d},10.{n:02d},合格\n" for n in range(1, 6)
)


@pytest.mark.parametrize(
    "encoding", ["cp932", "euc_jp", "utf-8", "utf-8-sig", "utf-16", "iso2022_jp"]
)
def test_csv_in_any_japanese_encoding(tmp_path, encoding):
    path = tmp_path / "測定.csv"
    path.write_bytes(RECORDS.replace("\n", "\r\n").encode(encoding))
    document = read(path, Limits())
    assert document.metadata["encoding"] == encoding
    last = document.units[-1]
    assert texts(document)[-1] == "品番: SF-2041-05\t測定日: 2024/05/05\t測定値: 10.05\t判定: 合格"
    assert (last.cell, last.page, last.sheet) == ("A8:D8", None, None)
    assert values(document, last)["C8"] == "10.05"


@pytest.mark.parametrize(
    "text",
    [
        "ﾃｽﾄ,ｶﾅ\n検査,ﾊﾝｶｸ\n",
        "判定\n合格\n",
        "①,㈱東京\n髙,﨑\n",
        "あ\n",
        "外観：キズ・ヘコミ無し\n",
    ],
)
def test_short_cp932_is_told_from_euc(tmp_path, text):
    path = tmp_path / "短い.csv"
    path.write_bytes(text.encode("cp932"))
    assert read(path, Limits()).metadata["encoding"] == "cp932"


@pytest.mark.parametrize("text", ["品番,判定\nA-1,合格\n", "あいう\n", "検査成績書、合格。\n"])
def test_short_euc_is_told_from_cp932(tmp_path, text):
    path = tmp_path / "短い.csv"
    path.write_bytes(text.encode("euc_jp"))
    assert read(path, Limits()).metadata["encoding"] == "euc_jp"


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "comma"), ("\t", "tab"), (";", "semicolon"), ("|", "pipe")]
)
def test_delimiters(tmp_path, delimiter, name):
    rows = [
        ["品番", "備考", "値"],
        ["A-1", "良, 可", "1.5"],
        ["A-2", "良", "1.6"],
        ["A-3", "可", "1"],
    ]
    path = tmp_path / "区切り.csv"
    quoted = [[f'"{cell}"' if "," in cell else cell for cell in row] for row in rows]
    path.write_text("\n".join(delimiter.join(row) for row in quoted), encoding="utf-8")
    document = read(path, Limits())
    assert document.metadata["delimiter"] == name
    assert texts(document)[1] == "品番: A-1\t備考: 良, 可\t値: 1.5"


def test_quoted_line_feeds_stay_in_their_cell(tmp_path):
    path = tmp_path / "改行.csv"
    path.write_text('品番,備考\nA-1,"一行目\n二行目"\nA-2,5\n', encoding="utf-8")
    document = read(path, Limits())
    assert texts(document)[1] == "品番: A-1\t備考: 一行目 二行目"
    assert document.units[2].cell == "A3:B3"


def test_csv_without_headers(tmp_path):
    path = tmp_path / "値.tsv"
    path.write_text("A-1\t1.5\nA-2\t1.6\n", encoding="utf-8")
    assert texts(read(path, Limits())) == ["A-1\t1.5", "A-2\t1.6"]


def test_a_few_damaged_bytes_do_not_cost_the_file(tmp_path):
    path = tmp_path / "傷.csv"
    path.write_bytes((RECORDS * 20).encode("cp932") + b"\x81\n")
    document = read(path, Limits())
    assert document.warnings == ("text_damaged",)
    assert "測定値: 10.05" in document.text


def test_rows_of_a_csv_are_bounded(tmp_path):
    path = tmp_path / "長い.csv"
    path.write_text("".join(f"A-{n},{n}\n" for n in range(100)), encoding="utf-8")
    document = read(path, Limits(rows=30))
    assert len(document.units) == 30
    assert document.warnings == ("rows_left_out:30",)
