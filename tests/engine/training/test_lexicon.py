import gzip
import json

from engine.search.lexical_stopwords import ENGLISH_STOPWORDS, function_mask
from engine.search.translation import VERSION
from engine.training.__main__ import main
from engine.training.associations import learn_associations
from engine.training.config import LexiconConfig
from engine.training.corpus import Pair
from engine.training.lessons import read_lessons
from engine.training.lexicon import (
    closed_units,
    english_words,
    japanese_units,
    learn,
    lexicon_pairs,
)

NOUNS = [
    ("valve", "バルブ"), ("floor", "床"), ("earthquake", "地震"), ("washer", "座金"),
    ("spring", "ばね"), ("pressure", "圧力"), ("drawing", "図面"), ("gauge", "計器"),
]  # fmt: skip
VERBS = [("checked", "点検する"), ("dropped", "落とす"), ("reported", "報告する")]
PAIRS = [
    (f"The {noun} and the {other} are {verb}.", f"{unit}と{another}を{deed}。")
    for noun, unit in NOUNS
    for other, another in NOUNS
    if noun != other
    for verb, deed in VERBS
]
LESSONS = [
    {"heading_en": heading[0], "heading_ja": heading[1], "en": [text[0]], "ja": [text[1]],
     "questions": [
         {"en": asked[0], "ja": asked[1], "sentence": 0, "other_words": True},
         {"en": f"Asking {heading[0]}", "ja": heading[1], "sentence": 0, "other_words": False}]}
    for heading, text, asked in (
        (("Grease", "グリース"), ("Add grease.", "グリースを足す。"),
         ("Where is the slippery stuff?", "ぬるぬるの場所")),
        (("Grease", "グリース"), ("Wipe grease off.", "グリースを拭く。"),
         ("May slippery stuff stay?", "ぬるぬるを残す")),
        (("Paint", "塗装"), ("Add paint.", "塗装を足す。"), ("The bright stuff?", "色のもの")),
        (("Paint", "塗装"), ("Wipe paint off.", "塗装を拭く。"), ("Bright stuff?", "色のままか")),
    )
] * 2  # fmt: skip
CONFIG = LexiconConfig(least=2, together=2, association=3.84, commonest=0.9)


def test_units_of_runs_stems_and_pieces():
    units = japanese_units("圧力計を落とした。ばねのバルブ")
    assert {"圧力計", "圧力", "力計", "落と", "落", "ばね", "バルブ"} <= set(units)
    assert "計を" not in units
    assert english_words("Ｔｈｅ HV-2041 Valve's x2") == ["the", "hv", "valve"]


def test_a_piece_that_only_stands_in_a_longer_unit_goes():
    counts = {"圧力計": 10, "力計": 10, "圧力": 40, "圧": 44, "偶": 1}
    assert list(closed_units(counts, least=2, share=0.85)) == ["圧力", "圧力計"]


def test_translations_are_learned_in_both_directions():
    lexicon = learn(PAIRS, CONFIG)
    for noun, unit in NOUNS:
        stem = {"earthquake": "earthquak", "drawing": "draw", "gauge": "gaug", "valve": "valv",
                "pressure": "pressur"}.get(noun, noun)  # fmt: skip
        assert lexicon["english"][stem].split("\t")[0] == unit
        assert lexicon["japanese"][unit].split("\t")[0] == stem
        assert lexicon["surfaces"][stem] == noun
    assert lexicon["english"]["drop"].split("\t")[0] in ("落と", "落")


def test_learning_is_repeatable():
    assert json.dumps(learn(PAIRS, CONFIG)) == json.dumps(learn(PAIRS, CONFIG))


def test_the_stage_reads_tagged_pairs_and_writes_the_lexicon(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    lines = [f"{english}\t{japanese}\tmanual:ht\n" for english, japanese in PAIRS]
    lines.append("A drawing is a floor.\t図面は床です。\tmanual:mt\n")
    with gzip.open(corpus / "parallel.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(lines)
    pairs = lexicon_pairs(corpus, CONFIG, "ht", 3)
    assert sorted(pairs) == sorted(PAIRS)
    taught = [Pair("Grease it.", "グリースを塗る。")]
    assert len(lexicon_pairs(corpus, LexiconConfig(per_source=5), "ht", 3, taught)) == 6
    settings = tmp_path / "lexicon.toml"
    settings.write_text("[lexicon]\nleast = 2\ncommonest = 0.9\n", encoding="utf-8")
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    rows = [{"heading_en": "Grease", "heading_ja": "グリース", "en": ["Add grease."],
             "ja": ["グリースを足す。"], "questions": []}] * 3  # fmt: skip
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (lessons / "own.jsonl").write_text(text, encoding="utf-8")
    work = tmp_path / "work"
    folders = ["--corpus", str(corpus), "--work", str(work), "--lessons", str(lessons)]
    main(["lexicon", *folders, "--config", str(settings)])
    lexicon = json.loads((work / "lexicon.json").read_text(encoding="utf-8"))
    assert lexicon["version"] == VERSION
    assert lexicon["english"]["floor"].split("\t")[0] == "床"
    assert lexicon["japanese"]["グリース"].split("\t")[0] == "greas"
    assert lexicon["associations"] == {one: {"ja": {}, "en": {}} for one in ("ja", "en")}
    assert '"event": "done"' in (work / "curves.jsonl").read_text(encoding="utf-8")


def test_associations_are_learned_from_questions_in_other_words(tmp_path):
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in LESSONS)
    (tmp_path / "own.jsonl").write_text(text, encoding="utf-8")
    (lessons,) = read_lessons(tmp_path)
    found = learn_associations(lessons, LexiconConfig(least=2))
    entry = found["associations"]["en"]["en"]["slippery"].split("\t")
    assert entry[0] == "greas"
    assert float(entry[1]) > 0.5
    # "stuff" stands in questions about either.
    assert "stuff" not in found["associations"]["en"]["en"]
    assert "paint" not in entry
    # Questions in the words of their passage teach nothing.
    assert "ask" not in found["associations"]["en"]["en"]
    assert found["associations"]["ja"]["ja"]["ぬるぬる"].split("\t")[0] == "グリース"
    assert found["associations"]["en"]["ja"]["slippery"].split("\t")[0] == "グリース"
    assert found["associations"]["ja"]["en"]["ぬるぬる"].split("\t")[0] == "greas"
    assert found["surfaces"]["greas"] == "grease"


def test_function_words_neither_ask_nor_answer(tmp_path):
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in LESSONS)
    (tmp_path / "own.jsonl").write_text(text, encoding="utf-8")
    (lessons,) = read_lessons(tmp_path)
    for by_passage in learn_associations(lessons, LexiconConfig(least=2))["associations"].values():
        for table in by_passage.values():
            words = [*table, *(word for line in table.values() for word in line.split("\t")[::2])]
            assert words
            assert not [word for word in words if word in ENGLISH_STOPWORDS]
            assert not [word for word in words if all(function_mask(word))]
