"""From three scores to one: calibrated parts and a logistic combination.

Each part of a score is turned into 0..1 by a logistic curve fitted on questions whose passage is
known. For the fused score every candidate gets a strength, a weighted sum of its raw parts, and
from it the probability that it answers the question:

    strength_i = sum_f w_f x_if
    score_i = sigmoid(slope * strength_i + relative * (strength_i - max_j strength_j) + bias)

There is one set of weights for each set of parts that can run, so that a missing part is not a
part of zero. A passage in another language than the question has weights of its own: its words
match by translation only, so that no match is little evidence against it. So has a question in
Latin words, and passages in its language: whole words with their endings off say more than pairs of
characters do. Words that answered such questions (associations) are guesses and have a weight of
their own. Weights, slope and ``relative`` are never negative: under the same weights a passage
cannot lose by matching better. Only :func:`doubt` moves between two sets of weights.

The parameters stand in the section ``fusion`` of a pack; ``engine.evaluate.calibrate`` writes
them. Defaults serve a pack that has none, and exact search when no pack can be loaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.search.query import QueryShape

PARTS = ("lexical", "dense", "attention")
_SCORES = ("lexical", "associated", "dense", "attention")
# Before a score: question and passage in Japanese, both in Latin words, in different languages, and
# the last where translation is doubted.
_SETS = ("", "latin_", "foreign_", "doubted_")
_ASSOCIATED = tuple(f"{prefix}associated" for prefix in _SETS)
FEATURES = (*(f"{prefix}{name}" for prefix in _SETS for name in _SCORES), "exact")
# The only weights that may be negative.
OFFSETS = ("foreign", "foreign_latin", "bias")
SCALES = ("slope", "relative")
VERSION = 3

# Slope and offset of each part's logistic curve.
DEFAULT_CURVES: Mapping[str, tuple[float, float]] = {
    "lexical": (8.0, -4.0),
    "dense": (10.0, -4.5),
    "attention": (14.0, -8.5),
}
_OWN = {"lexical": 14.0, "associated": 8.0, "dense": 3.0, "attention": 6.0}
_AWAY = {"lexical": 8.0, "associated": 4.0, "dense": 5.0, "attention": 10.0}
DEFAULT_WEIGHTS: Mapping[str, float] = {
    **{
        f"{prefix}{name}": weight
        for prefix, weights in zip(_SETS, (_OWN, _OWN, _AWAY, _AWAY), strict=True)
        for name, weight in weights.items()
    },
    "exact": 2.0,
    "foreign": 0.0,
    "foreign_latin": 1.0,
    "slope": 0.3,
    "relative": 0.6,
    "bias": -4.0,
}
# Whoever types a bare word or part number wants the places where it stands, and its vector says
# little: an exact match adds so much log-odds, and meaning and attention count so much less.
SHORT_EXACT_BONUS = 4.0
SHORT_DAMPING = 0.5
# Where not even the best foreign passage holds what was asked for in translated words (raw lexical
# score below the first: hardly anything; above the second: most of it), the words were not known to
# the lexicon or are none of the passage's, and the parts say something else.
TRUSTED_TRANSLATION = (0.5, 0.7)
# Log-odds that a table of contents loses: it holds the words of every heading and answers nothing.
CONTENTS_PENALTY = 2.5


@dataclass(frozen=True, slots=True)
class RawParts:
    """Raw scores of the candidates of one question (N candidates), NaN where absent.

    Attributes:
        lexical: Lexical score in 0..1, ``[N]``.
        associated: What words that answered such questions would add to it, ``[N]``.
        exact: Share of the question's identifiers and long numbers that stand there; where it has
            none, whether the whole question stands there unbroken; ``[N]``.
        dense: Cosine, ``[N]``.
        attention: Late interaction of the question's tokens, 0..1, ``[N]``.
    """

    lexical: np.ndarray
    associated: np.ndarray
    exact: np.ndarray
    dense: np.ndarray
    attention: np.ndarray

    def part(self, name: str) -> np.ndarray:
        """One of ``PARTS``, or ``associated``, by name."""
        return getattr(self, name)

    def shown(self, name: str) -> np.ndarray:
        """One of ``PARTS`` as it is shown: words with their associations."""
        return self.lexical + self.associated if name == "lexical" else self.part(name)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Parameters of the fusion.

    Attributes:
        curves: Slope and offset by part.
        weights: Weights by set of parts, such as ``"lexical+dense"``, then by name:
            ``FEATURES``, ``OFFSETS`` (of a foreign passage's strength for Japanese and for Latin
            questions, and of the log-odds) and ``SCALES``.
        short_bonus: Log-odds added for an exact match of a bare word.
    """

    curves: Mapping[str, tuple[float, float]] = field(default_factory=lambda: DEFAULT_CURVES)
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    short_bonus: float = SHORT_EXACT_BONUS

    @classmethod
    def read(cls, section: Mapping[str, Any]) -> "Calibration":
        """Read the ``fusion`` section of a pack; what is absent or unknown takes the default."""
        if section.get("version") != VERSION:
            return cls()
        curves = dict(DEFAULT_CURVES)
        for name, curve in section.get("curves", {}).items():
            if name in curves:
                curves[name] = (max(float(curve["slope"]), 0.0), float(curve["offset"]))
        weights = {
            str(parts): {name: _weight(name, values) for name in (*FEATURES, *OFFSETS, *SCALES)}
            for parts, values in section.get("weights", {}).items()
        }
        return cls(curves, weights, float(section.get("short_bonus", SHORT_EXACT_BONUS)))

    def weights_of(self, parts: Sequence[str]) -> Mapping[str, float]:
        """Weights for a set of parts; the defaults where none were fitted."""
        return self.weights.get("+".join(parts), DEFAULT_WEIGHTS)


def _weight(name: str, values: Mapping[str, Any]) -> float:
    value = float(values.get(name, 0.0))
    return value if name in OFFSETS else max(value, 0.0)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Logistic function, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * values))


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
        values = np.nan_to_num(raw.part(name)) * (1.0 if name == "lexical" else damping)
        made[f"latin_{name}" if latin else name] = np.where(foreign, 0.0, values)
        away = np.where(foreign, values, 0.0)
        made[f"foreign_{name}"], made[f"doubted_{name}"] = (1.0 - doubted) * away, doubted * away
    if "lexical" in parts:
        made["exact"] = np.nan_to_num(raw.exact)
    return made


def doubt(lexical: np.ndarray) -> float:
    """How little translated words say about which foreign passage answers, 0..1.

    Args:
        lexical: Raw lexical scores of the foreign candidates, ``[N]``.
    """
    low, high = TRUSTED_TRANSLATION
    best = float(np.nan_to_num(lexical).max(initial=0.0))
    return min(max((high - best) / (high - low), 0.0), 1.0)


def strength(
    raw: RawParts,
    parts: Sequence[str],
    weights: Mapping[str, float],
    *,
    kind: QueryShape,
    foreign: np.ndarray,
) -> np.ndarray:
    """Strengths of the candidates from some of the parts, ``[N]``."""
    made = features(raw, parts, kind, foreign)
    offset = weights["foreign_latin" if kind.latin else "foreign"]
    return sum((weights[name] * made[name] for name in FEATURES), offset * foreign)


def calibrated(raw: RawParts, calibration: Calibration) -> dict[str, np.ndarray]:
    """Each part in 0..1, NaN where absent."""
    result = {}
    for name in PARTS:
        slope, offset = calibration.curves[name]
        values = raw.shown(name).astype(np.float64)
        curve = sigmoid(slope * values + offset)
        if name == "lexical":
            curve = np.where(values == 0.0, 0.0, curve)
        result[name] = curve
    return result


def fuse(
    raw: RawParts,
    calibration: Calibration,
    *,
    kind: QueryShape,
    foreign: np.ndarray,
    contents: np.ndarray | None = None,
) -> np.ndarray:
    """Fused scores.

    Args:
        raw: Raw parts of N candidates.
        calibration: Parameters.
        kind: What kind of question it is.
        foreign: Candidates in another language than the question, bool ``[N]``.
        contents: Candidates that are lines of a table of contents, bool ``[N]``; none if None.

    Returns:
        float64 ``[N]`` in 0..1; 0 where no part could run.
    """
    logits = np.full(len(foreign), -np.inf)
    for parts, rows in _by_parts(raw):
        weights = calibration.weights_of(parts)
        found = strength(raw, parts, weights, kind=kind, foreign=foreign)[rows]
        relative = found - found.max()
        logits[rows] = weights["slope"] * found + weights["relative"] * relative + weights["bias"]
    logits = logits + calibration.short_bonus * kind.short * np.nan_to_num(raw.exact)
    if contents is not None:
        logits = logits - CONTENTS_PENALTY * contents
    return sigmoid(logits)


def guessed(
    raw: RawParts, calibration: Calibration, *, kind: QueryShape, foreign: np.ndarray
) -> np.ndarray:
    """Candidates whose strength associations add to, bool ``[N]``; arguments as in :func:`fuse`."""
    added = np.zeros(len(foreign), bool)
    for parts, rows in _by_parts(raw):
        weights, made = calibration.weights_of(parts), features(raw, parts, kind, foreign)
        gains = [weights[name] * made[name] for name in _ASSOCIATED]
        added[rows] = np.sum(gains, axis=0)[rows] > 0
    return added


def _by_parts(raw: RawParts) -> Iterator[tuple[list[str], np.ndarray]]:
    """Sets of parts that are there, with the candidates that have just these, bool ``[N]``."""
    present = np.stack([~np.isnan(raw.part(name)) for name in PARTS])
    for taken in np.unique(present, axis=1).T:
        if taken.any():
            parts = [name for name, here in zip(PARTS, taken, strict=True) if here]
            yield parts, (present == taken[:, None]).all(axis=0)
