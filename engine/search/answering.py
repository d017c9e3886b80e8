"""Which phrases of a passage answer a question: what the highlights mark.

An answer is what the question does not say itself. A linear score of each phrase's features
(``answer_features.py``), fitted on questions with known answers and kept in the pack, gives each
phrase a probability; a character's is the sum of those of its phrases.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.records import QueryEncoding
from engine.search.answer_features import PassageTokens, features
from engine.search.asking import asked_for
from engine.search.phrases import Phrase, phrases
from engine.search.query import scripts

VERSION = 1
# Marks hold the characters with at least this share of the likeliest one's probability.
SHARE = 0.6


def answer_marks(
    query: QueryEncoding, passage: PassageTokens, table: Mapping[str, Any]
) -> list[tuple[int, int, float]] | None:
    """Mark what answers a question in a passage.

    Args:
        query: The question.
        passage: The passage.
        table: The pack's ``highlights`` section: ``version``, ``share`` and, for each language,
            the weights of the features.

    Returns:
        ``(start, end, weight)`` into the passage's text, in order, apart, the strongest with weight
        1; None where the question asks for no phrase, or the table does not serve its language.
    """
    asked = asked_for(query.text)
    weights = table.get(language(passage.text)) if table.get("version") == VERSION else None
    if asked is None or not weights or not len(passage.vectors):
        return None
    found = phrases(passage.text)
    if not found:
        return None
    logits = np.array(
        [
            sum(weights.get(name, 0.0) * value for name, value in row.items())
            for row in features(query, asked, passage, found)
        ]
    )
    return marks(found, logits, len(passage.text), float(table.get("share", SHARE)))


def marks(
    found: Sequence[Phrase], logits: np.ndarray, length: int, share: float
) -> list[tuple[int, int, float]]:
    """Spans whose characters are likeliest to be the answer.

    Args:
        found: N phrases.
        logits: Their scores, ``[N]``.
        length: Characters of the passage.
        share: Least probability of a marked character, as a share of the greatest.
    """
    chance = np.exp(logits - logits.max())
    chance /= chance.sum()
    cells = np.zeros(length + 1)
    for phrase, value in zip(found, chance, strict=True):
        cells[phrase.start] += value
        cells[phrase.end] -= value
    cells = np.round(np.cumsum(cells)[:length], 9)
    peak = cells.max()
    held = np.concatenate([[False], cells >= share * peak, [False]])
    edges = np.flatnonzero(held[1:] != held[:-1]).reshape(-1, 2)
    return [
        (int(start), int(end), round(float(cells[start:end].max() / peak), 6))
        for start, end in edges
    ]


def language(text: str) -> str:
    """The language whose weights a passage takes."""
    return "ja" if scripts(text)[0] else "en"
