"""Highlights on sets that say where the answers stand."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.evaluate.collection import build
from engine.evaluate.evaluation import evaluate
from engine.evaluate.marks import HIGHLIGHTS, LEXICAL_SENTENCE, LEXICAL_WORDS, MARKINGS, likeliest
from engine.evaluate.results import MemorySet, SetResult, result_json
from engine.evaluate.set_rows import Answer, Part, Row, SetDocument, SetQuestion
from engine.evaluate.sets import write_set
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.progress import CancelToken, run

STORED = "検査記録は五年間保管し、廃棄には課長の承認が要る。"
TIGHTENED = "ボルトは対角に締め付ける。トルクは 12 N·m とする。"
DOCUMENT = SetDocument("手順", "手順", (Part("p", TIGHTENED), Part("q", STORED)), False)
YEARS = SetQuestion("検査記録は何年間保管するか", (), (Answer("q", 5, 8),), "span")
TORQUE = SetQuestion("締め付けトルクはいくらか", (), (Answer("p", contains="12N·m"),), "text")
PART = SetQuestion("廃棄に要るものは?", ("q",), (), "part")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(load_pack(default_pack()), threads=1)


def measured(encoder: Encoder, *rows: Row, kind: str = "retrieval") -> SetResult:
    held = MemorySet("marks", kind, Path("marks.jsonl"), (DOCUMENT, *rows))
    return run(evaluate(held, encoder, CancelToken()))


def answers(encoder: Encoder, *rows: Row) -> list[dict[int, tuple[tuple[int, int], ...]]]:
    held = MemorySet("marks", "retrieval", Path("marks.jsonl"), rows)
    return [dict(one.answers) for one in run(build([held], encoder, CancelToken())).questions]


def test_answers_are_found_in_their_passages(encoder: Encoder):
    at = TIGHTENED.index("12 N·m")
    assert answers(encoder, DOCUMENT, YEARS, TORQUE, PART) == [
        {1: ((5, 8),)},
        {0: ((at, at + 6),)},
        {},
    ]


def test_an_answer_that_goes_on_beyond_its_passage_is_left_out(encoder: Encoder):
    text = "弁を閉じる。" * 400
    whole = SetDocument("d", "d", (Part("p", text),), True)
    asked = SetQuestion("何を閉じるか", (), (Answer("p", 0, len(text)), Answer("p", 0, 1)))
    assert answers(encoder, whole, asked) == [{0: ((0, 1),)}]


def test_the_passage_that_shares_most_with_the_question_is_taken():
    texts = {
        3: "トルクは12とする。",
        5: "ボルトのトルクは12とする。",
        7: "ボルトのトルクは12とする。",
    }
    assert likeliest(texts, "ボルトのトルクは?") == 5


def test_marks_are_held_against_answers(encoder: Encoder):
    result = measured(encoder, YEARS, TORQUE, PART)
    marks = result.group("span").marks
    assert tuple(marks) == MARKINGS
    # The passage is one sentence, and three of its characters are the answer.
    assert marks[LEXICAL_SENTENCE].mean == pytest.approx(2 * 3 / (len(STORED) + 3))
    assert marks[LEXICAL_WORDS].mean < 0.5 < 0.7 < marks[HIGHLIGHTS].mean
    assert result.group("part").marks == {}
    every = result.group().marks[HIGHLIGHTS]
    assert (result.group().questions, every.questions) == (3, 2)
    text = result.group("text").marks[HIGHLIGHTS].mean
    assert every.mean == pytest.approx((marks[HIGHLIGHTS].mean + text) / 2)
    assert every.low <= every.mean <= every.high


def test_questions_that_do_not_say_where_have_no_such_figure(encoder: Encoder):
    held = result_json(measured(encoder, PART))["groups"][0]
    assert held["questions"] == 1 and not any("highlight" in name for name in held)
    # What a list of questions about files contains need not be the answer.
    assert measured(encoder, TORQUE, kind="files").group().marks == {}


def test_the_command_shows_them(tmp_path: Path):
    write_set(tmp_path / "marks.jsonl", "marks", "retrieval", (DOCUMENT, YEARS, PART))
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(app, ["evaluate", str(tmp_path), "--json", str(file)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("marked"))
    assert lines[first].split() == ["marked", "highlight", "f1", "asked"]
    every, *_ = json.loads(file.read_text("utf-8"))["sets"][0]["groups"]
    assert every["highlight_questions"] == 1
    mean, low, high = every["highlight_f1"]["highlights"]
    assert lines[first + 1].split() == [
        "highlights", f"{mean:.3f}", f"[{low:.3f},", f"{high:.3f}]", "1",
    ]  # fmt: skip
    assert mean > 0.7
