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

from engine.evaluate.collection import spread
from engine.evaluate.figures import Figure
from engine.evaluate.marks import (
    HIGHLIGHTS,
    LEXICAL_SENTENCE,
    LEXICAL_WORDS,
    Case,
    likeliest,
    marked_f1,
    marks_f1,
)
from engine.evaluate.set_documents import encode_whole, lay_out
from engine.evaluate.set_rows import Part, SetDocument
from engine.model.encoder import Encoder
from engine.passages.passages import split_passages
from engine.progress import CancelToken, run
from engine.records import (
    Document,
    DocumentId,
    Passage,
    PassageId,
    RevisionId,
    Span,
)
from engine.search.index import Index, IndexedRevision
from engine.search.lexical import match_spans
from engine.training.corpus import Question
from engine.training.splits import Split

MARGIN = 0.10
# Longer contexts hold their answers somewhere in a whole meeting or story.
LONGEST_CONTEXT = 6000


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
    texts = {row: text[passages[row].start : passages[row].end] for row in found}
    row = likeliest(texts, item.question)
    return row, tuple(found[row])


def measure(split: Split, encoder: Encoder, *, most: int | None = None) -> list[Figure]:
    """F1 of highlights on held-out questions, Japanese and English.

    Args:
        split: The corpus, split.
        encoder: The model with its pack.
        most: At most so many questions of each, evenly taken; all if None.
    """
    english = [item for item in split.dev_english if not item.title.startswith("qmsum")]
    return [
        *_figure("Highlights: F1 with answers, JaQuAD", split.dev_questions, encoder, most),
        *_figure("Highlights: F1 with answers, FairytaleQA", english, encoder, most),
    ]


def _figure(
    name: str, questions: Sequence[Question], encoder: Encoder, most: int | None
) -> list[Figure]:
    table = encoder.pack.highlights
    held = marks_f1([marked_f1(case, table) for case in cases(spread(questions, most), encoder)])
    if not held:
        return []
    beside = {way: one.mean for way, one in held.items() if way != HIGHLIGHTS}
    target = max(beside[LEXICAL_WORDS], beside[LEXICAL_SENTENCE]) + MARGIN
    return [Figure.of(name, held[HIGHLIGHTS], target=target, beside=beside)]
