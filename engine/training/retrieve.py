"""Retrieval: questions and headings find their passages inside longer contexts."""

from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training.batches import encode_texts
from engine.training.checkpoint import load_checkpoint
from engine.training.config import TrainingConfig
from engine.training.contexts import training_documents
from engine.training.corpus import SentencePair
from engine.training.distill import PairBatches, ParallelLoss
from engine.training.figures import development_figures, write_figures
from engine.training.loop import Losses, train_loop
from engine.training.losses import RetrievalLoss, SimilarityLoss
from engine.training.mining import mine_neighbours, read_neighbours, write_neighbours
from engine.training.model import Encoder
from engine.training.packing import ContextPacker
from engine.training.rotation import kept_rotation, rotate_passages
from engine.training.runlog import RunLog
from engine.training.splits import Split
from engine.training.stage import begin, checkpoint_folder
from engine.training.stage_config import RetrieveConfig
from engine.training.teacher import VectorCache

_ROTATION_ROWS = 20_000


class ParallelTask:
    """Parallel pairs against the teacher's turned vectors.

    Args:
        encoder: The model.
        tokenizer: Of the run.
        split: Its pairs are read, those that are not skipped.
        cache: The teacher's vectors of the held-out pairs and of these.
        rotation: What its vectors are turned by, ``[384, 384]``.
        config: Settings of the run.
    """

    def __init__(
        self,
        encoder: Encoder,
        tokenizer: Tokenizer,
        split: Split,
        cache: VectorCache,
        rotation: Tensor,
        config: TrainingConfig,
    ):
        settings = config.retrieve
        pairs = replace(
            config.distill,
            batch=settings.parallel,
            chunk=min(config.distill.chunk, 32 * settings.parallel),
        )
        first = len(split.dev_pairs)
        self._first = first
        self._cache = cache
        self._rotation = rotation
        self._loss = ParallelLoss(encoder, pairs)
        known = split.pairs[: cache.ready - first]
        # Goes on where distillation stopped, so that new pairs come first.
        self._done = config.distill.optim.steps * config.distill.batch // settings.parallel
        self._batches = PairBatches(known, split.skipped, tokenizer, pairs, config.seed + 1)

    def vectors(self, start: int, stop: int) -> Tensor:
        """Teacher vectors of rows of the cache, ``[N, 384]``."""
        return torch.from_numpy(self._cache.read(start, stop)).float() @ self._rotation.T

    def __call__(self, turn: int) -> tuple[Losses, int]:
        """The losses of the task's ``turn``-th batch and its tokens."""
        rows, english, japanese = self._batches.batch(self._done + turn)
        start, stop = min(rows), max(rows) + 1
        vectors = self.vectors(self._first + start, self._first + stop)
        return self._loss(english, japanese, vectors[[row - start for row in rows]])


class SimilarityTask:
    """Judged sentence pairs, in an order that the seed gives."""

    def __init__(
        self,
        encoder: Encoder,
        tokenizer: Tokenizer,
        pairs: list[SentencePair],
        config: RetrieveConfig,
        seed: int,
    ):
        self._loss = SimilarityLoss(encoder, config)
        self._first = encode_texts(tokenizer, [pair.first for pair in pairs], config.query_tokens)
        self._second = encode_texts(tokenizer, [pair.second for pair in pairs], config.query_tokens)
        self._scores = [pair.score for pair in pairs]
        self._size = config.similarity
        self._seed = seed

    @property
    def enough(self) -> bool:
        """Whether there are pairs to correlate."""
        return len(self._scores) > 1

    def __call__(self, turn: int) -> tuple[Losses, int]:
        """The losses of the task's ``turn``-th batch and its tokens."""
        a_round = max(1, len(self._scores) // self._size)
        number, place = divmod(turn, a_round)
        shuffle = torch.Generator().manual_seed(self._seed + number)
        order = torch.randperm(len(self._scores), generator=shuffle).tolist()
        rows = order[place * self._size : (place + 1) * self._size]
        return self._loss(
            [self._first[row] for row in rows],
            [self._second[row] for row in rows],
            [self._scores[row] for row in rows],
        )


class RetrievalTask:
    """Packed contexts, with hard negatives that are looked for anew from time to time."""

    def __init__(
        self,
        encoder: Encoder,
        tokenizer: Tokenizer,
        split: Split,
        config: TrainingConfig,
        folder: Path,
        log: RunLog,
    ):
        settings = config.retrieve
        longest = {"ja": settings.japanese, "en": settings.english}
        documents = training_documents(split, settings.documents, longest)
        self.packer = ContextPacker(documents, tokenizer, settings, config.seed)
        self._loss = RetrievalLoss(encoder, settings)
        self._encoder = encoder
        self._tokenizer = tokenizer
        self._config = config
        self._folder = folder
        self._log = log
        self._mined = -1

    def _mine(self, step: int) -> None:
        """Hard negatives as the encoder stood at the last multiple of ``mine_every``."""
        settings = self._config.retrieve
        wanted = step // settings.mine_every * settings.mine_every
        if wanted == self._mined:
            return
        path = self._folder / f"neighbours-{wanted}.json"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._encoder.eval()
            kinds = self.packer.documents
            asked = [*kinds.get("qa_ja", ()), *kinds.get("qa_en", ())]
            self._log.write("mining", step=wanted, documents=len(asked))
            found = mine_neighbours(self._encoder, self._tokenizer, asked, settings)
            self._encoder.train()
            write_neighbours(path, found)
            self._log.write("mined", step=wanted, groups=len(found))
        self.packer.use_neighbours(read_neighbours(path))
        self._mined = wanted

    def __call__(self, step: int) -> tuple[Losses, int]:
        """The losses of a step and its tokens."""
        self._mine(step)
        return self._loss(self.packer.batch(step))


def retrieve(
    config: TrainingConfig, corpus: Path, work: Path, stop_after: int | None = None
) -> None:
    """Run or resume the stage from ``work/distill/checkpoint``.

    The result is ``work/retrieve/checkpoint`` and the development figures ``work/figures.json``.

    Raises:
        ConfigError: The folder holds a run of other settings, or what it needs is not there.
    """
    stage = begin(config, corpus, work, "retrieve", start="distill")
    settings, cache = config.retrieve, stage.cache
    split, tokenizer = stage.split, stage.tokenizer
    cache.require(len(split.dev_pairs) + settings.parallel)
    encoder = load_checkpoint(checkpoint_folder(work, "distill"))
    sample = torch.from_numpy(cache.read(0, min(cache.ready, _ROTATION_ROWS))).float()
    rotation = kept_rotation(stage.folder / "rotation.npy", sample)
    rotate_passages(encoder, rotation)
    stage.place(encoder)

    questions = RetrievalTask(encoder, tokenizer, split, config, stage.folder, stage.log)
    parallel = ParallelTask(encoder, tokenizer, split, cache, rotation, config)
    similar = SimilarityTask(encoder, tokenizer, split.similarity, settings, config.seed)

    def losses(step: int) -> tuple[Losses, int]:
        found, count = questions(step)
        if step % settings.parallel_every == 0:
            extra, more = parallel(step // settings.parallel_every)
            found |= {name: settings.parallel_weight * value for name, value in extra.items()}
            count += more
        if similar.enough and step % settings.similarity_every == settings.similarity_every - 1:
            extra, more = similar(step // settings.similarity_every)
            found |= extra
            count += more
        return found, count

    def evaluate() -> dict[str, float]:
        teacher = parallel.vectors(0, len(split.dev_pairs))
        figures = development_figures(encoder, tokenizer, split, teacher, config)
        write_figures(work / "figures.json", figures)
        return figures

    documents = sum(map(len, questions.packer.documents.values()))
    stage.log.write("start", documents=documents, steps=settings.optim.steps)
    train_loop(encoder, settings.optim, losses, evaluate, stage, stop_after)
