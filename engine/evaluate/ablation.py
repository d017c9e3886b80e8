"""What each layer's neighbours, global and selected blocks are worth.

``python -m engine.evaluate.ablation --corpus DIR --config FILE --checkpoint DIR`` (extra
``train``): one part of the attention is taken from one layer, or from all, without training anew.
Beside the share of dense attention that the part holds, the table tells how far the passages of
long held-out documents move and what finding them loses.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.evaluate.joined_documents import LongDocument, long_documents
from engine.evaluate.retrieval import Estimate, difference, ndcg_at
from engine.model.tokenizer import Tokenizer, token_ranges
from engine.training.attention import block_attention
from engine.training.batches import pad
from engine.training.checkpoint import load_checkpoint
from engine.training.config import ModelConfig, load_config
from engine.training.model import Encoder, EncoderLayer, mean_pool
from engine.training.sparse_twin import (
    draw_sample,
    far_keys,
    kept_blocks,
    log_mass,
    twin_attention,
    twin_scores,
)
from engine.training.splits import read_split

NEIGHBOURS, GLOBAL, SELECTED = "neighbours", "global", "selected"
PARTS = (NEIGHBOURS, GLOBAL, SELECTED)
TOKENS = 8192
DOCUMENTS = 3
_SAMPLE, _ROWS = 16, 16
_QUESTIONS = 120


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        without: Part that was taken away; empty for the pass as it is, ``"sparsity"`` for the
            dense twin.
        layer: Layer that it was taken from; None for all.
        mass: Share of dense attention that the part holds there, without it elsewhere; None for
            whole passes.
        cosine: Mean cosine of passage vectors to the pass as it is.
        ndcg: nDCG@10 of passages by their vectors.
        change: The same less that of the pass as it is, with its interval.
    """

    without: str
    layer: int | None
    mass: float | None
    cosine: float
    ndcg: float
    change: Estimate


def lacking(config: ModelConfig, part: str) -> ModelConfig:
    """The pattern without a part; a block always reads itself."""
    if part == NEIGHBOURS:
        return replace(config, near=0)
    if part == GLOBAL:
        return replace(config, global_blocks=0)
    return replace(config, k_min=0, k_max=0)


def _layers(encoder: Encoder) -> Iterator[EncoderLayer]:
    for layer in encoder.layers:
        assert isinstance(layer, EncoderLayer)
        yield layer


@torch.no_grad()
def encode(encoder: Encoder, ids: Sequence[int], configs: Sequence[ModelConfig] | None) -> Tensor:
    """Token states ``[T, W]`` with a pattern for each layer, or those of the dense twin."""
    size = encoder.config.block
    tokens, real = pad([list(ids)], -(-len(ids) // size) * size)
    x = encoder.embedding(tokens)
    for place, layer in enumerate(_layers(encoder)):
        q, k, v = layer.project(x)
        if configs is None:
            mixed = twin_attention(q[0], k[0], v[0], real[0], encoder.config)[None]
        else:
            mixed = block_attention(q, k, v, real, configs[place])
        x = layer.finish(x, mixed)
    return encoder.final_norm(x)[0, : len(ids)]


@torch.no_grad()
def part_masses(encoder: Encoder, ids: Sequence[int], seed: int) -> Tensor:
    """Share of dense attention on neighbours, global and selected blocks, ``[L, 3]``."""
    config = encoder.config
    tokens = torch.tensor(ids[: len(ids) // config.block * config.block])
    real = torch.ones(len(tokens), dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed)
    blocks, rows = len(tokens) // config.block, min(_ROWS, config.block)
    sample = draw_sample(blocks, min(_SAMPLE, blocks), rows, config.block, generator)
    numbers = torch.arange(blocks)
    own = numbers[None] == sample.blocks[:, None]
    leading = (numbers < config.global_blocks).expand_as(own)
    x = encoder.embedding(tokens)[None]
    found = []
    for layer in _layers(encoder):
        q, k, v = layer.project(x)
        far = far_keys(k[0], config)
        scores = twin_scores(q[0], k[0], far, real, sample, config)
        kept = kept_blocks(q[0], far, real, sample, config)
        _, by_block = log_mass(scores, kept)
        masses = by_block.exp().mean((1, 2))  # Near blocks are 0 here.
        itself = scores.near.logsumexp(-1) - torch.logaddexp(
            scores.far.logsumexp(-1), scores.near.logsumexp(-1)
        )
        size = config.block
        middle = scores.near[..., config.near * size : (config.near + 1) * size]
        alone = (middle.logsumexp(-1) - scores.near.logsumexp(-1) + itself).exp()
        near = (itself.exp() - alone).mean()
        share = [float(near)]
        for chosen in (leading, kept & ~leading):
            share.append(float((masses * chosen).sum(-1).mean()))
        found.append(torch.tensor(share))
        x = layer.finish(x, block_attention(q, k, v, real[None], config))
    return torch.stack(found)


class _Judge:
    """Documents with their questions, encoded in ever other ways."""

    def __init__(
        self, encoder: Encoder, tokenizer: Tokenizer, documents: Sequence[LongDocument]
    ) -> None:
        self._encoder = encoder
        self.ids: list[list[int]] = []
        self._ranges: list[np.ndarray] = []
        self._queries: list[Tensor] = []
        self._targets: list[list[int]] = []
        for document in documents:
            tokens = tokenizer.tokenize(document.text)
            self.ids.append([int(one) for one in tokens.ids])
            self._ranges.append(token_ranges(tokens.spans, list(document.spans)))
            asked = document.questions[:: max(1, len(document.questions) // _QUESTIONS)]
            rows = [[int(one) for one in tokenizer.tokenize(text).ids] or [1] for text, _ in asked]
            self._queries.append(self._query_vectors(rows))
            self._targets.append([target for _, target in asked])

    @torch.no_grad()
    def _query_vectors(self, rows: list[list[int]]) -> Tensor:
        found = [torch.empty(0, self._encoder.config.passage_width)]
        for first in range(0, len(rows), 32):
            ids, real = pad(rows[first : first + 32])
            pooled = mean_pool(self._encoder(ids, real), real)
            found.append(self._encoder.passage_vectors(pooled))
        return torch.cat(found)

    @torch.no_grad()
    def vectors(self, configs: Sequence[ModelConfig] | None) -> list[Tensor]:
        """Passage vectors of each document; the dense twin's where there are no patterns."""
        made = []
        for ids, ranges in zip(self.ids, self._ranges, strict=True):
            states = encode(self._encoder, ids, configs)
            sums = torch.cat((torch.zeros(1, states.shape[1]), states.cumsum(0)))
            starts, stops = torch.from_numpy(ranges).T
            counts = (stops - starts).clamp(min=1)[:, None]
            made.append(self._encoder.passage_vectors((sums[stops] - sums[starts]) / counts))
        return made

    def ndcg(self, vectors: Sequence[Tensor]) -> list[float]:
        """nDCG@10 of each question among the passages of its document."""
        return [
            ndcg_at(row, frozenset((target,)))
            for queries, passages, targets in zip(
                self._queries, vectors, self._targets, strict=True
            )
            for row, target in zip(
                (queries @ passages.T).argsort(dim=1, descending=True, stable=True).tolist(),
                targets,
                strict=True,
            )
        ]


def measure(
    encoder: Encoder, tokenizer: Tokenizer, documents: Sequence[LongDocument]
) -> Iterator[Row]:
    """Yield the rows: as it is, the dense twin, then each part from all layers and from each."""
    judge = _Judge(encoder, tokenizer, documents)
    config, layers = encoder.config, encoder.config.layers
    masses = torch.stack([part_masses(encoder, ids, place) for place, ids in enumerate(judge.ids)])
    masses = masses.mean(0)
    usual = judge.vectors([config] * layers)
    base = judge.ndcg(usual)

    def row(without: str, layer: int | None, mass: float | None, vectors: Sequence[Tensor]) -> Row:
        alike = torch.cat([(one * two).sum(-1) for one, two in zip(vectors, usual, strict=True)])
        found = judge.ndcg(vectors)
        mean = float(np.mean(found)) if found else 0.0
        return Row(without, layer, mass, float(alike.mean()), mean, difference(found, base))

    yield row("", None, None, usual)
    yield row("sparsity", None, None, judge.vectors(None))
    for place, part in enumerate(PARTS):
        changed = lacking(config, part)
        share = float(masses[:, place].mean())
        yield row(part, None, share, judge.vectors([changed] * layers))
        for layer in range(layers):
            configs = [changed if at == layer else config for at in range(layers)]
            yield row(part, layer, float(masses[layer, place]), judge.vectors(configs))


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| Without | Layer | Share of dense attention | Passage cosine | nDCG@10 | Change | 95 % |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        layer = "all" if row.layer is None else str(row.layer)
        mass = "" if row.mass is None else f"{row.mass:.3f}"
        lines.append(
            f"| {row.without or 'nothing'} | {layer} | {mass} | {row.cosine:.4f} | {row.ndcg:.4f} "
            f"| {row.change.mean:+.4f} | {row.change.low:+.4f} to {row.change.high:+.4f} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a checkpoint and print the table."""
    parser = argparse.ArgumentParser(prog="python -m engine.evaluate.ablation", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--config", type=Path, required=True, help="settings of the training run")
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="tokens of a document")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="most documents")
    parser.add_argument("--json", type=Path, help="where the rows go as JSON")
    chosen = parser.parse_args(arguments)
    config = load_config(chosen.config)
    split = read_split(chosen.corpus, config.pairs, config.split, config.seed)
    encoder = load_checkpoint(chosen.checkpoint).eval()
    tokenizer = Tokenizer((chosen.checkpoint / "tokenizer.json").read_bytes())
    documents = long_documents(split, tokenizer, chosen.tokens, chosen.documents)
    rows = []
    for row in measure(encoder, tokenizer, documents):
        rows.append(row)
        sys.stderr.write(f"{len(rows)} of {2 + len(PARTS) * (1 + encoder.config.layers)}\n")
    if chosen.json:
        text = json.dumps([asdict(row) for row in rows], indent=1)
        chosen.json.write_text(text, encoding="utf-8")
    sys.stdout.write(table(rows))


if __name__ == "__main__":
    main()
