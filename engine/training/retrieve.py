"""Retrieval: questions and headings find their passages inside longer contexts."""

from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from engine.training.batches import pad
from engine.training.checkpoint import load_checkpoint
from engine.training.config import RetrieveConfig, TrainingConfig
from engine.training.contexts import read_collections
from engine.training.corpus import read_pairs
from engine.training.distill import PairBatches, ParallelLoss
from engine.training.figures import development_figures, write_figures
from engine.training.loop import Losses, train_loop
from engine.training.model import Encoder, maxsim, mean_pool, precision
from engine.training.packing import ContextPacker, RetrievalBatch
from engine.training.runlog import RunLog
from engine.training.teacher import VectorCache


def span_states(states: Tensor, batch: RetrievalBatch) -> tuple[Tensor, Tensor]:
    """Token states of each passage, cut out of its context.

    Args:
        states: Token states of the contexts, ``[C, T, W]``.
        batch: Where the passages lie.

    Returns:
        Padded states ``[P, L, W]`` and which are not padding ``[P, L]`` bool.
    """
    starts = torch.tensor([span.context * states.shape[1] + span.start for span in batch.spans])
    lengths = torch.tensor([span.stop - span.start for span in batch.spans])
    steps = torch.arange(int(lengths.max()))
    real = steps[None, :] < lengths[:, None]
    rows = (starts[:, None] + steps[None, :]).masked_fill(~real, 0)
    return states.flatten(0, 1)[rows], real


def wrong_answers(batch: RetrievalBatch) -> Tensor:
    """Which passages may count as wrong for each query, ``[Q, P]`` bool (the right one too).

    Other pieces of the right passage's group, and copies of it, are left out.
    """
    mask = torch.ones(len(batch.targets), len(batch.groups), dtype=torch.bool)
    for row, target in enumerate(batch.targets):
        for column, group in enumerate(batch.groups):
            if group == batch.groups[target] and column != target:
                mask[row, column] = False
    return mask


class RetrievalLoss:
    """Contrast of pooled vectors and of late interaction over the passages of a batch."""

    def __init__(self, encoder: Encoder, config: RetrieveConfig):
        self._encoder = encoder
        self._config = config

    def _contrast(self, scores: Tensor, allowed: Tensor, targets: Tensor) -> Tensor:
        scores = scores.masked_fill(~allowed, -torch.inf)
        forth = functional.cross_entropy(scores, targets)
        # Back: each asked passage among the queries of the batch.
        back = functional.cross_entropy(scores[:, targets].T, torch.arange(len(targets)))
        return 0.7 * forth + 0.3 * back

    def __call__(self, batch: RetrievalBatch) -> tuple[Losses, int]:
        """Weighted losses and the number of tokens."""
        config, encoder = self._config, self._encoder
        ids, real = pad(batch.contexts)
        query_ids, query_real = pad(batch.queries)
        with precision(ids.device):
            states, passage_real = span_states(encoder(ids, real), batch)
            query_states = encoder(query_ids, query_real)
            passages = encoder.passage_vectors(mean_pool(states, passage_real))
            queries = encoder.passage_vectors(mean_pool(query_states, query_real))
            late = maxsim(
                encoder.token_vectors(query_states),
                query_real,
                encoder.token_vectors(states),
                passage_real,
            )
        allowed, targets = wrong_answers(batch), torch.tensor(batch.targets)
        dense = self._contrast(config.scale * queries @ passages.T, allowed, targets)
        token = self._contrast(config.token_scale * late, allowed, targets)
        count = int(real.sum()) + int(query_real.sum())
        return {"dense": dense, "token": config.token_weight * token}, count


def retrieve(
    config: TrainingConfig, corpus: Path, work: Path, stop_after: int | None = None
) -> None:
    """Run or resume the stage from ``work/distill/checkpoint``.

    The result is ``work/retrieve/checkpoint`` and the development figures ``work/figures.json``.
    """
    log = RunLog(work / "curves.jsonl", "retrieve")
    torch.manual_seed(config.seed)
    settings = config.retrieve
    tokenizer_file = work / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    collections = read_collections(
        corpus, settings.documents, settings.dev_documents, settings.dev_contexts, config.seed
    )
    dev, train = read_pairs(corpus, config.pairs, config.seed)
    cache = VectorCache(work / "teacher")
    train = train[: cache.ready - len(dev)]
    encoder = load_checkpoint(work / "distill" / "checkpoint")
    loss = RetrievalLoss(encoder, settings)
    packer = ContextPacker(collections.train, tokenizer, settings, config.seed, config.model.block)
    pair_settings = replace(
        config.distill,
        batch=settings.parallel,
        chunk=min(config.distill.chunk, 32 * settings.parallel),
    )
    pair_loss = ParallelLoss(encoder, pair_settings)
    pair_batches = PairBatches(train, tokenizer, pair_settings, config.seed + 1)

    def losses(step: int) -> tuple[Losses, int]:
        found, count = loss(packer.batch(step))
        if step % settings.parallel_every == 0:
            rows, english, japanese = pair_batches.batch(step // settings.parallel_every)
            start, stop = min(rows), max(rows) + 1
            vectors = cache.read(len(dev) + start, len(dev) + stop)[[row - start for row in rows]]
            extra, more = pair_loss(english, japanese, torch.from_numpy(vectors).float())
            found |= {name: settings.parallel_weight * value for name, value in extra.items()}
            count += more
        return found, count

    def evaluate() -> dict[str, float]:
        teacher = torch.from_numpy(cache.read(0, len(dev))).float()
        figures = development_figures(encoder, tokenizer, collections, dev, teacher, config)
        write_figures(work / "figures.json", figures)
        return figures

    documents = sum(map(len, collections.train.values()))
    log.write("start", documents=documents, steps=settings.optim.steps)
    train_loop(
        encoder,
        settings.optim,
        losses,
        evaluate,
        work / "retrieve",
        tokenizer_file,
        log,
        stop_after,
    )
