"""A run of the encoder's benchmark: its plan, and what becomes of lines and gates that fail."""

import csv
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import bench_encoder  # noqa: E402
from encoder_bench import gates, texts, work  # noqa: E402
from encoder_bench.table import Row, Table, was_measured  # noqa: E402
from made_rows import SHARED, measured  # noqa: E402

from engine.evaluate.bench import Check  # noqa: E402

INT8, DENSE, LONGFORMER = work.LINES[0], work.LINES[2], work.LINES[6]
PLAN = [(INT8, 512), (DENSE, 512), (LONGFORMER, 512)]


def test_the_plan_puts_lengths_before_lines():
    plan = bench_encoder.planned([INT8, DENSE], quick=False)
    assert plan[:3] == [(INT8, 512), (DENSE, 512), (INT8, 2048)]
    assert plan[-1] == (DENSE, 131072)
    # Another length of the same line, to which it is compared.
    assert plan[plan.index((INT8, 8192)) + 1] == (INT8, 200000)
    lengths = {length for _, length in bench_encoder.planned(work.LINES, quick=True)}
    assert lengths == {512, 2048}


class Children:
    """Stands for child processes; says which lines were measured."""

    def __init__(self) -> None:
        self.wrong: str = ""
        self.broken: dict[str, Exception] = {}
        self.jobs: list[tuple[str, int]] = []

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if function is gates.export:
            return None
        if function is gates.check:
            if arguments[0] in self.broken:
                raise self.broken[arguments[0]]
            return [Check("a point", 0.0 if arguments[0] == self.wrong else 1.0, 0.5)]
        job: work.Job = arguments[0]
        self.jobs.append((job.line, job.tokens))
        if job.line in self.broken:
            raise self.broken[job.line]
        return measured(job.line, job.tokens, selection=0.02)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "table.csv", SHARED)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    made = Children()
    monkeypatch.setattr(bench_encoder, "in_child", made)
    monkeypatch.setattr(texts, "write_texts", lambda folder, lengths: None)
    return made


@pytest.fixture
def main(children: Children, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """The command as on a machine that has all packages and a GPU."""
    monkeypatch.setattr(work.Line, "lacks", lambda line: None)
    monkeypatch.setattr(bench_encoder, "setting", lambda *_: SHARED)
    for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "1")
    return bench_encoder.main


def lines(rows: list[Row], *, figures: bool) -> list[str]:
    return [str(row["line"]) for row in rows if was_measured(row) is figures]


@pytest.mark.parametrize("breaks", [False, True])
def test_a_gate_that_fails_stops_its_family_alone(
    table: Table, children: Children, breaks: bool, capsys: pytest.CaptureFixture[str]
):
    if breaks:
        children.broken["dense"] = ValueError("no kernel\nfor this")
    else:
        children.wrong = "dense"
    rows = bench_encoder.measure_all(PLAN, table, fresh=False)
    assert children.jobs == [("ours-int8", 512), ("longformer", 512)]
    assert lines(rows, figures=False) == ["dense-torch"]
    assert lines(rows, figures=True) == ["ours-int8", "longformer"]
    assert table.file is not None
    with table.file.open(newline="", encoding="utf-8") as stream:
        (row,) = (row for row in csv.DictReader(stream) if row["line"] == "dense-torch")
    why = "broke: ValueError: no kernel for this" if breaks else "does not hold: a point"
    assert (row["length"], row["seconds"], row["tokens_per_s"]) == ("512", "", "")
    assert row["note"] == f"failed: the gate of dense {why}"
    assert "FAIL" in capsys.readouterr().err


def test_what_failed_is_told_and_measured_again(
    tmp_path: Path,
    children: Children,
    main: Callable[[list[str]], int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    drawn: list[str] = []
    monkeypatch.setattr(
        bench_encoder.plot, "draw", lambda rows, file: drawn.extend(row["line"] for row in rows)
    )
    options = ["--csv", str(tmp_path / "a.csv"), "--plot", str(tmp_path / "a.svg"), "--quick"]
    options += ["--lines", "ours-int8", "dense-torch", "gpu-ours"]
    children.broken["gpu"] = RuntimeError("no kernel")
    assert main(options) == 1
    told = capsys.readouterr().out
    assert told.count("failed: the gate of gpu broke: RuntimeError: no kernel") == 2
    assert "failed: 2 lines" in told and "share of choosing blocks at 512" in told
    assert set(drawn) == {"ours-int8", "dense-torch"}
    children.broken, children.jobs = {}, []
    assert main(options) == 0
    assert {line for line, _ in children.jobs} == {"gpu-ours"}
    assert "failed" not in capsys.readouterr().out


def test_a_run_in_which_all_failed_draws_nothing(
    tmp_path: Path, children: Children, main: Callable[[list[str]], int]
):
    children.wrong = "ours"
    plot = tmp_path / "a.svg"
    assert main(["--quick", "--lines", "ours-int8", "--plot", str(plot)]) == 1
    assert not plot.exists()


def test_a_run_goes_on_where_it_stopped(table: Table, children: Children):
    children.broken["dense-torch"] = BrokenProcessPool("killed")
    children.broken["longformer"] = ValueError("what this peer raises")
    rows = bench_encoder.measure_all(PLAN, table, fresh=False)
    assert lines(rows, figures=True) == ["ours-int8"]
    assert [row["note"] for row in rows[1:]] == [
        "failed: BrokenProcessPool: killed", "failed: ValueError: what this peer raises",
    ]  # fmt: skip

    children.broken, children.jobs = {}, []
    rows = bench_encoder.measure_all(PLAN, table, fresh=False)
    assert children.jobs == [("dense-torch", 512), ("longformer", 512)]
    assert len(rows) == 3 and lines(rows, figures=False) == []

    children.jobs = []
    bench_encoder.measure_all(PLAN, table, fresh=False)
    assert children.jobs == []
    children.wrong = "ours"
    bench_encoder.measure_all(PLAN, table, fresh=True)
    assert len(children.jobs) == 2
    # What failed last stands for the line, whatever it measured before.
    bench_encoder.measure_all(PLAN, table, fresh=False)
    assert len(children.jobs) == 2
