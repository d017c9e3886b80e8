"""The table of patterns: what it measures, what it says and what it writes."""

import csv
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import Cancelled
from engine.evaluate import ablation, picture, variants
from engine.evaluate.ablation import measure, part_shares
from engine.evaluate.ablation_output import Outputs
from engine.evaluate.ablation_plot import draw
from engine.evaluate.ablation_table import Ablation, Row, as_csv, as_json, markdown
from engine.evaluate.cost import Cost, PeakMemory, pass_cost
from engine.evaluate.joined_documents import LongDocument, joined_sets
from engine.evaluate.retrieval import Estimate
from engine.evaluate.set_rows import Answer, Part, SetDocument, SetError, SetPair, SetQuestion
from engine.evaluate.sets import open_set, write_set
from engine.model.encoder import Encoder
from engine.model.pack import Pack
from engine.progress import CancelToken, Progress, run
from engine.records import Encoding, Fidelity
from kernels.block_sparse.pattern import BlockPattern

ROOT = Path(__file__).resolve().parents[3]
WORDS = ("torque", "トルク", "締付", "部品", "番号", "検査", "ab-123", "±0.05")


def passage(number: int) -> str:
    chosen = np.random.default_rng(number).choice(WORDS, 24)
    return f"{number} " + " ".join(chosen) + f" 確認{number}。"


def joined(count: int) -> LongDocument:
    texts = [passage(number) for number in range(count)]
    spans, start = [], 0
    for text in texts:
        spans.append((start, start + len(text)))
        start += len(text) + 1
    asked = tuple((text[2:40], frozenset((at,))) for at, text in enumerate(texts) if at % 4 == 0)
    return LongDocument("made", "\n".join(texts) + "\n", tuple(spans), asked)


@pytest.fixture(scope="module")
def document() -> LongDocument:
    return joined(60)


@pytest.fixture(scope="module")
def found(tiny_encoder: Encoder, document: LongDocument) -> Ablation:
    return run(measure(tiny_encoder, [document], CancelToken(), repeats=0, blocks=(8, 32)))


def test_every_way_is_measured_against_the_dense_twin(found: Ablation, document: LongDocument):
    assert found.lengths[0] > 60 * 24 and found.questions == len(document.questions)
    dense, local, both, own, *_ = found.rows
    assert (dense.kind, dense.density, dense.recall) == (variants.DENSE, 1.0, 1.0)
    assert dense.cosine == pytest.approx(1.0, abs=1e-3) and dense.top10 == 1.0
    assert own.change == Estimate(0.0, 0.0, 0.0, found.questions)
    # What is read grows, and with it what dense attention would have read.
    assert local.density < both.density < own.density < 0.2
    assert local.recall < both.recall < own.recall < 1.0
    assert own.recall_p5 < own.recall
    budgets = [row for row in found.rows if row.kind == variants.BUDGET]
    assert [row.name for row in budgets] == [
        "2 to 2 selected", "2 to 8 selected", "2 to 16 selected",
    ]  # fmt: skip
    assert budgets[0].recall < own.recall < budgets[1].recall < budgets[2].recall
    assert budgets[2].cosine > local.cosine
    for row in found.rows:
        assert 0.0 < row.tokens.mean <= 1.0 and row.tokens.questions == found.questions
        assert row.seconds is None and row.memory is None
        assert row.change.mean == pytest.approx(row.tokens.mean - own.tokens.mean, abs=1e-9)
    blocks = [row for row in found.rows if row.kind == variants.BLOCK]
    assert [row.name for row in blocks] == ["8 tokens", "32 tokens"]
    assert all(row.cosine < 0.999 for row in blocks)


def test_each_layer_loses_each_part(found: Ablation):
    layers = {row.name: row for row in found.rows if row.kind == variants.LAYER}
    assert len(layers) == 3 * 2 + 2
    shares = [layers[f"no neighbours, {where}"].share for where in ("layer 0", "layer 1")]
    whole = layers["no neighbours, all layers"].share
    assert whole == pytest.approx(np.mean([share for share in shares if share is not None]))
    own = found.rows[3]
    for row in layers.values():
        assert row.share is not None and 0.0 < row.share < 1.0
        assert row.recall < own.recall and row.density < own.density


def test_shares_are_those_of_the_part():
    kept = np.array([[[0, 1, 3, -1], [0, 1, 2, -1], [1, 2, 3, 0], [2, 3, 0, 1]]], np.int32)
    shares = [[4, 2, 2, 0], [2, 4, 2, 0], [2, 4, 1, 1], [2, 4, 2, 0]]
    mass = np.array([shares], np.float16) / np.float16(8)
    nothing = np.zeros((0, 2), np.float16)
    made = Encoding(
        "", 16, nothing, nothing, nothing, nothing, nothing, kept, mass,
        Fidelity(1.0, 1.0, 0.0, 0, 1.0), 0.0,
    )  # fmt: skip
    # Neighbours 0.25, 0.5, 0.375, 0.25; the first block 0, 0, 0.125, 0.25; block 3 of block 0 0.25.
    assert part_shares(made, BlockPattern()).tolist() == [[1.375 / 4, 0.375 / 4, 0.25 / 4]]


def test_variants_take_turns_and_the_dense_twin_runs_once(
    tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
):
    document = joined(12)
    ran: list[variants.Variant] = []
    seconds = iter(range(1, 100))

    def timed(_: Pack, variant: variants.Variant, *rest: object) -> Cost:
        assert rest[0] is document
        ran.append(variant)
        return Cost(float(next(seconds)), 1000 - len(ran))

    monkeypatch.setattr(ablation, "pass_cost", timed)
    seen: list[Progress] = []
    job = measure(tiny_encoder, [document], CancelToken(), repeats=3, blocks=())
    found = run(job, seen.append)
    count = len(found.patterns)
    assert [ran.count(variant) for variant in ran[:count]] == [1] + [3] * (count - 1)
    assert ran[count : 2 * count - 1] == ran[1:count] == ran[2 * count - 1 :]
    # The median of three turns, the most memory.
    second = count + 1
    assert found.rows[1].seconds == second and found.rows[1].memory == 998
    assert found.rows[-1].seconds is None
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert seen[-1].done == seen[-1].total


def test_what_needs_graphs_is_left_out_and_said(
    tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
):
    document = joined(12)
    monkeypatch.setattr(variants, "can_make_graphs", lambda: False)
    found = run(measure(tiny_encoder, [document], CancelToken(), repeats=0, blocks=(8,)))
    assert found.left_out == (
        "size of blocks: 8 tokens",
        "selection: shared, head by head",
        "selection: per head, head by head",
    )
    assert not {variants.BLOCK, variants.SELECTION} & {row.kind for row in found.rows}
    assert "onnx (extra train) is not installed: size of blocks: 8 tokens;" in markdown(found)


def row(name: str, kind: str = variants.BUDGET, **values: Any) -> Row:
    even = Estimate(0.8, 0.7, 0.9, 50)
    usual = Row(
        kind, name, True, 0.1, 2.0, 50_000_000, 0.97, 0.92, 0.05, 0.995, 0.97, even, even,
        Estimate(0.0, 0.0, 0.0, 50),
    )  # fmt: skip
    return replace(usual, **values)


def table_of(*rows: Row) -> Ablation:
    dense = row("all blocks", variants.DENSE, density=1.0, seconds=0.5)
    return Ablation("made", "1", "0" * 64, BlockPattern(), 2, (32_768,), 50, 3, (dense, *rows))


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({}, True),
        ({"recall": 0.949}, False),
        ({"recall_p5": 0.899}, False),
        ({"cosine": 0.989}, False),
        ({"top10": 0.949}, False),
        ({"tokens": Estimate(0.796, 0.7, 0.9, 50)}, True),
        ({"tokens": Estimate(0.794, 0.7, 0.9, 50)}, False),
    ],
)
def test_the_table_argues_for_the_fastest_within_limits(values: dict[str, Any], fits: bool):
    slow = row("slow", seconds=3.0)
    quick = row("quick", seconds=1.0, **values)
    chosen = table_of(slow, quick).argued_for()
    assert chosen is (quick if fits else slow)
    assert f"by content: budget, {'quick' if fits else 'slow'}." in markdown(table_of(slow, quick))


def test_the_default_selects_by_content_even_where_neighbours_alone_are_faster():
    near = row("local", variants.READ, selects=False, seconds=1.0)
    found = table_of(near, row("2 selected"), row("4 selected", seconds=3.0))
    assert found.fastest() is near
    assert found.argued_for() == row("2 selected")
    assert (
        "The fastest within: what is read, local. The fastest that selects by content: budget, "
        "2 selected." in markdown(found)
    )


def test_where_none_is_within_that_is_said_and_untimed_ones_go_by_density():
    assert table_of(row("one", recall=0.5)).argued_for() is None
    assert "The fastest within: none." in markdown(table_of(row("one", recall=0.5)))
    # A layer's row is no pattern.
    assert table_of(row("less", variants.LAYER, seconds=0.1)).argued_for() is None
    assert table_of(row("heads", variants.SELECTION, seconds=0.1)).argued_for() is None
    wide = row("wide", seconds=None, density=0.3)
    sparse = row("sparse", seconds=None, density=0.2)
    assert table_of(wide, sparse).argued_for() is sparse


def test_the_same_figures_stand_in_all_forms(tmp_path: Path):
    found = table_of(row("k"), row("no global, layer 1", variants.LAYER, share=0.125, seconds=None))
    text = markdown(found)
    assert "| budget | k | 0.100 | 2.00 | 50 | 0.9700 | 0.9200 | 0.9950 | 0.970 |" in text
    assert "| no global, layer 1 | 0.1250 | 0.9950 |" in text
    assert "trained with blocks" not in text
    assert "trained with blocks of 64" in markdown(table_of(row("32", variants.BLOCK)))
    Outputs(tmp_path / "a.json", tmp_path / "a.csv").write(found)
    held = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert held == json.loads(json.dumps(as_json(found)))
    assert held["table"] == text and held["argued_for"] == "k"
    assert held["rows"][1]["tokens"] == {"mean": 0.8, "low": 0.7, "high": 0.9, "questions": 50}
    assert (tmp_path / "a.csv").read_text("utf-8") == as_csv(found)
    lines = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert lines[1]["tokens"] == "0.8" and lines[1]["tokens_low"] == "0.7"
    assert lines[2]["share"] == "0.125" and lines[2]["seconds"] == ""
    assert not list(tmp_path.glob("*.part"))


def test_files_that_cannot_be_written_are_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(ValueError, match="there is no folder"):
        Outputs(csv=tmp_path / "none" / "a.csv").check()
    with pytest.raises(ValueError, match="a picture ends in"):
        Outputs(plot=tmp_path / "a.gif").check()
    monkeypatch.setattr(picture, "can_draw", lambda: False)
    with pytest.raises(ValueError, match="matplotlib"):
        Outputs(plot=tmp_path / "a.svg").check()


def test_the_picture_names_every_pattern(tmp_path: Path):
    pytest.importorskip("matplotlib")
    draw(table_of(row("k"), row("fewer", seconds=1.0)), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text("utf-8")
    # Text is drawn as paths, with the words beside them in comments.
    assert all(f"<!-- {name} -->" in text for name in ("budget: k", "budget: fewer", "Density"))


def test_memory_is_the_peak_not_the_end():
    with PeakMemory() as peak:
        held = np.ones(8_000_000)
        time.sleep(0.05)
        del held
    assert 60_000_000 < peak.growth < 90_000_000


def test_a_pass_is_measured_in_its_own_process(tiny_pack: Pack, document: LongDocument):
    own = variants.shipped(tiny_pack.config.pattern)
    cost = pass_cost(tiny_pack, own, document, 1, CancelToken())
    assert 0.0 < cost.seconds < 60.0
    # Hidden states alone take 64 floats a token.
    assert 1500 * 64 * 4 < cost.memory < 500_000_000
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        pass_cost(tiny_pack, own, document, 1, cancel)
    broken = replace(tiny_pack, contents={**tiny_pack.contents, "embed.onnx": b""})
    with pytest.raises(OSError, match="ended with 1"):
        pass_cost(broken, own, document, 1, CancelToken())


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    parts = tuple(Part(f"p{number}", passage(number)) for number in range(40))
    questions = [
        SetQuestion(passage(number)[2:40], (f"p{number}",), (), "") for number in range(1, 40, 3)
    ]
    both = SetQuestion("トルク 検査", ("p2", "p3"), (), "")
    place = SetQuestion("番号", (), (Answer("p5", contains="確認5。"),), "")
    rows = [SetDocument("d", "d", parts, False), *questions, both, place]
    write_set(tmp_path / "made.jsonl", "made", "retrieval", rows)
    write_set(tmp_path / "pairs.jsonl", "pairs", "pairs", [SetPair("a b", "c d")])
    return tmp_path


def test_sets_become_long_documents(sets: Path, tiny_encoder: Encoder):
    opened = [open_set(sets / "made.jsonl")]

    def cut(tokens: int, most: int = 9) -> list[LongDocument]:
        return run(joined_sets(opened, tiny_encoder.tokenizer, tokens, most, CancelToken()))

    first, second, *_ = made = cut(300)
    for one in made:
        assert len(tiny_encoder.tokenizer.tokenize(one.text).ids) >= 300
    assert [first.text[start:stop] for start, stop in first.spans[:2]] == [passage(0), passage(1)]
    assert second.text[slice(*second.spans[0])] == passage(len(first.spans))
    asked = dict(first.questions)
    assert asked["トルク 検査"] == {2, 3} and asked["番号"] == {5}
    for text, (wanted,) in second.questions:
        assert text.strip() in second.text[slice(*second.spans[wanted])]
    assert len(cut(300, 1)) == 1
    # All of it, where it is shorter than asked for.
    (whole,) = cut(100_000)
    assert len(whole.spans) == 40 and len(whole.questions) == 15
    with pytest.raises(SetError) as error:
        run(
            joined_sets(
                [open_set(sets / "pairs.jsonl")], tiny_encoder.tokenizer, 300, 1, CancelToken()
            )
        )
    assert error.value.code == "set_broken"


def test_the_command_prints_the_table_and_writes_it(sets: Path, tiny_pack: Pack):
    def chumoku(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from app.entry import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, "ablate", *arguments],
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    made = str(sets / "made.jsonl")
    pack = ("--pack", str(tiny_pack.folder), "--tokens", "600", "--count", "1", "--repeats", "0")
    result = chumoku(made, *pack, "--json", str(sets / "a.json"))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("| Varies | Variant |")
    held = json.loads((sets / "a.json").read_text("utf-8"))
    assert result.stdout == held["table"]
    assert held["pack"] == "tiny" and held["lengths"][0] >= 600
    wrong = chumoku(made, *pack, "--csv", str(sets / "none" / "a.csv"))
    assert wrong.returncode == 2 and "there is no folder" in wrong.stderr
