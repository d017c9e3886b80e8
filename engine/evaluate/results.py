"""What measuring a set gives, as records and as plain values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.evaluate.retrieval import Estimate
from engine.evaluate.set_rows import Row

STAGE = "evaluate"

Measures = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of questions of one kind.

    Attributes:
        name: Their kind; empty for all of a set.
        questions: How many.
        ways: Measures by way.
        gains: What each way has over BM25, on the same questions.
        marks: F1 of what is marked in the right passage with the answer, by way of marking
            (``engine.evaluate.marks.MARKINGS``), over the questions that say where their answer
            stands; empty where none does.
    """

    name: str
    questions: int
    ways: Mapping[str, Measures]
    gains: Mapping[str, Measures]
    marks: Measures = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetResult:
    """Figures of a set.

    Attributes:
        name: Of the set.
        kind: Of the set.
        passages: Among how many passages or sentences each question's answer was looked for; of
            summaries, how many sentences their documents have in all.
        groups: All questions first, then by kind where there are several.
        ranks: Each question with the rank of its first right passage by way.
        seconds: Time taken.
    """

    name: str
    kind: str
    passages: int
    groups: tuple[Group, ...]
    ranks: tuple[tuple[str, Mapping[str, int | None]], ...]
    seconds: float

    def group(self, name: str = "") -> Group:
        """The questions of a kind; KeyError if there are none."""
        for one in self.groups:
            if one.name == name:
                return one
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class MemorySet:
    """A set whose rows are held in memory; see :class:`engine.evaluate.sets.EvaluationSet`."""

    name: str
    kind: str
    path: Path
    held: tuple[Row, ...]

    def rows(self) -> Iterator[Row]:
        """Its rows."""
        return iter(self.held)


def result_json(result: SetResult) -> dict[str, Any]:
    """A result as plain values."""
    return {
        "set": result.name,
        "kind": result.kind,
        "passages": result.passages,
        "seconds": result.seconds,
        "groups": [
            {
                "name": group.name,
                "questions": group.questions,
                "ways": {way: _estimates(held) for way, held in group.ways.items()},
                "over_bm25": {way: _estimates(held) for way, held in group.gains.items()},
                **_marks(group.marks),
            }
            for group in result.groups
        ],
        "ranks": [{"question": query, **ranks} for query, ranks in result.ranks],
    }


def _marks(marks: Measures) -> dict[str, Any]:
    if not marks:
        return {}
    questions = next(iter(marks.values())).questions
    return {"highlight_questions": questions, "highlight_f1": _estimates(marks)}


def _estimates(held: Measures) -> dict[str, list[float]]:
    return {
        name: [round(value, 4) for value in (one.mean, one.low, one.high)]
        for name, one in held.items()
    }
