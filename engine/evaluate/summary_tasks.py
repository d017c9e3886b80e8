"""Summaries compared with people's: every way chooses among the same sentences of a document.

Each is given the same budget of characters, and returns as many of its best sentences as fit, at
least one, in order of the document.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.evaluate.baselines import lead
from engine.evaluate.rouge import rouge_n, units
from engine.evaluate.set_documents import Model
from engine.passages.passages import split_passages
from engine.progress import CancelToken, Job
from engine.records import Document, Encoding, Passage, QueryEncoding, Span
from engine.summary.extract import extract

# The n of ROUGE-n.
ORDERS = (1, 2)

Way = Callable[["Task", int], list[Span]]
# Values of each task by n.
Scores = dict[int, list[float]]


@dataclass(frozen=True, slots=True)
class Task:
    """A text to be summarised and what a person wrote.

    Attributes:
        text: The text.
        passages: Its passages.
        encoding: Its analysis.
        query: The question, or None.
        reference: The summary to compare with.
    """

    text: str
    passages: tuple[Passage, ...]
    encoding: Encoding
    query: QueryEncoding | None
    reference: str

    @property
    def sentences(self) -> list[Span]:
        """Sentences that may be chosen."""
        return [span for one in self.passages if one.kind != "heading" for span in one.sentences]


def product(task: Task, count: int) -> list[Span]:
    """The product's summary of ``count`` sentences."""
    made = extract(task.text, task.passages, task.encoding, task.query, count, None)
    return [(one.start, one.end) for one in made.sentences]


def leading(task: Task, count: int) -> list[Span]:
    """The first ``count`` sentences."""
    return lead(task.sentences, count)


def within(task: Task, budget: int, way: Way) -> str:
    """The longest summary of a way that has at most ``budget`` characters, or one sentence."""

    def summary(count: int) -> list[str]:
        return [task.text[start:end] for start, end in way(task, count)]

    low, high = 1, len(task.sentences)
    while low < high:
        middle = (low + high + 1) // 2
        made = summary(middle)
        if sum(map(len, made)) <= budget:
            if len(made) < middle:
                return "\n".join(made)
            low = middle
        else:
            high = middle - 1
    return "\n".join(summary(low))


def read_task(
    encoder: Model, document: Document, reference: str, question: str, cancel: CancelToken
) -> Job[Task]:
    """Cut and encode a document as the product does.

    Args:
        encoder: The model.
        document: The document.
        reference: What a person wrote.
        question: What it is about; empty for the whole document.
        cancel: Stops the work.

    Raises:
        engine.errors.Cancelled: ``cancel`` was set.
    """
    passages = split_passages(document)
    encoding = yield from encoder.encode(
        document.text,
        [(one.start, one.end) for one in passages],
        [span for one in passages for span in one.sentences],
        cancel=cancel,
        fidelity_sample=0,
    )
    query = encoder.encode_query(question) if question else None
    return Task(document.text, passages, encoding, query, reference)


def score(tasks: Iterable[tuple[Task, int]], ways: Mapping[str, Way]) -> dict[str, Scores]:
    """ROUGE-1 and ROUGE-2, F1 in 0..1, of each way on each task.

    Args:
        tasks: Each with the characters that its summaries may have.
        ways: By name.
    """
    values: dict[str, Scores] = {name: {n: [] for n in ORDERS} for name in ways}
    for task, budget in tasks:
        reference = units(task.reference)
        for name, way in ways.items():
            made = units(within(task, budget, way))
            for n in ORDERS:
                values[name][n].append(rouge_n(made, reference, n))
    return values
