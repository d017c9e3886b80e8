"""Batches of token numbers, padded."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training.config import ConfigError

Ids = list[int]


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a run's tokenizer.

    Raises:
        ConfigError: It is not there.
    """
    if not path.is_file():
        raise ConfigError("training.no_tokenizer", path=str(path))
    return Tokenizer.from_file(str(path))


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str], longest: int) -> list[Ids]:
    """Token numbers of each text, cut to ``longest``; an empty text becomes one ``<unk>``."""
    rows = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [row.ids[:longest] or [1] for row in rows]


def pad(
    rows: Sequence[Ids], length: int | None = None, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Pad rows to the longest of them, or to ``length``.

    Returns:
        Token numbers ``[N, T]`` int64 and which are not padding ``[N, T]`` bool, on ``device``.
    """
    width = length or max(len(row) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.int64)
    real = torch.zeros(len(rows), width, dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row, dtype=torch.int64)
        real[index, : len(row)] = True
    return ids.to(device=device), real.to(device=device)
