"""The whole recipe on a tiny corpus, and on one that has pairs and lessons alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.training import recipe
from engine.training.__main__ import main
from engine.training.config import ConfigError, load_config
from engine.training.recipe import run_all
from tests.engine.training.made_runs import CONFIG, curve, tiny_teacher, weights, write_corpus

LONG = """
[long]
shortest = 160
longest = 224
deepest = 288
blocks = 4
rows = 4
twin_tokens = 224
rehearsal_contexts = 2
[long.optim]
steps = 4
warmup = 1
log_every = 2
checkpoint_every = 2
evaluate_every = 4
"""


@pytest.fixture
def settings(tmp_path: Path):
    file = tmp_path / "tiny.toml"
    text = CONFIG.replace("[tune]\n", '[tune]\nstart = "long"\n') + LONG
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def test_the_recipe_goes_on_where_it_was_cut_off_and_ends_in_a_checkpoint(
    settings, corpus: Path, lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    work = tmp_path / "work"

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(recipe, "tune", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run_all(settings, corpus, work, lessons, tiny_teacher)
    before = weights(work, "long")
    made = run_all(settings, corpus, work, lessons, tiny_teacher)
    assert made == work / "blend" / "checkpoint"
    assert all(torch.equal(value, before[name]) for name, value in weights(work, "long").items())
    for stage, steps in (("distill", 24), ("retrieve", 8), ("long", 4), ("tune", 6)):
        rows = curve(work, stage, "train")
        # No step was made twice, and each row says how far the stage has come.
        assert [row["step"] for row in rows] == sorted({row["step"] for row in rows})
        assert (rows[-1]["step"], rows[-1]["steps"], rows[-1]["left_s"]) == (steps, steps, 0)
        assert rows[0]["left_s"] >= 0
    assert len(curve(work, "tokenizer", "done")) == 1
    assert [row["device"] for row in curve(work, "tune", "reading")] == ["cpu"]
    tuned, long, blended = (weights(work, name) for name in ("tune", "long", "blend"))
    for name, value in blended.items():
        if not name.endswith("qk_bias"):
            torch.testing.assert_close(value, (2 * tuned[name] + long[name]) / 3)
    lexicon = json.loads((made / "lexicon.json").read_text(encoding="utf-8"))
    assert lexicon["english"] and lexicon["japanese"] and "associations" in lexicon
    # Tuning starts from what the long stage left: one small step away from it at first.
    retrieved = weights(work, "retrieve")
    name = "layers.0.qkv.weight"
    assert (tuned[name] - long[name]).norm() < (tuned[name] - retrieved[name]).norm()


def test_a_corpus_without_questions_sections_and_judgements_is_enough(
    settings, lessons: Path, tmp_path: Path
):
    corpus, work = tmp_path / "corpus", tmp_path / "work"
    corpus.mkdir()
    write_corpus(corpus)
    for file in corpus.iterdir():
        if file.name not in ("parallel.tsv.gz", "sections_ja.jsonl.gz"):
            file.unlink()
    run_all(settings, corpus, work, lessons, tiny_teacher)
    (row, *_) = curve(work, "retrieve", "reading")
    assert row["absent"].split(", ") == [
        "sections_en.jsonl.gz",
        "qa_ja_train.jsonl.gz",
        "qa_en_train.jsonl.gz",
        "sts_nli_ja_train.jsonl.gz",
    ]
    assert "similarity" not in {name for row in curve(work, "tune", "train") for name in row}
    figures = json.loads((work / "figures.json").read_text(encoding="utf-8"))
    assert figures["pairs"] == 12
    assert not [name for name in figures if name.startswith(("question", "sections", "similar"))]


def test_a_corpus_of_pairs_alone_stops_in_words_before_the_retrieval_stage(
    settings, lessons: Path, tmp_path: Path
):
    corpus, work = tmp_path / "corpus", tmp_path / "work"
    corpus.mkdir()
    write_corpus(corpus)
    for file in corpus.iterdir():
        if file.name != "parallel.tsv.gz":
            file.unlink()
    with pytest.raises(ConfigError, match="no_documents"):
        run_all(settings, corpus, work, lessons, tiny_teacher)
    assert weights(work, "distill")


def test_a_run_that_is_stopped_says_that_it_can_go_on(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "train_tokenizer", stopped)
    with pytest.raises(SystemExit, match="goes on from the last checkpoint"):
        main(["tokenizer", "--corpus", str(corpus), "--work", str(tmp_path)])
    assert not (tmp_path / "tokenizer.json").exists()


def test_a_device_that_is_not_there_is_found_before_anything_is_read(
    settings, lessons: Path, tmp_path: Path
):
    for name in ("cuda:9", "no such device"):
        other = replace(settings, device=name)
        with pytest.raises(ConfigError, match="no_device"):
            run_all(other, tmp_path / "nowhere", tmp_path / "work", lessons, tiny_teacher)
    assert not (tmp_path / "work").exists()


def test_every_recipe_of_the_repository_can_be_read():
    folder = Path(recipe.__file__).parent / "configs"
    read = {file.stem: load_config(file) for file in folder.glob("*.toml")}
    assert {"base", "gpu"} <= read.keys()
    # What ships reads two selected blocks; a recipe that trains for others would not fit it.
    assert {config.model.k_max for config in read.values()} == {2}
    assert all(config.tune.start == "long" for config in read.values())
