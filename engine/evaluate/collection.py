"""Collections of judged questions over documents in memory, for calibration and figures."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.model.encoder import Encoder
from engine.passages.passages import split_passages
from engine.progress import CancelToken, run
from engine.records import (
    Document,
    DocumentId,
    Encoding,
    Page,
    Passage,
    PassageId,
    RevisionId,
    Unit,
)
from engine.search.index import Index, IndexedRevision, TokenArrays
from engine.search.lexical import MemoryPostings
from engine.search.lexical_terms import passage_terms
from engine.training.contexts import read_collections
from engine.training.corpus import Question, Section

SAME_LANGUAGE, OTHER_LANGUAGE = "same_language", "other_language"
PARAPHRASE = "paraphrase"
# Sentences of one meaning by their annotators, that share few pairs of characters.
SAME_MEANING = 3.8
FEW_SHARED = 0.2
SENTENCES_PER_DOCUMENT = 40
SECTION_LENGTH = 600
SHORTEST_QUERY = 8


@dataclass(frozen=True, slots=True)
class Judged:
    """A question of a group with the rows of the passages that answer it."""

    group: str
    query: str
    relevant: frozenset[int]


@dataclass(frozen=True, slots=True)
class Collection:
    """A scope with judged questions."""

    index: Index
    postings: MemoryPostings
    questions: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A document to be built and its questions as ``(query, first, last)`` spans of its text."""

    group: str
    document: Document
    questions: tuple[tuple[str, int, int], ...]


def build(sources: Sequence[Source], encoder: Encoder) -> Collection:
    """Split, encode and index documents as the library does, all in one scope.

    Questions of one group thus have the documents of the others around them. A passage is relevant
    if it overlaps the span that answers the question.
    """
    revisions, terms = [], {}
    judged: list[tuple[Source, int, str, int, int]] = []
    count = 0
    for number, source in enumerate(sources, start=1):
        document = source.document
        passages = split_passages(document)
        encoding = _encode(encoder, document.text, passages)
        ids = tuple(PassageId(count + i) for i in range(len(passages)))
        count += len(passages)
        for passage_id, passage in zip(ids, passages, strict=True):
            body = document.text[passage.start : passage.end]
            terms[passage_id] = passage_terms(body, passage.heading_path)
        tokens = TokenArrays(
            encoding.token_spans, encoding.token_vectors, encoding.block_summaries, encoding.block
        )
        revisions.append(
            IndexedRevision(
                DocumentId(number),
                RevisionId(number),
                document.title,
                passages,
                ids,
                encoding.passage_vectors,
                lambda text=document.text: text,
                lambda tokens=tokens: tokens,
            )
        )
        judged += [(source, number - 1, *question) for question in source.questions]
    index = Index(revisions)
    questions = []
    for source, position, query, first, last in judged:
        start = int(index.starts[position])
        relevant = frozenset(
            start + at
            for at, passage in enumerate(index.revisions[position].passages)
            if passage.start < last and passage.end > first
        )
        if relevant:
            questions.append(Judged(source.group, query, relevant))
    return Collection(index, MemoryPostings(terms), tuple(questions))


def _encode(encoder: Encoder, text: str, passages: Sequence[Passage]) -> Encoding:
    return run(
        encoder.encode(
            text,
            [(passage.start, passage.end) for passage in passages],
            [span for passage in passages for span in passage.sentences],
            cancel=CancelToken(),
            fidelity_sample=0,
        )
    )


def document_of(title: str, parts: Iterable[tuple[str, str]]) -> Document:
    """A document made of ``(kind, text)`` parts, each a unit; kinds are ``heading``, ``line``."""
    text, units = "", []
    for kind, part in parts:
        start = len(text)
        text += part + "\n"
        if kind == "heading":
            units.append(Unit(start, start + len(part), "heading", level=1))
        else:
            units.append(Unit(start, start + len(part), "paragraph"))
    return Document(
        "text",
        title,
        text,
        (Page(1, 0, len(text)),),
        tuple(units),
        None,
        hashlib.sha256(text.encode()).hexdigest(),
        len(text.encode()),
    )


def question_sources(questions: Sequence[Question]) -> list[Source]:
    """One document a title, its contexts as paragraphs; the answer's place is the right one."""
    titles: dict[str, dict[str, list[Question]]] = {}
    for item in questions:
        titles.setdefault(item.title, {}).setdefault(item.context, []).append(item)
    sources = []
    for title, contexts in titles.items():
        parts = [("heading", title), *(("line", context) for context in contexts)]
        spans: list[tuple[str, int, int]] = []
        start = len(title) + 1
        for context, asked in contexts.items():
            for item in asked:
                at = context.find(item.answer) if item.answer else -1
                if at >= 0:
                    spans.append((item.question, start + at, start + at + len(item.answer)))
            start += len(context) + 1
        sources.append(Source(SAME_LANGUAGE, document_of(title, parts), tuple(spans)))
    return sources


def paired_sources(pairs: Sequence[tuple[list[Section], list[Section]]]) -> list[Source]:
    """Documents asked in the other language, by turns a Japanese and an English version.

    A question is the heading path of the other version's section; right is any passage of the
    section. Documents in the question's own language stand beside it as distraction.
    """
    sources = []
    for number, (english, japanese) in enumerate(pairs):
        shown, asked = (japanese, english) if number % 2 == 0 else (english, japanese)
        parts: list[tuple[str, str]] = []
        spans: list[tuple[str, int, int]] = []
        start = 0
        for section, other in zip(shown, asked, strict=True):
            start += len(section.heading) + 1
            text = section.text[:SECTION_LENGTH].strip()
            query = other.heading_path.replace(" > ", " ")
            if text and len(query) >= SHORTEST_QUERY:
                spans.append((query, start, start + len(text)))
            start += len(text) + 1
            parts += [("heading", section.heading), ("line", text)]
        sources.append(Source(OTHER_LANGUAGE, document_of(shown[0].title, parts), tuple(spans)))
    return sources


def paraphrase_sources(path: Path, most: int) -> list[Source]:
    """Sentences asked for by paraphrases of them that share few words with them.

    Args:
        path: Sentence pairs with a score of similarity in 0..5, JSON lines, gzip: JSTS.
        most: At most so many sentences.
    """
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    pairs = [row for row in rows if row["score"] is not None and row["score"] >= SAME_MEANING]
    pairs.sort(key=lambda row: _shared(row["sentence1"], row["sentence2"]) >= FEW_SHARED)
    distinct = {row["sentence2"]: row for row in reversed(pairs[:most])}
    shown = sorted(distinct.values(), key=lambda row: row["sentence2"])
    sources = []
    for number, first in enumerate(range(0, len(shown), SENTENCES_PER_DOCUMENT)):
        parts: list[tuple[str, str]] = []
        spans: list[tuple[str, int, int]] = []
        start = 0
        for place, row in enumerate(shown[first : first + SENTENCES_PER_DOCUMENT], start=1):
            text, heading = row["sentence2"], f"第{place}図"
            start += len(heading) + 1
            if _shared(row["sentence1"], text) < FEW_SHARED:
                spans.append((row["sentence1"], start, start + len(text)))
            start += len(text) + 1
            parts += [("heading", heading), ("line", text)]
        sources.append(Source(PARAPHRASE, document_of(f"図集{number}", parts), tuple(spans)))
    return sources


def _shared(first: str, second: str) -> float:
    """Share of the character pairs of two texts that both hold."""
    one, two = ({text[at : at + 2] for at in range(len(text) - 1)} for text in (first, second))
    return len(one & two) / max(len(one | two), 1)


def held_out(
    corpus: Path, *, documents: int, dev_documents: int, dev_contexts: int, seed: int
) -> tuple[list[Question], list[tuple[list[Section], list[Section]]]]:
    """The questions and document pairs that training with these settings has not seen."""
    found = read_collections(corpus, documents, dev_documents, dev_contexts, seed)
    return found.dev_questions, found.dev_pairs


def spread(items: Sequence[Judged], most: int) -> list[Judged]:
    """At most ``most`` questions, evenly taken."""
    if len(items) <= most:
        return list(items)
    return [items[int(at)] for at in np.linspace(0, len(items) - 1, most)]
