import itertools
import time

import numpy as np
import pytest

from engine.errors import Cancelled
from engine.progress import CancelToken
from engine.records import Encoding, Fidelity, Passage, QueryEncoding
from engine.summary.candidates import facts, listed, shared_words, usable
from engine.summary.extract import coverage, extract

WIDTH = 16
BLOCK = 4


def unit(vectors):
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def axis(number, mixed=0.0, other=15):
    vector = np.zeros(WIDTH, np.float32)
    vector[number], vector[other] = 1.0, mixed
    return unit(vector)


def built(items, *, kinds=None, headings=None, kept=None):
    """A document of one sentence a passage, four tokens a sentence, one block a sentence."""
    text, passages, spans = "", [], []
    for number, (sentence, _) in enumerate(items):
        start = len(text)
        text += sentence + "\n"
        end = start + len(sentence)
        kind = kinds[number] if kinds else "text"
        path = headings[number] if headings else ()
        passages.append(Passage(number, start, end, kind, path, ((start, end),)))
        cuts = np.linspace(start, end, BLOCK + 1).astype(np.int32)
        spans += list(itertools.pairwise(cuts))
    vectors = unit([vector for _, vector in items])
    count = len(items)
    if kept is None:
        kept = np.arange(count)[:, None]
    tokens = np.repeat(np.round(vectors * 127).astype(np.int8), BLOCK, axis=0)
    encoding = Encoding(
        "hash",
        BLOCK,
        np.array(spans, np.int32).reshape(-1, 2),
        tokens,
        vectors.astype(np.float16),
        vectors.astype(np.float16),
        vectors.astype(np.float16),
        np.asarray(kept, np.int32)[None],
        np.ones((1, *np.shape(kept)), np.float16),
        Fidelity(1, 1, 0, 0, 1),
        0.1,
    )
    return text, passages, encoding


def asked(vector):
    tokens, one = unit([vector]), np.ones(1, np.float32)
    return QueryEncoding("?", np.array([[0, 1]], np.int32), tokens, unit(vector), one, tokens, one)


TOPICS = [
    ("トルクレンチで規定の値まで締め付けて記録する。", axis(0, 0.10)),
    ("トルクレンチを使い規定の値まで締め付け記録する。", axis(0, 0.12)),
    ("トルクレンチにより規定の値まで締め付けを行う。", axis(0, 0.14)),
    ("トルクレンチは規定の値まで締めるために用いる。", axis(0, 0.16)),
    ("洗浄液の温度を管理して部品の油分を取り除くこと。", axis(1, 0.10)),
    ("洗浄液の温度は作業の前に温度計で確かめておく。", axis(1, 0.12)),
]


def texts(text, extract_):
    return [text[sentence.start : sentence.end] for sentence in extract_.sentences]


def test_two_topics_rather_than_one_twice():
    text, passages, encoding = built(TOPICS)
    made = extract(text, passages, encoding, None, 2, None)
    chosen = texts(text, made)
    assert any("トルク" in sentence for sentence in chosen)
    assert any("洗浄" in sentence for sentence in chosen)
    assert made.coverage == 1.0


def test_one_sentence_covers_the_larger_topic():
    text, passages, encoding = built(TOPICS)
    made = extract(text, passages, encoding, None, 1, None)
    assert "トルク" in texts(text, made)[0]
    assert made.coverage == pytest.approx(4 / 6, abs=1e-6)


def test_question_decides_what_is_chosen():
    text, passages, encoding = built(TOPICS)
    made = extract(text, passages, encoding, asked(axis(1)), 1, None)
    assert "洗浄" in texts(text, made)[0]
    assert made.token_weights[16:].min() > made.token_weights[:16].max()


def test_question_gets_no_more_than_the_document_says_about_it():
    generator = np.random.default_rng(3)
    items = [
        (f"工程{chr(0x4E00 + i)}の記録は班長が毎日確かめる。", axis(i % 12 + 2, 0.2))
        for i in range(60)
    ]
    items[20:24] = [
        (f"洗浄液{name}の温度は作業の前に確かめる。", axis(1, 0.05 * i))
        for i, name in enumerate("甲乙丙丁")
    ]
    text, passages, encoding = built([items[i] for i in generator.permutation(60)])
    made = texts(text, extract(text, passages, encoding, asked(axis(1)), None, None))
    assert sorted(made) == sorted(sentence for sentence, _ in items[20:24])


def test_attended_block_wins_among_equals():
    items = [
        (f"{name}の点検は毎日の作業の前に必ず行うこと。", axis(i))
        for i, name in enumerate("甲乙丙丁")
    ]
    text, passages, encoding = built(items, kept=[[2], [2], [1], [2]])
    made = extract(text, passages, encoding, None, 1, None)
    assert texts(text, made) == [items[2][0]]


def test_every_sentence_stands_in_the_document_in_order_and_count_is_kept():
    generator = np.random.default_rng(11)
    words = np.array(list("検査締付温度圧力回転確認記録作業部品図面規格材料工具洗浄塗装"))
    for seed in range(20):
        count = int(generator.integers(1, 60))
        items = [
            ("".join(generator.choice(words, 20)) + "。", generator.normal(size=WIDTH))
            for _ in range(count)
        ]
        text, passages, encoding = built(items)
        wanted = int(generator.integers(1, 15))
        query = asked(generator.normal(size=WIDTH)) if seed % 2 else None
        made = extract(text, passages, encoding, query, wanted, None)
        sentences = {item[0] for item in items}
        assert all(sentence in sentences for sentence in texts(text, made))
        assert len(made.sentences) == min(wanted, count)
        starts = [sentence.start for sentence in made.sentences]
        assert starts == sorted(set(starts))
        assert all(0 <= sentence.score <= 1 for sentence in made.sentences)
        assert 0 <= made.coverage <= 1


def test_default_length_grows_slowly():
    def length(count):
        generator = np.random.default_rng(0)
        items = [
            (
                f"作業番号{chr(0x4E00 + i)}の手順を確認して記録に残すこと。",
                generator.normal(size=WIDTH),
            )
            for i in range(count)
        ]
        return len(extract(*built(items), None, None, None).sentences)

    assert (length(3), length(8), length(200), length(3000)) == (3, 5, 10, 12)


def test_ratio_is_a_share_of_the_sentences():
    items = [
        (f"作業番号{chr(0x4E00 + i)}の手順を確認して記録に残すこと。", axis(i % 15))
        for i in range(40)
    ]
    assert len(extract(*built(items), None, None, 0.1).sentences) == 4


def test_no_headings_contents_lines_or_fragments():
    items = [
        ("3.2 締付作業の手順", axis(0)),
        ("締付作業 ............................ 12", axis(0)),
        ("以上", axis(0)),
        ("1234 5678 90.12 3456 7890 1234 5678", axis(0)),
        ("締付作業の手順について", axis(0)),
        ("社外秘 検査基準書 第12ページ 株式会社見本", axis(0)),
        ("社外秘 検査基準書 第13ページ 株式会社見本", axis(0)),
        ("社外秘 検査基準書 第14ページ 株式会社見本", axis(0)),
        ("締付けは対角の順に二回に分けて行い記録する。", axis(0)),
        ("洗浄液の温度は作業の前に温度計で確かめておく。", axis(1)),
        ("and restoring it is rehearsed every November.", axis(2)),
        ("Clean the flange faces before the gasket is placed.", axis(2)),
    ]
    kinds = ["heading"] + ["text"] * 11
    headings = [()] * 4 + [("締付作業の手順について",)] * 8
    text, passages, encoding = built(items, kinds=kinds, headings=headings)
    made = extract(text, passages, encoding, None, 10, None)
    assert texts(text, made) == [items[8][0], items[9][0], items[11][0]]


def test_line_without_a_full_stop_gives_way_to_sentences():
    items = [("発行日 2025年3月28日 水無瀬油機株式会社 品質保証課 第2報", axis(0))] + [
        (f"締付けは第{i}工程で対角の順に二回に分けて行う。", axis(i)) for i in range(1, 4)
    ]
    text, passages, encoding = built(items)
    assert items[0][0] not in texts(text, extract(text, passages, encoding, None, 4, None))
    text, passages, encoding = built(items[:2])
    assert items[0][0] in texts(text, extract(text, passages, encoding, None, 4, None))


def test_table_only_document_is_summed_up_by_its_rows():
    items = [(f"部品名 軸受{i} 測定値 12.0{i} mm 判定 合格", axis(i)) for i in range(4)]
    text, passages, encoding = built(items, kinds=["row"] * 4)
    assert len(extract(text, passages, encoding, None, 2, None).sentences) == 2


def test_shared_words_of_a_question():
    found = shared_words(
        "洗浄液の温度は?", ["洗浄液の交換", "温度を測る", "洗浄液の温度", "塗装する"]
    )
    assert found == pytest.approx([2 / 3, 1 / 3, 1, 0])
    assert shared_words("ですか", ["です"]).tolist() == [0]
    assert shared_words("Ｔｏｒｑｕｅ wrench", ["the torque"]).tolist() == [0.5]


def test_facts_are_worth_more_than_none():
    assert facts("締付けトルクは12.5 N·mとし公差は±0.05 mmとする。") > facts("三回測る。")
    assert facts("適切に作業すること。") == 0


def test_empty_document_and_cancel():
    empty = extract("", [], _empty(), None, None, None)
    assert empty.sentences == () and empty.coverage == 0
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        extract(*built(TOPICS), None, 2, None, cancel)


def _empty():
    nothing = np.zeros((0, WIDTH), np.float16)
    return Encoding(
        "hash",
        BLOCK,
        np.zeros((0, 2), np.int32),
        np.zeros((0, WIDTH), np.int8),
        nothing,
        nothing,
        nothing,
        np.zeros((1, 0, 1), np.int32),
        np.zeros((1, 0, 1), np.float16),
        Fidelity(1, 1, 0, 0, 1),
        0.0,
    )


def test_coverage_by_hand():
    targets = np.stack([axis(0), axis(1), unit([1, 1] + [0] * 14)])
    assert coverage(targets[:1], targets) == pytest.approx(2 / 3, abs=1e-6)


def test_usable_keeps_something_of_a_poor_document():
    passages = [Passage(0, 0, 2, "text", (), ((0, 2),))]
    assert usable("寸法", passages, [(0, 2)], np.zeros(1, int)).tolist() == [True]


def test_five_thousand_sentences_are_quick():
    generator = np.random.default_rng(0)
    count, width = 5000, 384
    words = np.array(list("検査締付温度圧力回転確認記録作業部品図面規格材料工具洗浄塗装"))
    items = [("".join(generator.choice(words, 24)) + "。", np.ones(WIDTH)) for _ in range(count)]
    text, passages, encoding = built(items)
    vectors = unit(generator.normal(size=(count, width))).astype(np.float16)
    encoding = Encoding(
        encoding.encoder_hash,
        BLOCK,
        encoding.token_spans,
        encoding.token_vectors,
        encoding.block_summaries,
        vectors,
        vectors,
        generator.integers(0, count, (4, count, 8)).astype(np.int32),
        generator.random((4, count, 8)).astype(np.float16),
        encoding.fidelity,
        1.0,
    )
    began = time.process_time()
    extract(text, passages, encoding, None, 12, None)
    assert time.process_time() - began < 4


def test_sentence_that_names_the_subject_wins_among_equals():
    items = [
        ("点検の記録は班長が毎日かならず確かめること。", axis(0)),
        ("油圧プレスの点検の記録は班長がかならず確かめること。", axis(0)),
        ("点検の記録は係長が毎週かならず確かめること。", axis(0)),
    ]
    headings = [("油圧プレスの点検",)] * 3
    text, passages, encoding = built(items, headings=headings)
    assert texts(text, extract(text, passages, encoding, None, 1, None)) == [items[1][0]]


def test_items_of_lists():
    assert [
        listed(one)
        for one in (
            "・点検する。",
            "- Check it.",
            "(3) 記録する。",
            "2. Close it.",
            "点検する。",
            "A pump.",
        )
    ] == [1, 1, 1, 1, 0, 0]
