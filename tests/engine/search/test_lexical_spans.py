import random

import pytest

from engine.search.lexical import match_spans


def marked(query: str, text: str) -> list[str]:
    return [text[start:end] for start, end in match_spans(query, text)]


@pytest.mark.parametrize(
    ("query", "text", "wanted"),
    [
        ("検査", "検査は全数検査とする。", ["検査", "検査"]),
        ("主軸の締付トルクは？", "主軸の締付トルク", ["主軸", "締付トルク"]),
        ("締付トルク", "締付けるトルク", ["締付", "トルク"]),
        ("締付トルク", "締め付けトルクの表", ["締め付けトルク"]),
        ("コンピュータ", "ｺﾝﾋﾟｭｰﾀｰとコンピューター", ["ｺﾝﾋﾟｭｰﾀｰ", "コンピューター"]),
        ("ネジ", "ねじとネジとﾈｼﾞ", ["ねじ", "ネジ", "ﾈｼﾞ"]),
        ("SUS304", "材質ＳＵＳ３０４とSUS3040", ["ＳＵＳ３０４"]),
        ("HV-2041-07", "図番ＨＶ－２０４１－０７、07号", ["ＨＶ－２０４１－０７"]),
        ("2041-07", "図番HV-2041-07", ["HV-2041-07"]),
        ("HV204107", "図番HV‐2041‐07", ["HV‐2041‐07"]),
        ("±0.05", "公差±０．０５㎜", ["±０．０５㎜"]),
        ("M8x1.25", "ボルトM8×1.25", ["M8×1.25"]),
        ("bolts", "a Bolt, bolted", ["Bolt"]),
        ("「検査方法」", "検査方法", ["検査方法"]),
        ("検査 -方法", "検査方法", ["検査"]),
        ("です", "これです", ["です"]),
        ("検査ですか", "検査です", ["検査"]),
        ("㍉", "1㍉の径", ["㍉"]),
        ("軸", "主軸", ["軸"]),
        ("", "検査", []),
        ("検査", "", []),
        ("おかしいと思った", "詳しい経緯と、おかしな音", ["おかし"]),
    ],
)
def test_marks(query: str, text: str, wanted: list[str]):
    assert marked(query, text) == wanted


WORDS = [
    ("ガイド", ["ガイド", "ｶﾞｲﾄﾞ", "カ\u3099イト\u3099", "がいど"]),
    ("パッキン", ["パッキン", "ﾊﾟｯｷﾝ", "ハ\u309aッキン"]),
    ("表面粗さ", ["表面粗さ"]),
    ("センサー", ["センサー", "ｾﾝｻｰ", "センサ"]),
    ("SUS304", ["SUS304", "ＳＵＳ３０４", "sus304"]),
    ("HV-2041-07", ["HV-2041-07", "ＨＶ－２０４１－０７", "HV−2041‑07", "HVー2041ー07"]),
    ("±0.05 mm", ["±0.05 mm", "±０．０５㎜", "±0.05mm"]),
    ("12.5 N·m", ["12.5 N·m", "12.5N-m", "１２．５Ｎ・ｍ"]),
    ("𠮷野", ["𠮷野"]),
    ("café", ["café", "cafe\u0301", "ＣＡＦÉ"]),
]
NOISE = [
    *"😀。、「」㈱㌔①ﬁ½\n　々",
    "👨\u200d👩",
    "あ゙",
    "か\u3099",
    "ﾊﾟ",
    "ｷﾞ",
    "e\u0301",
    "葛\U000e0100",
    "İ",
]


def test_marks_fall_exactly_on_the_word_whatever_stands_around_it():
    rng = random.Random(8)
    for _ in range(1500):
        query, ways = rng.choice(WORDS)
        way = rng.choice(ways)
        before = "".join(rng.choice(NOISE) for _ in range(rng.randint(0, 12))) + "。"
        after = "。" + "".join(rng.choice(NOISE) for _ in range(rng.randint(0, 12)))
        text = before + way + after
        assert match_spans(query, text) == [(len(before), len(before) + len(way))], (query, text)


def test_marks_of_random_text_are_ordered_and_apart():
    rng = random.Random(9)
    for _ in range(500):
        text = "".join(rng.choice([*NOISE, *"検査ネジ0M8"]) for _ in range(30))
        spans = match_spans("検査 ネジ M8 0.8", text)
        ends = [0]
        for start, end in spans:
            assert ends[-1] <= start < end <= len(text)
            ends.append(end + 1)
