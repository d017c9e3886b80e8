"""The pack's own benchmark: its texts, its gate, its figures and the command."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import typer

from engine import cli_bench
from engine.evaluate import bench, picture
from engine.evaluate.long_text import long_text, read_samples, tokens_per_page
from engine.evaluate.machine import MEBIBYTE, Machine, commit, package_versions, peak_memory
from engine.model.pack import Pack, load_pack, part_names
from engine.models import default_pack
from engine.progress import CancelToken, run
from engine.records import Document
from kernels.block_sparse.onnx_graph import attention_model

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return run(read_samples(CancelToken()))


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(default_pack())


@pytest.fixture(scope="module")
def timed(pack: Pack) -> bench.TimedEncoder:
    return bench.TimedEncoder(pack, threads=1)


def parts(pack: Pack) -> dict[str, bytes]:
    return {name: pack.contents[name] for name in part_names(pack.config.layers)}


@pytest.mark.parametrize("tokens", [100, 512, 3000])
def test_a_long_text_has_the_length_asked_for(
    documents: list[Document], timed: bench.TimedEncoder, tokens: int
):
    text = long_text(documents, timed.encoder.tokenizer, tokens)
    assert len(timed.encoder.tokenizer.tokenize(text.text).ids) == text.tokens
    assert 0.99 * tokens <= text.tokens <= tokens
    for spans in (text.passages, text.sentences):
        assert all(0 <= start < end <= len(text.text) for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert text.passages[-1][1] == len(text.text)


def test_a_long_text_does_not_repeat_itself(documents: list[Document], timed: bench.TimedEncoder):
    tokens = 2 * sum(len(timed.encoder.tokenizer.tokenize(one.text).ids) for one in documents)
    text = long_text(documents, timed.encoder.tokenizer, tokens).text
    lines = [line for line in text.split("\n") if len(line) > 40 and any(map(str.isdigit, line))]
    assert len(lines) > 500
    assert len(set(lines)) > 0.95 * len(lines)
    with pytest.raises(ValueError, match="too few"):
        long_text(documents, timed.encoder.tokenizer, 99)


def test_tokens_of_a_page(documents: list[Document], timed: bench.TimedEncoder):
    found = tokens_per_page(documents, timed.encoder.tokenizer)
    counts = [len(timed.encoder.tokenizer.tokenize(one.text).ids) for one in documents]
    assert found == sum(counts) / sum(len(one.pages) for one in documents)
    assert 100 < found < 2000


def test_the_gate_passes_the_pack_that_ships(documents: list[Document], timed: bench.TimedEncoder):
    checks = run(bench.gate(timed, documents, CancelToken()))
    assert [check.name for check in checks if not check.passed] == []
    assert len(checks) == 13 + 1


def test_the_gate_stops_wrong_attention(documents: list[Document], pack: Pack):
    config = pack.config
    wrong = replace(config.pattern, rotary_base=100.0)
    changed = parts(pack)
    for name, tail in (("attend.onnx", False), ("attend_tail.onnx", True)):
        model = attention_model(wrong, config.heads, config.head_width, tail=tail)
        changed[name] = model.SerializeToString()
    checks = run(bench.gate(bench.TimedEncoder(pack, 1, changed), documents, CancelToken()))
    failed = [check.name for check in checks if not check.passed]
    whole = config.pattern.slots * config.pattern.block
    assert f"{whole} tokens: error against dense" in failed
    assert f"{whole - config.pattern.block // 2} tokens: error against dense" in failed


def test_the_gate_stops_weights_in_the_wrong_place(documents: list[Document], pack: Pack):
    changed = parts(pack)
    first, second = "layer_00_finish.onnx", "layer_01_finish.onnx"
    changed[first], changed[second] = changed[second], changed[first]
    checks = run(bench.gate(bench.TimedEncoder(pack, 1, changed), documents, CancelToken()))
    assert not checks[0].passed
    assert checks[0].name.startswith("translations")


@pytest.mark.parametrize(
    ("value", "at_most", "passed"),
    [(1.0, False, True), (0.9, False, False), (1.1, True, False), (np.nan, True, False)],
)
def test_a_check_holds_or_fails(value: float, at_most: bool, passed: bool):
    assert bench.Check("x", value, 1.0, at_most).passed is passed


def test_how_often_work_is_repeated():
    assert bench.wants_another([], 1)
    assert not bench.wants_another([0.01], 1)
    assert bench.wants_another([9.0, 9.0], 3)
    assert not bench.wants_another([9.0, 9.0, 9.0], 3)
    assert bench.wants_another([0.01] * 3, 3), "a second is not filled yet"
    assert not bench.wants_another([0.01] * 50, 3)
    assert not bench.wants_another([60.0], 3), "long work is not begun again"


def test_a_row_adds_up(documents: list[Document], timed: bench.TimedEncoder):
    text = long_text(documents, timed.encoder.tokenizer, 1024)
    row = run(bench.measure(timed, text, 1, CancelToken()))
    assert (row.tokens, row.characters, row.timing.repeats) == (text.tokens, len(text.text), 1)
    assert row.timing.fastest == row.timing.seconds == row.timing.slowest > 0
    assert 0 < row.selection < 0.5
    assert 0.3 < row.density < 0.6, "8 of 16 blocks at most"
    assert row.peak_mb == pytest.approx(peak_memory() / MEBIBYTE, rel=0.2)
    held = row.as_json()
    assert held["tokens_per_s"] == pytest.approx(row.tokens / row.timing.seconds, abs=0.1)
    assert bench.Timing.of([3.0, 1.0, 2.0]) == bench.Timing(2.0, 1.0, 3.0, 3)


def test_peak_memory_keeps_the_most():
    code = (
        "from engine.evaluate.machine import peak_memory\n"
        "before = peak_memory()\n"
        "held = bytearray(200 * 2**20)\n"
        "held[::4096] = b'x' * len(held[::4096])\n"
        "del held\n"
        "print(before, peak_memory())\n"
    )
    # A fat parent must not show in the figure of the child.
    ballast = np.ones(80_000_000)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ballast[0] == 1.0
    before, after = (int(number) / MEBIBYTE for number in done.stdout.split())
    assert before < 200
    assert 195 <= after - before < 260


def test_the_machine_is_named():
    here = Machine.here()
    assert here.processor
    assert here.cores >= 1
    assert here.ram_gb > 0
    assert package_versions("numpy", "no-such-package") == {
        "numpy": np.__version__,
        "no-such-package": "",
    }


def test_the_commit_says_whether_files_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert commit(tmp_path) == ""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    clean = commit(tmp_path)
    assert len(clean) == 12
    # What is installed within somebody's checkout is not of that checkout.
    (tmp_path / "site-packages").mkdir()
    assert commit(tmp_path / "site-packages") == ""
    (tmp_path / "new").touch()
    assert commit(tmp_path) == clean + "+"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(subprocess, "run", None)
    assert commit(tmp_path) == ""


def test_a_checkout_without_commits_has_none(tmp_path: Path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "new").touch()
    assert commit(tmp_path) == ""


def chumoku(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from app.entry import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, "bench", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
    )


def test_a_picture_without_matplotlib_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(picture, "can_draw", lambda: False)
    with pytest.raises(typer.BadParameter, match="needs the package matplotlib"):
        cli_bench.bench(plot=tmp_path / "a.svg")


def test_the_picture_of_the_command(tmp_path: Path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "a.svg"
    done = chumoku("--tokens", "100", "--repeats", "1", "--threads", "1", "--plot", str(file))
    assert done.returncode == 0, done.stderr
    # Text is drawn as paths, with the words beside them in comments.
    drawn = file.read_text("utf-8")
    assert "<!-- tokens a second -->" in drawn and "<!-- peak memory, MiB -->" in drawn
    assert f", 1 threads, chumoku {version('chumoku')} -->" in drawn


def test_the_command(tmp_path: Path):
    file = tmp_path / "figures.csv"
    options = ("--repeats", "1", "--threads", "1", "--csv", str(file))
    done = chumoku("--tokens", "300", "--tokens", "100", "--pages", "60", "--json", *options)
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert [round(row["tokens"], -2) for row in held["rows"]] == [100, 300]
    assert held["setting"]["threads"] == 1
    assert held["setting"]["onnxruntime"]
    assert held["checks"]
    pages, last = held["pages"], held["rows"][-1]
    expected = 60 * pages["tokens_per_page"] / last["tokens_per_s"] / 60
    assert pages["minutes"] == pytest.approx(expected, rel=0.05)

    shown = chumoku("--tokens", "100", *options)
    assert shown.returncode == 0, shown.stderr
    assert "checks of correctness passed" in shown.stdout
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [round(int(row["tokens"]), -2) for row in rows] == [100, 300, 100]
    assert {row["pack"] for row in rows} == {held["setting"]["pack"]}
    commits = {row["commit"].removesuffix("+") for row in rows}
    assert commits == {commit(ROOT).removesuffix("+")}

    unknown = chumoku("--tokens", "100", "--plot", str(tmp_path / "a.gif"))
    assert unknown.returncode == 2 and "a picture ends in" in unknown.stderr

    file.write_text("other,columns\n", encoding="utf-8")
    refused = chumoku("--tokens", "100", *options)
    assert refused.returncode == 2
    assert "other columns" in refused.stderr
    assert file.read_text(encoding="utf-8") == "other,columns\n"
