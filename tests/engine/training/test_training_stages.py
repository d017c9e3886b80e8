import gzip
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from engine.training.__main__ import main
from engine.training.checkpoint import load_checkpoint
from engine.training.config import ConfigError, TrainingConfig, load_config
from engine.training.corpus import read_pairs
from engine.training.distill import distill
from engine.training.retrieve import retrieve
from tests.engine.training.made_runs import CONFIG, copy_inputs, curve, weights


def test_stages_learn_and_resume_to_the_same_weights(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path
):
    work, file = prepared
    config = load_config(file)
    for stage in ("distill", "retrieve"):
        main([stage, "--corpus", str(corpus), "--work", str(work), "--config", str(file)])
    cut = copy_inputs(work, tmp_path / "cut")
    for stop_after in (5, None):
        distill(config, corpus, cut, stop_after)
    for stop_after in (3, None):
        retrieve(config, corpus, cut, stop_after)
    for stage in ("distill", "retrieve"):
        whole, resumed = weights(work, stage), weights(cut, stage)
        assert whole.keys() == resumed.keys()
        for name, value in whole.items():
            assert torch.equal(value, resumed[name]), name
    losses = [row["cosine"] for row in curve(work, "distill", "train")]
    assert losses[-1] < losses[0] - 0.05
    figures = json.loads((work / "figures.json").read_text(encoding="utf-8"))
    assert figures["pairs"] == 12
    assert figures["sections"] == 9
    assert 0 <= figures["question_dense_r1"] <= 1
    encoder = load_checkpoint(work / "retrieve" / "checkpoint")
    assert encoder.config == config.model
    assert len(curve(work, "retrieve", "train")) == 4
    assert [row["step"] for row in curve(work, "retrieve", "mined")] == [0, 4]
    assert -1 <= figures["similarity_spearman"] <= 1


def test_training_pairs_share_no_side_with_held_out_ones(corpus: Path):
    config = TrainingConfig().pairs
    dev, train = read_pairs(corpus, type(config)(dev=20), 9)
    assert len(dev) == 20
    held = {pair.english for pair in dev} | {pair.japanese for pair in dev}
    assert not held & ({pair.english for pair in train} | {pair.japanese for pair in train})
    assert train


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[distill]\nbatches = 3\n", "unknown_setting.*batches"),
        ("distill = 3\n", "wrong_value.*distill"),
        ('seed = "x"\n', "wrong_value.*seed"),
        ("compiled = 1\n", "wrong_value.*compiled"),
        ('[blend]\nstages = "tune"\n', "wrong_value.*stages"),
        ("[model]\npassage_widths = [64, 1.5]\n", "wrong_value.*passage_widths"),
        ("seed = \n", "broken_config.*line 1"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path: Path, text: str, code: str):
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=code):
        load_config(file)


def test_what_the_command_line_names_and_is_not_there_is_said_in_one_line(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path
):
    command = ["--corpus", str(corpus), "--work", str(tmp_path / "run"), "--config"]
    with pytest.raises(SystemExit, match=r"nowhere\.toml"):
        main(["distill", *command, str(tmp_path / "nowhere.toml")])
    with pytest.raises(SystemExit, match="nowhere"):
        main(["adopt", *command, str(prepared[1]), "--weights", str(tmp_path / "nowhere")])
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(SystemExit, match="broken cannot be read: 'architecture'"):
        main(["blend", "--work", str(tmp_path / "run"), "--weights", str(broken)])


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("corpus/parallel.tsv.gz", "no corpus file .*parallel.tsv.gz"),
        ("run/tokenizer.json", "no tokenizer .*tokenizer.json"),
        ("", "pairs are too few for batches of 900"),
    ],
)
def test_what_is_missing_is_named_in_one_line(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path, gone: str, words: str
):
    run = copy_inputs(prepared[0], tmp_path / "run")
    shutil.copytree(corpus, tmp_path / "corpus")
    file = tmp_path / "tiny.toml"
    file.write_text(CONFIG.replace("batch = 16", "" if gone else "batch = 900"), encoding="utf-8")
    if gone:
        (tmp_path / gone).unlink()
    command = ["--corpus", str(tmp_path / "corpus"), "--work", str(run), "--config", str(file)]
    with pytest.raises(SystemExit, match=words):
        main(["distill", *command])


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("qa_en_train.jsonl.gz", gzip.compress(b'{"question": "Q"}\n'), "line 1.* no answers"),
        (
            "qa_en_train.jsonl.gz",
            gzip.compress(b'{"question": "Q", "context": "C", "answers": []}\n'),
            "line 1.* no id",
        ),
        (
            "qa_ja_train.jsonl.gz",
            gzip.compress(b'{"question": 5, "context": "C", "answers": [], "title": "T"}\n'),
            "line 1: 5 is no text",
        ),
        ("sections_ja.jsonl.gz", gzip.compress(b"{}\nnot json\n"), "line 1.* no doc"),
        ("sections_ja.jsonl.gz", gzip.compress(b'["doc", "title"]\n'), "line 1: list indices"),
        (
            "sts_nli_ja_train.jsonl.gz",
            gzip.compress(b'{"sentence1": "A", "sentence2": "B", "score": "x"}\n'),
            "line 1: could not convert",
        ),
        ("sts_nli_ja_train.jsonl.gz", gzip.compress(b"not json\n"), "line 1.*Expecting value"),
        ("parallel.tsv.gz", gzip.compress(b"one\ttwo\n"), "line 1 has 2 fields in place of 3"),
        ("parallel.tsv.gz", b"plain text", "parallel.tsv.gz cannot be read.*gzip"),
        ("parallel.tsv.gz", gzip.compress(b"a" * 9000)[:-12], "parallel.tsv.gz cannot be read"),
        ("qa_ja_train.jsonl.gz", gzip.compress(b"\xff\n"), "qa_ja_train.jsonl.gz cannot be read"),
    ],
)
def test_a_broken_corpus_file_is_named_with_its_line(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path, name: str, data: bytes, words: str
):
    run = copy_inputs(prepared[0], tmp_path / "run")
    shutil.copytree(corpus, tmp_path / "corpus")
    (tmp_path / "corpus" / name).write_bytes(data)
    command = ["--corpus", str(tmp_path / "corpus"), "--work", str(run)]
    with pytest.raises(SystemExit, match=words):
        main(["distill", *command, "--config", str(prepared[1])])


def test_a_stage_without_the_one_before_says_which_to_run(
    prepared: tuple[Path, Path], corpus: Path, lessons: Path, tmp_path: Path
):
    run = copy_inputs(prepared[0], tmp_path / "run")
    command = ["--corpus", str(corpus), "--work", str(run), "--config", str(prepared[1])]
    with pytest.raises(SystemExit, match="run `distill` first"):
        main(["retrieve", *command])
    with pytest.raises(SystemExit, match="run `retrieve` first"):
        main(["long", *command])
    with pytest.raises(SystemExit, match="no corpus file"):
        main(["lexicon", "--corpus", str(tmp_path), *command[2:], "--lessons", str(lessons)])


def test_two_processes_do_not_run_a_stage_in_one_folder(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path
):
    run = copy_inputs(prepared[0], tmp_path / "run")
    command = ["--corpus", str(corpus), "--work", str(run), "--config", str(prepared[1])]
    code = "import sys; from engine.training.__main__ import main; main(sys.argv[1:])"
    # It waits for the teacher's vectors, which are not there.
    (run / "teacher" / "count").unlink()
    other = subprocess.Popen([sys.executable, "-c", code, "distill", *command])
    try:
        deadline = time.monotonic() + 60
        while not (run / "curves.jsonl").exists() or not curve(run, "distill", "waiting"):
            assert other.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        for stage in ("distill", "all"):
            with pytest.raises(SystemExit, match="another process runs `distill`"):
                main([stage, *command])
        # The teacher runs beside it: that is what it waits for.
        lacking = tmp_path / "lacking.toml"
        lacking.write_text(CONFIG + '[teacher]\ncarrier = "no_such_teacher"\n', encoding="utf-8")
        with pytest.raises(SystemExit, match="no_such_teacher is not installed"):
            main(["teacher", *command[:-1], str(lacking)])
    finally:
        other.kill()
        other.wait()
