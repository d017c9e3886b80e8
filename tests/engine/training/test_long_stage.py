import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.training.__main__ import main
from engine.training.checkpoint import save_checkpoint
from engine.training.config import ConfigError, ModelConfig, load_config
from engine.training.contexts import Passage
from engine.training.corpus import read_pairs
from engine.training.fidelity import mass_recalls
from engine.training.long_documents import LongPacker
from engine.training.long_stage import LongLoss, train_long
from engine.training.model import Encoder
from engine.training.packing import RetrievalBatch
from engine.training.runlog import RunLog
from engine.training.stage_config import LongConfig, RetrieveConfig
from engine.training.teacher import WIDTH, fill_cache

CONFIG = """
seed = 3
[model]
layers = 2
width = 32
heads = 2
feed_forward = 64
block = 8
k_max = 2
vocabulary = 600
[tokenizer]
rare = 1
[pairs]
dev = 6
[split]
documents = 2
contexts = 3
english_contexts = 1
similarity = 4
[retrieve]
context_tokens = 40
contexts = 4
passage_tokens = 24
query_tokens = 12
queries = 8
parallel = 6
similarity = 6
[long]
shortest = 64
longest = 128
deepest = 192
deep_every = 3
blocks = 4
rows = 4
twin_every = 2
twin_tokens = 128
queries = 6
rehearsal_contexts = 2
parallel_every = 2
[long.optim]
steps = 8
warmup = 2
log_every = 2
checkpoint_every = 4
evaluate_every = 8
"""
THINGS = ["ボルト", "ポンプ", "図面", "軸受", "配管", "モーター", "記録", "部品"]
WORDS = ["bolt", "pump", "drawing", "bearing", "pipe", "motor", "record", "part"]


def said(chosen: random.Random) -> tuple[str, str]:
    place, number = chosen.randrange(len(WORDS)), chosen.randrange(100, 999)
    return f"Check the {WORDS[place]} {number}.", f"{THINGS[place]}{number}を点検する。"


def write(path: Path, rows: list) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, chosen = tmp_path_factory.mktemp("corpus"), random.Random(4)
    pairs = [said(chosen) for _ in range(80)]
    write(folder / "parallel.tsv.gz", [f"{en}\t{ja}\tmade:ht" for en, ja in pairs])
    judged = [
        {"sentence1": pair[1], "sentence2": said(chosen)[1], "score": float(number % 5)}
        for number, pair in enumerate(pairs[:30])
    ]
    write(folder / "sts_nli_ja_train.jsonl.gz", judged)
    sections: dict[str, list] = {"en": [], "ja": []}
    questions: dict[str, list] = {"en": [], "ja": []}
    for number in range(24):
        made = [said(chosen) for _ in range(6)]
        for side, language in enumerate(("en", "ja")):
            text = "".join(pair[side] + " " for pair in made)
            sections[language].append(
                {
                    "doc": f"doc-{number // 3}",
                    "title": f"Manual {number // 3}",
                    "heading_path": f"Manual > {made[0][side]}",
                    "text": text,
                }
            )
            questions[language].append(
                {
                    "question": made[1][side] + "?",
                    "context": text,
                    "answers": [WORDS[0]],
                    "title": f"title {number // 2}",
                    "id": f"made-{number // 2}-{number}",
                }
            )
    for language in ("en", "ja"):
        write(folder / f"sections_{language}.jsonl.gz", sections[language])
        write(folder / f"qa_{language}_train.jsonl.gz", questions[language])
    return folder


@pytest.fixture(scope="module")
def prepared(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stages before leave, with an untrained encoder."""
    work = tmp_path_factory.mktemp("work")
    file = work / "tiny.toml"
    file.write_text(CONFIG, encoding="utf-8")
    main(["tokenizer", "--corpus", str(corpus), "--work", str(work), "--config", str(file)])
    generator = np.random.default_rng(0)

    def embed(sentences) -> np.ndarray:
        vectors = generator.normal(size=(len(sentences), WIDTH)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    config = load_config(file)
    sentences = [
        pair.english for side in read_pairs(corpus, config.pairs, config.seed) for pair in side
    ]
    log = RunLog(work / "curves.jsonl", "teacher")
    fill_cache(sentences, embed, work / "teacher", config.teacher, log)
    torch.manual_seed(0)
    save_checkpoint(
        Encoder(config.model), work / "tokenizer.json", work / "retrieve" / "checkpoint"
    )
    np.save(work / "retrieve" / "rotation.npy", np.eye(WIDTH, dtype=np.float32))
    return work


def copy_of(work: Path, target: Path) -> Path:
    for file in work.rglob("*"):
        if file.is_file() and "long" not in file.parts and file.name != "curves.jsonl":
            copy = target / file.relative_to(work)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return target


def test_the_stage_resumes_to_the_same_weights(prepared: Path, corpus: Path, tmp_path: Path):
    file = prepared / "tiny.toml"
    main(["long", "--corpus", str(corpus), "--work", str(prepared), "--config", str(file)])
    cut = copy_of(prepared, tmp_path / "cut")
    for stop_after in (4, None):
        train_long(load_config(file), corpus, cut, stop_after)
    turn = cut / "retrieve" / "rotation.npy"
    np.save(turn, -np.load(turn))
    with pytest.raises(ConfigError, match=r"other_run.*long.*rotation"):
        train_long(load_config(file), corpus, cut)
    before, whole, resumed = (
        load_file(folder / "checkpoint" / "model.safetensors")
        for folder in (prepared / "retrieve", prepared / "long", cut / "long")
    )
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name
    changed = {name for name, value in whole.items() if not torch.equal(value, before[name])}
    assert {"layers.0.qk_bias", "layers.1.qkv.weight", "token_head.weight"} <= changed
    rows = map(json.loads, (prepared / "curves.jsonl").read_text(encoding="utf-8").splitlines())
    seen = {name for row in rows if row["stage"] == "long" for name in row}
    assert {"mass", "rank", "twin", "deep_mass", "long_dense", "dense", "similarity"} <= seen
    figures = json.loads((prepared / "figures.json").read_text(encoding="utf-8"))
    assert 0 < figures["recall_192_p5"] <= figures["recall_192"] <= 1


def context_of(ids: list[int]) -> RetrievalBatch:
    return RetrievalBatch([ids], [[1] * len(ids)], [], [], [], [], [])


def test_mass_gathers_on_what_is_read_at_lengths_that_were_never_trained():
    config = ModelConfig(
        layers=2, width=32, heads=2, feed_forward=64, block=8, k_max=2, vocabulary=50
    )
    torch.manual_seed(1)
    encoder = Encoder(config)
    for layer in encoder.layers:
        torch.nn.init.zeros_(layer.qk_bias)  # type: ignore[arg-type]
    settings = LongConfig(blocks=4, rows=4, enough=0.99, twin_every=1000)
    loss = LongLoss(encoder, settings, RetrieveConfig(), 1)
    optimiser = torch.optim.Adam(encoder.parameters(), lr=3e-2)
    chosen = random.Random(0)

    def document(tokens: int) -> list[int]:
        return [chosen.randrange(50) for _ in range(tokens)]

    long = document(2048)
    before = mass_recalls(encoder, long, 16, 8, 0)
    for step in range(1, 61):
        losses, _ = loss.trained(context_of(document(256)), step)
        optimiser.zero_grad()
        losses["mass"].backward()
        optimiser.step()
    after = mass_recalls(encoder, long, 16, 8, 0)
    assert float(before.mean()) < 0.1
    assert float(after.mean()) > 0.85


def test_a_deep_context_trains_each_layer_by_itself():
    config = ModelConfig(layers=2, width=32, heads=2, feed_forward=64, block=8, vocabulary=50)
    torch.manual_seed(1)
    encoder = Encoder(config)
    with torch.no_grad():
        for layer in encoder.layers:
            layer.qk_bias.mul_(0.5)  # type: ignore[operator]
    loss = LongLoss(encoder, LongConfig(blocks=4, rows=4), RetrieveConfig(), 1)
    found, tokens = loss.deep([place % 50 for place in range(512)], 5)
    assert tokens == 512
    torch.stack(list(found.values())).sum().backward()
    moved = {name for name, value in encoder.named_parameters() if value.grad is not None}
    assert moved == {
        f"layers.{layer}.{part}"
        for layer in range(2)
        for part in ("attention_norm.weight", "qkv.weight", "qk_bias")
    }


def test_long_contexts_hold_documents_in_order(prepared: Path):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(prepared / "tokenizer.json"))
    documents = {
        "sections_ja": [
            [
                Passage(
                    f"{THINGS[place]}{number}を点検する。",
                    f"{number}/{place}",
                    "ja",
                    queries=(f"問い{number}-{place}",),
                    heading=f"見出し{number}",
                )
                for place in range(4)
            ]
            for number in range(30)
        ]
    }
    settings = LongConfig(shortest=64, longest=160, deepest=320, queries=5)
    packer = LongPacker(documents, tokenizer, settings, RetrieveConfig(), 1, 8)
    lengths = set()
    for step in range(6):
        batch = packer.batch(step)
        (ids,) = batch.contexts
        assert batch == packer.batch(step)
        assert len(ids) % 8 == 0 and 64 <= len(ids) <= 160
        lengths.add(len(ids))
        places = [tuple(map(int, group.split("/"))) for group in batch.groups]
        order = [((number - places[0][0]) % 30, place) for number, place in places]
        assert order == sorted(order)
        for span, group in zip(batch.spans, batch.groups, strict=True):
            number, place = map(int, group.split("/"))
            text = documents["sections_ja"][number][place].text
            row = tokenizer.encode(text, add_special_tokens=False).ids
            assert ids[span.start : span.stop] == row
        assert 0 < len(batch.queries) <= 5
        assert len(set(batch.targets)) == len(batch.targets)
        assert 160 <= len(packer.tokens(step)) <= 320
    assert len(lengths) > 2
