"""Measuring the pack that ships on small sets."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import Cancelled
from engine.evaluate.collection import Collection, build, spread
from engine.evaluate.evaluation import SetResult, evaluate
from engine.evaluate.results import result_json
from engine.evaluate.set_rows import Answer, Part, Row, SetDocument, SetError, SetPair, SetQuestion
from engine.evaluate.sets import open_set, write_set
from engine.evaluate.ways import DEPTH, Ways, late_scores, standard
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.progress import CancelToken, run
from engine.search.attention import score_rows
from engine.search.dense import cosines, cut_cosines
from engine.search.index import Index

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [
    "ポンプは乾いた布で拭いてから箱に納める。",
    "ボルトは対角に締め付ける。トルクは12N·mとする。",
    "The valve is closed before the pump is started.",
    "検査記録は五年間保管し、廃棄には課長の承認が要る。",
]
ROWS: list[Row] = [
    SetDocument(
        "手順", "手順", tuple(Part(f"p{at}", text) for at, text in enumerate(TEXTS)), False
    ),
    SetQuestion("ボルトの締め付けトルクは?", ("p1",), (), "same"),
    SetQuestion("検査記録は何年保管するか", (), (Answer("p3", 5, 8),), "same"),
    SetQuestion("ポンプを始動する前に弁を閉じる", ("p2",), (), "other"),
]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(load_pack(default_pack()), threads=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sets")
    write_set(made / "steps.jsonl", "steps", "retrieval", ROWS)
    pairs = [SetPair("Close the valve.", "弁を閉じる。"), SetPair("Open the box.", "箱を開ける。")]
    write_set(made / "pairs.jsonl", "pairs", "pairs", pairs)
    scored = [
        SetPair("犬が走っている。", "犬が走っています。", 4.8),
        SetPair("犬が走っている。", "男性が料理をしている。", 0.2),
        SetPair("弁を閉じる。", "バルブを閉める。", 4.0),
    ]
    write_set(made / "alike.jsonl", "alike", "similarity", scored)
    return made


def collected(path: Path, encoder: Encoder, *, together: bool = False) -> Collection:
    return run(build([open_set(path)], encoder, CancelToken(), together=together))


def measured(path: Path, encoder: Encoder, most: int | None = None) -> SetResult:
    return run(evaluate(open_set(path), encoder, CancelToken(), most=most))


def test_passages_given_alone_know_nothing_of_each_other(folder: Path, encoder: Encoder):
    alone = collected(folder / "steps.jsonl", encoder)
    together = collected(folder / "steps.jsonl", encoder, together=True)
    assert [alone.index.passage_text(row) for row in range(4)] == TEXTS
    for row, text in enumerate(TEXTS):
        query = encoder.encode_query(text)
        assert cosines(query.vector, alone.index)[row] == pytest.approx(1, abs=2e-3)
        assert cosines(query.vector, together.index)[row] < 0.99
    assert [one.relevant for one in alone.questions] == [{1}, {3}, {2}]
    for collection in (alone, together):
        tokens = collection.index.tokens(0)
        assert tokens is not None
        unit = tokens.vectors.astype(float) / 127
        means = [unit[at : at + tokens.block].mean(axis=0) for at in range(0, len(unit), 64)]
        assert tokens.summaries == pytest.approx(np.array(means), abs=5e-3)


def test_late_scores_are_those_of_search(folder: Path, encoder: Encoder):
    revisions = collected(folder / "steps.jsonl", encoder).index.revisions
    index = Index(replace(revision, path="/手順/ボルト.pdf") for revision in revisions)
    queries = [encoder.encode_query(text) for text in ("ボルトの締め付け", "pump", "五年間")]
    cancel = CancelToken()
    for query, scores in zip(queries, late_scores(queries, index, cancel), strict=True):
        assert scores == pytest.approx(score_rows(query, index, np.arange(4), cancel), abs=2e-6)


def test_every_way_ranks_and_bm25_stands_beside(folder: Path, encoder: Encoder):
    result = measured(folder / "steps.jsonl", encoder)
    assert (result.passages, [group.name for group in result.groups]) == (4, ["", "same", "other"])
    same = result.group("same")
    assert set(same.ways) >= {"bm25", "lexical", "dense", "attention", "fused", "bm25+attention"}
    assert same.ways["bm25"]["recall@1"].mean == 1
    assert same.ways["fused"]["mrr"].mean == 1
    # The Japanese question shares no pair of characters with the English passage.
    other = result.group("other")
    assert other.ways["bm25"]["recall@10"].mean == 0
    assert other.ways["dense"]["recall@1"].mean == 1
    assert other.gains["dense"]["recall@1"].mean == 1
    assert dict(result.ranks)["ポンプを始動する前に弁を閉じる"]["bm25"] is None
    assert json.loads(json.dumps(result_json(result)))["groups"][0]["questions"] == 3


def test_sentences_find_each_other_both_ways(folder: Path, encoder: Encoder):
    result = measured(folder / "pairs.jsonl", encoder)
    for kind in ("first_finds_second", "second_finds_first"):
        group = result.group(kind)
        assert group.questions == 2
        assert group.ways["dense"]["recall@1"].mean == 1
        assert group.ways["bm25"]["recall@1"].mean == 0


def test_similarity_follows_the_scores(folder: Path, encoder: Encoder):
    result = measured(folder / "alike.jsonl", encoder)
    ways = result.group().ways
    assert set(ways) >= {"bm25", "dense", "attention"}
    assert ways["dense"]["spearman"].mean == pytest.approx(1)
    assert ways["dense"]["spearman"].questions == 3


def test_few_questions_for_a_quick_look(folder: Path, encoder: Encoder):
    result = measured(folder / "steps.jsonl", encoder, most=1)
    assert [group.questions for group in result.groups] == [2, 1, 1]
    assert result.passages == 4
    assert spread([1, 2, 3, 4, 5], 3) == [1, 3, 5]


def test_files_are_read_as_the_product_reads_them(tmp_path: Path, encoder: Encoder):
    lines = "第1章 準備\n\n弁を閉じる。\n\n第2章 保管\n\n検査記録は\n五年間保管する。\n"
    (tmp_path / "手順.txt").write_text(lines, encoding="cp932")
    known = {"query": "何年?", "document": "手順.txt", "contains": "検査記録は五年間"}
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps(known), encoding="utf-8")
    index = collected(path, encoder).index
    assert [index.passage(row).heading_path for row in range(2)] == [
        ("第1章 準備",),
        ("第2章 保管",),
    ]
    assert collected(path, encoder).questions[0].relevant == {1}
    path.write_text(json.dumps({**known, "contains": "十年間"}), encoding="utf-8")
    with pytest.raises(SetError, match="no passage holds the answer"):
        collected(path, encoder)


def test_work_stops_when_it_is_cancelled(folder: Path, encoder: Encoder):
    cancel = CancelToken()
    job = evaluate(open_set(folder / "steps.jsonl"), encoder, cancel)
    next(job)
    cancel.cancel()
    with pytest.raises(Cancelled):
        run(job)


def test_sets_without_questions_say_so(tmp_path: Path, encoder: Encoder):
    write_set(tmp_path / "none.jsonl", "none", "retrieval", ROWS[:1])
    write_set(tmp_path / "pairs.jsonl", "none", "pairs", [])
    for name in ("none.jsonl", "pairs.jsonl"):
        with pytest.raises(SetError, match="no questions"):
            measured(tmp_path / name, encoder)


def test_short_widths_are_compared_at_unit_length():
    vectors = np.array([[3.0, 4.0, 12.0], [0.0, 0.0, 1.0]], np.float32)
    assert cut_cosines(np.array([1.0, 0.0, 5.0]), vectors, 2) == pytest.approx([0.6, 0.0])


def test_scores_in_standard_deviations():
    assert standard(np.array([1.0, 3.0])) == pytest.approx([-1, 1])
    assert standard(np.array([1.0, 3.0, np.nan])) == pytest.approx(
        np.array([-1, 2, -1]) / np.sqrt(2)
    )
    assert standard(np.array([np.nan, np.nan])).tolist() == [0, 0]


@pytest.fixture(scope="module")
def short_pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The pack that ships, saying that its vectors may be cut to 128 numbers."""
    folder = tmp_path_factory.mktemp("pack")
    for file in default_pack().iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    manifest = json.loads((folder / "pack.json").read_text("utf-8"))
    manifest["passage_widths"] = [128, manifest["passage_width"]]
    (folder / "pack.json").write_text(json.dumps(manifest), encoding="utf-8")
    yield folder


def test_short_widths_of_the_pack_are_measured(folder: Path, short_pack: Path):
    encoder = Encoder.load(load_pack(short_pack), threads=1)
    collection = collected(folder / "steps.jsonl", encoder)
    (ranked,) = Ways(collection, encoder).rank(["ボルトのトルク"], CancelToken())
    assert {name for name in ranked if "@" in name} == {"dense@128"}
    assert len(ranked["dense@128"]) == min(DEPTH, 4)
    assert "dense@128" in measured(folder / "alike.jsonl", encoder).group().ways


def chumoku(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from app.entry import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, "evaluate", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
    )


def test_the_command_prints_a_table_and_writes_json(folder: Path, tmp_path: Path):
    file = tmp_path / "figures.json"
    done = chumoku(str(folder), "--json", str(file), "--most", "1")
    assert done.returncode == 0, done.stderr
    assert "steps: 2 asked, among 4" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("fused")][:1]
    assert "1.000 [1.000, 1.000]" in line
    held = json.loads(file.read_text("utf-8"))
    assert {one["set"] for one in held["sets"]} == {"steps", "pairs", "alike"}
    assert held["pack"] == load_pack(default_pack()).pack_hash


def test_the_command_names_what_is_wrong(tmp_path: Path):
    broken = tmp_path / "壊れた.jsonl"
    broken.write_text('{"set": "s", "kind": "pairs"}\n{"first": "a"}\n', encoding="utf-8")
    done = chumoku(str(broken))
    assert done.returncode == 1
    assert "壊れた.jsonl" in done.stderr and "line: 2" in done.stderr and '"second"' in done.stderr
    assert chumoku(str(tmp_path / "none.jsonl")).returncode == 1
    assert chumoku(str(broken), "--most", "0").returncode == 2
    assert chumoku().returncode == 2
