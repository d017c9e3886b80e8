"""Which words a document comes back to, and which stand in its title and headings."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.notation.folding import fold
from engine.records import Passage

# A term in fewer passages is no term of the document.
FEWEST_PASSAGES = 2

_CONTENT = re.compile(r"[a-z][a-z0-9]{2,}|[\u30a1-\u30fa\u30fc\u3400-\u9fff々]{2,}")
_COMMON_WORDS = """
and are but can for from has have how into its may more not one other should such than that the
their them then there these they this those use used using via was were when where which will
with you your all any also each only same some
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def pieces(text: str) -> frozenset[str]:
    """Words of a text, and pairs of characters of its runs of kanji and katakana."""
    found: set[str] = set()
    for run in _CONTENT.findall(fold(text).text):
        if run.isascii():
            if run not in _COMMON:
                found.add(run[:-1] if run.endswith("s") and len(run) > 4 else run)
        else:
            found.update(run[at : at + 2] for at in range(len(run) - 1))
    return frozenset(found)


def term_weights(held: Sequence[frozenset[str]]) -> dict[str, float]:
    """Weights of the terms of a document: in how many passages each stands.

    Args:
        held: Pieces of each passage.

    Returns:
        Weight of each term that stands in ``FEWEST_PASSAGES`` passages or more.
    """
    counts = Counter(piece for one in held for piece in one)
    least = min(FEWEST_PASSAGES, len(held))
    return {piece: float(count) for piece, count in counts.items() if count >= least}


def subject_weights(passages: Sequence[Passage]) -> dict[str, float]:
    """Weights of the words of headings: the share of passages that stand below them."""
    counts: Counter[str] = Counter()
    for path, below in Counter(passage.heading_path for passage in passages).items():
        for piece in pieces(" ".join(path)):
            counts[piece] += below
    return {piece: count / len(passages) for piece, count in counts.items()}


def subject_shares(held: Sequence[frozenset[str]], weights: dict[str, float]) -> np.ndarray:
    """How much of the words of headings each sentence names, 0..1.

    Args:
        held: Pieces of S sentences.
        weights: As of :func:`subject_weights`.

    Returns:
        float64 ``[S]``.
    """
    total = sum(weights.values())
    if not total:
        return np.zeros(len(held))
    return np.array([sum(weights.get(piece, 0.0) for piece in one) for one in held]) / total
