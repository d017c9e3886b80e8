"""Long documents: the encoder with sparse attention learns from its own dense twin."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.attention import block_attention
from engine.training.batches import Ids, pad
from engine.training.checkpoint import load_checkpoint
from engine.training.config import ModelConfig, TrainingConfig
from engine.training.contexts import training_documents
from engine.training.device import precision
from engine.training.fidelity import fidelity_figures, held_out_tokens
from engine.training.figures import development_figures, write_figures
from engine.training.long_documents import LongPacker
from engine.training.loop import Losses, train_loop
from engine.training.losses import (
    RetrievalLoss,
    contrast,
    sentence_vectors,
    span_states,
    wrong_answers,
)
from engine.training.mining import read_neighbours
from engine.training.model import Encoder, EncoderLayer, maxsim, mean_pool
from engine.training.packing import ContextPacker, RetrievalBatch
from engine.training.retrieve import ParallelTask, SimilarityTask
from engine.training.sentences import best_sentences
from engine.training.sparse_twin import (
    Sample,
    draw_sample,
    far_keys,
    kept_blocks,
    log_mass,
    rank_divergence,
    twin_attention,
    twin_scores,
)
from engine.training.stage import begin, checkpoint_folder
from engine.training.stage_config import LongConfig, RetrieveConfig

_PARTS = ("mass", "rank")


def mass_losses(
    q: Tensor, k: Tensor, sample: Sample, enough: float, config: ModelConfig
) -> tuple[Tensor, Tensor]:
    """What a layer's dense attention gives to blocks that are not read, and how selection ranks.

    Args:
        q: Queries of a document without padding, not rotated, ``[T, H, D]``.
        k: Keys, likewise.
        sample: Queries that are looked at.
        enough: Mass of a head's query block from which on nothing more is asked.
        config: Pattern settings.

    Returns:
        Mean squared negative log of the mass on blocks that are read, and the divergence of the
        pooled scores.
    """
    real = torch.ones(len(q), dtype=torch.bool, device=q.device)
    far = far_keys(k, config)
    kept = kept_blocks(q, far, real, sample, config)
    inside, by_block = log_mass(twin_scores(q, k, far, real, sample, config), kept)
    kept_share = inside.exp().mean(-1).clamp(min=1e-6)
    missing = (math.log(enough) - kept_share.log()).clamp(min=0.0)
    # Squared, for the heads and blocks that lose most decide the 5th percentile.
    return missing.square().mean(), rank_divergence(q, far, real, by_block, sample, config)


class LongLoss:
    """Losses of long contexts."""

    def __init__(self, encoder: Encoder, config: LongConfig, retrieve: RetrieveConfig, seed: int):
        self._encoder = encoder
        self._config = config
        self._retrieve = retrieve
        self._seed = seed

    def _sample(self, tokens: int, step: int) -> Sample:
        size = self._encoder.config.block
        generator = torch.Generator().manual_seed(1_000_003 * self._seed + step)
        rows = min(self._config.rows, size)
        sample = draw_sample(tokens // size, self._config.blocks, rows, size, generator)
        return sample.to(self._encoder.device)

    def _layers(self) -> Sequence[EncoderLayer]:
        layers = [layer for layer in self._encoder.layers if isinstance(layer, EncoderLayer)]
        assert len(layers) == len(self._encoder.layers)
        return layers

    def _weighted(self, found: list[tuple[Tensor, Tensor]]) -> Losses:
        weights = (self._config.mass_weight, self._config.rank_weight)
        return {
            name: weight * torch.stack([part[place] for part in found]).mean()
            for place, (name, weight) in enumerate(zip(_PARTS, weights, strict=True))
        }

    def trained(self, batch: RetrievalBatch, step: int) -> tuple[Losses, int]:
        """Losses of a context that is trained through all its layers, and its tokens."""
        encoder, config = self._encoder, self._config
        ids, real = pad(batch.contexts, device=encoder.device)
        sample = self._sample(ids.shape[1], step)
        found = []
        with precision(ids.device):
            x = encoder.embedding(ids)
            for layer in self._layers():
                q, k, v = layer.project(x)
                found.append(mass_losses(q[0], k[0], sample, config.enough, encoder.config))
                x = layer.finish(x, block_attention(q, k, v, real, encoder.config))
            states = encoder.final_norm(x)
        losses = self._weighted(found)
        if step % config.twin_every == 0 and ids.shape[1] <= config.twin_tokens:
            away = 1 - functional.cosine_similarity(states[0].float(), self.twin_states(ids), -1)
            losses["twin"] = config.twin_weight * away.mean()
        count = ids.shape[1]
        if batch.queries:
            losses |= self._finding(states, batch)
            count += sum(map(len, batch.queries))
        return losses, count

    def deep(self, tokens: Ids, step: int) -> tuple[Losses, int]:
        """Mass losses of a context that is too long to train through all its layers.

        Each layer learns from its own input as it is; no gradient goes to the layers below.
        """
        encoder = self._encoder
        ids, real = pad([tokens], device=encoder.device)
        sample = self._sample(len(tokens), step)
        found = []
        with precision(ids.device):
            with torch.no_grad():
                x = encoder.embedding(ids)
            for layer in self._layers():
                q, k, v = layer.project(x)
                found.append(mass_losses(q[0], k[0], sample, self._config.enough, encoder.config))
                with torch.no_grad():
                    x = layer.finish(x, block_attention(q, k, v, real, encoder.config))
        return {f"deep_{name}": part for name, part in self._weighted(found).items()}, len(tokens)

    def twin_states(self, ids: Tensor) -> Tensor:
        """Token states of the dense twin of a context ``[1, T]``, ``[T, W]`` without gradient."""
        encoder = self._encoder
        real = torch.ones(ids.shape[1], dtype=torch.bool, device=ids.device)
        with torch.no_grad(), precision(ids.device):
            x = encoder.embedding(ids)
            for layer in self._layers():
                q, k, v = layer.project(x)
                x = layer.finish(x, twin_attention(q[0], k[0], v[0], real, encoder.config)[None])
            return encoder.final_norm(x)[0].float()

    def _finding(self, states: Tensor, batch: RetrievalBatch) -> Losses:
        """Passages of the context by their queries, by sentences and token by token."""
        encoder, retrieve = self._encoder, self._retrieve
        query_ids, query_real = pad(batch.queries, device=states.device)
        with precision(states.device):
            cut, passage_real = span_states(states, batch)
            query_states = encoder(query_ids, query_real)
            sentences, owners = sentence_vectors(encoder, states, batch)
            queries = encoder.passage_vectors(mean_pool(query_states, query_real))
            late = maxsim(
                encoder.token_vectors(query_states),
                encoder.token_weights(query_states) * query_real,
                encoder.token_vectors(cut),
                passage_real,
            )
        targets = torch.tensor(batch.targets, device=states.device)
        allowed = wrong_answers(batch.groups, batch.targets, states.device)
        dense = best_sentences(queries @ sentences.T, owners, len(batch.spans))
        weight = self._config.retrieval_weight
        return {
            "long_dense": weight * contrast(retrieve.scale * dense, allowed, targets),
            "long_token": weight * contrast(retrieve.token_scale * late, allowed, targets),
        }


def _latest_neighbours(folder: Path) -> dict[str, list[str]]:
    files = sorted(folder.glob("neighbours-*.json"), key=lambda path: int(path.stem[11:]))
    return read_neighbours(files[-1]) if files else {}


def train_long(
    config: TrainingConfig, corpus: Path, work: Path, stop_after: int | None = None
) -> None:
    """Run or resume the stage, from what the stage ``config.long.start`` left.

    The result is ``work/long/checkpoint``; the development figures go to ``work/figures.json``.

    Raises:
        ConfigError: The folder holds a run of other settings, or what it needs is not there.
    """
    settings = config.long
    stage = begin(config, corpus, work, "long", settings.start)
    split, tokenizer, cache = stage.split, stage.tokenizer, stage.cache
    cache.require(len(split.dev_pairs) + config.retrieve.parallel)
    encoder = stage.place(load_checkpoint(checkpoint_folder(work, settings.start)))
    rehearsed = replace(config.retrieve, contexts=max(1, settings.rehearsal_contexts))
    longest = {"ja": rehearsed.japanese, "en": rehearsed.english}
    documents = training_documents(split, rehearsed.documents, longest)
    seed = config.seed + 1  # Other batches than those of the retrieval stage.
    packer = ContextPacker(documents, tokenizer, rehearsed, seed)
    packer.use_neighbours(_latest_neighbours(work / "retrieve"))
    contexts = LongPacker(documents, tokenizer, settings, rehearsed, seed, encoder.config.block)
    long_loss = LongLoss(encoder, settings, rehearsed, seed)
    rehearsal = RetrievalLoss(encoder, rehearsed)
    rotation = stage.rotation()
    parallel = ParallelTask(encoder, tokenizer, split, cache, rotation, replace(config, seed=seed))
    similar = SimilarityTask(encoder, tokenizer, split.similarity, rehearsed, seed)
    judged = held_out_tokens(split, tokenizer, settings.deepest)
    lengths = (settings.longest, settings.deepest)

    def losses(step: int) -> tuple[Losses, int]:
        if step % settings.deep_every == settings.deep_every - 1:
            found, tokens = long_loss.deep(contexts.tokens(step), step)
        else:
            found, tokens = long_loss.trained(contexts.batch(step), step)
        if settings.rehearsal_contexts:
            extra, more = rehearsal(packer.batch(step))
            found, tokens = found | extra, tokens + more
        if step % settings.parallel_every == 1 % settings.parallel_every:
            extra, more = parallel(step // settings.parallel_every)
            found |= {name: rehearsed.parallel_weight * value for name, value in extra.items()}
            tokens += more
        if similar.enough and step % settings.similarity_every == 3 % settings.similarity_every:
            extra, more = similar(step // settings.similarity_every)
            found, tokens = found | extra, tokens + more
        return found, tokens

    def evaluate() -> dict[str, float]:
        teacher = parallel.vectors(0, len(split.dev_pairs))
        figures = development_figures(encoder, tokenizer, split, teacher, config)
        figures |= fidelity_figures(encoder, judged, lengths)
        write_figures(work / "figures.json", figures)
        return figures

    count = sum(map(len, documents.values()))
    stage.log.write("start", documents=count, steps=settings.optim.steps)
    train_loop(encoder, settings.optim, losses, evaluate, stage, stop_after)
