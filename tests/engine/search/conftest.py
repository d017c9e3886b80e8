"""Documents as search sees them, with vectors that a table of words decides."""

import hashlib
from typing import Literal, NamedTuple

import numpy as np
import pytest

from engine.progress import CancelToken
from engine.records import (
    DocumentId,
    Passage,
    PassageId,
    QueryEncoding,
    RevisionId,
    SearchSettings,
)
from engine.search.candidates import gather
from engine.search.designations import designated
from engine.search.index import Index, IndexedRevision, MeaningVectors, TokenArrays
from engine.search.lexical import MemoryPostings, passage_terms
from engine.search.lexical_query import query_terms
from engine.search.pipeline import search
from engine.search.question import put

WIDTH = 64

# Words that mean the same share a direction; everything else is far from everything.
SENSES = {
    "締付": "tighten",
    "tightening": "tighten",
    "増し締め": "tighten",
    "トルク": "torque",
    "torque": "torque",
    "回転力": "torque",
    "洗浄": "wash",
    "塗装": "paint",
    "保管": "store",
    "倉庫": "store",
}


def direction(sense):
    seed = int.from_bytes(hashlib.sha256(sense.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=WIDTH)
    return vector / np.linalg.norm(vector)


def tokens_of(text):
    """Words of the table, and the other characters two by two."""
    spans, position = [], 0
    while position < len(text):
        word = next((word for word in SENSES if text.startswith(word, position)), None)
        end = position + (len(word) if word else 2)
        end = min(end, len(text))
        spans.append((position, end))
        position = end
    vectors = [direction(SENSES.get(text[start:end], text[start:end])) for start, end in spans]
    return np.array(spans, np.int32).reshape(-1, 2), np.array(vectors, np.float32)


def meaning(text):
    senses = [direction(sense) for word, sense in SENSES.items() if word in text]
    total = np.sum(senses, axis=0) if senses else direction(text)
    return (total / np.linalg.norm(total)).astype(np.float32)


def encode(query):
    spans, vectors = tokens_of(query)
    even = np.full(len(spans), 1 / max(len(spans), 1), np.float32)
    return QueryEncoding(query, spans, vectors, meaning(query), even, vectors, even)


class Part(NamedTuple):
    """A passage below headings, or a row."""

    text: str
    headings: tuple[str, ...] = ()
    kind: Literal["text", "row"] = "text"


class Scope:
    """Documents, each a list of passages or of their texts, as search sees them."""

    def __init__(self, *documents, analysed=True, names=None):
        self.revisions, terms = [], {}
        for number, parts in enumerate(documents, start=1):
            parts = [Part(part) if isinstance(part, str) else part for part in parts]
            text, passages = "", []
            for ordinal, part in enumerate(parts):
                start, end = len(text), len(text) + len(part.text)
                text += part.text + "\n"
                passages.append(
                    Passage(ordinal, start, end, part.kind, part.headings, ((start, end),))
                )
            ids = tuple(PassageId(number * 1000 + i) for i in range(len(parts)))
            terms |= {
                one: passage_terms(part.text, part.headings)
                for one, part in zip(ids, parts, strict=True)
            }
            spans, vectors = tokens_of(text)
            arrays = TokenArrays(
                spans,
                np.round(vectors * 127).astype(np.int8),
                np.array(
                    [vectors[at : at + 64].mean(axis=0) for at in range(0, len(vectors), 64)]
                ).astype(np.float16),
                64,
            )
            each = np.array([meaning(part.text) for part in parts], np.float16)
            meanings = MeaningVectors(each, each)
            self.revisions.append(
                IndexedRevision(
                    DocumentId(number),
                    RevisionId(number),
                    names[number - 1] if names else "",
                    tuple(passages),
                    ids,
                    meanings if analysed else None,
                    lambda text=text: text,
                    (lambda arrays=arrays: arrays) if analysed else None,
                )
            )
        self.postings = MemoryPostings(terms)

    def designated(self, query):
        """Texts of the passages of what goes by each number of a question."""
        index, question = Index(self.revisions), put(query, query_terms, None)
        found = designated(question.designations, index, self.postings)
        return {
            number: [index.passage_text(int(row)) for row in np.flatnonzero(held)]
            for number, held in found.items()
        }

    def gather(self, query):
        index = Index(self.revisions)
        question = put(query, query_terms, encode)
        return gather(question, SearchSettings(), index, self.postings, CancelToken())

    def search(self, query, settings=None, *, model=True, cancel=None, marking=None):
        return search(
            query,
            settings or SearchSettings(),
            Index(self.revisions),
            self.postings,
            encode if model else None,
            {},
            cancel,
            marking=marking,
        )


@pytest.fixture(scope="session")
def scope_of():
    """Makes a scope of documents, see ``Scope``."""
    return Scope


@pytest.fixture
def scope():
    return Scope(
        [
            "カバーの締付トルクは12.5 N·mとし、対角の順に締める。",
            "洗浄液は毎週月曜日に交換する。",
            "塗装の前に部品AB-1234の油分を拭き取る。",
        ],
        ["完成品は乾いた倉庫に置く。", "洗浄の後は水分を残さない。", "完成品は乾いた倉庫に置く。"],
    )
