"""From three scores to one: calibrated parts and a logistic combination.

Each part of a score is turned into 0..1 by a logistic curve fitted on questions whose passage is
known. The fused score is the probability that the passage answers the question, from a logistic
regression over the same raw parts. There is one regression for each set of parts that can run, so
that a missing part is not a part of zero. Weights are never negative: a passage cannot lose by
matching better.

The parameters stand in the section ``fusion`` of a pack; ``engine.evaluate.calibrate`` writes
them. Defaults serve a pack that has none, and exact search when no pack can be loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PARTS = ("lexical", "dense", "attention")
FEATURES = (
    "lexical",
    "lexical_relative",
    "exact",
    "dense",
    "dense_relative",
    "attention",
    "attention_relative",
)
VERSION = 1

# Slope and offset of each part's logistic curve.
DEFAULT_CURVES: Mapping[str, tuple[float, float]] = {
    "lexical": (8.0, -4.0),
    "dense": (10.0, -4.5),
    "attention": (14.0, -8.5),
}
DEFAULT_WEIGHTS: Mapping[str, float] = {
    "bias": -5.0,
    "lexical": 2.5,
    "lexical_relative": 2.0,
    "exact": 1.0,
    "dense": 5.0,
    "dense_relative": 3.0,
    "attention": 6.0,
    "attention_relative": 4.0,
}
# Whoever types a bare word or part number wants the places where it stands, and its vector says
# little: an exact match adds so much log-odds, and meaning and attention count so much less.
SHORT_EXACT_BONUS = 4.0
SHORT_DAMPING = 0.5


@dataclass(frozen=True, slots=True)
class RawParts:
    """Raw scores of the candidates of one question (N candidates), NaN where absent.

    Attributes:
        lexical: Lexical score in 0..1, ``[N]``.
        exact: 1 where the whole question or an identifier of it stands unbroken, else 0, ``[N]``.
        dense: Cosine, ``[N]``.
        attention: Weighted mean of the query tokens' best cosines, ``[N]``.
    """

    lexical: np.ndarray
    exact: np.ndarray
    dense: np.ndarray
    attention: np.ndarray

    def part(self, name: str) -> np.ndarray:
        """One of ``PARTS`` by name."""
        return getattr(self, name)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Parameters of the fusion.

    Attributes:
        curves: Slope and offset by part.
        weights: Weights by set of parts, such as ``"lexical+dense"``, then by feature and
            ``"bias"``.
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
            str(parts): {
                feature: float(values.get(feature, 0.0))
                if feature == "bias"
                else max(float(values.get(feature, 0.0)), 0.0)
                for feature in ("bias", *FEATURES)
            }
            for parts, values in section.get("weights", {}).items()
        }
        return cls(curves, weights, float(section.get("short_bonus", SHORT_EXACT_BONUS)))

    def weights_of(self, parts: tuple[str, ...]) -> Mapping[str, float]:
        """Weights for a set of parts; the default's, shared out anew, where none were fitted."""
        fitted = self.weights.get("+".join(parts))
        if fitted is not None:
            return fitted
        share = sum(DEFAULT_WEIGHTS[part] for part in parts) / sum(
            DEFAULT_WEIGHTS[part] for part in PARTS
        )
        scale = 1.0 / max(share, 0.25) ** 0.5
        return {
            feature: value if feature == "bias" else value * scale
            for feature, value in DEFAULT_WEIGHTS.items()
            if feature == "bias" or part_of(feature) in parts
        }


def part_of(feature: str) -> str:
    """The part that a feature comes from."""
    return "lexical" if feature == "exact" else feature.removesuffix("_relative")


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Logistic function, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * values))


def features(raw: RawParts) -> dict[str, np.ndarray]:
    """Features of the regression; relative ones are the distance to the best candidate, <= 0."""
    made: dict[str, np.ndarray] = {"exact": np.nan_to_num(raw.exact).astype(np.float64)}
    for name in PARTS:
        values = raw.part(name).astype(np.float64)
        known = values[~np.isnan(values)]
        made[name] = values
        made[f"{name}_relative"] = values - (known.max() if len(known) else 0.0)
    return made


def calibrated(raw: RawParts, calibration: Calibration) -> dict[str, np.ndarray]:
    """Each part in 0..1, NaN where absent."""
    result = {}
    for name in PARTS:
        slope, offset = calibration.curves[name]
        values = raw.part(name).astype(np.float64)
        curve = sigmoid(slope * values + offset)
        if name == "lexical":
            curve = np.where(values == 0.0, 0.0, curve)
        result[name] = curve
    return result


def fuse(
    raw: RawParts, calibration: Calibration, *, short: float, foreign: np.ndarray
) -> np.ndarray:
    """Fused scores.

    Args:
        raw: Raw parts of N candidates.
        calibration: Parameters.
        short: 0..1, how much the question is a bare word.
        foreign: Candidates in another language than the question, bool ``[N]``. Their words cannot
            match, so no match is no evidence against them.

    Returns:
        float64 ``[N]`` in 0..1.
    """
    made = features(raw)
    present = np.stack([~np.isnan(raw.part(name)) for name in PARTS])
    logits = _logits(made, present, calibration, short)
    # A foreign passage is judged without the words too, and keeps the better of the two.
    without = present & ~(np.array([[name == "lexical"] for name in PARTS]) & foreign)
    logits = np.maximum(logits, _logits(made, without, calibration, short))
    return sigmoid(logits + calibration.short_bonus * short * made["exact"])


def _logits(
    made: Mapping[str, np.ndarray], present: np.ndarray, calibration: Calibration, short: float
) -> np.ndarray:
    logits = np.full(present.shape[1], -np.inf)
    for taken in np.unique(present, axis=1).T:
        names = tuple(name for name, here in zip(PARTS, taken, strict=True) if here)
        rows = (present == taken[:, None]).all(axis=0)
        if names:
            logits[rows] = _logit(made, names, calibration, short)[rows]
    return logits


def _logit(
    made: Mapping[str, np.ndarray],
    parts: tuple[str, ...],
    calibration: Calibration,
    short: float,
) -> np.ndarray:
    weights = calibration.weights_of(parts)
    total = np.full(len(made["exact"]), weights["bias"])
    for feature in FEATURES:
        part = part_of(feature)
        if part in parts and weights.get(feature):
            # With no words to go by, meaning and attention are all there is.
            damped = part != "lexical" and "lexical" in parts
            weight = weights[feature] * (1.0 - SHORT_DAMPING * short if damped else 1.0)
            total = total + weight * made[feature]
    return total
