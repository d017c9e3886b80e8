import gzip
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from engine.training.__main__ import main
from engine.training.adopt import recovered_rotation
from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.config import load_config
from engine.training.corpus import read_pairs
from engine.training.distill import text_vectors
from engine.training.model import Encoder
from engine.training.teacher import WIDTH, VectorCache, vectors_digest
from engine.training.tokenizer import train_tokenizer

CONFIG = """
seed = 3
[model]
layers = 1
width = 32
heads = 2
feed_forward = 64
block = 8
vocabulary = 500
[pairs]
dev = 6
"""


def rotation(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=generator)).Q


def test_a_turn_is_recovered_from_noisy_vectors():
    generator = torch.Generator().manual_seed(0)
    teacher = torch.nn.functional.normalize(torch.randn(2000, WIDTH, generator=generator), dim=-1)
    turned = teacher @ rotation(1).T + 0.02 * torch.randn(2000, WIDTH, generator=generator)
    found = recovered_rotation(teacher, turned)
    assert torch.allclose(found @ found.T, torch.eye(WIDTH), atol=1e-4)
    assert torch.nn.functional.cosine_similarity(found, rotation(1), dim=1).min() > 0.95


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A corpus, weights and the settings of a run that is to start from them."""
    chosen = random.Random(2)
    numbers = chosen.sample(range(1000, 9999), 1200)
    corpus, weights, file = tmp_path / "corpus", tmp_path / "weights", tmp_path / "tiny.toml"
    corpus.mkdir()
    lines = [f"Check valve {n}.\t弁{n}を点検する。\tmade:ht\n" for n in numbers]
    (corpus / "parallel.tsv.gz").write_bytes(gzip.compress("".join(lines).encode()))
    file.write_text(CONFIG, encoding="utf-8")
    tokenizer = train_tokenizer([line.replace("\t", " ") for line in lines], 500, 1)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    torch.manual_seed(0)
    save_checkpoint(Encoder(load_config(file).model), tmp_path / "tokenizer.json", weights)
    return corpus, weights, file


def fill(
    corpus: Path, weights: Path, file: Path, work: Path, rows: int
) -> tuple[torch.Tensor, VectorCache]:
    """A teacher whose vectors the weights' are a turned copy of."""
    config = load_config(file)
    dev, train = read_pairs(corpus, config.pairs, config.seed)
    sentences = [pair.english for pair in dev + train]
    encoder = load_checkpoint(weights).eval()
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    vectors = text_vectors(encoder, tokenizer, sentences[:rows], 96)
    cache = VectorCache(work / "teacher", vectors_digest(sentences, config.teacher))
    cache.create(len(dev) + len(train))
    cache.write(0, (vectors @ rotation(5)).numpy().astype(np.float16))
    return vectors, cache


def test_published_weights_stand_where_the_retrieval_stage_leaves_its_own(
    published: tuple[Path, Path, Path], tmp_path: Path
):
    corpus, weights, file = published
    work = tmp_path / "work"
    vectors, cache = fill(corpus, weights, file, work, 1100)
    record = work / "retrieve" / "run.json"
    record.parent.mkdir()
    record.write_text("{}", encoding="utf-8")
    command = ["--corpus", str(corpus), "--work", str(work), "--config", str(file)]
    main(["adopt", *command, "--weights", str(weights)])
    assert not record.exists()
    before = load_file(weights / "model.safetensors")
    after = load_file(work / "retrieve" / "checkpoint" / "model.safetensors")
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert (work / "tokenizer.json").read_bytes() == (weights / "tokenizer.json").read_bytes()
    turn = torch.from_numpy(np.load(work / "retrieve" / "rotation.npy"))
    teacher = torch.from_numpy(cache.read(0, 1100)).float()
    assert float((vectors * (teacher @ turn.T)).sum(-1).min()) > 0.999


def test_too_few_vectors_of_the_teacher_are_refused(
    published: tuple[Path, Path, Path], tmp_path: Path
):
    corpus, weights, file = published
    fill(corpus, weights, file, tmp_path / "work", 900)
    command = ["--corpus", str(corpus), "--work", str(tmp_path / "work"), "--config", str(file)]
    with pytest.raises(SystemExit, match="900 of the teacher's vectors"):
        main(["adopt", *command, "--weights", str(weights)])
