"""The English quality manual QM-001."""

from pathlib import Path

import pymupdf

from resources.samples.builder import markup
from resources.samples.builder.layout import A4, BLUE, GREY, Flow, PageWriter, save

COMPANY = "Minase Yuki Co., Ltd. - Yatomi plant"


def write_quality_manual(path: Path) -> None:
    """Write the manual as a PDF with a title page and running headers."""
    pdf = pymupdf.open()
    flow = Flow(pdf, top=86.0, size=11.0)
    _title(flow.new_page())
    flow.y = flow.bottom
    for name in ("quality_1.md", "quality_2.md"):
        flow.set(markup.load(name))
    flow.finish(_furniture)
    pdf.set_toc([[level, text, page] for level, text, page in flow.headings])
    save(pdf, path, "QM-001 Quality Manual", COMPANY, "Revision 8")


def _title(page: PageWriter) -> None:
    middle = A4[0] / 2
    page.line(62, 190, A4[0] - 62, 190, 2)
    page.text(middle, 250, "QUALITY MANUAL", 30, BLUE, bold=True, align="center")
    page.text(middle, 290, "Hydraulic directional and relief valves", 14, align="center")
    page.line(62, 330, A4[0] - 62, 330, 2)
    fields = ("Document QM-001", "Revision 8", "Effective 16 June 2025", "Owner: Quality assurance")
    for row, field in enumerate(fields):
        page.text(middle, 400 + row * 26, field, 12, align="center")
    page.text(middle, 700, COMPANY, 13, align="center")
    page.text(
        middle, 725, "Controlled copy when viewed on the quality server", 9, GREY, align="center"
    )


def _furniture(page: PageWriter, number: int, total: int) -> None:
    if number == 1:
        return
    right = A4[0] - 50
    page.text(62, 50, "QM-001 Quality Manual, revision 8", 9, GREY)
    page.text(right, 50, COMPANY, 9, GREY, align="right")
    page.line(62, 57, right, 57, 0.5)
    page.text(A4[0] / 2, 812, f"{number} / {total}", 9, GREY, align="center")
