import itertools

import numpy as np
import pytest

from engine.records import QueryEncoding
from engine.search.answer_features import PassageTokens, features, pointer_attention
from engine.search.answering import VERSION, answer_evidence, answer_marks, marks, read
from engine.search.asking import asked_for
from engine.search.lexical_spans import match_spans
from engine.search.phrases import Phrase, phrases

WIDTH = 8
TEXT = "オイルフィルタは500時間ごとに交換する。締付トルクは25 N·mとする。点検は毎日行う。"
QUERY = "締付トルクはいくらですか"


def tokens_of(text, width=4):
    cuts = [*range(0, len(text), width), len(text)]
    return np.array(list(itertools.pairwise(cuts)), np.int32)


def passage(text=TEXT, query=QUERY, seed=3):
    spans = tokens_of(text)
    vectors = np.random.default_rng(seed).normal(size=(len(spans), WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ends = [at + 1 for at, one in enumerate(text) if one == "。"]
    sentences = tuple(zip([0, *ends[:-1]], ends, strict=True))
    return PassageTokens(
        text,
        sentences,
        spans,
        np.round(vectors * 127).astype(np.int8),
        tuple(match_spans(query, text)),
    )


def question(text=QUERY, pointer=None):
    spans = tokens_of(text, 2)
    vectors = np.random.default_rng(1).normal(size=(len(spans), WIDTH)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    even = np.full(len(spans), 1 / len(spans), np.float32)
    pointers = vectors if pointer is None else np.tile(pointer, (len(spans), 1))
    return QueryEncoding(text, spans, vectors, vectors[0], even, pointers, even)


def table(**weights):
    return {
        "version": VERSION,
        "share": 0.7,
        "marks": {"ja": weights},
        "passages": {"ja": weights},
    }


def marks_of(query, held, weights):
    reading = read(query, held)
    return None if reading is None else answer_marks(reading, weights)


def evidence_of(query, held, weights):
    reading = read(query, held)
    return None if reading is None else answer_evidence(reading, weights)


def marked(found):
    return [TEXT[start:end] for start, end, _ in found]


def test_what_is_near_the_echo_and_of_the_asked_form_is_marked():
    weights = {
        "form:quantity": 2.0,
        "near4": 3.0,
        "echo": -5.0,
        "pairs_in_question": -5.0,
        "length": 0.5,
    }
    found = marks_of(question(), passage(), table(**weights))
    assert found is not None
    assert "25 N·m" in marked(found)[0] and "トルク" not in marked(found)[0]
    assert found[0][2] == 1.0


def test_same_input_same_marks():
    weights = table(near12=1.0, attention=0.3, asking_cosine=0.5, length=0.1)
    first = marks_of(question(), passage(), weights)
    assert first == marks_of(question(), passage(), weights)


def test_no_phrase_is_marked_without_a_table_or_for_a_bare_word():
    assert marks_of(question(), passage(), {}) is None
    later = table(echo=1.0) | {"version": VERSION + 1}
    assert marks_of(question(), passage(), later) is None
    assert marks_of(question("トルク"), passage(), table(echo=-1.0)) is None


def test_evidence_is_what_all_phrases_say_together():
    held, weights = passage(), {"form:quantity": 2.0, "near4": 1.0, "echo": -1.0}
    reading = read(question(), held)
    assert reading is not None
    odds = [np.exp(sum(weights.get(n, 0) * v for n, v in row.items())) for row in reading.rows]
    assert answer_evidence(reading, table(**weights)) == pytest.approx(np.log(np.sum(odds)))


def test_passage_with_a_phrase_of_the_asked_kind_near_the_words_speaks_for_an_answer():
    weights = table(**{"form:quantity": 2.0, "near4": 3.0})
    without = TEXT.replace("25 N·m", "表のとおり").replace("500時間", "定期")
    told, untold = (evidence_of(question(), passage(text), weights) for text in (TEXT, without))
    assert told is not None and untold is not None and told > untold + 1.0


@pytest.mark.parametrize("query", ["トルク", "締付トルクを確かめる", "部品の交換方法は?"])
def test_what_asks_for_no_phrase_has_no_evidence(query):
    assert evidence_of(question(query), passage(query=query), table(near4=1.0)) is None


def test_evidence_needs_weights_of_its_own():
    within = {**table(near4=1.0), "passages": {}}
    assert evidence_of(question(), passage(), within) is None
    assert marks_of(question(), passage(), within) is not None


def test_pointers_can_decide():
    held = passage()
    answer = TEXT.index("25 N")
    wanted = int(np.flatnonzero((held.spans[:, 0] <= answer) & (held.spans[:, 1] > answer))[0])
    pointer = (held.vectors[wanted] / 127.0).astype(np.float32)
    query = question(pointer=pointer)
    drawn = pointer_attention(query, held.vectors / np.float32(127.0))
    assert drawn.argmax() == wanted and drawn.sum() == pytest.approx(1.0)
    found = marks_of(query, held, table(pointed_most=4.0, length=-0.2))
    assert found is not None
    assert any(start <= answer < end for start, end, _ in found)


def test_characters_sum_up_their_phrases():
    found = [Phrase(0, 4, "kanji"), Phrase(0, 2, "kanji"), Phrase(6, 8, "kanji")]
    logits = np.log(np.array([0.3, 0.4, 0.3]))
    assert marks(found, logits, 10, 0.7) == [(0, 2, 1.0)]
    assert marks(found, logits, 10, 0.4) == [(0, 4, 1.0), (6, 8, 0.428571)]


def test_every_feature_is_finite():
    asked = asked_for(QUERY)
    assert asked is not None
    held = passage()
    rows = features(question(), asked, held, phrases(TEXT))
    assert len(rows) == len(phrases(TEXT))
    assert all(np.isfinite(value) for row in rows for value in row.values())
