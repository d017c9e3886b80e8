import numpy as np
import pytest

from engine.progress import CancelToken
from engine.records import (
    DocumentId,
    Passage,
    PassageId,
    QueryEncoding,
    RevisionId,
    SearchSettings,
)
from engine.search.candidates import gather
from engine.search.index import Index, IndexedRevision
from engine.search.lexical import (
    MemoryPostings,
    match_spans,
    passage_terms,
    query_terms,
    rank,
    related_spans,
)
from engine.search.pipeline import search
from engine.search.question import put
from engine.search.translation import TRANSLATED, VERSION, Translator

LEXICON = {
    "version": VERSION,
    "english": {
        "drop": "落と\t0.25\tドロップ\t0.49",
        "floor": "床\t0.0625",
        "earthquak": "地震\t1.0\t震災\t0.81",
        "gather": "集め\t0.25\t集ま\t0.25",
        "spring": "ばね\t0.64",
    },
    "japanese": {
        "監査": "audit\t0.9",
        "内部監査": "audit\t0.5",
        "内部": "internal\t0.6",
        "指摘": "find\t0.3",
        "床": "floor\t0.36",
    },
    "associations": {
        "ja": {"ja": {"シール": "ラベル\t0.16"}, "en": {"シール": "label\t0.0625"}},
        "en": {"ja": {"sticker": "ラベル\t0.25"}, "en": {"sticker": "label\t1.0"}},
    },
    "surfaces": {"label": "label\tlabels", "audit": "audit\tauditing", "find": "findings\tfinding"},
}
TRANSLATOR = Translator(LEXICON)


def memory(texts):
    return MemoryPostings({PassageId(one): passage_terms(text, ()) for one, text in texts.items()})


def alternatives(concepts):
    return {
        concept.sources[0][0]: {one.text: one.weight for one in concept.alternatives}
        for concept in concepts
    }


def test_english_words_become_japanese_units_by_stem():
    found = alternatives(
        TRANSLATOR.terms("What was dropped on the floor during earthquakes?").concepts
    )
    assert set(found) == {"dropped", "floor", "earthquakes"}
    assert set(found["dropped"]) == {"落と", "ドロップ"}
    assert found["earthquakes"]["地震"] == pytest.approx(TRANSLATED)
    assert found["floor"]["床"] == pytest.approx(TRANSLATED * 0.5)


def test_japanese_units_become_english_words_longest_first():
    (first, second) = TRANSLATOR.terms("内部監査の指摘は").concepts
    assert [one.text for one in first.alternatives] == ["audit"]
    assert {"内部", "部監", "監査"} == {forms[0] for forms in first.sources}
    assert second.alternatives[0].segment[0][:2] == ("findings", "finding")


def test_words_that_answer_the_words_of_a_question_count_apart_and_are_not_marked():
    assert alternatives(TRANSLATOR.terms("シールの色").associations) == {
        "シー": {
            "ラベル": pytest.approx(TRANSLATED * 0.4),
            "label": pytest.approx(TRANSLATED * 0.25),
        }
    }
    english = alternatives(TRANSLATOR.terms("Which sticker?").associations)
    assert set(english["sticker"]) == {"ラベル", "label"}
    postings = memory({1: "合格ラベルを貼る", 2: "Labels are green.", 3: "関係のない文"})
    for query in ("シールの色", "Which sticker?"):
        hits = rank(TRANSLATOR.terms(query), postings)
        assert {int(hit.passage_id) for hit in hits} == {1, 2}
        assert all(hit.score == hit.raw == 0 < hit.associated for hit in hits)
        assert match_spans(TRANSLATOR.terms(query), "合格ラベルを貼る") == []


def test_an_association_adds_what_the_word_and_its_translation_have_not_earned():
    lexicon = LEXICON | {
        "associations": {"en": {"ja": {"earthquak": "地震\t1.0\t避難\t1.0"}}},
    }
    texts = {1: "地震のとき", 2: "避難のとき", 3: "関係のない文", 4: "別の文", 5: "an earthquake"}
    hits = rank(Translator(lexicon).terms("earthquake"), memory(texts))
    assert [int(hit.passage_id) for hit in hits] == [5, 1, 2]
    assert [hit.associated for hit in hits] == [0.0, 0.0, pytest.approx(hits[1].score)]


@pytest.mark.parametrize("query", ["", "内部監査の指摘 audit floor", "HV-2041-07", "12.5"])
def test_mixed_scripts_and_numbers_are_left_alone(query):
    assert TRANSLATOR.terms(query).concepts == ()


@pytest.mark.parametrize("lexicon", [None, {}, {"version": 1, "english": {"floor": "床\t1"}}])
def test_without_a_known_lexicon_nothing_is_translated(lexicon):
    assert Translator(lexicon).terms("floor") == query_terms("floor")


def test_the_best_translation_counts_once():
    postings = memory(
        {1: "地震のとき", 2: "震災のとき", 3: "地震や震災", 4: "関係のない文", 5: "別のこと"}
    )
    raw = {int(hit.passage_id): hit.raw for hit in rank(TRANSLATOR.terms("earthquake"), postings)}
    assert set(raw) == {1, 2, 3}
    assert raw[1] > raw[2] > 0
    alone = {int(hit.passage_id): hit.raw for hit in rank("地震", postings)}
    # A sure translation is worth TRANSLATED of the word itself, with or without another one.
    assert raw[1] == pytest.approx(TRANSLATED * alone[1])
    assert raw[3] == pytest.approx(TRANSLATED * alone[3])


def test_the_word_itself_beats_its_translation():
    postings = memory({1: "地震のとき", 2: "an earthquake", 3: "other words", 4: "関係のない文"})
    plain = {int(hit.passage_id): hit.raw for hit in rank("earthquake", postings)}
    with_words = {
        int(hit.passage_id): hit.raw for hit in rank(TRANSLATOR.terms("earthquake"), postings)
    }
    assert with_words[2] == plain[2] > with_words[1] > 0


def test_a_translation_of_several_characters_stands_unbroken():
    postings = memory({1: "ばねを洗う", 2: "ばた、たね、ねば", 3: "文", 4: "別の文"})
    assert [hit.passage_id for hit in rank(TRANSLATOR.terms("spring"), postings)] == [1]


def test_translations_are_marked():
    text = "床に落としたＯリングは、バネと使わない。"
    marked = [
        text[start:end]
        for start, end in match_spans(TRANSLATOR.terms("dropped springs on the floor"), text)
    ]
    assert marked == ["床", "落と", "バネ"]
    english = "Auditing closes the finding."
    marked = [
        english[start:end] for start, end in match_spans(TRANSLATOR.terms("監査の指摘"), english)
    ]
    assert marked == ["Auditing", "finding"]


def index_of(texts):
    passages, start = [], 0
    for ordinal, piece in enumerate(texts):
        span = (start, start + len(piece))
        passages.append(Passage(ordinal, *span, "text", (), (span,)))
        start = span[1] + 1
    revision = IndexedRevision(
        DocumentId(1),
        RevisionId(1),
        "a.txt",
        tuple(passages),
        tuple(map(PassageId, range(1, len(texts) + 1))),
        None,
        lambda: "\n".join(texts),
        None,
    )
    return Index([revision])


def test_search_finds_and_marks_by_translation():
    texts = ["床に落とした部品は使わない。", "塗装は二回行う。", "避難口から集まる。"]
    index = index_of(texts)
    postings = memory(dict(enumerate(texts, start=1)))
    settings = SearchSettings(top=5)
    found = search("dropped on the floor", settings, index, postings, None, {}, None, TRANSLATOR)
    assert found.passages[0].text == texts[0]
    assert found.passages[0].parts.lexical
    assert [index_text(found.passages[0], span) for span in found.passages[0].terms] == [
        "床", "落と"
    ]  # fmt: skip
    assert search("dropped on the floor", settings, index, postings, None, {}).passages == ()


def test_where_related_words_stand_only_the_likeliest_of_each_word_counts():
    lexicon = LEXICON | {
        "associations": {"ja": {"ja": {"剥が": "ラベル\t0.9\t銘板\t0.4", "シール": "銘板\t0.2"}}}
    }
    terms = Translator(lexicon).terms("剥がれたシール")

    def related(text):
        return [
            text[start:end] for start, end in related_spans(terms, text, match_spans(terms, text))
        ]

    assert related("ラベルと銘板を貼る。ラベル") == ["ラベル", "銘板", "ラベル"]
    assert related("ＬＯＴ銘板を貼る") == ["銘板"]
    only = Translator(
        lexicon | {"associations": {"ja": {"ja": {"剥が": "ラベル\t0.9\t銘板\t0.4"}}}}
    )
    text = "ラベルと銘板"
    spans = related_spans(only.terms("剥がれた"), text, [])
    assert [text[start:end] for start, end in spans] == ["ラベル"]
    # What the question says itself is marked as its own.
    assert related("シール銘板") == ["銘板"]
    label = TRANSLATOR.terms("ラベルのシール")
    assert related_spans(label, "合格ラベル", match_spans(label, "合格ラベル")) == []


def test_a_search_by_words_alone_leaves_associations_out():
    texts = ["合格ラベルを貼る。", "塗装は二回行う。"]
    index, postings = index_of(texts), memory(dict(enumerate(texts, start=1)))
    vector = np.zeros(4, np.float32)
    encoding = QueryEncoding(
        "シールの色", np.zeros((0, 2), np.int32), np.zeros((0, 4), np.float32), vector,
        np.zeros(0, np.float32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32),
    )  # fmt: skip

    def associated(settings, encoding):
        encode = (lambda _: encoding) if encoding else None
        question = put("シールの色", TRANSLATOR.terms, encode)
        found = gather(question, settings, index, postings, CancelToken())
        return found.rows.tolist(), (found.raw.associated > 0).tolist()

    by_words = SearchSettings(use_dense=False, use_attention=False)
    assert associated(by_words, encoding) == ([], [])
    assert associated(SearchSettings(), None) == ([], [])
    assert associated(SearchSettings(use_attention=False), encoding) == ([0], [True])


def index_text(passage, span):
    return passage.text[span[0] - passage.start : span[1] - passage.start]
