import random
import unicodedata

import pytest

from engine.notation.folding import fold, fold_width, to_hiragana

ALPHABET = [
    *"あがネジーコンピュタ検査公差表面粗﨑々、。「」 \n",
    *"ｶﾞｷﾊﾟﾎﾞｰﾀｱ",
    *"ＡＢｃ１２３，．％㎜㍉①㈱ﬁ²Ω℃½",
    *"abcXYZ0123.,",
    "か\u3099", "ハ\u309a", "e\u0301", "A\u030a\u0301",
    "😀", "𠮷", "👨\u200d👩", "葛\U000e0100", "\U0001d400",
]  # fmt: skip


def random_text(rng: random.Random, size: int) -> str:
    return "".join(rng.choice(ALPHABET) for _ in range(size))


def test_offsets_partition_the_original_and_fold_piece_by_piece():
    rng = random.Random(1)
    for _ in range(400):
        text = random_text(rng, rng.randint(0, 40))
        folded = fold_width(text)
        assert len(folded.text) == len(folded.starts) == len(folded.ends)
        pieces: dict[tuple[int, int], str] = {}
        for character, start, end in zip(folded.text, folded.starts, folded.ends, strict=True):
            pieces[start, end] = pieces.get((start, end), "") + character
        last = 0
        for (start, end), piece in pieces.items():
            assert last <= start < end <= len(text)
            last = end
            if piece != "-":
                assert fold_width(text[start:end]).text == piece


def test_width_folding_is_nfkc_apart_from_the_mapped_signs():
    rng = random.Random(2)
    for _ in range(400):
        text = random_text(rng, rng.randint(0, 40)).replace("\u200d", "")
        wanted = unicodedata.normalize("NFKC", text)
        folded = fold_width(text).text
        assert [
            a for a, b in zip(folded, wanted, strict=True) if a != b and (a, b) != ("-", "ー")
        ] == []


def test_full_fold_keeps_offsets_in_order_and_is_stable():
    rng = random.Random(3)
    for _ in range(400):
        text = random_text(rng, rng.randint(1, 40)) + rng.choice(["", "İ", "センサーー"])
        folded = fold(text)
        assert len(folded.text) == len(folded.starts) == len(folded.ends)
        assert folded.starts == sorted(folded.starts)
        assert all(0 <= a < b <= len(text) for a, b in zip(folded.starts, folded.ends, strict=True))


@pytest.mark.parametrize(
    "ways",
    [
        ("コンピュータ", "コンピューター", "ｺﾝﾋﾟｭｰﾀｰ", "コンピュ－タ－", "コンピュ-ター"),
        ("モータカバー", "モーターカバー"),
        ("締付トルク", "締付けトルク", "締め付けトルク"),
        ("取付け穴", "取り付け穴", "取付穴"),
        ("A-123-45", "Ａ－１２３－４５", "A‐123‑45", "A−123–45", "Aー123ー45", "Aｰ123ｰ45"),
        ("M8x1.25", "Ｍ８×１．２５", "m8✕1.25"),
        ("φ12", "Φ12", "⌀12", "ø12", "Ø１２"),
        ("12mm", "12㎜", "１２ｍｍ"),
        ("品名", "品　名", "品 名", "品　　　名"),
        ("検査成績書", "検 査 成 績 書"),
        ("ガイド", "ｶﾞｲﾄﾞ", "カ\u3099イト\u3099"),
    ],
)
def test_ways_of_writing_fold_to_one(ways: tuple[str, ...]):
    assert len({fold(way).text.rstrip("-") for way in ways}) == 1


def test_short_words_keep_their_long_vowel():
    assert fold("カバー").text == "カバー"
    assert fold("ビール").text != fold("ビル").text
    assert fold("サーバー").text == fold("サーバ").text


def test_a_span_over_changed_lengths_maps_back():
    text = "径㍉😀ｶﾞｲﾄﾞ検"
    folded = fold(text)
    assert folded.text == "径ミリ😀ガイド検"
    at = folded.text.index("ガイド")
    assert text[slice(*folded.span(at, at + 3))] == "ｶﾞｲﾄﾞ"
    assert folded.span(2, 3) == (1, 2)


def test_the_dropped_mark_belongs_to_the_word_shown():
    text = "モーターの音"
    folded = fold(text)
    assert folded.text == "モータの音"
    assert folded.span(0, 3) == (0, 4)


def test_only_letters_that_stand_alone_are_drawn_together():
    assert fold("作業 手順").text == "作業 手順"
    assert fold("高さ 幅 奥行").text == "高さ 幅 奥行"
    text = "質　　量: 44.2 g、品 名"
    folded = fold(text)
    assert folded.text == "質量: 44.2 g、品名"
    assert folded.span(0, 2) == (0, 4) and folded.span(2, 3) == (4, 5)
    assert text[slice(*folded.span(len(folded.text) - 2, len(folded.text)))] == "品 名"


def test_hiragana_has_the_same_length():
    assert to_hiragana("ネジヴーabc") == "ねじゔーabc"
