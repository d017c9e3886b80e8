import pytest
from tokenizers import Tokenizer

from engine.training.tokenizer import PAD, UNKNOWN, train_tokenizer

TEXTS = [
    "ボルトの締付けトルクを設定する。",
    "品質管理の記録をデータベースに保存します。",
    "Tighten the bolts to the specified torque.",
    "The record of quality control is stored in the database.",
    "図面番号 AB-1234-C を確認する。",
] * 8


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, vocabulary=500, rare=2)


@pytest.mark.parametrize(
    "text",
    [
        "𠮷野家の髙橋さん😀が来た",
        "部品 ＡＢ－１２３４ を 10.5±0.2 mm に",
        "Ｅｘｃｅｌ データ\r\n\tの取り込み",
        "①㎜㌔ﾃｰﾀ ｶ ﬁne",
    ],
)
def test_offsets_cover_the_original_text(tokenizer: Tokenizer, text: str):
    encoded = tokenizer.encode(text, add_special_tokens=False)
    covered = {index for start, stop in encoded.offsets for index in range(start, stop)}
    assert covered == {index for index, character in enumerate(text) if not character.isspace()}
    starts = [start for start, _ in encoded.offsets]
    assert starts == sorted(starts)


def test_nothing_is_unknown(tokenizer: Tokenizer):
    assert tokenizer.token_to_id(PAD) == 0
    assert tokenizer.token_to_id(UNKNOWN) == 1
    text = "𠮷髙鷗☃😀 ЖÞ한 <unk"
    assert 1 not in tokenizer.encode(text, add_special_tokens=False).ids


def test_bytes_give_the_rare_character_back(tokenizer: Tokenizer):
    tokens = tokenizer.encode("𠮷", add_special_tokens=False).tokens
    assert bytes(int(token[3:5], 16) for token in tokens).decode() == "𠮷"


def test_width_and_case_make_no_difference(tokenizer: Tokenizer):
    wide = tokenizer.encode("図面番号ＡＢ-１２３４", add_special_tokens=False).ids
    assert wide == tokenizer.encode("図面番号 ab-1234", add_special_tokens=False).ids


def test_scripts_and_digits_are_never_in_one_piece(tokenizer: Tokenizer):
    tokens = tokenizer.encode("図面AB1234確認データ", add_special_tokens=False).tokens
    assert "".join(tokens) == "図面ab1234確認データ"
    for token in tokens:
        assert len({character.isdigit() for character in token}) == 1
        assert len({character.isascii() for character in token}) == 1
