import random
import sqlite3
import string

from engine.notation.folding import fold
from engine.records import PassageId
from engine.search.lexical import MemoryPostings, index_terms, passage_terms, query_terms
from engine.search.lexical_terms import HEADING

ALPHABET = [
    *"検査公差あのネジー々ｶﾞ１Ａ－±×φ℃㎜。、 　\n\t\x00\u00a0\u2003\u3000",
    *"abMH0123-._/,:'\"*()^N·m",
    "か\u3099", "😀", "𠮷", "e\u0301",
]  # fmt: skip


def random_text(rng: random.Random) -> str:
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randint(0, 40)))


def test_the_stream_holds_bigrams_and_words_in_order():
    terms = index_terms("主軸の検査 M8ボルト torque")
    assert terms[:9] == ["主軸", "軸の", "の検", "検査", "m8", "ボル", "ルト", "torque", "主"]
    assert {"軸", "検", "査"} <= set(terms)


def test_numbers_keep_their_point_and_lose_their_unit():
    assert index_terms("12.5mm 1,200rpm 60 kg")[:6] == ["12.5", "mm", "1200", "rpm", "60", "kg"]


def test_identifiers_are_added_in_normal_form():
    assert {"hv204107", "204107", "2041"} <= set(index_terms("図番ＨＶ－２０４１－０７"))
    assert {"±0.05mm", "±0.05", "0.05"} <= set(index_terms("±0.05 mm"))
    assert {"m8x1.25", "m8"} <= set(index_terms("M8×1.25"))
    assert "jisb0405" in index_terms("JIS B 0405")


def test_one_character_and_no_character():
    assert index_terms("軸") == ["軸"]
    assert index_terms("") == index_terms(" 。、") == []


def test_heading_terms_are_marked():
    terms = passage_terms("手順", ("3 検査",))
    assert terms == [
        "手順",
        "手",
        "順",
        HEADING + "3",
        HEADING + "検査",
        HEADING + "検",
        HEADING + "査",
    ]
    assert HEADING not in fold("ʰ検査").text


def test_terms_survive_being_joined_by_spaces():
    rng = random.Random(6)
    for _ in range(1500):
        terms = passage_terms(random_text(rng), (random_text(rng),))
        assert " ".join(terms).split() == terms
        assert "\0" not in "".join(terms)


def test_memory_and_full_text_index_agree():
    rng = random.Random(7)
    streams = {PassageId(one): passage_terms(random_text(rng), ("検査",)) for one in range(1, 80)}
    marks = (string.punctuation).replace("'", "''").replace('"', '""')
    database = sqlite3.connect(":memory:")
    # Python's splitting at spaces, as SQLite does it: every ASCII mark is part of a term.
    database.execute(
        f"CREATE VIRTUAL TABLE words USING fts5(terms, tokenize=\"ascii tokenchars '{marks}'\")"
    )
    database.execute("CREATE VIRTUAL TABLE places USING fts5vocab(words, instance)")
    rows = [(one, " ".join(stream)) for one, stream in streams.items()]
    database.executemany("INSERT INTO words(rowid, terms) VALUES (?, ?)", rows)
    memory = MemoryPostings(streams)
    for term in {term for stream in streams.values() for term in stream}:
        wanted = [(one, place) for one, _, places in memory.postings(term) for place in places]
        stored = database.execute(
            "SELECT doc, offset FROM places WHERE term = ?", (term,)
        ).fetchall()
        assert sorted(wanted) == sorted(stored), term
    database.close()


def weights(query: str) -> dict[str, float]:
    return {term.forms[0]: term.weight for term in query_terms(query).terms}


def test_function_words_carry_no_weight():
    assert set(weights("主軸の締付トルクはいくつですか？教えてください")) == {
        "主軸", "締付", "付ト", "トル", "ルク",
    }  # fmt: skip
    assert set(weights("検査はどのように行いますか")) == {"検査"}
    assert set(weights("What is the torque of the bolt?")) == {"torque", "bolt"}


def test_words_in_hiragana_keep_their_weight():
    assert set(weights("穴のはめあいは？")) == {"穴", "はめ", "めあ", "あい"}
    assert set(weights("ばりの検査について")) == {"ばり", "検査"}
    assert set(weights("取り付け方法を教えて")) == {"取付", "付方", "方法"}


def test_identifiers_weigh_most():
    found = weights("HV-2041-07の検査")
    assert found["hv204107"] == 3.0
    assert found["hv204107"] > found["検査"] > found["2041"]


def test_kana_and_plural_forms():
    forms = {term.forms for term in query_terms("ネジ bolts").terms}
    assert forms == {("ネジ", "ねじ"), ("bolts", "bolt")}
