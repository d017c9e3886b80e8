"""Hard negatives: passages that the encoder mistakes for the answers of their questions."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training.contexts import Document
from engine.training.distill import text_vectors
from engine.training.model import Encoder
from engine.training.sentences import best_sentences, passage_sentences
from engine.training.stage_config import RetrieveConfig

# A passage this close to the right one may well answer too.
# Source: Moreira et al. 2024 (NV-Retriever), section 3, positive-aware mining by percentage.
_TOO_CLOSE = 0.95
_QUERIES_AT_ONCE = 256


def nearest_wrong(scores: Tensor, right: Tensor, count: int) -> Tensor:
    """Columns that score highest without being as good as the right one.

    Args:
        scores: Of queries with passages, ``[Q, P]``.
        right: The right column of each query, ``[Q]`` int64.
        count: How many.

    Returns:
        Best first, ``[Q, min(count, P)]``.
    """
    limit = _TOO_CLOSE * scores.gather(1, right[:, None]).clamp(min=0.0)
    # A question whose right passage is far down teaches most from whatever stands above it.
    limit = torch.where(limit < scores.median(1, keepdim=True).values, 2.0, limit)
    wrong = scores.masked_fill(scores > limit, -3.0).scatter(1, right[:, None], -4.0)
    return wrong.topk(min(count, scores.shape[1]), dim=1).indices


def mine_neighbours(
    encoder: Encoder,
    tokenizer: Tokenizer,
    documents: Sequence[Document],
    config: RetrieveConfig,
) -> dict[str, list[str]]:
    """For each group with questions, the groups that its questions are mistaken for.

    Args:
        encoder: The model so far.
        tokenizer: Of the run.
        documents: Documents with questions; the negatives are looked for among them.
        config: Lengths and how many to keep.
    """
    passages = [passage for document in documents for passage in document]
    if not passages:
        return {}
    # The first two blocks say what a passage is about, and are read fastest.
    vectors, owners = passage_sentences(
        encoder, tokenizer, [passage.text for passage in passages], 2 * encoder.config.block
    )
    asked = [(row, query) for row, passage in enumerate(passages) for query in passage.queries[:2]]
    queries = text_vectors(encoder, tokenizer, [query for _, query in asked], config.query_tokens)
    found: dict[str, list[str]] = {}
    for first in range(0, len(asked), _QUERIES_AT_ONCE):
        scores = best_sentences(
            queries[first : first + _QUERIES_AT_ONCE] @ vectors.T, owners, len(passages)
        )
        rows = [row for row, _ in asked[first : first + len(scores)]]
        right = torch.tensor(rows, device=scores.device)
        wrong = nearest_wrong(scores, right, config.mined).tolist()
        for row, columns in zip(rows, wrong, strict=True):
            group = passages[row].group
            names = [passages[column].group for column in columns]
            names = [name for name in names if name != group]
            found[group] = list(dict.fromkeys([*found.get(group, []), *names]))
    return found


def write_neighbours(path: Path, neighbours: dict[str, list[str]]) -> None:
    """Write mined neighbours, replacing the file at once."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(neighbours, ensure_ascii=False), encoding="utf-8")
    temporary.replace(path)


def read_neighbours(path: Path) -> dict[str, list[str]]:
    """Read mined neighbours."""
    return json.loads(path.read_text(encoding="utf-8"))
