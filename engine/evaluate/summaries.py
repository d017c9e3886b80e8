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

from collections.abc import Iterator, Sequence

from engine.evaluate.baselines import ranked
from engine.evaluate.collection import spread
from engine.evaluate.figures import Figure
from engine.evaluate.retrieval import difference, estimate
from engine.evaluate.set_documents import lay_out
from engine.evaluate.set_rows import Part, SetDocument
from engine.evaluate.summary_tasks import ORDERS, Task, Way, leading, product, read_task, score
from engine.model.encoder import Encoder
from engine.progress import CancelToken, run
from engine.training.corpus import Question, Section
from engine.training.splits import Split

# Characters of a summary: the mean length of the references among the training documents.
BUDGETS = {"ja": 500, "en": 750, "qmsum": 400}
SHORTEST_INTRODUCTION = 60
FEWEST_SECTIONS = 6
LEAST_BODY = 1500
# sumy compares every sentence with every other.
MOST_BODY = 30_000


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
    made = read_task(encoder, document, reference, question, CancelToken())
    return run(made)


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
        "Lead": leading,
        "LexRank": lambda task, count: ranked("lexrank", task.text, task.sentences, count),
        "TextRank": lambda task, count: ranked("textrank", task.text, task.sentences, count),
    }
    values = score(((task, budget) for task in tasks), ways)
    own = values["product"]
    if not own[1]:
        return []
    found = []
    for n in ORDERS:
        beside = {way: estimate(held[n]).mean for way, held in values.items() if way != "product"}
        best = max(beside, key=lambda way: beside[way])
        target = beside[best]
        beside[f"above {best}, low"] = difference(own[n], values[best][n]).low
        found.append(
            Figure.of(f"{name}: ROUGE-{n}", estimate(own[n]), target=target, beside=beside)
        )
    return found
