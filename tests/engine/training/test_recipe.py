"""The whole recipe on a tiny corpus, and on one that has pairs and lessons alone."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from engine.training import recipe
from engine.training.__main__ import main
from engine.training.checkpoint import save_state
from engine.training.config import ConfigError, load_config
from engine.training.distill import distill
from engine.training.long_stage import train_long
from engine.training.model import Encoder
from engine.training.recipe import cache_teacher, make_tokenizer, run_all
from engine.training.tune import tune
from tests.engine.training.made_runs import (
    CONFIG,
    changed,
    curve,
    lesson_line,
    tiny_teacher,
    weights,
    write_corpus,
)

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
    saved: list[Path] = []

    def cut_off(path: Path, encoder: Encoder, optimiser: torch.optim.Optimizer, step: int) -> None:
        """Save as ever, but for the second state of the long stage."""
        if [*saved, path].count(work / "long" / "state.pt") == 2:
            raise KeyboardInterrupt
        saved.append(path)
        save_state(path, encoder, optimiser, step)

    with monkeypatch.context() as patched:
        patched.setattr("engine.training.loop.save_state", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run_all(settings, corpus, work, lessons, tiny_teacher)
    before = weights(work, "retrieve")
    made = run_all(settings, corpus, work, lessons, tiny_teacher)
    assert made == work / "blend" / "checkpoint"
    retrieved = weights(work, "retrieve")
    assert all(torch.equal(value, retrieved[name]) for name, value in before.items())
    # Steps 3 and 4 of the long stage were made once more, and so were their figures.
    for stage, made_at in (
        ("distill", [6, 12, 18, 24]),
        ("retrieve", [2, 4, 6, 8]),
        ("long", [2, 4, 4]),
        ("tune", [2, 4, 6]),
    ):
        rows = curve(work, stage, "train")
        assert [row["step"] for row in rows] == made_at
        assert {row["steps"] for row in rows} == {made_at[-1]}
        assert rows[-1]["left_s"] == 0
    assert [row["step"] for row in curve(work, "long", "dev")] == [4, 4]
    assert len(curve(work, "tokenizer", "done")) == 1
    assert [row["device"] for row in curve(work, "tune", "reading")] == ["cpu"]
    tuned, long, blended = (weights(work, name) for name in ("tune", "long", "blend"))
    for name, value in blended.items():
        if not name.endswith("qk_bias"):
            torch.testing.assert_close(value, (2 * tuned[name] + long[name]) / 3)
    lexicon = json.loads((made / "lexicon.json").read_text(encoding="utf-8"))
    assert lexicon["english"] and lexicon["japanese"] and "associations" in lexicon
    # Tuning starts from what the long stage left: one small step away from it at first.
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
    assert not work.exists()


def test_a_run_that_is_stopped_says_that_it_can_go_on(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "train_tokenizer", stopped)
    with pytest.raises(SystemExit, match="goes on from its last checkpoint"):
        main(["tokenizer", "--corpus", str(corpus), "--work", str(tmp_path)])


@pytest.mark.parametrize(
    ("changes", "lessons_there", "code"),
    [
        ({"device": "cuda:9"}, True, "no_device"),
        ({"device": "no such device"}, True, "no_device"),
        ({"tune": {"start": "distill"}}, True, "wrong_start"),
        ({"long": {"start": "long"}}, True, "wrong_start"),
        ({"blend": {"stages": ()}}, True, "wrong_blend"),
        ({"blend": {"stages": ("tune", "distil")}}, True, "wrong_blend"),
        ({}, False, "no_lessons"),
    ],
)
def test_what_would_stop_the_recipe_later_stops_it_at_once(
    settings,
    corpus: Path,
    lessons: Path,
    tmp_path: Path,
    changes: dict,
    lessons_there: bool,
    code: str,
):
    folder = lessons if lessons_there else tmp_path / "nowhere"
    with pytest.raises(ConfigError, match=code):
        run_all(changed(settings, changes), corpus, tmp_path / "work", folder, tiny_teacher)
    assert not (tmp_path / "work").exists()


def test_a_stage_does_not_go_on_from_other_weights_than_it_began_with(
    settings, corpus: Path, lessons: Path, tmp_path: Path
):
    work = tmp_path / "work"
    run_all(settings, corpus, work, lessons, tiny_teacher)
    longer = changed(settings, {"long": {"optim": {"steps": 5}}})
    train_long(longer, corpus, work)
    with pytest.raises(ConfigError, match=r"other_run.*tune.*start"):
        tune(longer, corpus, work, lessons, tiny_teacher)


def test_a_corpus_that_changes_is_read_again(settings, corpus: Path, tmp_path: Path):
    copy, work = tmp_path / "corpus", tmp_path / "work"
    shutil.copytree(corpus, copy)
    make_tokenizer(settings, copy, work)
    cache_teacher(settings, copy, work, tiny_teacher)
    distill(settings, copy, work, 1)
    (copy / "sections_en.jsonl.gz").unlink()
    with pytest.raises(ConfigError, match=r"other_run.*distill.*split"):
        distill(settings, copy, work, 2)


def test_lessons_too_few_to_hold_any_out_teach_all_the_same(settings, corpus: Path, tmp_path: Path):
    folder, work = tmp_path / "few", tmp_path / "work"
    folder.mkdir()
    (folder / "own.jsonl").write_text(lesson_line(1) + lesson_line(2), encoding="utf-8")
    run_all(settings, corpus, work, folder, tiny_teacher)
    figures = json.loads((work / "figures.json").read_text(encoding="utf-8"))
    assert figures["pairs"] == 12
    assert "lessons" not in figures


def test_every_recipe_of_the_repository_can_be_read():
    folder = Path(recipe.__file__).parent / "configs"
    read = {file.stem: load_config(file) for file in folder.glob("*.toml")}
    assert {"base", "gpu"} <= read.keys()
    # What ships reads two selected blocks; a recipe that trains for others would not fit it.
    assert {config.model.k_max for config in read.values()} == {2}
    assert all(config.tune.start == "long" for config in read.values())
