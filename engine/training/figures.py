"""Development figures of a checkpoint on splits that training never saw."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training.batches import encode_texts, pad
from engine.training.config import TrainingConfig
from engine.training.contexts import Collections
from engine.training.corpus import Pair
from engine.training.distill import alignment_figures
from engine.training.model import Encoder, maxsim, mean_pool, precision

# Text tokens of a dev passage; about 98 % of the Japanese contexts are shorter.
_LONGEST = 448


def _encode(
    encoder: Encoder, tokenizer: Tokenizer, texts: Sequence[str], longest: int
) -> tuple[Tensor, list[Tensor]]:
    rows = encode_texts(tokenizer, texts, longest)
    vectors = torch.empty(len(rows), encoder.config.passage_width)
    tokens: list[Tensor] = [torch.empty(0)] * len(rows)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for first in range(0, len(order), 32):
        chosen = order[first : first + 32]
        ids, real = pad([rows[index] for index in chosen])
        with torch.no_grad(), precision(ids.device):
            states = encoder(ids, real)
            vectors[chosen] = encoder.passage_vectors(mean_pool(states, real))
            found = encoder.token_vectors(states)
        for place, index in enumerate(chosen):
            tokens[index] = found[place, : len(rows[index])]
    return vectors, tokens


def _late_scores(queries: list[Tensor], passages: list[Tensor]) -> Tensor:
    padded = torch.nn.utils.rnn.pad_sequence(queries, batch_first=True)
    real = torch.zeros(padded.shape[:2], dtype=torch.bool)
    for row, query in enumerate(queries):
        real[row, : len(query)] = True
    columns = [
        maxsim(padded, real, passage[None], torch.ones(1, len(passage), dtype=torch.bool))
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


def development_figures(
    encoder: Encoder,
    tokenizer: Tokenizer,
    collections: Collections,
    dev: list[Pair],
    teacher: Tensor,
    config: TrainingConfig,
    most_questions: int = 800,
) -> dict[str, float]:
    """Alignment, question answering and heading figures.

    Args:
        encoder: The model.
        tokenizer: Its tokenizer.
        collections: The held-out questions and documents.
        dev: Held-out parallel pairs.
        teacher: The teacher's vectors of their English side, ``[N, 384]``.
        config: The run's settings.
        most_questions: Questions asked, evenly taken from the held-out ones.
    """
    figures = alignment_figures(encoder, tokenizer, dev, teacher, config.distill.max_tokens)
    asked_all = collections.dev_questions
    if asked_all:
        passages = list(dict.fromkeys(item.context for item in asked_all))
        asked = asked_all[:: max(1, len(asked_all) // most_questions)]
        place = {context: index for index, context in enumerate(passages)}
        targets = torch.tensor([place[item.context] for item in asked])
        texts = [item.question for item in asked]
        vectors, tokens = _encode(encoder, tokenizer, passages, _LONGEST)
        query_vectors, query_tokens = _encode(
            encoder, tokenizer, texts, config.retrieve.query_tokens
        )
        late = _late_scores(query_tokens, tokens)
        lexical = bm25_scores(texts, passages)
        figures |= {
            "questions": len(asked),
            "question_passages": len(passages),
            "question_dense_r1": recall_at_1(query_vectors @ vectors.T, targets),
            "question_late_r1": recall_at_1(late, targets),
            "question_bm25_r1": recall_at_1(lexical, targets),
            "question_late_bm25_r1": recall_at_1(
                lexical / lexical.std() + late / late.std(), targets
            ),
        }
    sections = [
        (english.heading_path.replace(" > ", " "), japanese.text)
        for first, second in collections.dev_pairs
        for english, japanese in zip(first, second, strict=True)
    ]
    if sections:
        headings = [heading for heading, _ in sections]
        vectors, tokens = _encode(encoder, tokenizer, [text for _, text in sections], 256)
        query_vectors, query_tokens = _encode(
            encoder, tokenizer, headings, config.retrieve.query_tokens
        )
        right = torch.arange(len(sections))
        figures |= {
            "sections": len(sections),
            "english_heading_japanese_section_dense_r1": recall_at_1(
                query_vectors @ vectors.T, right
            ),
            "english_heading_japanese_section_late_r1": recall_at_1(
                _late_scores(query_tokens, tokens), right
            ),
        }
    return figures


def write_figures(path: Path, figures: dict[str, float]) -> None:
    """Write the figures as JSON, replacing the file at once."""
    temporary = path.with_suffix(".new")
    text = json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
