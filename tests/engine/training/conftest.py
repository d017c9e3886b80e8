"""Runs that tests of the training stages share; a module's run is its own."""

from pathlib import Path

import pytest

from engine.training.__main__ import main
from engine.training.config import TrainingConfig, load_config
from engine.training.corpus import read_pairs
from engine.training.distill import distill
from engine.training.retrieve import retrieve
from engine.training.runlog import RunLog
from engine.training.teacher import fill_cache
from tests.engine.training.made_runs import CONFIG, lesson_line, tiny_teacher, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of every kind of file."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    folder = tmp_path / "lessons"
    folder.mkdir()
    for name, numbers in (("first", range(9)), ("second", range(20, 27))):
        text = "".join(map(lesson_line, numbers))
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8", newline="\n")
    return folder


@pytest.fixture(scope="module")
def prepared(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run that has a tokenizer and the teacher's vectors, and its settings' file."""
    work = tmp_path_factory.mktemp("work")
    file = work / "tiny.toml"
    file.write_text(CONFIG, encoding="utf-8")
    main(["tokenizer", "--corpus", str(corpus), "--work", str(work), "--config", str(file)])
    config = load_config(file)
    dev, train = read_pairs(corpus, config.pairs, config.seed)
    sentences = [pair.english for pair in dev + train]
    log = RunLog(work / "curves.jsonl", "teacher")
    fill_cache(sentences, tiny_teacher, work / "teacher", config.teacher, log)
    return work, file


@pytest.fixture
def retrieved(prepared: tuple[Path, Path], corpus: Path) -> tuple[Path, TrainingConfig]:
    """A run after the retrieval stage and its settings."""
    work, file = prepared
    config = load_config(file)
    distill(config, corpus, work)
    retrieve(config, corpus, work)
    return work, config
