import random

import numpy as np
import pytest

from engine.errors import Cancelled, PackError
from engine.model.pack import load_pack
from engine.model.tokenizer import PIECE, Tokenizer, split_text, token_ranges
from engine.models import default_pack
from engine.progress import CancelToken


def test_spans_point_at_the_original_characters(tiny_encoder):
    text = "ﾄﾙｸ 12 TORQUE\n部品番号ＡＢ－１２"
    tokens = tiny_encoder.tokenizer.tokenize(text)
    pieces = [text[start:end] for start, end in tokens.spans]
    assert pieces[:3] == ["ﾄﾙｸ", "12", "TORQUE"]
    assert pieces[3:] == ["部品", "番号", "Ａ", "Ｂ", "－", "１２"]
    assert tokens.ids.dtype == np.int32
    assert tokens.spans.dtype == np.int32


def test_bytes_of_a_rare_character_share_its_span(tiny_encoder):
    text = "a 𠮷b"
    tokens = tiny_encoder.tokenizer.tokenize(text)
    assert [text[start:end] for start, end in tokens.spans] == ["a", "𠮷", "𠮷", "𠮷", "𠮷", "b"]


@pytest.mark.parametrize("text", ["ｶﾞｲﾄﾞﾋﾟﾝ ﾊﾟｯｷﾝ", "か\u3099が ばか\u3099", "cafe\u0301 e\u0301tude"])
def test_a_mark_belongs_to_the_letter_before_it(text):
    tokenizer = Tokenizer(load_pack(default_pack()).contents["tokenizer.json"])
    long = f"{text}\n" * 400
    assert len(long) > PIECE
    covered = {at for start, end in tokenizer.tokenize(long).spans for at in range(start, end)}
    assert covered == {at for at, letter in enumerate(long) if not letter.isspace()}
    first = tokenizer.tokenize("ﾞｱｶﾞ").spans.tolist()
    assert first[0] == [0, 1] and first[-1][1] == 4


@pytest.mark.parametrize("text", ["", " \n\t　"])
def test_text_without_tokens(tiny_encoder, text):
    tokens = tiny_encoder.tokenizer.tokenize(text)
    assert tokens.ids.shape == (0,)
    assert tokens.spans.shape == (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_pieces_cover_the_text_and_stay_bounded(seed):
    generator = random.Random(seed)
    text = "".join(generator.choices("あい。か\u3099が\nxyz ,ｶﾞ", k=5000))
    pieces = list(split_text(text, 64))
    assert "".join(text[start:end] for start, end in pieces) == text
    assert all(0 < end - start <= 64 for start, end in pieces)


def test_pieces_are_cut_behind_lines_and_sentences_first():
    text = "あ" * 30 + "\n" + "い" * 40 + "。" + "う" * 100
    cuts = [end for _, end in split_text(text, 64)]
    assert cuts[:3] == [31, 72, 136]


def test_a_cut_never_parts_a_letter_from_its_mark():
    text = "か\u3099" * 100
    assert all(end % 2 == 0 for _, end in split_text(text, 63))


def test_tokens_of_a_long_text_are_those_of_its_lines(tiny_encoder, long_text):
    tokens = tiny_encoder.tokenizer.tokenize(long_text)
    assert len(long_text) > 2 * PIECE
    position, expected = 0, []
    for line in long_text.split("\n"):
        spans = tiny_encoder.tokenizer.tokenize(line).spans + position
        expected.append(spans)
        position += len(line) + 1
    np.testing.assert_array_equal(tokens.spans, np.concatenate(expected))


def test_cancel_stops_between_pieces(tiny_encoder, long_text):
    cancel = CancelToken()
    steps = tiny_encoder.tokenizer.tokenize_steps(long_text, cancel)
    next(steps)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(steps)


def test_a_broken_tokenizer_is_told():
    with pytest.raises(PackError) as caught:
        Tokenizer(b"{}")
    assert caught.value.code == "pack_broken"


def test_ranges_hold_every_token_that_overlaps():
    spans = np.array([[0, 2], [2, 3], [5, 8], [8, 9], [8, 9]], np.int32)
    wanted = [(0, 2), (1, 6), (3, 5), (8, 9), (9, 20), (0, 20)]
    ranges = token_ranges(spans, wanted)
    assert ranges.tolist() == [[0, 1], [0, 3], [2, 2], [3, 5], [5, 5], [0, 5]]
    assert token_ranges(spans, []).shape == (0, 2)
