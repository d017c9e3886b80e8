"""Development figures of a checkpoint on splits that training never saw."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from engine.training.batches import encode_texts, pad
from engine.training.config import TrainingConfig
from engine.training.distill import alignment_figures, sentence_vectors
from engine.training.model import Encoder, maxsim, mean_pool, precision
from engine.training.splits import Split

# Text tokens of a dev passage; about 98 % of the Japanese contexts are shorter.
_LONGEST = 448


def _encode(
    encoder: Encoder, tokenizer: Tokenizer, texts: Sequence[str], longest: int
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Passage vectors, token vectors and token weights of each text."""
    rows = encode_texts(tokenizer, texts, longest)
    vectors = torch.empty(len(rows), encoder.config.passage_width)
    tokens: list[Tensor] = [torch.empty(0)] * len(rows)
    weights: list[Tensor] = [torch.empty(0)] * len(rows)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for first in range(0, len(order), 32):
        chosen = order[first : first + 32]
        ids, real = pad([rows[index] for index in chosen])
        with torch.no_grad(), precision(ids.device):
            states = encoder(ids, real)
            vectors[chosen] = encoder.passage_vectors(mean_pool(states, real))
            found, counts = encoder.token_vectors(states), encoder.token_weights(states)
        for place, index in enumerate(chosen):
            tokens[index] = found[place, : len(rows[index])]
            weights[index] = counts[place, : len(rows[index])]
    return vectors, tokens, weights


def _late_scores(queries: list[Tensor], weights: list[Tensor], passages: list[Tensor]) -> Tensor:
    padded = torch.nn.utils.rnn.pad_sequence(queries, batch_first=True)
    shares = torch.nn.utils.rnn.pad_sequence(weights, batch_first=True)
    columns = [
        maxsim(padded, shares, passage[None], torch.ones(1, len(passage), dtype=torch.bool))
        for passage in passages
    ]
    return torch.cat(columns, 1)


def bm25_scores(queries: Sequence[str], passages: Sequence[str]) -> Tensor:
    """BM25 over character bigrams, ``[Q, P]``; k1 = 1.2, b = 0.75.

    Source:
        Robertson and Zaragoza 2009, equation 3.15.
    """

    def grams(text: str) -> list[str]:
        folded = "".join(text.lower().split())
        return [folded[index : index + 2] for index in range(len(folded) - 1)]

    counted = [Counter(grams(passage)) for passage in passages]
    lengths = [sum(counts.values()) for counts in counted]
    mean = sum(lengths) / len(lengths)
    postings: dict[str, list[tuple[int, int]]] = {}
    for column, counts in enumerate(counted):
        for gram, count in counts.items():
            postings.setdefault(gram, []).append((column, count))
    rows: list[list[float]] = []
    for query in queries:
        scores = [0.0] * len(passages)
        for gram in set(grams(query)):
            found = postings.get(gram, [])
            weight = math.log(1 + (len(passages) - len(found) + 0.5) / (len(found) + 0.5))
            for column, count in found:
                saturation = count + 1.2 * (0.25 + 0.75 * lengths[column] / mean)
                scores[column] += weight * count * 2.2 / saturation
        rows.append(scores)
    return torch.tensor(rows)


def recall_at_1(scores: Tensor, targets: Tensor) -> float:
    """Share of rows whose best column is the target."""
    return float((scores.argmax(1) == targets).float().mean())


def rank_correlation(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation of two series ``[N]``; ties share their mean rank."""

    def ranks(values: Tensor) -> Tensor:
        _, places, counts = values.unique(return_inverse=True, return_counts=True)
        return (counts.cumsum(0) - (counts + 1) / 2.0)[places]

    return float(torch.corrcoef(torch.stack([ranks(first), ranks(second)]))[0, 1])


def _question_figures(
    encoder: Encoder, tokenizer: Tokenizer, split: Split, config: TrainingConfig
) -> dict[str, float]:
    asked = split.dev_questions
    passages = list(dict.fromkeys(item.context for item in asked))
    place = {context: index for index, context in enumerate(passages)}
    targets = torch.tensor([place[item.context] for item in asked])
    texts = [item.question for item in asked]
    vectors, tokens, _ = _encode(encoder, tokenizer, passages, _LONGEST)
    queries, query_tokens, weights = _encode(
        encoder, tokenizer, texts, config.retrieve.query_tokens
    )
    late = _late_scores(query_tokens, weights, tokens)
    lexical = bm25_scores(texts, passages)
    dense = queries @ vectors.T
    fused = lexical / lexical.std() + late / late.std()
    figures = {
        "questions": len(asked),
        "question_passages": len(passages),
        "question_dense_r1": recall_at_1(dense, targets),
        "question_late_r1": recall_at_1(late, targets),
        "question_bm25_r1": recall_at_1(lexical, targets),
        "question_late_bm25_r1": recall_at_1(fused, targets),
        "question_all_r1": recall_at_1(fused + dense / dense.std(), targets),
    }
    for width in encoder.config.passage_widths:
        short = functional.normalize(queries[:, :width], dim=-1)
        other = functional.normalize(vectors[:, :width], dim=-1)
        figures[f"question_dense_{width}_r1"] = recall_at_1(short @ other.T, targets)
    return figures


def _heading_figures(
    encoder: Encoder, tokenizer: Tokenizer, split: Split, config: TrainingConfig
) -> dict[str, float]:
    sections = [
        (english.heading_path.replace(" > ", " "), japanese.text)
        for first, second in split.dev_documents
        for english, japanese in zip(first, second, strict=True)
    ]
    vectors, tokens, _ = _encode(encoder, tokenizer, [text for _, text in sections], 256)
    queries, query_tokens, weights = _encode(
        encoder, tokenizer, [heading for heading, _ in sections], config.retrieve.query_tokens
    )
    right = torch.arange(len(sections))
    dense, late = queries @ vectors.T, _late_scores(query_tokens, weights, tokens)
    return {
        "sections": len(sections),
        "english_heading_japanese_section_dense_r1": recall_at_1(dense, right),
        "english_heading_japanese_section_late_r1": recall_at_1(late, right),
        "english_heading_japanese_section_both_r1": recall_at_1(
            dense / dense.std() + late / late.std(), right
        ),
    }


def development_figures(
    encoder: Encoder, tokenizer: Tokenizer, split: Split, teacher: Tensor, config: TrainingConfig
) -> dict[str, float]:
    """Alignment, similarity, question answering and heading figures.

    Args:
        encoder: The model.
        tokenizer: Its tokenizer.
        split: Its development side is read.
        teacher: The teacher's vectors of the English side of the held-out pairs, ``[N, 384]``.
        config: The run's settings.
    """
    longest = config.distill.max_tokens
    figures = alignment_figures(encoder, tokenizer, split.dev_pairs, teacher, longest)
    if judged := split.dev_similarity:
        first, second = (
            sentence_vectors(encoder, tokenizer, texts, longest)
            for texts in ([pair.first for pair in judged], [pair.second for pair in judged])
        )
        scores = torch.tensor([pair.score for pair in judged])
        figures["similarity_spearman"] = rank_correlation((first * second).sum(-1), scores)
    if split.dev_questions:
        figures |= _question_figures(encoder, tokenizer, split, config)
    if split.dev_documents:
        figures |= _heading_figures(encoder, tokenizer, split, config)
    return figures


def write_figures(path: Path, figures: dict[str, float]) -> None:
    """Write the figures as JSON, replacing the file at once."""
    temporary = path.with_suffix(".new")
    text = json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
