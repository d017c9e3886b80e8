"""Development figures of a checkpoint on splits that training never saw."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from engine.training.config import TrainingConfig
from engine.training.device import precision
from engine.training.distill import alignment_figures, text_vectors
from engine.training.model import Encoder, maxsim
from engine.training.sentences import best_sentences, encoded_batches, pool_ranges
from engine.training.splits import Split

# Text tokens of a dev passage; about 98 % of the Japanese contexts are shorter.
_LONGEST = 448


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Texts: vectors of their sentences, whose they are, token vectors and token weights."""

    vectors: Tensor
    owners: Tensor
    tokens: list[Tensor]
    weights: list[Tensor]


def _encode(
    encoder: Encoder, tokenizer: Tokenizer, texts: Sequence[str], longest: int, whole: bool = False
) -> _Encoded:
    """Encode texts; one that is ``whole`` counts as a single sentence, in its place."""
    vectors, owners = [], []
    tokens: list[Tensor] = [torch.empty(0)] * len(texts)
    weights: list[Tensor] = [torch.empty(0)] * len(texts)
    for batch in encoded_batches(encoder, tokenizer, texts, longest):
        for place, row in enumerate(batch.rows):
            length = batch.lengths[place]
            states = batch.states[place, :length]
            ranges = [(0, length)] if whole else batch.sentences[place]
            with torch.no_grad(), precision(states.device):
                vectors.append(encoder.passage_vectors(pool_ranges(states, ranges)))
                tokens[row], weights[row] = (
                    encoder.token_vectors(states),
                    encoder.token_weights(states),
                )
            owners += [row] * len(ranges)
    order = torch.tensor(owners, device=encoder.device).sort(stable=True)
    return _Encoded(torch.cat(vectors)[order.indices], order.values, tokens, weights)


def _dense_scores(queries: _Encoded, passages: _Encoded, width: int | None = None) -> Tensor:
    """Cosine of each query with the best sentence of each passage, ``[Q, P]``."""
    one, other = (
        functional.normalize(side.vectors[:, :width], dim=-1) for side in (queries, passages)
    )
    return best_sentences(one @ other.T, passages.owners, len(passages.tokens))


def _late_scores(queries: list[Tensor], weights: list[Tensor], passages: list[Tensor]) -> Tensor:
    padded = torch.nn.utils.rnn.pad_sequence(queries, batch_first=True)
    shares = torch.nn.utils.rnn.pad_sequence(weights, batch_first=True)
    columns = [
        maxsim(padded, shares, passage[None], passage.new_ones(1, len(passage), dtype=torch.bool))
        for passage in passages
    ]
    return torch.cat(columns, 1)


def recall_at_1(scores: Tensor, targets: Tensor) -> float:
    """Share of rows whose best column is the target."""
    return float((scores.argmax(1) == targets.to(scores.device)).float().mean())


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
    texts = list(dict.fromkeys(item.context for item in asked))
    place = {context: index for index, context in enumerate(texts)}
    targets = torch.tensor([place[item.context] for item in asked])
    passages = _encode(encoder, tokenizer, texts, _LONGEST)
    queries = _encode(
        encoder, tokenizer, [item.question for item in asked], config.retrieve.query_tokens, True
    )
    late = _late_scores(queries.tokens, queries.weights, passages.tokens)
    figures = {
        "questions": len(asked),
        "question_passages": len(texts),
        "question_dense_r1": recall_at_1(_dense_scores(queries, passages), targets),
        "question_late_r1": recall_at_1(late, targets),
    }
    for width in encoder.config.passage_widths:
        scores = _dense_scores(queries, passages, width)
        figures[f"question_dense_{width}_r1"] = recall_at_1(scores, targets)
    return figures


def _heading_figures(
    encoder: Encoder, tokenizer: Tokenizer, split: Split, config: TrainingConfig
) -> dict[str, float]:
    sections = [
        (english.heading_path.replace(" > ", " "), japanese.text)
        for first, second in split.dev_documents
        for english, japanese in zip(first, second, strict=True)
    ]
    passages = _encode(encoder, tokenizer, [text for _, text in sections], 256)
    queries = _encode(
        encoder,
        tokenizer,
        [heading for heading, _ in sections],
        config.retrieve.query_tokens,
        True,
    )
    right = torch.arange(len(sections))
    dense = _dense_scores(queries, passages)
    late = _late_scores(queries.tokens, queries.weights, passages.tokens)
    return {
        "sections": len(sections),
        "english_heading_japanese_section_dense_r1": recall_at_1(dense, right),
        "english_heading_japanese_section_late_r1": recall_at_1(late, right),
        "english_heading_japanese_section_both_r1": recall_at_1(
            dense / dense.std() + late / late.std(), right
        ),
    }


def found_first(
    encoder: Encoder,
    tokenizer: Tokenizer,
    questions: Sequence[str],
    passages: Sequence[str],
    targets: Tensor,
    longest: int,
) -> dict[str, Tensor]:
    """Which questions find their passage first, by sentence vectors and token by token.

    Args:
        encoder: The model.
        tokenizer: Its tokenizer.
        questions: The questions.
        passages: The passages, each encoded on its own.
        targets: The right passage of each question, ``[Q]`` int64.
        longest: Passages are cut here, in tokens; questions are shorter.

    Returns:
        ``dense`` and ``late``, bool ``[Q]``, where the encoder is.
    """
    queries = _encode(encoder, tokenizer, questions, longest, True)
    shown = _encode(encoder, tokenizer, passages, longest)
    late = _late_scores(queries.tokens, queries.weights, shown.tokens)
    targets = targets.to(late.device)
    return {
        "dense": _dense_scores(queries, shown).argmax(1) == targets,
        "late": late.argmax(1) == targets,
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
            text_vectors(encoder, tokenizer, texts, longest)
            for texts in ([pair.first for pair in judged], [pair.second for pair in judged])
        )
        scores = torch.tensor([pair.score for pair in judged])
        cosines = (first * second).sum(-1).cpu()
        figures["similarity_spearman"] = rank_correlation(cosines, scores)
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
