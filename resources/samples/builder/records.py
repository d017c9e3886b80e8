"""The inspection record QR-0417 (Excel) and the bore measurements (CSV, cp932)."""

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

from resources.samples.builder.archive import fix_times

THIN = Side(style="thin")
BORDER = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)
HEADER_FILL = PatternFill("solid", start_color="DCE6F1")
SERIALS = [f"25041{number:02d}" for number in range(1, 25)]
COVER = (
    ("形式", "HV-2041-07"),
    ("ロット", "25-0421"),
    ("台数", 24),
    ("手順書", "WP-HV-112 第6版"),
    ("試験台", "TB-07"),
    ("試験油", "ISO VG 46"),
    ("試験日", "2025-04-23"),
    ("試験員", "桑名"),
    ("最終検査員", "相良"),
    ("合格率", "83.3 %（24台中20台。手直し後の合格を除く）"),
    ("特記", "4月22日午前、試験室の空調が1時間停止。対象は製造番号 2504108 まで。"),
)
LEAKAGE_REMARKS = {
    "2504107": "管理値を超えたため AM-330 を再マスタリング",
    "2504113": "漏れゼロ。固着の疑いで分解、異常なし、再測定 26.1",
    "2504119": "測定中に油温が 44 ℃まで上昇、冷却後に測り直し",
}
RESPONSE_REMARKS = {
    "2504105": "波形に段あり。スプールを交換して再試験",
    "2504116": "熱間の試験対象",
    "2504121": "コネクタの半差しで初回は動作せず",
}
DIMENSIONS = [
    ("HV-2041-01", "取付穴のピッチ", "46 ±0.05 mm", [46.012, 45.988, 46.021, 46.003, 45.979]),
    ("HV-2041-01", "主穴の真円度", "1.0 μm 以下", [0.6, 0.4, 0.7, 0.5, 0.9]),
    ("HV-2041-02", "全長", "96.4 ±0.1 mm", [96.42, 96.38, 96.45, 96.40, 96.33]),
    ("HV-2041-02", "ランドの幅", "9.20 ±0.02 mm", [9.204, 9.198, 9.211, 9.206, 9.189]),
    ("HV-2041-03", "自由長", "42.0 ±0.3 mm", [42.11, 41.95, 42.08, 42.20, 41.87]),
    ("HV-2041-04", "溝の深さ", "1.42 ±0.03 mm", [1.424, 1.431, 1.418, 1.409, 1.440]),
    ("HV-2041-06", "板厚", "1.6 ±0.06 mm", [1.58, 1.61, 1.60, 1.63, 1.59]),
]
REJECTED = [
    ("2504105", "230", "切換時間", "波形に段", "スプールとの組を替えた", "合格"),
    ("2504110", "200", "絶縁抵抗", "12 MΩ", "ソレノイド SV-0312 を交換", "合格"),
    ("2504118", "210", "外部漏れ", "プラグ下からにじみ", "シールテープを巻き直した", "合格"),
    ("2504122", "190", "取付面の傷", "長さ 6 mm、爪に掛かる", "補修不可", "廃却"),
]


def write_inspection_record(path: Path) -> None:
    """Write the record with a cover, two test sheets, dimensions and rejections."""
    random_ = random.Random(417)
    book = Workbook()
    cover = book.worksheets[0]
    _cover(cover)
    _leakage(book.create_sheet("内部漏れ"), random_)
    _response(book.create_sheet("切換時間"), random_)
    _dimensions(book.create_sheet("寸法検査"))
    _rejected(book.create_sheet("不合格処置"))
    book.properties.title = "検査記録 QR-0417 ロット 25-0421"
    book.properties.creator = "水無瀬油機株式会社 品質保証課"
    book.save(path)
    fix_times(path)


def _cover(sheet: Worksheet) -> None:
    sheet.title = "表紙"
    sheet.append(("検査記録 QR-0417", None))
    sheet.merge_cells("A1:B1")
    sheet["A1"].font = Font(size=18, bold=True)
    sheet.append(("項目", "内容"))
    for row in COVER:
        sheet.append(row)
    _finish(sheet, header_rows=0, widths=(16, 70))


def _leakage(sheet: Worksheet, random_: random.Random) -> None:
    sheet.append(("製造番号", "油温 ℃", "内部漏れ mL/min", None, None, "判定", "備考"))
    sheet.append((None, None, "中立", "a 通電", "b 通電", None, None))
    sheet.merge_cells("C1:E1")
    for column in "ABFG":
        sheet.merge_cells(f"{column}1:{column}2")
    for serial in SERIALS:
        neutral = round(random_.gauss(25.5, 2.8), 1)
        if serial == "2504107":
            neutral = 34.2
        if serial == "2504113":
            neutral = 0.0
        sides = [round(neutral * random_.uniform(0.62, 0.72), 1) for _ in range(2)]
        oil = round(random_.uniform(38.4, 41.8), 1)
        sheet.append((serial, oil, neutral, *sides, "合格", LEAKAGE_REMARKS.get(serial)))
    _finish(sheet, 2, (12, 10, 12, 12, 12, 8, 52))


def _response(sheet: Worksheet, random_: random.Random) -> None:
    sheet.append(("製造番号", "切換え（入）ms", None, "復帰（切）ms", None, "判定", "備考"))
    sheet.append((None, "a側", "b側", "a側", "b側", None, None))
    for merged in ("B1:C1", "D1:E1", "A1:A2", "F1:F2", "G1:G2"):
        sheet.merge_cells(merged)
    for serial in SERIALS:
        on = [random_.randint(44, 56) for _ in range(2)]
        off = [random_.randint(31, 42) for _ in range(2)]
        sheet.append((serial, *on, *off, "合格", RESPONSE_REMARKS.get(serial)))
    _finish(sheet, 2, (12, 10, 10, 10, 10, 8, 40))


def _dimensions(sheet: Worksheet) -> None:
    sheet.append(("部品番号", "項目", "図示値", "測定値", None, None, None, None, "判定"))
    sheet.append((None, None, None, *(f"No.{n}" for n in range(1, 6)), None))
    for merged in ("A1:A2", "B1:B2", "C1:C2", "D1:H1", "I1:I2"):
        sheet.merge_cells(merged)
    for part, item, nominal, values in DIMENSIONS:
        sheet.append((part, item, nominal, *values, "合格"))
    _finish(sheet, 2, (14, 18, 18, 10, 10, 10, 10, 10, 8))


def _rejected(sheet: Worksheet) -> None:
    sheet.append(("製造番号", "工程", "項目", "結果", "処置", "再試験の判定"))
    for row in REJECTED:
        sheet.append(row)
    _finish(sheet, 1, (12, 8, 14, 26, 30, 14))


def _finish(sheet: Worksheet, header_rows: int, widths: tuple[int, ...]) -> None:
    for number, width in enumerate(widths):
        sheet.column_dimensions["ABCDEFGHI"[number]].width = width
    for row in sheet.iter_rows(max_col=len(widths)):
        for cell in row:
            cell.border = BORDER
            if cell.row is not None and cell.row <= header_rows:
                cell.font, cell.fill = Font(bold=True), HEADER_FILL
                cell.alignment = Alignment(horizontal="center", vertical="center")
    if header_rows:
        sheet.freeze_panes = f"A{header_rows + 1}"


def write_measurements(path: Path) -> None:
    """Write bore and spool diameters as a CSV in cp932, as Japanese Excel saves it."""
    random_ = random.Random(330)
    moment = datetime(2025, 4, 21, 9, 12)
    places = (("HV-2041-01", "主穴"), ("HV-2041-02", "ランド"))
    remarks = {9: "室温 24.3 ℃、30分待って再測定", 21: "かき傷のため測定位置を 2 mm ずらした"}
    with path.open("w", encoding="cp932", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            (
                "測定日時",
                "製造番号",
                "部品番号",
                "測定箇所",
                "断面",
                "直径 mm",
                "区分",
                "測定者",
                "備考",
            )
        )
        for number, serial in enumerate(SERIALS):
            group = random_.randrange(3)
            for part, place in places:
                base = (18.0 if place == "主穴" else 17.99) + 0.002 * group
                for section in ("入口", "中央", "奥"):
                    moment += timedelta(seconds=random_.randint(25, 70))
                    diameter = base + random_.uniform(0.0002, 0.0018)
                    remark = (
                        remarks.get(number, "") if section == "中央" and place == "主穴" else ""
                    )
                    values = (f"{moment:%Y/%m/%d %H:%M:%S}", serial, part, place, section)
                    colour = ("白", "青", "黄")[group]
                    writer.writerow((*values, f"{diameter:.4f}", colour, "桑名", remark))
