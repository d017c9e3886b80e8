"""What the fusion weighs: the features of a question's candidates.

Words that answered such questions (associations) are guesses; where the question's own words are
found, nothing has to be guessed. There it counts which of the best passages holds a phrase that
answers. Attention counts by how little of the question it misses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from engine.search.query import QueryShape

PARTS = ("lexical", "dense", "attention")
_SCORES = ("lexical", "associated", "dense", "attention")
# Before a score: question and passage in Japanese, both in Latin words, in different languages, and
# the last where translation is doubted.
SETS = ("", "latin_", "foreign_", "doubted_")
ASSOCIATED = tuple(f"{prefix}associated" for prefix in SETS)
FEATURES = (
    *(f"{prefix}{name}" for prefix in SETS for name in _SCORES),
    "answer",
    "exact",
)
# A bare word's vector says little: meaning and attention count so much less.
SHORT_DAMPING = 0.5
# Where not even the best foreign passage holds what was asked for in translated words (raw lexical
# score below the first: hardly anything; above the second: most of it), the words were not known to
# the lexicon or are none of the passage's, and the parts say something else.
TRUSTED_TRANSLATION = (0.4, 0.6)
# Where another passage in the question's language holds what was asked for in its own words (raw
# lexical score below the first: hardly anything; above the second: most of it), associations count
# for nothing and answers in full. A passage's own words are left out: it cannot lose by them.
FOUND_IN_WORDS = (0.6, 0.8)
# Attention to all of a question's tokens scores 1. From 0.92 to 0.96 half of what was missed is
# found, from 0.60 to 0.64 a tenth: what counts is the log of what is missed, of at least this. Not
# so where question and passage are both in Latin words: there the score itself counts.
LEAST_MISSED = 0.03


@dataclass(frozen=True, slots=True)
class RawParts:
    """Raw scores of the candidates of one question (N candidates), NaN where absent.

    Attributes:
        lexical: Lexical score in 0..1, ``[N]``.
        associated: What words that answered such questions would add to it, ``[N]``.
        exact: Share of the question's identifiers and long numbers that stand there; where it has
            none, whether the whole question stands there unbroken; where it is the name of a file,
            whether the passage is of that file; ``[N]``.
        dense: Cosine, ``[N]``.
        attention: Late interaction of the question's tokens, 0..1, ``[N]``.
        answer: Share of what speaks for an answer in the best passages, 0..1, ``[N]``.
    """

    lexical: np.ndarray
    associated: np.ndarray
    exact: np.ndarray
    dense: np.ndarray
    attention: np.ndarray
    answer: np.ndarray

    def where(self, rows: np.ndarray) -> "RawParts":
        """The same for some rows, bool ``[N]``; NaN for the others."""
        return RawParts(*(np.where(rows, getattr(self, one.name), np.nan) for one in fields(self)))

    def mixed(self, other: "RawParts", share: np.ndarray) -> "RawParts":
        """This with a share of another, 0..1 ``[N]``; what is absent in one of both stays so."""
        return RawParts(
            *(
                np.where(
                    share > 0,
                    (1 - share) * getattr(self, one.name) + share * getattr(other, one.name),
                    getattr(self, one.name),
                )
                for one in fields(self)
            )
        )

    def part(self, name: str) -> np.ndarray:
        """One of ``PARTS``, or ``associated``, by name."""
        return getattr(self, name)

    def shown(self, name: str) -> np.ndarray:
        """One of ``PARTS`` as it is shown: words with their associations."""
        return self.lexical + self.associated if name == "lexical" else self.part(name)


def features(
    raw: RawParts, parts: Sequence[str], kind: QueryShape, foreign: np.ndarray
) -> dict[str, np.ndarray]:
    """Features of the strength, each ``[N]``.

    Args:
        raw: Raw parts of N candidates.
        parts: The parts that count.
        kind: What kind of question it is.
        foreign: Candidates in another language than the question, bool ``[N]``.
    """
    # With no words to go by, meaning and attention are all there is.
    damping = 1.0 - SHORT_DAMPING * kind.short if "lexical" in parts else 1.0
    latin = kind.latin and not kind.japanese
    doubted = doubt(raw.lexical[foreign]) if "lexical" in parts else 0.0
    made = {name: np.zeros(len(foreign)) for name in FEATURES}
    # Associations are words, and guesses at the meaning: they count where both do.
    guessed = ("associated",) if {"lexical", "dense"} <= set(parts) else ()
    for name in (*parts, *guessed):
        values = np.nan_to_num(raw.part(name))
        if name == "attention":
            missed = -np.log(1.0 + LEAST_MISSED - np.clip(values, 0.0, 1.0))
            values = np.where(foreign, missed, values) if latin else missed
        elif name == "associated":
            values = values * np.where(foreign, 1.0, unfound(raw.lexical, foreign))
        values = values * (1.0 if name == "lexical" else damping)
        made[f"latin_{name}" if latin else name] = np.where(foreign, 0.0, values)
        away = np.where(foreign, values, 0.0)
        made[f"foreign_{name}"], made[f"doubted_{name}"] = (1.0 - doubted) * away, doubted * away
    if "lexical" in parts:
        made["exact"] = np.nan_to_num(raw.exact)
        made["answer"] = _answers(raw, foreign)
    return made


def _answers(raw: RawParts, foreign: np.ndarray) -> np.ndarray:
    """How far each stays behind the one that speaks most for an answer, ``[N]`` in -1..0.

    Whatever nothing is known of stays behind none.
    """
    most = np.nan_to_num(raw.answer).max(initial=0.0)
    if most == 0.0:
        return np.zeros(len(foreign))
    behind = (raw.answer / most - 1.0) * (1.0 - unfound(raw.lexical, foreign))
    return np.nan_to_num(behind)


def doubt(lexical: np.ndarray) -> float:
    """How little translated words say about which foreign passage answers, 0..1.

    Args:
        lexical: Raw lexical scores of the foreign candidates, ``[N]``.
    """
    best = np.nan_to_num(lexical).max(initial=0.0)
    return float(_fall(best, TRUSTED_TRANSLATION))


def unfound(lexical: np.ndarray, foreign: np.ndarray) -> np.ndarray:
    """How little the other passages in the question's language hold of its words, 0..1.

    Args:
        lexical: Raw lexical scores, ``[N]``.
        foreign: Candidates in another language than the question, bool ``[N]``.

    Returns:
        ``[N]``.
    """
    held = np.where(foreign, 0.0, np.nan_to_num(lexical))
    second, first = np.sort(np.append(held, [0.0, 0.0]))[-2:]
    # Where two share the first place, the second is as good.
    return _fall(np.where(held == first, second, first), FOUND_IN_WORDS)


def _fall(values: np.ndarray, between: tuple[float, float]) -> np.ndarray:
    """1 up to the first of two bounds, 0 from the second on, a line between."""
    low, high = between
    return np.clip((high - values) / (high - low), 0.0, 1.0)
