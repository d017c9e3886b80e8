import random
import time

import pytest

from engine.passages import split_sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, 0, len(text))]


@pytest.mark.parametrize(
    "sentences",
    [
        ["検査を行う。", "結果を記録する！", "よいか？", "はい"],
        ["「締付けを確認すること。」と記載する。", "次へ（注。これ）進む。"],
        ["彼は「はい。」", "「いいえ。」", "次の文。"],
        ["終わり。）", "次"],
        ["公差は０．０５とする．", "次の文．"],
    ],
)
def test_japanese(sentences: list[str]):
    assert split("".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["The gap is 3.5 mm.", "See No. 5.", "See Fig. 2 for e.g. details.", "The next one."],
        ["A. Smith wrote it.", "Use bolts, nuts, etc.", "The end."],
        ["Is it OK?", "Yes!", "Go."],
        ["Torque is 12.5 N·m.", "Check it."],
        ["Step 1. Remove the cover.", "Step 2. Close it."],
        ["max. 5 mm as shown.", "He said (see p. 4. It is there) so.", "Done."],
        ["Open http://example.co.jp/a.b?x=1 now.", "Then close it."],
    ],
)
def test_english(sentences: list[str]):
    assert split(" ".join(sentences)) == sentences


def test_addresses_and_numbers_stay_whole_beside_japanese():
    assert split("http://example.co.jp/a.b?x=1 を参照する。長さは3.5 mmである。") == [
        "http://example.co.jp/a.b?x=1 を参照する。",
        "長さは3.5 mmである。",
    ]


def test_list_items_are_sentences():
    assert split("1. 電源を切る\n2. カバーを外す\n・ボルト\n①確認") == [
        "1. 電源を切る", "2. カバーを外す", "・ボルト", "①確認",
    ]  # fmt: skip


def test_wrapped_lines_are_joined_and_short_lines_are_not():
    wrapped = "なお検査員は結果を所定の様式に記録し保管するものと\nする。次の文。"
    assert split(wrapped) == [
        "なお検査員は結果を所定の様式に記録し保管するものと\nする。",
        "次の文。",
    ]
    assert split("品名\n主軸\n材質") == ["品名", "主軸", "材質"]


def test_a_bracket_that_never_closes_does_not_swallow_the_text():
    assert split("（注 ここから。次の文。" * 3)[0] == "（注 ここから。"


def test_no_character_is_lost_on_random_text():
    rng = random.Random(5)
    alphabet = [*"あ検a1.。！?．\n「」（）() 、,・-ABe😀ｶﾞ", "Fig. ", "No.", "e.g.", "1. "]
    for _ in range(1500):
        text = "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 40)))
        start = rng.randint(0, len(text))
        end = rng.randint(start, len(text))
        spans = split_sentences(text, start, end)
        covered = [0] * len(text)
        for first, last in spans:
            assert start <= first < last <= end
            assert not text[first].isspace() and not text[last - 1].isspace()
            for place in range(first, last):
                covered[place] += 1
        assert spans == sorted(spans)
        for place, character in enumerate(text):
            wanted = int(start <= place < end)
            assert covered[place] == wanted or (character.isspace() and covered[place] == 0)


@pytest.mark.parametrize(
    "piece", ["（", "「（", ".", "a.", "1.", "。", "e.g.", "-", "\n", "1,111", "a-"]
)
def test_hostile_text_takes_linear_time(piece: str):
    text = piece * (60_000 // len(piece))
    began = time.process_time()
    split_sentences(text, 0, len(text))
    assert time.process_time() - began < 4
