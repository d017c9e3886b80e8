"""Sets of documents with what people wrote of them."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app, main
from engine.errors import Cancelled
from engine.evaluate.evaluation import evaluate
from engine.evaluate.results import SetResult
from engine.evaluate.set_rows import Part, SetDocument, SetError, SetSummary
from engine.evaluate.sets import open_set, write_set
from engine.evaluate.summary_tasks import leading, product, read_task, score, within
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.progress import CancelToken, run
from engine.reading.supervisor import ReaderProcess

HEADER = {"set": "short", "kind": "summary"}
SENTENCES = [
    "この手順書は冷却水ポンプの点検について定める。",
    "点検の前に電源を切り、弁を閉じる。",
    "軸受の温度は毎日測り、七十度を超えたら運転を止める。",
    "検査記録は五年間保管し、廃棄には課長の承認が要る。",
    "異音があるときは保全課に連絡する。",
]
TEXT = "".join(SENTENCES)
LINE = {"document": "d", "title": "点検", "text": TEXT, "reference": SENTENCES[0]}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(load_pack(default_pack()), threads=1)


def written(folder: Path, *rows: Mapping[str, object]) -> Path:
    path = folder / "set.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in (HEADER, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def measured(encoder: Encoder, path: Path, most: int | None = None) -> SetResult:
    return run(evaluate(open_set(path), encoder, CancelToken(), most=most))


def test_what_is_written_is_read_back(tmp_path: Path):
    (tmp_path / "点検.txt").write_text(TEXT, encoding="utf-8")
    text = SetDocument("d", "点検", (Part("d", TEXT),), True, None, 2)
    file = SetDocument("e", "e", (), True, tmp_path / "点検.txt", 3)
    rows = [SetSummary(text, "短い。"), SetSummary(file, "短い。", "何を点検するか")]
    write_set(tmp_path / "set.jsonl", "short", "summary", rows)
    assert list(open_set(tmp_path / "set.jsonl").rows()) == rows


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reference": " "}, '"reference" must be text'),
        ({"reference": None}, '"reference" must be text'),
        ({"document": "d"}, "second document"),
        ({"file": "set.jsonl"}, "one of"),
        ({"text": 3}, '"text" must be text'),
        ({"parts": [{"id": "p", "text": "本文。"}]}, '"text" or "file"'),
        ({"question": ""}, '"question" must be text'),
        ({"question": "あ" * 2001}, "longer than"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, change: Mapping[str, object], reason: str):
    path = written(tmp_path, LINE, {**LINE, "document": "e", **change})
    with pytest.raises(SetError) as caught:
        list(open_set(path).rows())
    assert (caught.value.code, caught.value.details["line"]) == ("set_broken", 3)
    assert caught.value.details["path"] == str(path)
    assert reason in str(caught.value.details["reason"])


def test_documents_that_cannot_be_summarised_are_named(tmp_path: Path, encoder: Encoder):
    with pytest.raises(SetError, match="no summaries"):
        measured(encoder, written(tmp_path))
    (tmp_path / "空.md").write_text("# 第1章\n\n# 第2章\n", encoding="utf-8")
    path = written(tmp_path, LINE, {"document": "空", "file": "空.md", "reference": "章。"})
    with pytest.raises(SetError, match="no sentences") as caught:
        measured(encoder, path)
    assert caught.value.details["line"] == 3


def test_summaries_stand_beside_the_first_sentences(tmp_path: Path, encoder: Encoder):
    (tmp_path / "点検.txt").write_text(TEXT, encoding="utf-8")
    asked = {"reference": SENTENCES[3], "question": "検査記録は何年保管するか"}
    result = measured(
        encoder, written(tmp_path, LINE, {"document": "点検", "file": "点検.txt", **asked})
    )
    assert (result.kind, result.passages) == ("summary", 10)
    ways = result.group().ways
    assert list(ways) == ["product", "lead"]
    assert list(ways["product"]) == ["rouge-1", "rouge-2"]
    # The first sentence is the first reference, and has little of the second.
    with ReaderProcess() as reader:
        document = run(reader.read(tmp_path / "点検.txt", CancelToken()))
    task = run(read_task(encoder, document, SENTENCES[3], asked["question"], CancelToken()))
    held = score([(task, len(SENTENCES[3]))], {"product": product, "lead": leading})
    assert held["product"][1] == [1.0] and held["lead"][1][0] < 0.5
    lead = ways["lead"]["rouge-1"]
    assert lead.mean == pytest.approx((1.0 + held["lead"][1][0]) / 2)
    assert (lead.questions, lead.low < lead.mean < lead.high) == (2, True)
    assert measured(encoder, tmp_path / "set.jsonl", most=1).group().questions == 1


def test_what_is_asked_is_what_is_summarised(tmp_path: Path, encoder: Encoder):
    found = []
    for question in ("検査記録は何年保管するか", "温度は何度まで許されるか"):
        line = {**LINE, "reference": SENTENCES[3], "question": question}
        found.append(measured(encoder, written(tmp_path, line)).group().ways)
    assert found[0]["product"]["rouge-2"].mean == 1.0
    assert found[1]["product"]["rouge-2"].mean < 0.5
    assert found[0]["lead"] == found[1]["lead"]


def test_a_summary_has_as_many_characters_as_the_reference(tmp_path: Path, encoder: Encoder):
    path = written(tmp_path, LINE, {**LINE, "document": "e", "reference": "".join(SENTENCES[:2])})
    ways = measured(encoder, path).group().ways
    assert ways["lead"]["rouge-2"].low > 0.95


def test_a_summary_is_at_most_so_long(tmp_path: Path, encoder: Encoder):
    (tmp_path / "点検.txt").write_text(TEXT, encoding="utf-8")
    with ReaderProcess() as reader:
        document = run(reader.read(tmp_path / "点検.txt", CancelToken()))
    task = run(read_task(encoder, document, TEXT, "", CancelToken()))
    for budget in (50, 80):
        assert len(within(task, budget, product).replace("\n", "")) <= budget
    assert within(task, 1, leading) == SENTENCES[0]


def test_work_stops_when_it_is_cancelled(tmp_path: Path, encoder: Encoder):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        run(evaluate(open_set(written(tmp_path, LINE)), encoder, cancel))


def test_the_command_shows_rouge(tmp_path: Path):
    path = written(tmp_path, LINE)
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(app, ["evaluate", str(path), "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "short: 1 summarised, of 5 sentences" in done.output
    titles = next(line for line in done.output.splitlines() if line.startswith("way"))
    assert titles.split() == ["way", "rouge-1", "rouge-2"]
    assert "lead     1.000 [1.000, 1.000]  1.000 [1.000, 1.000]" in done.output
    (held,) = json.loads(file.read_text("utf-8"))["sets"]
    assert (held["kind"], held["groups"][0]["questions"]) == ("summary", 1)
    assert held["groups"][0]["ways"]["lead"]["rouge-2"] == [1.0, 1.0, 1.0]


def test_the_command_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    path = written(tmp_path, LINE, {"document": "e", "text": TEXT})
    monkeypatch.setattr(sys, "argv", ["chumoku", "evaluate", str(path)])
    assert main() == 1
    told = capsys.readouterr().err
    assert "set.jsonl" in told and "line: 3" in told and '"reference"' in told
