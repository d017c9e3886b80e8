import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from engine.training.config import ConfigError, TrainingConfig, load_config
from engine.training.lessons import lesson_documents, read_lessons, split_lessons
from engine.training.losses import wrong_answers
from engine.training.mining import read_neighbours
from engine.training.packing import ContextPacker
from engine.training.tune import tune
from tests.engine.training.made_runs import copy_run, curve, lesson_line, tiny_teacher, weights


def test_lessons_are_learned_and_resume_to_the_same_weights(
    retrieved: tuple[Path, TrainingConfig], corpus: Path, lessons: Path, tmp_path: Path
):
    work, config = retrieved
    runs = []
    for name, stops in (("whole", (None,)), ("cut", (2, None))):
        run = copy_run(work, tmp_path / name)
        for stop_after in stops:
            tune(config, corpus, run, lessons, tiny_teacher, stop_after)
        runs.append(run)
    whole, cut = (weights(run, "tune") for run in runs)
    assert all(torch.equal(value, cut[name]) for name, value in whole.items())
    before = weights(work, "retrieve")
    assert any(not torch.equal(value, before[name]) for name, value in whole.items())
    figures = json.loads((runs[0] / "figures.json").read_text(encoding="utf-8"))
    assert figures["lessons"] == 5
    assert 0 <= figures["lessons_other_words_en_ja_late_r1"] <= 1
    (start,) = curve(runs[0], "tune", "start")
    # Heading, three sentences and three questions of each of the lessons that are not held out.
    assert (start["lessons"], start["pairs"]) == (11, 77)


def test_changed_lessons_get_vectors_of_their_own(
    retrieved: tuple[Path, TrainingConfig], corpus: Path, lessons: Path, tmp_path: Path
):
    work, config = retrieved
    run = copy_run(work, tmp_path / "run")
    tune(config, corpus, run, lessons, tiny_teacher, 2)
    (lessons / "a.jsonl").write_text(lesson_line(90) + lesson_line(91), encoding="utf-8")
    tune(config, corpus, run, lessons, tiny_teacher, 4)
    counts = [path.read_text("utf-8").split()[0] for path in (run / "tune").glob("lessons-*/count")]
    assert sorted(counts) == ["77", "91"]
    mined = [read_neighbours(path) for path in (run / "tune").glob("neighbours-*.json")]
    assert sorted(map(len, mined)) == [11, 13]
    # Its translation is no mistake for a lesson.
    assert not any(group in names for found in mined for group, names in found.items())


def test_lessons_stand_in_batches_and_never_as_wrong_answers_of_themselves(
    prepared: tuple[Path, Path], lessons: Path
):
    work, file = prepared
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    held, train = split_lessons(read_lessons(lessons), 3)
    assert [[lesson.name for lesson in some] for some in held] == [
        ["first/3", "first/6", "first/9"],
        ["second/3", "second/6"],
    ]
    documents = lesson_documents(train)
    shares = dict.fromkeys(documents, 0.5)
    packer = ContextPacker(documents, tokenizer, load_config(file).retrieve, 1, shares)
    languages = set()
    for step in range(12):
        batch = packer.batch(step)
        allowed = wrong_answers(batch.groups, batch.targets)
        for query, target in enumerate(batch.targets):
            same = [row for row, name in enumerate(batch.groups) if name == batch.groups[target]]
            assert [row for row in same if allowed[query, row]] == [target]
        languages |= {
            kind for kind, made in documents.items() for one in made for passage in one
            if passage.group in batch.groups
        }  # fmt: skip
    assert languages == {"lessons_ja", "lessons_en"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "Expecting"),
        ('{"ja": ["一。"], "en": ["One.", "Two."], "questions": []}', "1 Japanese and 2 English"),
        ('{"ja": ["一。"], "en": ["One."]}', "questions"),
        (lesson_line(1).replace('"sentence": 2', '"sentence": 3').strip(), "no sentence 3"),
    ],
)
def test_a_broken_lesson_is_named_by_file_and_line(tmp_path: Path, line: str, reason: str):
    (tmp_path / "own.jsonl").write_text(lesson_line(0) + line + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"own.jsonl.*line.*2.*{reason}|{reason}.*own.jsonl"):
        read_lessons(tmp_path)


def test_a_folder_without_lessons_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="no_lessons"):
        read_lessons(tmp_path)
