import numpy as np

from engine.search.asking import asked_for
from engine.search.phrases import MOST, phrases


def forms(text):
    return {text[one.start : one.end]: one.form for one in phrases(text)}


def test_japanese_phrases_and_their_forms():
    found = forms("手塚治虫は1928年11月3日に「鉄腕アトム」の作者、ジョン・スミスとM8の会に出た。")
    assert found["手塚治虫"] == "kanji"
    assert found["1928年11月3日"] == "date" and found["1928年"] == "date"
    assert found["鉄腕アトム"] == "quoted"
    assert found["ジョン・スミス"] == "katakana_name"
    assert found["M8の会"] == "joined"


def test_quantities_keep_sign_unit_and_range():
    found = forms("公差は±0.05 mmとし、トルクは25~30 N·m、油温は40℃、個数は3個とする。")
    assert {"±0.05 mm", "40℃", "3個"} <= set(found)
    assert any(one.startswith("25~30") and one.endswith("m") for one in found)


def test_english_phrases():
    found = forms("The old dog slept in the warm kitchen of the house, because it was cold.")
    assert found["The old dog slept"] == "article"
    assert "warm kitchen" in found and found["the warm kitchen"] == "article"
    assert found["warm kitchen of the house"] in ("joined", "tail")
    assert found["because it was cold"] == "clause"


def test_any_text_gives_spans_inside_it():
    generator = np.random.default_rng(5)
    alphabet = list("検査値トルクabc12.-年月 、。「」(の)は\n")
    for _ in range(300):
        text = "".join(generator.choice(alphabet, int(generator.integers(0, 60))))
        found = phrases(text)
        assert all(0 <= one.start < one.end <= len(text) for one in found)
        assert [(one.start, one.end) for one in found] == sorted(
            {(one.start, one.end) for one in found}
        )


def test_a_long_passage_is_no_trap():
    assert len(phrases("1.2.3、" * 4000)) == MOST
    assert len(phrases("word " * 4000)) <= MOST


def test_kinds_of_questions():
    kinds = {
        "最初の車が作られたのは何年ですか?": "time",
        "会社を設立したのは誰ですか": "person",
        "工場はどこにありますか": "place",
        "この写真の人物は何者ですか": "person",
        "検査員は何人いますか": "number",
        "検査の回数は何回ですか": "number",
        "点Aと点Bのうち高いのはどちらですか": "choice",
        "この装置は何と呼ばれますか": "name",
        "なぜ油温が上がるのですか": "reason",
        "When was the plant built?": "time",
        "Who signs the sheet?": "person",
        "How many bolts are there?": "number",
    }
    for question, kind in kinds.items():
        asked = asked_for(question)
        assert asked is not None and asked.kind == kind, question


def test_what_is_counted_and_of_which_kind():
    asked = asked_for("油温は何度まで許されますか")
    assert asked is not None and asked.counted.startswith("度")
    asked = asked_for("どの工程で検査しますか")
    assert asked is not None and asked.head == "工程"


def test_bare_words_and_procedures_ask_for_no_phrase():
    assert asked_for("トルク") is None
    assert asked_for("フィルタの交換方法を教えてください") is None
    assert asked_for("How to replace the filter element?") is None
