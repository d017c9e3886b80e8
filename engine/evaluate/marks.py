"""What a question marks in the passage that answers it, compared with the answer.

The marks of the product stand beside what its parts do without the rest, and beside two lexical
ways: the question's words as search marks them, and the sentence that holds most of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.evaluate.collection import Collection, Judged
from engine.evaluate.retrieval import Estimate, estimates
from engine.evaluate.set_documents import Model
from engine.explain.highlights import highlights
from engine.progress import CancelToken
from engine.records import QueryEncoding, Span
from engine.search.answer_features import pointer_attention
from engine.search.answer_passages import passage_marks, read_passage
from engine.search.answering import SHARE
from engine.search.attention import passage_attention, segments
from engine.search.index import Index
from engine.search.lexical import match_spans

HIGHLIGHTS, POINTERS, ATTENTION = "highlights", "pointers alone", "attention alone"
LEXICAL_WORDS, LEXICAL_SENTENCE = "lexical words", "lexical sentence"
MARKINGS = (HIGHLIGHTS, POINTERS, ATTENTION, LEXICAL_WORDS, LEXICAL_SENTENCE)


@dataclass(frozen=True, slots=True)
class Case:
    """A question with the passage that answers it.

    Attributes:
        query: The question.
        index: Scope that holds the passage.
        row: The passage.
        answers: Where the answer stands in the passage's text, one span an occurrence.
        echoes: Where the passage repeats words of the question.
        title: Document of the question; empty where nobody asks.
    """

    query: QueryEncoding
    index: Index
    row: int
    answers: tuple[Span, ...]
    echoes: tuple[Span, ...]
    title: str = ""

    @property
    def text(self) -> str:
        """The passage's text."""
        return self.index.passage_text(self.row)


def likeliest(texts: Mapping[int, str], question: str) -> int:
    """The passage that an answer is looked for in, of several that hold it.

    Args:
        texts: Text of each passage by its row; not empty.
        question: The question.

    Returns:
        The row whose text shares most pairs of characters with the question, the first of equals.
    """
    wanted = _pairs(question)
    return max(texts, key=lambda row: (len(wanted & _pairs(texts[row])), -row))


def _pairs(text: str) -> set[str]:
    return {text[at : at + 2] for at in range(len(text) - 1)}


def overlap_f1(marked: Sequence[Span], answers: Sequence[Span], length: int) -> float:
    """F1 of the marked characters with the occurrence of the answer that suits them best.

    Args:
        marked: Spans of the passage, in any order; they may overlap.
        answers: Occurrences of the answer.
        length: Characters of the passage.

    Source:
        DeYoung et al. 2020 (ERASER), token F1, here over characters.
    """
    cells = np.zeros(length, bool)
    for start, end in marked:
        cells[start:end] = True
    total = int(cells.sum())
    shared = [(int(cells[start:end].sum()), end - start) for start, end in answers]
    return max((2.0 * both / (total + long) for both, long in shared if both), default=0.0)


def lexical_sentence(case: Case) -> list[Span]:
    """The sentence that holds most characters of the question's words."""
    cells = np.zeros(len(case.text), np.int64)
    for start, end in case.echoes:
        cells[start:end] = 1
    passage = case.index.passage(case.row)
    spans = [(a - passage.start, b - passage.start) for a, b in passage.sentences]
    return [max(spans, key=lambda span: int(cells[span[0] : span[1]].sum()))] if spans else []


def shown(case: Case, spans: np.ndarray, weights: np.ndarray) -> list[Span]:
    """What the window marks in the passage."""
    passage, text = case.index.passage(case.row), case.index.text(case.index.revision_of(case.row))
    marked = highlights(text, passage.start, passage.end, spans, weights)
    return [(start - passage.start, end - passage.start) for start, end, _ in marked]


def pointed(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """What the model alone points at.

    Returns:
        Spans into the document's text, int32 ``[N, 2]``, and weights ``[N]``, not negative.
    """
    tokens = case.index.tokens(case.index.revision_of(case.row))
    assert tokens is not None
    first, last = segments(case.index, np.array([case.row]), tokens)[0]
    if first == last or not len(case.query.token_vectors):
        return np.empty((0, 2), np.int32), np.empty(0, np.float32)
    vectors = tokens.vectors[first:last] / np.float32(127.0)
    drawn = pointer_attention(case.query, vectors)
    return tokens.spans[first:last], np.where(drawn >= SHARE * drawn.max(), drawn, 0.0)


def marked_f1(case: Case, table: Mapping[str, Any]) -> dict[str, float]:
    """F1 with the answer by way of marking, in 0..1; ``MARKINGS`` are its keys.

    Args:
        case: The question and the passage.
        table: The pack's ``highlights`` section; may be empty.
    """
    query, index, row = case.query, case.index, case.row
    reading = read_passage(query, index, row, case.echoes)
    ways = {
        HIGHLIGHTS: shown(case, *passage_marks(query, index, row, reading, table)),
        POINTERS: shown(case, *pointed(case)),
        ATTENTION: shown(case, *passage_attention(query, index, row)),
        LEXICAL_WORDS: case.echoes,
        LEXICAL_SENTENCE: lexical_sentence(case),
    }
    return {way: overlap_f1(held, case.answers, len(case.text)) for way, held in ways.items()}


def mark(
    collection: Collection, asked: Sequence[Judged], encoder: Model, cancel: CancelToken
) -> list[dict[str, float] | None]:
    """:func:`marked_f1` of each question; None where no passage is known to hold an answer.

    Of several passages the likeliest counts, and of several answers in it the one that suits the
    marks best.

    Raises:
        engine.errors.Cancelled: ``cancel`` was set.
    """
    found: list[dict[str, float] | None] = []
    index = collection.index
    for one in asked:
        cancel.check()
        answers = dict(one.answers)
        if not answers:
            found.append(None)
            continue
        row = likeliest({at: index.passage_text(at) for at in answers}, one.query)
        echoes = tuple(match_spans(one.query, index.passage_text(row)))
        case = Case(encoder.encode_query(one.query), index, row, answers[row], echoes)
        found.append(marked_f1(case, encoder.pack.highlights))
    return found


def marks_f1(scores: Sequence[Mapping[str, float]]) -> dict[str, Estimate]:
    """Mean of each way of marking over questions; empty for no questions."""
    if not scores:
        return {}
    return estimates({way: [one[way] for one in scores] for way in MARKINGS})
