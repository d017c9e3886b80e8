"""Summaries against people's (extra ``bench``).

Two measures. Whole documents: the introduction of a held-out document is taken out, the rest is
read as the product reads a document, and its summary is compared with the introduction. Questions:
what is said about a question in a meeting (QMSum), compared with the answer that a person wrote.

Every way is given the same sentences, those of the product's splitter without headings, and the
same budget of characters: it returns as many of its best sentences as fit, at least one, in order
of the document. Beside the product's stand the leading sentences (Lead), and LexRank and TextRank
as the package sumy has them, over words (English, without stop words) or over pairs of characters
(Japanese runs of kanji and katakana, whose words have no borders; every pair without such).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.evaluate.baselines import lead, ranked
from engine.evaluate.collection import spread
from engine.evaluate.figures import Figure
from engine.evaluate.retrieval import difference, estimate
from engine.evaluate.rouge import rouge_n, units
from engine.evaluate.set_documents import lay_out
from engine.evaluate.set_rows import Part, SetDocument
from engine.model.encoder import Encoder
from engine.passages.passages import split_passages
from engine.progress import CancelToken, run
from engine.records import Encoding, Passage, QueryEncoding, Span
from engine.summary.extract import extract
from engine.training.corpus import Question, Section
from engine.training.splits import Split

# Characters of a summary: the mean length of the references among the training documents.
BUDGETS = {"ja": 500, "en": 750, "qmsum": 400}
SHORTEST_INTRODUCTION = 60
FEWEST_SECTIONS = 6
LEAST_BODY = 1500
# sumy compares every sentence with every other.
MOST_BODY = 30_000

Way = Callable[["Task", int], list[Span]]


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


def within(task: Task, budget: int, way: Way) -> str:
    """The longest summary of a way that has at most ``budget`` characters."""

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


def suitable(sections: Sequence[Section]) -> bool:
    """Whether a document has an introduction and enough below it."""
    if len(sections) < 2:
        return False
    body = sum(len(section.text) for section in sections[1:])
    large = len(sections) > FEWEST_SECTIONS or body >= LEAST_BODY
    return large and body <= MOST_BODY and len(sections[0].text) >= SHORTEST_INTRODUCTION


def document_task(sections: Sequence[Section], encoder: Encoder) -> Task:
    """A document without its first section, which is the reference."""
    parts = tuple(
        Part(str(place), section.text, tuple(section.heading_path.split(" > ")))
        for place, section in enumerate(sections[1:])
    )
    return _task(sections[0].title, parts, sections[0].text, "", encoder)


def question_task(item: Question, encoder: Encoder) -> Task:
    """What was said in a meeting, and what a person says it says about the question."""
    return _task(item.title, (Part("0", item.context),), item.answer, item.question, encoder)


def _task(
    title: str, parts: tuple[Part, ...], reference: str, question: str, encoder: Encoder
) -> Task:
    document, _ = lay_out(SetDocument(title, title, parts, True))
    passages = split_passages(document)
    encoding = run(
        encoder.encode(
            document.text,
            [(one.start, one.end) for one in passages],
            [span for one in passages for span in one.sentences],
            cancel=CancelToken(),
            fidelity_sample=0,
        )
    )
    query = encoder.encode_query(question) if question else None
    return Task(document.text, passages, encoding, query, reference)


def score(
    tasks: Iterator[Task], budget: int, ways: Mapping[str, Way]
) -> dict[str, dict[int, list[float]]]:
    """ROUGE-1 and ROUGE-2 of each way on each task."""
    values: dict[str, dict[int, list[float]]] = {name: {1: [], 2: []} for name in ways}
    for task in tasks:
        reference = units(task.reference)
        for name, way in ways.items():
            made = units(within(task, budget, way))
            for n in (1, 2):
                values[name][n].append(rouge_n(made, reference, n))
    return values


def measure(split: Split, encoder: Encoder, *, most: int | None = None) -> list[Figure]:
    """ROUGE of summaries of held-out documents and meetings, beside Lead, LexRank and TextRank.

    The target is the best of the three. ``beside`` also gives the lower end of the interval of
    the difference to it, over the same documents.

    Args:
        split: The corpus, split.
        encoder: The model with its pack.
        most: At most so many documents of each kind, evenly taken; all if None.
    """
    meetings = [item for item in split.dev_english if item.title.startswith("qmsum")]
    sides = {
        "en": [english for english, _ in split.dev_documents if suitable(english)],
        "ja": [japanese for _, japanese in split.dev_documents if suitable(japanese)],
    }
    found: list[Figure] = []
    for language, documents in sides.items():
        tasks = (document_task(one, encoder) for one in spread(documents, most))
        name = "Japanese" if language == "ja" else "English"
        found += _figures(f"Summaries of {name} documents", tasks, BUDGETS[language])
    tasks = (question_task(item, encoder) for item in spread(meetings, most))
    return found + _figures("Summaries for questions, QMSum", tasks, BUDGETS["qmsum"])


def _figures(name: str, tasks: Iterator[Task], budget: int) -> list[Figure]:
    ways: dict[str, Way] = {
        "product": product,
        "Lead": lambda task, count: lead(task.sentences, count),
        "LexRank": lambda task, count: ranked("lexrank", task.text, task.sentences, count),
        "TextRank": lambda task, count: ranked("textrank", task.text, task.sentences, count),
    }
    values = score(tasks, budget, ways)
    found = []
    for n in (1, 2):
        own = values["product"]
        beside = {way: estimate(held[n]).mean for way, held in values.items() if way != "product"}
        best = max(beside, key=lambda way: beside[way])
        target = beside[best]
        beside[f"above {best}, low"] = difference(own[n], values[best][n]).low
        found.append(
            Figure.of(f"{name}: ROUGE-{n}", estimate(own[n]), target=target, beside=beside)
        )
    return found
