"""Figures as a report and a model card list them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.evaluate.retrieval import Estimate


@dataclass(frozen=True, slots=True)
class Figure:
    """A measurement beside what it is to reach.

    Attributes:
        name: What was measured, on what and how.
        figure: The measurement; shares are 0..1.
        low: Lower end of the 95 % interval, or None where there is none.
        high: Upper end.
        n: Questions, pairs or documents that it rests on.
        target: What it is to reach, or None.
        at_most: Whether the target is an upper bound.
        beside: The same measured in other ways, by their names.
    """

    name: str
    figure: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    target: float | None = None
    at_most: bool = False
    beside: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        held: Estimate,
        *,
        target: float | None = None,
        beside: Mapping[str, float] | None = None,
    ) -> "Figure":
        """A figure from an estimate."""
        return cls(
            name, held.mean, held.low, held.high, held.questions, target, False, beside or {}
        )

    @property
    def margin(self) -> float | None:
        """By how much the target is met; negative where it is missed."""
        if self.target is None:
            return None
        return self.target - self.figure if self.at_most else self.figure - self.target

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        # Shares are compared as they are printed, to four places.
        return None if self.margin is None else round(self.margin, 4) >= 0

    def as_json(self) -> dict[str, Any]:
        """The figure as plain values."""
        return {
            "name": self.name,
            "figure": _rounded(self.figure),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "n": self.n,
            "target": _rounded(self.target),
            "at_most": self.at_most,
            "met": self.met,
            "margin": _rounded(self.margin),
            "beside": {name: _rounded(value) for name, value in self.beside.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Figure":
        """What :meth:`as_json` wrote; every field but ``name`` and ``figure`` may be absent."""
        return cls(
            str(values["name"]),
            float(values["figure"]),
            values.get("low"),
            values.get("high"),
            int(values.get("n", 0)),
            values.get("target"),
            bool(values.get("at_most", False)),
            dict(values.get("beside", {})),
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def markdown(figures: Iterable[Figure]) -> str:
    """A table of figures for a model card."""
    lines = [
        "| Figure | Value | 95 % interval | n | Target | Beside |",
        "|---|---|---|---|---|---|",
    ]
    for one in figures:
        interval = "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
        beside = ", ".join(f"{name} {value:.3f}" for name, value in one.beside.items())
        cells = (one.name, f"{one.figure:.3f}", interval, str(one.n or ""), _verdict(one), beside)
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _verdict(one: Figure) -> str:
    if one.target is None or one.margin is None:
        return ""
    bound = f"{'at most' if one.at_most else 'at least'} {one.target:.3f}"
    return f"{bound}: met" if one.met else f"{bound}: missed by {-one.margin:.3f}"
