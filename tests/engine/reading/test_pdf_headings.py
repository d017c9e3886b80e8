import pymupdf

from engine.reading.limits import Limits
from engine.reading.registry import read

NUMBERED = [
    "6.3 開缶後は窒素シールか皮張り防止剤(スプレー)を使い、60",
    "日以内に使い切る。",
    "6.4 先入れ先出し。缶の上ぶたに開缶日と氏名を書く。",
]


def headings(tmp_path, draw):
    path = tmp_path / "標準.pdf"
    with pymupdf.open() as pdf:
        draw(pdf.new_page())
        pdf.save(path)
    document = read(path, Limits())
    return [document.text[u.start : u.end] for u in document.units if u.kind == "heading"]


def put(page, x, y, text, size):
    page.insert_text((x, y), text, fontname="japan", fontsize=size)


def test_numbered_sentences_are_no_headings_beside_smaller_type(tmp_path):
    def _draw(page):
        put(page, 60, 80, "6 インキの保管と調合", 12)
        for index, line in enumerate(NUMBERED):
            put(page, 60, 110 + 12 * index, line, 8.5)
        for index in range(30):
            put(
                page,
                60,
                180 + 12 * index,
                f"注{index}: 缶の置き場所は別に定める図の通りとする。",
                7.5,
            )

    assert headings(tmp_path, _draw) == ["6 インキの保管と調合"]


def test_numbered_lines_of_larger_type_are_headings_above_short_sentences(tmp_path):
    def _draw(page):
        for index in range(4):
            put(page, 60, 80 + 60 * index, f"{index + 1} 開缶後の保管と使い切りの期限について", 12)
            put(page, 60, 100 + 60 * index, "冷暗所に置く。", 9)

    assert len(headings(tmp_path, _draw)) == 4
