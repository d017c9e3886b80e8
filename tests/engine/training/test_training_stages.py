import gzip
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from engine.training.__main__ import main
from engine.training.checkpoint import load_checkpoint
from engine.training.config import ConfigError, TrainingConfig, load_config
from engine.training.distill import distill
from engine.training.lessons import lesson_documents, read_lessons, split_lessons
from engine.training.losses import wrong_answers
from engine.training.mining import read_neighbours
from engine.training.packing import ContextPacker
from engine.training.retrieve import retrieve
from engine.training.runlog import RunLog
from engine.training.teacher import WIDTH, TeacherConfig, VectorCache, fill_cache, vectors_digest
from engine.training.tune import tune

CONFIG = """
seed = 5
[model]
layers = 2
width = 32
heads = 2
feed_forward = 64
block = 16
vocabulary = 700
[tokenizer]
rare = 1
[pairs]
dev = 12
[distill]
batch = 16
chunk = 64
max_tokens = 32
token_pairs = 8
[distill.optim]
steps = 24
warmup = 4
log_every = 6
checkpoint_every = 12
evaluate_every = 12
[retrieve]
context_tokens = 128
contexts = 4
passage_tokens = 48
query_tokens = 16
queries = 12
parallel = 8
documents = 20
mine_every = 4
similarity = 8
[tune]
held = 3
contexts = 3
parallel = 4
[tune.optim]
steps = 6
warmup = 2
log_every = 2
checkpoint_every = 3
evaluate_every = 6
[split]
documents = 3
contexts = 4
english_contexts = 1
similarity = 10
[retrieve.optim]
steps = 8
warmup = 2
log_every = 2
checkpoint_every = 4
evaluate_every = 8
"""

NOUNS = [("bolt", "ボルト"), ("pump", "ポンプ"), ("valve", "弁"), ("record", "記録")]
NOUNS += [("drawing", "図面"), ("motor", "電動機"), ("bearing", "軸受"), ("pipe", "配管")]
VERBS = [("Inspect", "点検する"), ("Replace", "交換する"), ("Store", "保管する")]
VERBS += [("Measure", "測定する"), ("Clean", "清掃する"), ("Approve", "承認する")]


def sentence(chosen: random.Random) -> tuple[str, str]:
    (noun, noun_ja), (verb, verb_ja) = chosen.choice(NOUNS), chosen.choice(VERBS)
    number = chosen.randrange(100, 999)
    return f"{verb} the {noun} of line {number}.", f"ライン{number}の{noun_ja}を{verb_ja}。"


def write_lines(path: Path, lines: list[str]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    chosen = random.Random(1)
    pairs = [sentence(chosen) for _ in range(220)]
    lines = [f"{en}\t{ja}\tmade:{'ht' if i % 8 else 'mt'}" for i, (en, ja) in enumerate(pairs)]
    write_lines(folder / "parallel.tsv.gz", lines)
    sections: dict[str, list[str]] = {"en": [], "ja": []}
    for number in range(16):
        for order in range(3):
            made = [sentence(chosen) for _ in range(6)]
            for side, language in enumerate(("en", "ja")):
                row = {
                    "doc": f"doc-{number}",
                    "title": ("Manual ", "手順書 ")[side] + str(number),
                    "heading_path": ("Manual > Work ", "手順書 > 作業 ")[side]
                    + str(10 * number + order),
                    "text": "".join(pair[side] + " " for pair in made),
                    "source": "made",
                    "order": order,
                }
                sections[language].append(json.dumps(row, ensure_ascii=False))
    questions: dict[str, list[str]] = {"en": [], "ja": []}
    for number in range(12):
        made = [sentence(chosen) for _ in range(5)]
        for side, language in enumerate(("en", "ja")):
            for place in range(2):
                row = {
                    "question": made[place][side] + " ?",
                    "context": " ".join(pair[side] for pair in made),
                    "answers": [made[place][side][:5]],
                    "id": f"made-{number}-{place}",
                }
                if language == "ja":
                    row["title"] = f"題 {number // 2}"
                questions[language].append(json.dumps(row, ensure_ascii=False))
    judged = [
        {"sentence1": first[1], "sentence2": second[1], "score": float(number % 6)}
        for number, (first, second) in enumerate(zip(pairs[:60:2], pairs[1:60:2], strict=True))
    ]
    write_lines(
        folder / "sts_nli_ja_train.jsonl.gz",
        [json.dumps(row, ensure_ascii=False) for row in judged],
    )
    for language in ("en", "ja"):
        write_lines(folder / f"sections_{language}.jsonl.gz", sections[language])
        write_lines(folder / f"qa_{language}_train.jsonl.gz", questions[language])
    return folder


def lesson_line(number: int) -> str:
    chosen = random.Random(f"lesson-{number}")
    made = [sentence(chosen) for _ in range(3)]
    row = {
        "heading_ja": f"ライン{number}の作業",
        "heading_en": f"Work on line {number}",
        "ja": [pair[1] for pair in made],
        "en": [pair[0] for pair in made],
        "questions": [
            {
                "ja": f"{noun_ja}は{number}でどうする",
                "en": f"What about the {noun} at {number}?",
                "sentence": place,
                "other_words": place > 0,
            }
            for place, (noun, noun_ja) in enumerate(chosen.sample(NOUNS, 3))
        ],
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    folder = tmp_path / "lessons"
    folder.mkdir()
    for name, numbers in (("first", range(9)), ("second", range(20, 27))):
        text = "".join(map(lesson_line, numbers))
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8", newline="\n")
    return folder


def tiny_teacher(sentences) -> np.ndarray:
    rows = []
    for text in sentences:
        total = np.zeros(WIDTH)
        for word in text.lower().rstrip(".").split():
            seed = int.from_bytes(word.encode()[:8].ljust(8, b"\0"), "big")
            total += np.random.default_rng(seed).normal(size=WIDTH)
        rows.append(total / np.linalg.norm(total))
    return np.array(rows, np.float32)


@pytest.fixture(scope="module")
def prepared(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from engine.training.corpus import read_pairs

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


def copy_inputs(work: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    (target / "tokenizer.json").write_bytes((work / "tokenizer.json").read_bytes())
    (target / "teacher").mkdir()
    for file in (work / "teacher").iterdir():
        (target / "teacher" / file.name).write_bytes(file.read_bytes())
    return target


def weights(work: Path, stage: str) -> dict[str, torch.Tensor]:
    return load_file(work / stage / "checkpoint" / "model.safetensors")


def curve(work: Path, stage: str, event: str) -> list[dict]:
    rows = map(json.loads, (work / "curves.jsonl").read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["stage"] == stage and row["event"] == event]


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


def changed(config, values: dict):
    """Settings with some of them changed, at any depth."""
    return replace(
        config,
        **{
            name: changed(getattr(config, name), value) if isinstance(value, dict) else value
            for name, value in values.items()
        },
    )


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


@pytest.fixture
def retrieved(prepared: tuple[Path, Path], corpus: Path) -> tuple[Path, TrainingConfig]:
    """A run after the retrieval stage and its settings."""
    work, file = prepared
    config = load_config(file)
    distill(config, corpus, work)
    retrieve(config, corpus, work)
    return work, config


def copy_run(work: Path, target: Path) -> Path:
    run = copy_inputs(work, target)
    shutil.copytree(work / "retrieve", run / "retrieve")
    return run


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


def test_training_pairs_share_no_side_with_held_out_ones(corpus: Path):
    from engine.training.corpus import read_pairs

    config = TrainingConfig().pairs
    dev, train = read_pairs(corpus, type(config)(dev=20), 9)
    assert len(dev) == 20
    held = {pair.english for pair in dev} | {pair.japanese for pair in dev}
    assert not held & ({pair.english for pair in train} | {pair.japanese for pair in train})
    assert train


def test_an_unknown_setting_is_refused(tmp_path: Path):
    file = tmp_path / "bad.toml"
    file.write_text("[distill]\nbatches = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="batches"):
        load_config(file)


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("corpus/parallel.tsv.gz", "no corpus file .*parallel.tsv.gz"),
        ("corpus/qa_en_train.jsonl.gz", "no corpus file .*qa_en_train.jsonl.gz"),
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
