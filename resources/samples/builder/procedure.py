"""The work procedure WP-HV-112, more than sixty pages."""

from pathlib import Path

import pymupdf

from resources.samples.builder import markup
from resources.samples.builder.layout import A4, BLUE, GREY, Flow, PageWriter, save

SEAL = (0.8, 0.1, 0.1)
TITLE = "方向制御弁 HV-2041-07 組立・検査作業手順書"
COMPANY = "水無瀬油機株式会社 弥富工場"
PARTS = (
    "procedure_1_general.md",
    "procedure_2_preparation.md",
    "procedure_3_assembly.md",
    "procedure_4_assembly.md",
    "procedure_5_test.md",
    "procedure_6_closing.md",
    "procedure_7_annex.md",
)
COVER_FIELDS = (
    ("文書番号", "WP-HV-112"),
    ("版", "第6版"),
    ("制定日", "2017年9月1日"),
    ("改訂日", "2025年4月21日"),
    ("主管部署", "製造部 製造技術課"),
    ("適用ライン", "組立課 第2ライン"),
)
APPROVALS = (("承認", "北条"), ("審査", "久我"), ("作成", "三輪"))


def write_procedure(path: Path) -> None:
    """Write the procedure as a PDF with cover, contents, headings and bookmarks."""
    pdf = pymupdf.open()
    flow = Flow(pdf, size=12.0)
    _cover(flow.new_page())
    contents = [flow.new_page() for _ in range(3)]
    flow.y = flow.bottom
    for name in PARTS:
        flow.set(markup.load(name))
    _contents(contents, flow.headings)
    flow.finish(_furniture)
    pdf.set_toc([[level, text, page] for level, text, page in flow.headings])
    save(pdf, path, TITLE, COMPANY, "WP-HV-112 第6版")


def _cover(page: PageWriter) -> None:
    middle = A4[0] / 2
    page.box(45, 45, A4[0] - 45, A4[1] - 45, None, BLUE, 1.5)
    page.box(51, 51, A4[0] - 51, A4[1] - 51, None, BLUE, 0.5)
    page.text(middle, 150, "作 業 手 順 書", 28, BLUE, bold=True, align="center")
    page.text(middle, 215, "方向制御弁 HV-2041-07", 20, align="center")
    page.text(middle, 248, "組立・検査", 20, align="center")
    for row, (label, value) in enumerate(COVER_FIELDS):
        y = 320 + row * 30
        page.box(130, y, 230, y + 30, (0.88, 0.91, 0.96))
        page.box(230, y, 465, y + 30)
        page.text(180, y + 20, label, 11, align="center")
        page.text(245, y + 20, value, 11)
    for column, (label, name) in enumerate(APPROVALS):
        x = 262 + column * 68
        page.box(x, 570, x + 68, 590, (0.88, 0.91, 0.96))
        page.box(x, 590, x + 68, 650)
        page.text(x + 34, 584, label, 10, align="center")
        page.circle(x + 34, 620, 21, SEAL, 1.2)
        page.text(x + 34, 624, name, 12, SEAL, align="center")
    page.text(middle, 720, COMPANY, 15, align="center")
    page.text(middle, 750, "社外秘 ・ 複写禁止", 10, GREY, align="center")


def _contents(pages: list[PageWriter], headings: list[tuple[int, str, int]]) -> None:
    per_page = (len(headings) + len(pages) - 1) // len(pages)
    for number, page in enumerate(pages):
        y = 105.0
        if number == 0:
            page.text(62, y, "目次", 16, BLUE, bold=True)
            y += 26
        for level, text, target in headings[number * per_page : (number + 1) * per_page]:
            x = 62 + (level - 1) * 18
            page.text(x, y, text, 9.5)
            page.text(A4[0] - 50, y, str(target), 9.5, align="right")
            y += 14.2


def _furniture(page: PageWriter, number: int, total: int) -> None:
    if number == 1:
        return
    left, right = 62.0, A4[0] - 50
    page.box(left, 34, right, 78)
    for x in (left + 110, right - 130):
        page.line(x, 34, x, 78)
    page.line(right - 130, 56, right, 56)
    page.text(left + 55, 60, "作業手順書", 12, align="center")
    page.text((left + right - 20) / 2, 53, "方向制御弁 HV-2041-07", 10, align="center")
    page.text((left + right - 20) / 2, 69, "組立・検査", 10, align="center")
    page.text(right - 65, 49, "WP-HV-112 第6版", 9.5, align="center")
    page.text(right - 65, 71, f"{number} / {total} ページ", 9.5, align="center")
    page.line(left, 795, right, 795, 0.4)
    page.text(left, 808, COMPANY, 8.5, GREY)
    page.text(
        right, 808, "印刷した写しは、発行日を過ぎたら最新版を確認すること", 8.5, GREY, align="right"
    )
