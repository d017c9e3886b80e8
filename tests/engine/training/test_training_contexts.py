from dataclasses import replace

import pytest
from tokenizers import Tokenizer

from engine.training.config import RetrieveConfig
from engine.training.contexts import Passage, question_documents, split_text
from engine.training.corpus import Question
from engine.training.packing import ContextPacker
from engine.training.retrieve import span_states, wrong_answers
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
                (f"試験{number}の{place}",),
                (),
                "見出し",
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
    (document,) = question_documents(asked, 20)
    owners = {query: passage.text for passage in document for query in passage.queries}
    assert "湿度は50%" in owners["湿度は?"]
    assert "三回" in owners["何回?"]


def test_batches_are_repeatable_and_spans_hold_their_passages(tokenizer: Tokenizer):
    config = RetrieveConfig(context_tokens=128, contexts=6, passage_tokens=40, alone=0.3)
    made = {"qa_ja": documents()}
    for step in range(12):
        batch = ContextPacker(made, tokenizer, config, 1, 16).batch(step)
        assert batch == ContextPacker(made, tokenizer, config, 1, 16).batch(step)
        assert max(map(len, batch.contexts)) <= 128
        known = {
            passage.group: tokenizer.encode(passage.text, add_special_tokens=False).ids
            for document in made["qa_ja"]
            for passage in document
        }
        for span, group in zip(batch.spans, batch.groups, strict=True):
            found = batch.contexts[span.context][span.start : span.stop]
            assert found == known[group][: len(found)]
        assert len({batch.groups[target] for target in batch.targets}) == len(batch.targets)


def test_copies_of_the_right_passage_are_no_wrong_answers(tokenizer: Tokenizer):
    config = RetrieveConfig(context_tokens=128, contexts=8, passage_tokens=40, alone=0.0)
    batch = ContextPacker({"qa_ja": documents()}, tokenizer, config, 1, 16).batch(0)
    allowed = wrong_answers(batch)
    assert len(set(batch.groups)) < len(batch.groups)
    for row, target in enumerate(batch.targets):
        for column, group in enumerate(batch.groups):
            same = group == batch.groups[target]
            assert bool(allowed[row, column]) == (not same or column == target)


def test_span_states_are_cut_from_their_contexts(tokenizer: Tokenizer):
    import torch

    config = RetrieveConfig(context_tokens=128, contexts=3, passage_tokens=40, alone=0.0)
    batch = ContextPacker({"qa_ja": documents()}, tokenizer, config, 2, 16).batch(0)
    states = torch.randn(3, 128, 4)
    cut, real = span_states(states, batch)
    for row, span in enumerate(batch.spans):
        assert torch.equal(cut[row][real[row]], states[span.context, span.start : span.stop])


def test_a_heading_at_the_end_of_a_context_makes_no_span_outside_it(tokenizer: Tokenizer):
    made = [[replace(passage, heading=TEXT) for passage in document] for document in documents()]
    config = RetrieveConfig(context_tokens=96, contexts=6, passage_tokens=40, alone=0, heading=1)
    for step in range(30):
        batch = ContextPacker({"qa_ja": made}, tokenizer, config, 1, 16).batch(step)
        for span in batch.spans:
            assert 0 <= span.start < span.stop <= len(batch.contexts[span.context])
