import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.training.__main__ import main
from engine.training.checkpoint import load_checkpoint
from engine.training.config import ConfigError, TrainingConfig, load_config
from engine.training.distill import distill
from engine.training.retrieve import retrieve
from engine.training.teacher import WIDTH, TeacherConfig, VectorCache, fill_cache

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
    fill_cache(
        sentences, tiny_teacher, VectorCache(work / "teacher"), config.teacher, lambda *_: None
    )
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


def test_a_half_filled_cache_goes_on(tmp_path: Path):
    config = TeacherConfig(chunk=8, batch=4)
    texts = [f"sentence {'word ' * (number % 5)}{number}" for number in range(30)]
    done: list[int] = []

    def cut_off(sentences):
        if len(done) > 1:
            raise KeyboardInterrupt
        return tiny_teacher(sentences)

    cache = VectorCache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fill_cache(texts, cut_off, cache, config, lambda count, _: done.append(count))
    assert cache.ready == 16
    fill_cache(texts, tiny_teacher, VectorCache(tmp_path), config, lambda *_: None)
    np.testing.assert_allclose(cache.read(0, 30), tiny_teacher(texts), atol=1e-3)


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
