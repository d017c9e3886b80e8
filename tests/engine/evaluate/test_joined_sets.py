"""Sets whose questions lie where no long document reaches."""

from pathlib import Path

import pytest

from engine.cli_words import error_text
from engine.evaluate.joined_documents import joined_sets
from engine.evaluate.set_rows import Part, SetDocument, SetError, SetQuestion
from engine.evaluate.sets import open_set, write_set
from engine.model.encoder import Encoder
from engine.progress import CancelToken, run


def test_questions_of_a_rest_that_makes_no_document_are_told(tmp_path: Path, tiny_encoder: Encoder):
    parts = tuple(Part(f"p{at}", f"部品{at}の番号を検査で確認する。") for at in range(12))
    question = SetQuestion("番号はどこで確認する", ("p11",), (), "")
    path = tmp_path / "late.jsonl"
    write_set(path, "late", "retrieval", [SetDocument("d", "d", parts, False), question])
    opened, tokenizer = [open_set(path)], tiny_encoder.tokenizer
    (whole,) = run(joined_sets(opened, tokenizer, 100_000, 1, CancelToken()))
    assert len(whole.questions) == 1
    # One document up to the last passage but one, and a rest of two or one.
    tokens = len(tokenizer.tokenize(whole.text[: whole.spans[-2][0]]).ids)
    with pytest.raises(SetError) as error:
        run(joined_sets(opened, tokenizer, tokens, 1, CancelToken()))
    assert (error.value.code, error.value.details) == ("set_none_within", {"tokens": tokens})
    assert f"within its documents of {tokens} tokens" in error_text(error.value)
