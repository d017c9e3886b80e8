"""Distillation: both languages of a pair learn the teacher's English vector."""

import random
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from engine.training.batches import Ids, encode_texts, pad
from engine.training.config import ConfigError, TrainingConfig
from engine.training.corpus import Pair
from engine.training.device import precision
from engine.training.loop import Losses, train_loop
from engine.training.model import Encoder, maxsim, mean_pool
from engine.training.runlog import RunLog
from engine.training.stage import begin
from engine.training.stage_config import DistillConfig
from engine.training.teacher import VectorCache


def symmetric_contrast(scores: Tensor, targets: Tensor | None = None) -> Tensor:
    """In-batch cross-entropy of scaled scores ``[N, N]``, both ways; matches on the diagonal."""
    if targets is None:
        targets = torch.arange(len(scores), device=scores.device)
    return 0.5 * (
        functional.cross_entropy(scores, targets) + functional.cross_entropy(scores.T, targets)
    )


class ParallelLoss:
    """Loss of a batch of parallel pairs against the teacher's vectors."""

    def __init__(self, encoder: Encoder, config: DistillConfig):
        self._encoder = encoder
        self._config = config

    def __call__(
        self, english: list[Ids], japanese: list[Ids], teacher: Tensor
    ) -> tuple[Losses, int]:
        """Weighted losses and the number of tokens; ``teacher`` is ``[N, 384]`` float32."""
        config, encoder = self._config, self._encoder
        teacher = teacher.to(encoder.device)
        sides = []
        with precision(encoder.device):
            for rows in (english, japanese):
                ids, real = pad(rows, device=encoder.device)
                states = encoder(ids, real)
                vectors = encoder.passage_vectors(mean_pool(states, real))
                some = min(config.token_pairs, len(rows))
                # The batch is in order of length, so a stride takes every length.
                stride = slice(0, some * (len(rows) // some), len(rows) // some)
                sides.append((vectors, encoder.token_vectors(states[stride]), real[stride]))
        (en, en_tokens, en_real), (ja, ja_tokens, ja_real) = sides
        cosine = 1 - 0.5 * ((en * teacher).sum(-1) + (ja * teacher).sum(-1)).mean()
        contrast = symmetric_contrast(config.scale * en @ ja.T)
        forth = maxsim(en_tokens, en_real, ja_tokens, ja_real)
        back = maxsim(ja_tokens, ja_real, en_tokens, en_real)
        late = symmetric_contrast(config.scale * 0.5 * (forth + back.T))
        return {
            "cosine": cosine,
            "contrast": config.contrast_weight * contrast,
            "late": config.token_weight * late,
        }, sum(map(len, english + japanese))


class PairBatches:
    """Batches of training pairs in a fixed order: chunks, in each of them sorted by length.

    Rows in ``skipped`` are left out. Fewer pairs than a batch has are a ``ConfigError``.
    """

    def __init__(
        self,
        pairs: list[Pair],
        skipped: frozenset[int],
        tokenizer: Tokenizer,
        config: DistillConfig,
        seed: int,
    ):
        if min(len(pairs), config.chunk) < config.batch:
            raise ConfigError("training.few_pairs", pairs=len(pairs), batch=config.batch)
        self._skipped = skipped
        self._pairs = pairs
        self._tokenizer = tokenizer
        self._config = config
        self._seed = seed
        self._chunk = -1
        self._order: list[list[int]] = []
        self._english: list[Ids] = []
        self._japanese: list[Ids] = []

    def _load(self, chunk: int) -> None:
        config = self._config
        chunks = max(1, len(self._pairs) // config.chunk)
        self._start = (chunk % chunks) * config.chunk
        pairs = self._pairs[self._start : self._start + config.chunk]
        self._english = encode_texts(
            self._tokenizer, [pair.english for pair in pairs], config.max_tokens
        )
        self._japanese = encode_texts(
            self._tokenizer, [pair.japanese for pair in pairs], config.max_tokens
        )
        order = sorted(
            range(len(pairs)), key=lambda i: len(self._english[i]) + len(self._japanese[i])
        )
        full = len(order) // config.batch * config.batch
        batches = [order[i : i + config.batch] for i in range(0, full, config.batch)]
        self._order = [
            [row for row in rows if self._start + row not in self._skipped] for rows in batches
        ]
        random.Random(f"{self._seed}-{chunk}").shuffle(self._order)
        self._chunk = chunk

    def batch(self, step: int) -> tuple[list[int], list[Ids], list[Ids]]:
        """Rows in the training pairs, English and Japanese token numbers of a step."""
        per_chunk = min(len(self._pairs), self._config.chunk) // self._config.batch
        chunk, index = divmod(step, per_chunk)
        if chunk != self._chunk:
            self._load(chunk)
        rows = self._order[index]
        return (
            [self._start + row for row in rows],
            [self._english[row] for row in rows],
            [self._japanese[row] for row in rows],
        )


def text_vectors(encoder: Encoder, tokenizer: Tokenizer, texts: list[str], longest: int) -> Tensor:
    """Passage vectors of texts encoded on their own, ``[N, 384]`` float32, where the encoder is."""
    rows = encode_texts(tokenizer, texts, longest)
    vectors = torch.empty(len(rows), encoder.config.passage_width, device=encoder.device)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for first in range(0, len(order), 128):
        chosen = order[first : first + 128]
        ids, real = pad([rows[index] for index in chosen], device=encoder.device)
        with torch.no_grad(), precision(ids.device):
            vectors[chosen] = encoder.passage_vectors(mean_pool(encoder(ids, real), real))
    return vectors


def alignment_figures(
    encoder: Encoder, tokenizer: Tokenizer, dev: list[Pair], teacher: Tensor, longest: int
) -> dict[str, float]:
    """Held-out figures: R@1 of one language among the other, cosine to the teacher."""
    en = text_vectors(encoder, tokenizer, [pair.english for pair in dev], longest)
    ja = text_vectors(encoder, tokenizer, [pair.japanese for pair in dev], longest)
    scores = en @ ja.T
    right = torch.arange(len(dev), device=scores.device)
    teacher = teacher.to(scores.device)
    return {
        "pairs": len(dev),
        "english_finds_japanese_r1": float((scores.argmax(1) == right).float().mean()),
        "japanese_finds_english_r1": float((scores.argmax(0) == right).float().mean()),
        "cosine_english": float((en * teacher).sum(-1).mean()),
        "cosine_japanese": float((ja * teacher).sum(-1).mean()),
    }


def wait_for(cache: VectorCache, rows: int, log: RunLog, pause_s: float = 5.0) -> None:
    """Wait until the teacher's cache holds ``rows`` vectors."""
    waited = False
    while cache.ready < rows:
        if not waited:
            reason = "vectors of other sentences or teacher settings; run `teacher`"
            values = {"reason": reason} if cache.of_others else {}
            log.write("waiting", ready=cache.ready, needed=rows, **values)
            waited = True
        time.sleep(pause_s)


def distill(
    config: TrainingConfig, corpus: Path, work: Path, stop_after: int | None = None
) -> None:
    """Run or resume the stage; the result is ``work/distill/checkpoint``.

    Raises:
        ConfigError: The folder holds a run of other settings, or what it needs is not there.
    """
    stage = begin(config, corpus, work, "distill")
    settings, log, cache = config.distill, stage.log, stage.cache
    dev, train = stage.split.dev_pairs, stage.split.pairs
    encoder = Encoder(config.model).to(stage.device)
    loss = ParallelLoss(encoder, settings)
    batches = PairBatches(train, stage.split.skipped, stage.tokenizer, settings, config.seed)
    chunk_start, chunk_vectors = -1, torch.empty(0)

    def losses(step: int) -> tuple[Losses, int]:
        nonlocal chunk_start, chunk_vectors
        rows, english, japanese = batches.batch(step)
        start = min(rows) // settings.chunk * settings.chunk
        if start != chunk_start:
            stop = min(start + settings.chunk, len(train))
            wait_for(cache, len(dev) + stop, log)
            vectors = cache.read(len(dev) + start, len(dev) + stop)
            chunk_start, chunk_vectors = start, torch.from_numpy(vectors).float()
        return loss(english, japanese, chunk_vectors[[row - start for row in rows]])

    def evaluate() -> dict[str, float]:
        vectors = torch.from_numpy(cache.read(0, len(dev))).float()
        return alignment_figures(encoder, stage.tokenizer, dev, vectors, settings.max_tokens)

    log.write("start", train=len(train), dev=len(dev), steps=settings.optim.steps)
    train_loop(encoder, settings.optim, losses, evaluate, stage, stop_after)
