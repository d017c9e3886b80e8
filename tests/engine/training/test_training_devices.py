"""Training on a GPU, as far as it can be tested without one.

Fake tensors of PyTorch have a device and a shape but no numbers, and an operation on tensors of two
devices fails as it would on a real GPU.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from engine.training.config import ModelConfig, TrainingConfig, load_config
from engine.training.contexts import training_documents
from engine.training.device import precision, training_device
from engine.training.distill import PairBatches, ParallelLoss, distill, text_vectors
from engine.training.fidelity import held_out_tokens, mass_recalls
from engine.training.figures import found_first
from engine.training.long_documents import LongPacker
from engine.training.long_stage import LongLoss, train_long
from engine.training.loop import Losses
from engine.training.losses import RetrievalLoss, SimilarityLoss
from engine.training.mining import nearest_wrong
from engine.training.model import Encoder
from engine.training.packing import ContextPacker
from engine.training.retrieve import retrieve
from engine.training.sentences import best_sentences, passage_sentences
from engine.training.splits import Split, read_split
from engine.training.stage_config import LongConfig, OptimConfig
from engine.training.teacher import WIDTH
from engine.training.tune import tune
from tests.engine.training.made_runs import copy_run, tiny_teacher

# Stands for a GPU: the one kind of device beside the processor that a PyTorch without CUDA knows.
GPU = torch.device("lazy", 0)


LONG = LongConfig(shortest=160, longest=224, deepest=288, blocks=4, rows=4, rehearsal_contexts=2)


class Numbers(TorchDispatchMode):
    """Gives a number where a program asks a fake tensor for one."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            return {torch.bool: False, torch.int64: 1}.get(args[0].dtype, 0.5)
        return func(*args, **(kwargs or {}))


@contextmanager
def pretended(config: ModelConfig) -> Iterator[Encoder]:
    """An encoder on a pretended GPU."""
    with FakeTensorMode(allow_non_fake_inputs=True), Numbers():
        encoder = Encoder(config)
        for module in encoder.modules():
            for name, value in list(module.named_parameters(recurse=False)):
                setattr(module, name, torch.nn.Parameter(value.detach().to(GPU)))
        yield encoder


@pytest.fixture(autouse=True)
def no_mixed_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch has no mixed precision for the device that stands for a GPU."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())


@pytest.fixture
def made(prepared: tuple[Path, Path], corpus: Path):
    """Settings, tokenizer and split of a tiny run, read outside the pretence."""
    work, file = prepared
    config = load_config(file)
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    return config, tokenizer, read_split(corpus, config.pairs, config.split, config.seed)


def follow_back(encoder: Encoder, losses: Losses) -> None:
    """Gradients of the losses, as the training loop makes them."""
    assert losses
    assert {value.device for value in losses.values()} == {GPU}
    torch.stack(list(losses.values())).sum().backward()
    grads = [value.grad for value in encoder.parameters() if value.grad is not None]
    assert len(grads) > 5
    assert {grad.device for grad in grads} == {GPU}
    assert torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0).device == GPU


Step = Callable[[int], tuple[Losses, int]]
Made = tuple[TrainingConfig, Tokenizer, Split]


def parallel_step(encoder: Encoder, made: Made) -> Losses:
    config, tokenizer, split = made
    batches = PairBatches(split.pairs, split.skipped, tokenizer, config.distill, 1)
    rows, english, japanese = batches.batch(0)
    teacher = torch.from_numpy(np.ones((len(rows), WIDTH), np.float16)).float()
    return ParallelLoss(encoder, config.distill)(english, japanese, teacher)[0]


def retrieval_step(encoder: Encoder, made: Made) -> Losses:
    config, tokenizer, split = made
    longest = {"ja": 480, "en": 1000}
    packer = ContextPacker(training_documents(split, 20, longest), tokenizer, config.retrieve, 1)
    batch = packer.batch(0)
    batch = replace(batch, answers=[[0, 1] for _ in batch.queries])
    found = RetrievalLoss(encoder, config.retrieve)(batch)[0]
    assert found.keys() == {"token", "dense", "agree", "pointer"}
    return found


def similarity_step(encoder: Encoder, made: Made) -> Losses:
    return SimilarityLoss(encoder, made[0].retrieve)([[5, 6], [7]], [[8], [9, 5]], [1.0, 3.0])[0]


def long_step(encoder: Encoder, made: Made) -> Losses:
    config, tokenizer, split = made
    documents = training_documents(split, 20, {"ja": 480, "en": 1000})
    packer = LongPacker(documents, tokenizer, LONG, config.retrieve, 1, config.model.block)
    loss = LongLoss(encoder, LONG, config.retrieve, 1)
    trained = loss.trained(packer.batch(0), 0)[0]
    assert {"mass", "rank", "twin", "long_dense", "long_token"} <= trained.keys()
    return trained | loss.deep(packer.tokens(1), 1)[0]


@pytest.mark.parametrize("step", [parallel_step, retrieval_step, similarity_step, long_step])
def test_a_step_leaves_nothing_on_the_processor(
    step: Callable[[Encoder, Made], Losses], made: Made
):
    with pretended(made[0].model) as encoder:
        follow_back(encoder, step(encoder, made))


def test_figures_and_hard_negatives_are_found_there(made: Made):
    config, tokenizer, split = made
    texts = [pair.english for pair in split.dev_pairs]
    with pretended(config.model) as encoder:
        vectors = text_vectors(encoder, tokenizer, texts, 32)
        sentences, owners = passage_sentences(encoder, tokenizer, texts, 32)
        scores = best_sentences(vectors @ sentences.T, owners, len(texts))
        right = torch.arange(len(texts), device=GPU)
        assert nearest_wrong(scores, right, 3).device == GPU
        found = found_first(encoder, tokenizer, texts, texts, torch.arange(len(texts)), 32)
        assert {first.device for first in found.values()} == {GPU}
        ids = held_out_tokens(split, tokenizer, 288)
        recalls = mass_recalls(encoder, next(iter(ids.values())), 4, 4, 0)
        assert (recalls.device, recalls.shape[0]) == (GPU, config.model.layers)


def test_the_pretence_finds_what_is_left_behind(made: Made):
    with pretended(made[0].model) as encoder:
        pooled = torch.zeros(2, made[0].model.width)
        assert encoder.passage_vectors(pooled.to(GPU)).device == GPU
        with pytest.raises(RuntimeError, match="device"):
            encoder.passage_vectors(pooled)


def test_without_a_gpu_training_runs_on_the_processor(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("name", ["distill", "retrieve", "tune", "long_stage"])
def test_every_stage_puts_weights_and_batches_where_the_settings_say(
    name: str,
    retrieved: tuple[Path, TrainingConfig],
    corpus: Path,
    lessons: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    work, config = retrieved
    config = replace(config, long=LONG)
    run = copy_run(work, tmp_path / "run")
    shutil.copytree(work / "distill", run / "distill")
    stages: dict[str, Callable[[TrainingConfig], None]] = {
        "distill": lambda config: distill(config, corpus, run),
        "retrieve": lambda config: retrieve(config, corpus, run),
        "tune": lambda config: tune(config, corpus, run, lessons, tiny_teacher),
        "long_stage": lambda config: train_long(config, corpus, run),
    }
    # Hard negatives are looked for before the first step; tensors without numbers have none.
    tune(config, corpus, run, lessons, tiny_teacher, 1)
    reached = []

    def two_steps(encoder: Encoder, _: OptimConfig, losses: Step, *__: object) -> None:
        with Numbers():
            for step in range(2):
                for part in losses(step)[0].values():
                    reached.append((encoder.device.type, part.device.type))

    monkeypatch.setattr(f"engine.training.{name}.train_loop", two_steps)
    stages[name](replace(config, device="meta"))
    assert set(reached) == {("meta", "meta")}


@pytest.mark.parametrize(
    ("device", "simd", "capability", "quick"),
    [
        ("cpu", "AVX2", (9, 0), False),
        ("cpu", "AVX512", (7, 5), True),
        ("cuda:1", "AVX2", (8, 0), True),
        ("cuda:1", "AVX512", (7, 5), False),
    ],
)
def test_bfloat16_is_used_where_it_is_no_emulation(
    device: str,
    simd: str,
    capability: tuple[int, int],
    quick: bool,
    monkeypatch: pytest.MonkeyPatch,
):
    asked = []

    def capability_of(device: torch.device) -> tuple[int, int]:
        asked.append(device)
        return capability

    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: simd)
    monkeypatch.setattr(torch.cuda, "get_device_capability", capability_of)
    made = []
    monkeypatch.setattr(torch, "autocast", lambda kind, **settings: made.append((kind, settings)))
    precision(torch.device(device))
    kind = torch.device(device).type
    assert made == [(kind, {"dtype": torch.bfloat16, "enabled": quick})]
    assert asked == ([torch.device(device)] if kind == "cuda" else [])
