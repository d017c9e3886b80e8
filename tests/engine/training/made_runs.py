"""A tiny run of the training stages: its settings, its corpus and what tests look at."""

import gzip
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from engine.training.teacher import WIDTH

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


def write_corpus(folder: Path) -> None:
    """Write every file of a corpus."""
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


def tiny_teacher(sentences) -> np.ndarray:
    rows = []
    for text in sentences:
        total = np.zeros(WIDTH)
        for word in text.lower().rstrip(".").split():
            seed = int.from_bytes(word.encode()[:8].ljust(8, b"\0"), "big")
            total += np.random.default_rng(seed).normal(size=WIDTH)
        rows.append(total / np.linalg.norm(total))
    return np.array(rows, np.float32)


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


def copy_run(work: Path, target: Path) -> Path:
    run = copy_inputs(work, target)
    shutil.copytree(work / "retrieve", run / "retrieve")
    return run


def changed(config, values: dict):
    """Settings with some of them changed, at any depth."""
    return replace(
        config,
        **{
            name: changed(getattr(config, name), value) if isinstance(value, dict) else value
            for name, value in values.items()
        },
    )
