from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.training.config import ConfigError, TeacherConfig, load_config
from engine.training.distill import distill
from engine.training.retrieve import retrieve
from engine.training.runlog import RunLog
from engine.training.teacher import VectorCache, fill_cache, vectors_digest
from tests.engine.training.made_runs import changed, copy_inputs, curve, tiny_teacher


def test_a_half_filled_cache_goes_on(tmp_path: Path):
    config = TeacherConfig(chunk=8, batch=4)
    texts = [f"sentence {'word ' * (number % 5)}{number}" for number in range(30)]
    log = RunLog(tmp_path / "curves.jsonl", "teacher")
    read: list[str] = []

    def cut_off(sentences):
        if len(read) == 16:
            raise KeyboardInterrupt
        read.extend(sentences)
        return tiny_teacher(sentences)

    with pytest.raises(KeyboardInterrupt):
        fill_cache(texts, cut_off, tmp_path, config, log)
    assert VectorCache(tmp_path, vectors_digest(texts, config)).ready == 16
    cache = fill_cache(texts, tiny_teacher, tmp_path, config, log)
    np.testing.assert_allclose(cache.read(0, 30), tiny_teacher(texts), atol=1e-3)
    done = [row["done"] for row in curve(tmp_path, "teacher", "vectors")]
    assert done == [8, 16, 24, 30]
    assert curve(tmp_path, "teacher", "refill") == []


@pytest.mark.parametrize("other", ["order", "settings", "unknown"])
def test_a_cache_of_other_sentences_is_filled_from_the_start(tmp_path: Path, other: str):
    config = TeacherConfig(chunk=8, batch=4)
    texts = [f"sentence {number}" for number in range(20)]
    log = RunLog(tmp_path / "curves.jsonl", "teacher")
    fill_cache(texts, tiny_teacher, tmp_path, config, log)
    follower = VectorCache(tmp_path, vectors_digest(texts, config))
    assert follower.ready == 20
    if other == "order":
        texts = texts[::-1]
    elif other == "settings":
        config = replace(config, max_tokens=9)
    else:
        # As caches were written before their sentences were kept in mind.
        (tmp_path / "count").write_text("20", encoding="utf-8")
    follower = VectorCache(tmp_path, vectors_digest(texts, config))
    assert (follower.ready, follower.of_others) == (0, True)
    with pytest.raises(ConfigError, match="other_vectors"):
        follower.require(1)
    seen: list[int] = []

    def followed(sentences):
        seen.append(follower.ready)
        return tiny_teacher(sentences)

    cache = fill_cache(texts, followed, tmp_path, config, log)
    assert seen == [0, 0, 8, 8, 16]
    np.testing.assert_allclose(cache.read(0, 20), tiny_teacher(texts), atol=1e-3)
    assert len(curve(tmp_path, "teacher", "refill")) == 1
    with pytest.raises(ConfigError, match=r"ready=20.*needed=21"):
        follower.require(21)


def test_stages_take_no_vectors_of_another_seed(
    prepared: tuple[Path, Path], corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    work, file = prepared
    config = replace(load_config(file), seed=6)
    run = copy_inputs(work, tmp_path / "run")

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.training.distill.time.sleep", stop)
    with pytest.raises(KeyboardInterrupt):
        distill(config, corpus, run)
    (waiting,) = curve(run, "distill", "waiting")
    assert (waiting["ready"], "other sentences" in waiting["reason"]) == (0, True)
    # What left nothing but its record does not stand in the way.
    distill(replace(config, seed=5), corpus, run, 1)
    other = changed(config, {"seed": 5, "teacher": {"int8": False}})
    with pytest.raises(ConfigError, match="other_vectors"):
        retrieve(other, corpus, run)
