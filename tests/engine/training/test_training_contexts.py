import random
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer

from engine.training.contexts import Passage, question_documents, split_text
from engine.training.corpus import Question
from engine.training.losses import span_states, wrong_answers
from engine.training.packing import ContextPacker, answer_places
from engine.training.pseudo import pseudo_query
from engine.training.stage_config import RetrieveConfig
from engine.training.tokenizer import train_tokenizer

TEXT = "温度は25度とする。湿度は50%とする。圧力は大気圧とする。試験は三回行う。"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer([TEXT, "Keep the temperature at 25 degrees."] * 4, 400, 1)


def documents() -> list[list[Passage]]:
    return [
        [
            Passage(
                f"{TEXT}{number}番。",
                f"{number}/{place}",
                "ja",
                queries=(f"試験{number}の{place}", f"圧力は{number}・{place}"),
                answers=("三回", "大気圧"),
                heading="見出し",
            )
            for place in range(4)
        ]
        for number in range(5)
    ]


def test_pieces_keep_the_text_and_the_limit():
    pieces = split_text(TEXT, 20)
    assert "".join(pieces) == TEXT
    assert len(pieces) > 1
    assert all(len(piece) <= 20 and piece.endswith("。") for piece in pieces)


def test_a_question_belongs_to_the_piece_with_its_answer():
    asked = [Question("湿度は?", TEXT, "50%", "題"), Question("何回?", TEXT, "三回", "題")]
    (document,) = question_documents(asked, "ja", 20)
    owners = {query: passage.text for passage in document for query in passage.queries}
    assert "湿度は50%" in owners["湿度は?"]
    assert "三回" in owners["何回?"]
    assert {answer for passage in document for answer in passage.answers} == {"50%", "三回"}


def test_batches_are_repeatable_and_spans_hold_their_passages(tokenizer: Tokenizer):
    config = RetrieveConfig(context_tokens=128, contexts=6, passage_tokens=40, isolated=0.4)
    made = {"qa_ja": documents()}
    segments = set()
    for step in range(12):
        batch = ContextPacker(made, tokenizer, config, 1).batch(step)
        assert batch == ContextPacker(made, tokenizer, config, 1).batch(step)
        assert list(map(len, batch.segments)) == list(map(len, batch.contexts))
        segments.add(max(max(row) for row in batch.segments))
        assert max(map(len, batch.contexts)) <= 128
        known = {
            passage.group: tokenizer.encode(passage.text, add_special_tokens=False).ids
            for document in made["qa_ja"]
            for passage in document
        }
        for span, group in zip(batch.spans, batch.groups, strict=True):
            found = batch.contexts[span.context][span.start : span.stop]
            assert found == known[group][: len(found)]
        # Nothing is asked twice, and a passage drawn twice is asked as one of its places only.
        assert len(set(map(tuple, batch.queries))) == len(batch.queries)
        assert len({batch.groups[at] for at in batch.targets}) == len(set(batch.targets))
    assert min(segments) == 1 < max(segments)


def test_copies_of_the_right_passage_are_no_wrong_answers(tokenizer: Tokenizer):
    config = RetrieveConfig(context_tokens=128, contexts=8, passage_tokens=40)
    batch = ContextPacker({"qa_ja": documents()}, tokenizer, config, 1).batch(0)
    allowed = wrong_answers(batch.groups, batch.targets)
    assert len(set(batch.groups)) < len(batch.groups)
    for row, target in enumerate(batch.targets):
        for column, group in enumerate(batch.groups):
            same = group == batch.groups[target]
            assert bool(allowed[row, column]) == (not same or column == target)


def test_span_states_are_cut_from_their_contexts(tokenizer: Tokenizer):
    config = RetrieveConfig(context_tokens=128, contexts=3, passage_tokens=40)
    batch = ContextPacker({"qa_ja": documents()}, tokenizer, config, 2).batch(0)
    states = torch.randn(3, 128, 4)
    cut, real = span_states(states, batch)
    for row, span in enumerate(batch.spans):
        assert torch.equal(cut[row][real[row]], states[span.context, span.start : span.stop])


def test_a_heading_at_the_end_of_a_context_makes_no_span_outside_it(tokenizer: Tokenizer):
    made = [[replace(passage, heading=TEXT) for passage in document] for document in documents()]
    config = RetrieveConfig(context_tokens=96, contexts=6, passage_tokens=40, isolated=0, heading=1)
    for step in range(30):
        batch = ContextPacker({"qa_ja": made}, tokenizer, config, 1).batch(step)
        for span in batch.spans:
            assert 0 <= span.start < span.stop <= len(batch.contexts[span.context])


def test_answers_are_the_tokens_that_overlap_them(tokenizer: Tokenizer):
    config = RetrieveConfig(context_tokens=128, contexts=4, passage_tokens=60, pseudo=0.0)
    batch = ContextPacker({"qa_ja": documents()}, tokenizer, config, 3).batch(1)
    texts = {passage.group: passage.text for document in documents() for passage in document}
    pointed = 0
    for target, places in zip(batch.targets, batch.answers, strict=True):
        text = texts[batch.groups[target]]
        offsets = tokenizer.encode(text, add_special_tokens=False).offsets
        found = "".join(text[first:last] for first, last in (offsets[at] for at in places))
        assert "三回" in found or "大気圧" in found
        pointed += 1
    assert pointed == len(batch.queries) > 0
    assert answer_places([(0, 2), (2, 4), (4, 6)], "試験三回行う", "三") == [1]
    assert answer_places([(0, 2)], "試験", "") == []


def test_neighbours_stand_beside_the_passages_they_are_mistaken_for(tokenizer: Tokenizer):
    config = RetrieveConfig(context_tokens=96, contexts=8, passage_tokens=40, negatives=1)
    packer = ContextPacker({"qa_ja": documents()}, tokenizer, config, 1)
    packer.use_neighbours(
        {f"{number}/{place}": ["4/3"] for number in range(4) for place in range(4)}
    )
    groups = [group for step in range(4) for group in packer.batch(step).groups]
    drawn = [at for at, group in enumerate(groups) if not group.startswith("4/")]
    followed = sum(groups[at + 1 : at + 2] == ["4/3"] for at in drawn)
    assert followed > 0.8 * len(drawn)


@pytest.mark.parametrize("japanese", [True, False])
def test_a_pseudo_query_is_made_of_words_of_one_sentence(japanese: bool):
    text = "Keep the pump at 25 degrees. Check the valve before each start."
    if japanese:
        text = "ポンプの温度は25度に保つ。始動の前に毎回、逆止弁を点検する。"
    for seed in range(20):
        query = pseudo_query(text, japanese, random.Random(seed))
        assert query is not None
        assert 0 < len(query) < 60
    assert pseudo_query("短い。", True, random.Random(1)) is None
