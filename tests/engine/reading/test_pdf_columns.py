import pymupdf
import pytest

from engine.reading.limits import Limits
from engine.reading.registry import read


@pytest.fixture
def make(tmp_path):
    def _make(draw):
        path = tmp_path / "文書.pdf"
        with pymupdf.open() as document:
            draw(document.new_page())
            document.save(path)
        return read(path, Limits())

    return _make


def put(page, x, y, text, size=10):
    page.insert_text((x, y), text, fontname="japan", fontsize=size)


def put_lines(page, x, y, lines, step=16):
    for index, line in enumerate(lines):
        put(page, x, y + step * index, line)


LEFT = [
    "(1) 皮むきの長さは端子毎の",
    "標準に従い、芯線の傷はないこと。",
    "(2) 編組は15mm以下でよじり、",
    "熱収縮チューブで覆う。",
    "(3) 束線バンドは100mm間隔とし、",
    "締付けは目盛3とする。",
]
RIGHT = [
    "(4) 色を確かめてから挿入し、",
    "軽く引いてロックを確かめる。",
    "(5) マークチューブは端子から",
    "20mmの位置に付ける。",
    "(6) アース線は座金を介し、",
    "1.4N・mで締める。",
]


def test_numbered_notes_that_are_level_are_columns_where_they_are_counted_on(make):
    def _draw(page):
        put(page, 60, 80, "次の事項を守って加工すること。以下に全ての注意事項をまとめて示す。")
        put_lines(page, 60, 140, LEFT)
        put_lines(page, 320, 140, RIGHT)
        put(page, 60, 300, "検査は全数とする。")

    text = make(_draw).text.replace("\n", "")
    assert "".join(LEFT) in text
    assert "".join(RIGHT) in text
    assert text.index(LEFT[-1]) < text.index(RIGHT[0])
    assert text.endswith("検査は全数とする。")


def test_ragged_columns_of_other_lengths_are_read_one_after_the_other(make):
    left = [
        "異常の処置",
        "停止してからカスを除き、前の",
        "箱まで全数を確かめる。",
        "型には手を入れ",
        "ない。",
    ]
    right = ["二枚打ちを疑い、再起動しない", "こと。記録を残し、保全へ引き継い", "でから帰る。"]

    def _draw(page):
        put_lines(page, 60, 140, left)
        put_lines(page, 320, 148, right, step=20)
        put(page, 60, 300, "連絡先")
        for row in range(3):
            for column, text in enumerate(("係長", "内線", "当番")):
                put(page, 60 + 110 * column, 320 + 18 * row, f"{text}{row}")

    text = make(_draw).text
    joined = text.replace("\n", "")
    assert "".join(left) + "".join(right) + "連絡先" in joined
    assert "係長1\t内線1\t当番1" in text


def test_sentences_in_the_cells_of_a_table_are_no_columns(make):
    pairs = [
        ("ベルトが緩み、回転が落ち", "ベルトの張りを調べてから"),
        ("ている。", "締め直す。"),
        ("フィルタが詰まり、風量が", "フィルタを外して清掃し、"),
        ("足りない。", "元に戻す。"),
        ("軸受が傷み、音が大きく出", "軸受を新しいものに交換し"),
        ("ている。", "て記録する。"),
    ]

    def _draw(page):
        for index, (left, right) in enumerate(pairs):
            put(page, 60, 140 + 16 * index, left)
            put(page, 320, 140 + 16 * index, right)

    text = make(_draw).text
    assert text.index("ベルトの張り") < text.index("フィルタが詰まり")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("この部品は焼入れの後に冷却し、保持の温度はマイナス1", "50℃とする。", "150℃"),
        ("この部品は承認を得てから指示書（様式番号TD-", "19）を出す。", "TD-19）"),
        ("噴霧液の濃度は規定に保ち、塩化ナトリウムは50g/", "L以下とする。", "50g/L"),
    ],
)
def test_words_and_numbers_cut_at_the_end_of_a_line_are_whole(make, first, second, expected):
    assert expected in make(lambda page: put_lines(page, 60, 140, [first, second])).text


def test_numbers_of_latin_text_are_not_run_together(make):
    lines = [
        "The operator shall take samples and record the values of each run during the year 2024",
        "10 parts are measured by the department.",
    ]

    def _draw(page):
        for index, line in enumerate(lines):
            page.insert_text((60, 140 + 14 * index), line, fontname="helv", fontsize=10)

    assert "2024 10 parts" in make(_draw).text.replace("\n", " ")
