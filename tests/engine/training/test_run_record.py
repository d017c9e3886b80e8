from dataclasses import replace
from pathlib import Path

import pytest

from engine.training.__main__ import main
from engine.training.config import ConfigError, load_config
from engine.training.distill import distill
from engine.training.retrieve import retrieve
from engine.training.run_record import claim_run
from tests.engine.training.made_runs import changed, copy_inputs, curve


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 6}, "seed, split"),
        ({"distill": {"scale": 30.0}}, "settings"),
        ({"distill": {"optim": {"rate": 1e-4}}}, "settings"),
        ({"pairs": {"train": 150}}, "settings, split"),
        ({}, "tokenizer"),
    ],
)
def test_a_run_does_not_go_on_under_other_settings(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path, other: dict, named: str
):
    work, file = prepared
    run = copy_inputs(work, tmp_path / "run")
    distill(load_config(file), corpus, run, 1)
    if not other:
        with (run / "tokenizer.json").open("a", encoding="utf-8") as text:
            text.write("\n")
    state = (run / "distill" / "state.pt").read_bytes()
    with pytest.raises(ConfigError) as refused:
        distill(changed(load_config(file), other), corpus, run)
    assert refused.value.code == "training.other_run"
    assert refused.value.details == {"path": str(run / "distill"), "changed": named}
    assert (run / "distill" / "state.pt").read_bytes() == state


def test_steps_and_intervals_may_change_while_a_run_goes_on(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path
):
    work, file = prepared
    run = copy_inputs(work, tmp_path / "run")
    config = load_config(file)
    distill(config, corpus, run, 2)
    fewer = {"steps": 4, "log_every": 1, "checkpoint_every": 3, "evaluate_every": 4}
    distill(changed(config, {"distill": {"optim": fewer}, "tune": {"held": 9}}), corpus, run)
    assert [row["step"] for row in curve(run, "distill", "train")] == [3, 4]


def test_a_stage_starts_from_no_run_of_another_seed(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path
):
    work, file = prepared
    run = copy_inputs(work, tmp_path / "run")
    config = load_config(file)
    distill(config, corpus, run, 1)
    with pytest.raises(ConfigError, match=r"other_run.*distill.*seed, split"):
        retrieve(replace(config, seed=6), corpus, run)
    assert not (run / "retrieve").exists()
    distilled = changed(config, {"distill": {"optim": {"steps": 30}}})
    retrieve(config, corpus, run, 1)
    # How far distillation went decides which parallel pairs come next.
    with pytest.raises(ConfigError, match=r"other_run.*retrieve.*settings"):
        retrieve(distilled, corpus, run, 2)


@pytest.mark.parametrize("left", ["state.pt", "neighbours-0.json"])
def test_a_run_without_a_record_is_refused_in_words(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path, left: str
):
    work, file = prepared
    run = copy_inputs(work, tmp_path / "run")
    (run / "distill").mkdir()
    (run / "distill" / left).write_bytes(b"{}")
    command = ["--corpus", str(corpus), "--work", str(run), "--config", str(file)]
    with pytest.raises(SystemExit, match=r"run/distill holds a run without a record.*--work"):
        main(["distill", *command])


def test_a_stage_starts_from_no_weights_of_another_turn(tmp_path: Path):
    before = tmp_path / "long"
    digests = {"seed": "1", "settings": "2", "split": "3", "tokenizer": "4", "rotation": "5"}
    claim_run(before, digests)
    claim_run(tmp_path / "tune", digests, before)
    with pytest.raises(ConfigError, match=r"other_run.*long.*rotation"):
        claim_run(tmp_path / "again", digests | {"rotation": "6"}, before)
    assert not (tmp_path / "again").exists()
