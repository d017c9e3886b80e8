"""Vectors of a passage's sentences: a passage answers by its best one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.model.tokenizer import token_ranges
from engine.passages.sentences import split_sentences
from engine.training.batches import Ids, pad
from engine.training.device import precision
from engine.training.model import Encoder

Range = tuple[int, int]


def encode_sentences(
    tokenizer: Tokenizer, texts: Sequence[str], longest: int
) -> tuple[list[Ids], list[list[Range]]]:
    """Token numbers of texts, cut to ``longest``, and the token ranges of their sentences.

    The ranges follow each other and hold every token; an empty text becomes one ``<unk>``.
    """
    rows, ranges = [], []
    for text, row in zip(
        texts, tokenizer.encode_batch(list(texts), add_special_tokens=False), strict=True
    ):
        ids = row.ids[:longest] or [1]
        offsets = np.array(row.offsets[: len(ids)], np.int64).reshape(-1, 2)
        sentences = split_sentences(text, 0, len(text))
        stops = sorted({int(stop) for _, stop in token_ranges(offsets, sentences) if stop})
        stops = [*[stop for stop in stops if stop < len(ids)], len(ids)]
        rows.append(ids)
        ranges.append(list(zip([0, *stops[:-1]], stops, strict=True)))
    return rows, ranges


def pool_ranges(states: Tensor, ranges: Sequence[Range]) -> Tensor:
    """Mean state of each half-open range of rows of ``states`` ``[T, W]``, ``[S, W]`` float32."""
    starts = torch.tensor([start for start, _ in ranges], device=states.device)
    stops = torch.tensor([stop for _, stop in ranges], device=states.device)
    sums = torch.cat([states.new_zeros(1, states.shape[1]).float(), states.float().cumsum(0)])
    return (sums[stops] - sums[starts]) / (stops - starts)[:, None]


def best_sentences(scores: Tensor, owners: Tensor, passages: int) -> Tensor:
    """Score of each passage: that of its best sentence.

    Args:
        scores: Of every query with every sentence, ``[Q, S]``, at least -2.
        owners: Passage of each sentence, ``[S]`` int64.
        passages: Number of passages.

    Returns:
        ``[Q, P]``; -2 for a passage without sentences.
    """
    found = scores.new_full((len(scores), passages), -2.0)
    return found.scatter_reduce(1, owners.expand(len(scores), -1), scores, "amax")


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Some texts after the encoder: which, their states ``[N, T, W]``, lengths and sentences."""

    rows: list[int]
    states: Tensor
    lengths: list[int]
    sentences: list[list[Range]]


def encoded_batches(
    encoder: Encoder, tokenizer: Tokenizer, texts: Sequence[str], longest: int, size: int = 32
) -> Iterator[EncodedBatch]:
    """Encode texts without gradient, each on its own, those of like length together."""
    ids, sentences = encode_sentences(tokenizer, texts, longest)
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        padded, real = pad([ids[row] for row in rows], device=encoder.device)
        with torch.no_grad(), precision(padded.device):
            states = encoder(padded, real)
        yield EncodedBatch(
            rows, states, [len(ids[row]) for row in rows], [sentences[row] for row in rows]
        )


def passage_sentences(
    encoder: Encoder, tokenizer: Tokenizer, texts: Sequence[str], longest: int
) -> tuple[Tensor, Tensor]:
    """Vectors of the sentences of texts ``[S, 384]`` and the text that each belongs to ``[S]``."""
    vectors, owners = [], []
    for batch in encoded_batches(encoder, tokenizer, texts, longest):
        for row, states, ranges in zip(batch.rows, batch.states, batch.sentences, strict=True):
            with torch.no_grad(), precision(states.device):
                vectors.append(encoder.passage_vectors(pool_ranges(states, ranges)))
            owners += [row] * len(ranges)
    return torch.cat(vectors), torch.tensor(owners, device=encoder.device)
