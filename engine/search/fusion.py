"""From three scores to one: calibrated parts and a logistic combination.

Each part of a score is turned into 0..1 by a logistic curve fitted on questions whose passage is
known. For the fused score every candidate gets a strength, a weighted sum of its raw parts. Of
candidates of which one answers, it is the i-th with the probability softmax(strength)_i, for which
the weights are fitted (McFadden 1974). How likely a candidate answers, if any does, follows from
the log-odds of that, its strength, and how far it stays behind the strongest:

    strength_i = sum_f w_f x_if
    share_i = strength_i - log sum_{j != i} exp(strength_j)
    score_i = sigmoid(share * share_i + slope * strength_i
                      + relative * (strength_i - max_j strength_j) + bias)

There is one set of weights for each set of parts that can run, so that a missing part is not a
part of zero. A passage in another language than the question has weights of its own: its words
match by translation only, so that no match is little evidence against it. So has a question in
Latin words, and passages in its language: whole words with their endings off say more than pairs of
characters do. Weights and scales are never negative: under the same weights a passage cannot lose
by matching better. Only :func:`~engine.search.fusion_features.doubt` moves between two
sets of weights.

The parameters stand in the section ``fusion`` of a pack; ``engine.evaluate.calibrate`` writes
them. Defaults serve a pack that has none, and exact search when no pack can be loaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.search.fusion_features import ASSOCIATED, FEATURES, PARTS, SETS, RawParts, features
from engine.search.query import QueryShape

# The only weights that may be negative.
OFFSETS = ("foreign", "foreign_latin", "bias")
SCALES = ("share", "slope", "relative")
# Log-odds of a candidate among others: one alone would have no end of them.
SHARES = (-15.0, 6.0)
VERSION = 5

# Slope and offset of each part's logistic curve.
DEFAULT_CURVES: Mapping[str, tuple[float, float]] = {
    "lexical": (8.0, -4.0),
    "dense": (10.0, -4.5),
    "attention": (14.0, -8.5),
}
_OWN = {"lexical": 14.0, "associated": 8.0, "dense": 3.0, "attention": 2.5}
_LATIN = {**_OWN, "attention": 4.0}
_AWAY = {"lexical": 8.0, "associated": 4.0, "dense": 5.0, "attention": 4.0}
DEFAULT_WEIGHTS: Mapping[str, float] = {
    **{
        f"{prefix}{name}": weight
        for prefix, weights in zip(SETS, (_OWN, _LATIN, _AWAY, _AWAY), strict=True)
        for name, weight in weights.items()
    },
    "answer": 2.0,
    "exact": 2.0,
    "foreign": 0.0,
    "foreign_latin": 1.0,
    "share": 0.5,
    "slope": 0.2,
    "relative": 0.2,
    "bias": -3.5,
}
# Whoever types a bare word or part number wants the places where it stands: log-odds of an exact
# match, as far as one counts.
SHORT_EXACT_BONUS = 4.0


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


def strengths(
    raw: RawParts, calibration: Calibration, *, kind: QueryShape, foreign: np.ndarray
) -> np.ndarray:
    """Strengths of candidates by the parts that each has, ``[N]``; arguments as in :func:`fuse`."""
    found = np.full(len(foreign), -np.inf)
    for parts, rows in _by_parts(raw):
        weights = calibration.weights_of(parts)
        found[rows] = strength(raw, parts, weights, kind=kind, foreign=foreign)[rows]
    return found


def scales(strengths: np.ndarray) -> np.ndarray:
    """What a score depends on, in the order of ``SCALES``, ``[N, 3]``.

    Args:
        strengths: Of the candidates of one question, ``[N]``, N at least 1.
    """
    relative = strengths - strengths.max()
    odds = np.exp(relative)
    with np.errstate(divide="ignore"):
        share = relative - np.log(np.maximum(odds.sum() - odds, 0.0))
    return np.stack([np.clip(share, *SHARES), strengths, relative], axis=1)


def calibrated(raw: RawParts, calibration: Calibration) -> dict[str, np.ndarray]:
    """Each part in 0..1, and the share of an answer, NaN where absent."""
    result = {"answer": raw.answer}
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
    setback: np.ndarray | None = None,
) -> np.ndarray:
    """Fused scores.

    Args:
        raw: Raw parts of N candidates.
        calibration: Parameters.
        kind: What kind of question it is.
        foreign: Candidates in another language than the question, bool ``[N]``.
        setback: Log-odds that candidates lose for being beside the matter, ``[N]``; none if None.

    Returns:
        float64 ``[N]`` in 0..1; 0 where no part could run.
    """
    logits = np.full(len(foreign), -np.inf)
    for parts, rows in _by_parts(raw):
        weights = calibration.weights_of(parts)
        found = strength(raw, parts, weights, kind=kind, foreign=foreign)[rows]
        scale = np.array([weights[name] for name in SCALES])
        logits[rows] = scales(found) @ scale + weights["bias"]
    logits = logits + calibration.short_bonus * kind.exact * np.nan_to_num(raw.exact)
    if setback is not None:
        logits = logits - setback
    return sigmoid(logits)


def guessed(
    raw: RawParts, calibration: Calibration, *, kind: QueryShape, foreign: np.ndarray
) -> np.ndarray:
    """Candidates whose strength associations add to, bool ``[N]``; arguments as in :func:`fuse`."""
    added = np.zeros(len(foreign), bool)
    for parts, rows in _by_parts(raw):
        weights, made = calibration.weights_of(parts), features(raw, parts, kind, foreign)
        gains = [weights[name] * made[name] for name in ASSOCIATED]
        added[rows] = np.sum(gains, axis=0)[rows] > 0
    return added


def _by_parts(raw: RawParts) -> Iterator[tuple[list[str], np.ndarray]]:
    """Sets of parts that are there, with the candidates that have just these, bool ``[N]``."""
    present = np.stack([~np.isnan(raw.part(name)) for name in PARTS])
    for taken in np.unique(present, axis=1).T:
        if taken.any():
            parts = [name for name, here in zip(PARTS, taken, strict=True) if here]
            yield parts, (present == taken[:, None]).all(axis=0)
