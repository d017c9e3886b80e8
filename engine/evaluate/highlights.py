"""Highlights against human answers.

A held-out question is asked of the passage that holds its answer, as the library splits and encodes
the document, and what the window would mark there is compared with the answer, character by
character. The corpus does not tell which of several occurrences of an answer is meant: the passage
is the one with most of the question's pairs of characters, and within it the occurrence that suits
the marks best counts, for every way of marking alike.

Beside it stand two lexical ways: the question's words as search marks them, and, stronger, the
sentence that holds most of them. The target is 10 points above the better of the two. Two more say
what the model does without the rest: what its pointers point at, and what its tokens attend to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluate.collection import spread
from engine.evaluate.figures import Figure
from engine.evaluate.retrieval import estimate
from engine.evaluate.set_documents import encode_whole, lay_out
from engine.evaluate.set_rows import Part, SetDocument
from engine.explain.highlights import highlights
from engine.model.encoder import Encoder
from engine.passages.passages import split_passages
from engine.progress import CancelToken, run
from engine.records import (
    Document,
    DocumentId,
    Passage,
    PassageId,
    QueryEncoding,
    RevisionId,
    Span,
)
from engine.search.answer_features import pointer_attention
from engine.search.answer_passages import passage_marks, read_passage
from engine.search.answering import SHARE
from engine.search.attention import passage_attention, segments
from engine.search.index import Index, IndexedRevision
from engine.search.lexical import match_spans
from engine.training.corpus import Question
from engine.training.splits import Split

MARGIN = 0.10
# Longer contexts hold their answers somewhere in a whole meeting or story.
LONGEST_CONTEXT = 6000


@dataclass(frozen=True, slots=True)
class Case:
    """A question with the passage that answers it.

    Attributes:
        query: The question.
        index: Scope that holds the passage.
        row: The passage.
        answers: Where the answer stands in the passage's text, one span an occurrence.
        echoes: Where the passage repeats words of the question.
        title: Document of the question.
    """

    query: QueryEncoding
    index: Index
    row: int
    answers: tuple[Span, ...]
    echoes: tuple[Span, ...]
    title: str

    @property
    def text(self) -> str:
        """The passage's text."""
        return self.index.passage_text(self.row)


def cases(questions: Sequence[Question], encoder: Encoder) -> Iterator[Case]:
    """Encode the documents of questions, one a title, and pair each question with its passage.

    Questions whose answer does not stand word for word in one passage are left out.
    """
    titles: dict[str, dict[str, list[Question]]] = {}
    for item in questions:
        if len(item.context) <= LONGEST_CONTEXT:
            titles.setdefault(item.title, {}).setdefault(item.context, []).append(item)
    for title, contexts in titles.items():
        parts = tuple(Part(str(place), context, (title,)) for place, context in enumerate(contexts))
        document, spans = lay_out(SetDocument(title, title, parts, True))
        passages = split_passages(document)
        index = _index(encoder, document, passages)
        for place, asked in enumerate(contexts.values()):
            for item in asked:
                found = _answered(item, document.text, passages, spans[str(place)])
                if found is not None:
                    row, answers = found
                    echoes = tuple(match_spans(item.question, index.passage_text(row)))
                    query = encoder.encode_query(item.question)
                    yield Case(query, index, row, answers, echoes, title)


def _index(encoder: Encoder, document: Document, passages: tuple[Passage, ...]) -> Index:
    vectors, tokens = run(encode_whole(encoder, document.text, passages, CancelToken()))
    revision = IndexedRevision(
        DocumentId(1),
        RevisionId(1),
        "",
        passages,
        tuple(PassageId(place) for place in range(len(passages))),
        vectors,
        lambda: document.text,
        lambda: tokens,
    )
    return Index([revision])


def _answered(
    item: Question, text: str, passages: Sequence[Passage], span: Span
) -> tuple[int, tuple[Span, ...]] | None:
    """Row of the passage that answers and the places in its text."""
    found: dict[int, list[Span]] = {}
    at = text.find(item.answer, *span) if item.answer.strip() else -1
    while at >= 0:
        end = at + len(item.answer)
        for row, passage in enumerate(passages):
            if passage.start <= at and end <= passage.end:
                found.setdefault(row, []).append((at - passage.start, end - passage.start))
        at = text.find(item.answer, at + 1, span[1])
    if not found:
        return None
    wanted = _pairs(item.question)

    def shared(row: int) -> int:
        return len(wanted & _pairs(text[passages[row].start : passages[row].end]))

    row = max(found, key=lambda row: (shared(row), -row))
    return row, tuple(found[row])


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
    return [max(spans, key=lambda span: int(cells[span[0] : span[1]].sum()))]


def shown(case: Case, spans: np.ndarray, weights: np.ndarray) -> list[Span]:
    """What the window marks in the passage."""
    passage, text = case.index.passage(case.row), case.index.text(0)
    marked = highlights(text, passage.start, passage.end, spans, weights)
    return [(start - passage.start, end - passage.start) for start, end, _ in marked]


def pointed(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """What the model alone points at: tokens of the passage and their weights."""
    tokens = case.index.tokens(0)
    assert tokens is not None
    first, last = segments(case.index, np.array([case.row]), tokens)[0]
    vectors = tokens.vectors[first:last] / np.float32(127.0)
    drawn = pointer_attention(case.query, vectors)
    return tokens.spans[first:last], np.where(drawn >= SHARE * drawn.max(), drawn, 0.0)


def measure(split: Split, encoder: Encoder, *, most: int | None = None) -> list[Figure]:
    """F1 of highlights on held-out questions, Japanese and English.

    Args:
        split: The corpus, split.
        encoder: The model with its pack.
        most: At most so many questions of each, evenly taken; all if None.
    """
    english = [item for item in split.dev_english if not item.title.startswith("qmsum")]
    return [
        _figure("Highlights: F1 with answers, JaQuAD", split.dev_questions, encoder, most),
        _figure("Highlights: F1 with answers, FairytaleQA", english, encoder, most),
    ]


def _figure(name: str, questions: Sequence[Question], encoder: Encoder, most: int | None) -> Figure:
    values: dict[str, list[float]] = {
        "highlights": [],
        "pointers alone": [],
        "attention alone": [],
        "lexical words": [],
        "lexical sentence": [],
    }
    table = encoder.pack.highlights
    for case in cases(spread(questions, most), encoder):
        query, index, row = case.query, case.index, case.row
        reading = read_passage(query, index, row, case.echoes)
        ways = {
            "highlights": shown(case, *passage_marks(query, index, row, reading, table)),
            "pointers alone": shown(case, *pointed(case)),
            "attention alone": shown(case, *passage_attention(query, index, row)),
            "lexical words": case.echoes,
            "lexical sentence": lexical_sentence(case),
        }
        for way, marked in ways.items():
            values[way].append(overlap_f1(marked, case.answers, len(case.text)))
    beside = {way: estimate(held).mean for way, held in values.items() if way != "highlights"}
    target = max(beside["lexical words"], beside["lexical sentence"]) + MARGIN
    return Figure.of(name, estimate(values["highlights"]), target=target, beside=beside)
