"""Which phrases of a passage answer a question: what the highlights mark, and what tells passages
apart that hold the question's words alike.

An answer is what the question does not say itself. A linear score of each phrase's features
(``answer_features.py``), fitted on questions with known answers and kept in the pack, gives each
phrase a probability; a character's is the sum of those of its phrases. Other weights, fitted over
the phrases of several passages at once, say which passage holds the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.records import QueryEncoding
from engine.search.answer_features import PassageTokens, features
from engine.search.asking import NONE, Asked, asked_for
from engine.search.phrases import Phrase, phrases
from engine.search.query import scripts

VERSION = 2
# Marks hold the characters with at least this share of the likeliest one's probability.
SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Reading:
    """A passage read for a phrase that answers.

    Attributes:
        asked: What is asked for.
        passage: The passage.
        found: Its N phrases.
        rows: Features of each, by name.
    """

    asked: Asked
    passage: PassageTokens
    found: tuple[Phrase, ...]
    rows: tuple[dict[str, float], ...]


def read(query: QueryEncoding, passage: PassageTokens) -> Reading | None:
    """Describe the phrases of a passage; None where the question asks for none, or it has none."""
    asked = asked_for(query.text)
    if asked is None or not len(passage.vectors):
        return None
    found = phrases(passage.text)
    if not found:
        return None
    return Reading(asked, passage, tuple(found), tuple(features(query, asked, passage, found)))


def answer_marks(reading: Reading, table: Mapping[str, Any]) -> list[tuple[int, int, float]] | None:
    """Mark what answers a question in a passage.

    Args:
        reading: The passage, read.
        table: The pack's ``highlights`` section: ``version``, ``share`` and, for each language,
            the weights of the features within a passage (``marks``) and across passages
            (``passages``).

    Returns:
        ``(start, end, weight)`` into the passage's text, in order, apart, the strongest with weight
        1; None where the table does not serve its language.
    """
    logits = _logits(reading, table, "marks")
    if logits is None:
        return None
    share = float(table.get("share", SHARE))
    return marks(reading.found, logits, len(reading.passage.text), share)


def answer_evidence(reading: Reading, table: Mapping[str, Any]) -> float | None:
    """Log of how likely the answer stands in a passage, up to a constant of question and language.

    Arguments as in :func:`answer_marks`; None where the question has no word that says what it asks
    for, too.

    Source:
        Clark and Gardner 2018, Simple and Effective Multi-Paragraph Reading Comprehension
        (shared normalisation).
    """
    logits = _logits(reading, table, "passages")
    if logits is None or reading.asked.kind == NONE:
        return None
    best = float(logits.max())
    return best + float(np.log(np.exp(logits - best).sum()))


def _logits(reading: Reading, table: Mapping[str, Any], kind: str) -> np.ndarray | None:
    if table.get("version") != VERSION:
        return None
    weights = table.get(kind, {}).get(language(reading.passage.text))
    if not weights:
        return None
    return np.array(
        [sum(weights.get(name, 0.0) * value for name, value in row.items()) for row in reading.rows]
    )


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
