"""Documents of evaluation sets: laid out from their parts and encoded."""

import hashlib
from collections.abc import Sequence
from itertools import takewhile
from typing import Protocol

import numpy as np

from engine.evaluate.set_rows import SetDocument
from engine.model.encoder import block_summaries
from engine.model.outline import Reads, read_headings
from engine.model.pack import Pack
from engine.passages.sentences import split_sentences
from engine.progress import CancelToken, Job
from engine.records import Document, Page, Passage, QueryEncoding, Span, Unit, distinct_headings
from engine.search.index import MeaningVectors, TokenArrays, by_heading


class Model(Reads, Protocol):
    """What is measured: :class:`engine.model.encoder.Encoder` or a stand-in of it."""

    @property
    def pack(self) -> Pack:
        """The pack."""
        ...

    def encode_query(self, text: str) -> QueryEncoding:
        """Encode a question."""
        ...


def encode_whole(
    encoder: Model, text: str, passages: Sequence[Passage], cancel: CancelToken
) -> Job[tuple[MeaningVectors, TokenArrays]]:
    """Encode a document in one pass, as the library does."""
    headings = distinct_headings(passages)
    encoded = yield from encoder.encode(
        text,
        [(passage.start, passage.end) for passage in passages],
        [span for passage in passages for span in passage.sentences],
        cancel=cancel,
        fidelity_sample=0,
    )
    return (
        MeaningVectors(encoded.sentence_vectors, encoded.passage_vectors),
        TokenArrays(
            encoded.token_spans,
            encoded.token_vectors,
            encoded.block_summaries,
            encoded.block,
            by_heading(headings, *read_headings(encoder, headings, cancel)),
        ),
    )


def encode_apart(
    encoder: Model, text: str, passages: Sequence[Passage], cancel: CancelToken
) -> Job[tuple[MeaningVectors, TokenArrays]]:
    """Encode every passage on its own, as if it were a document, below its headings."""
    headings = distinct_headings(passages)
    vectors, sentences, spans, tokens = [], [], [], []
    for passage in passages:
        body = text[passage.start : passage.end]
        encoded = yield from encoder.encode(
            body,
            [(0, len(body))],
            [(start - passage.start, end - passage.start) for start, end in passage.sentences],
            cancel=cancel,
            fidelity_sample=0,
        )
        vectors.append(encoded.passage_vectors)
        sentences.append(encoded.sentence_vectors)
        spans.append(encoded.token_spans + passage.start)
        tokens.append(encoded.token_vectors)
    block = encoder.pack.config.pattern.block
    joined = np.concatenate(tokens)
    return (
        MeaningVectors(np.concatenate(sentences), np.concatenate(vectors)),
        TokenArrays(
            np.concatenate(spans).astype(np.int32),
            joined,
            block_summaries(joined / np.float32(127.0), block),
            block,
            by_heading(headings, *read_headings(encoder, headings, cancel)),
        ),
    )


def lay_out(row: SetDocument) -> tuple[Document, dict[str, Span]]:
    """A document of parts below their headings, and the span of each part."""
    lines: list[str] = []
    units: list[Unit] = []
    spans: dict[str, Span] = {}
    above: tuple[str, ...] = ()
    end = 0

    def put(line: str) -> Span:
        nonlocal end
        start, end = end, end + len(line) + 1
        lines.append(line + "\n")
        return start, end - 1

    for part in row.parts:
        pairs = zip(above, part.heading, strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        for level, heading in enumerate(part.heading[shared:], start=shared + 1):
            units.append(Unit(*put(heading), "heading", level=level))
        above = part.heading
        spans[part.id] = put(part.text)
        units.append(Unit(*spans[part.id], "paragraph"))
    text = "".join(lines)
    data = text.encode()
    digest = hashlib.sha256(data).hexdigest()
    pages = (Page(1, 0, len(text)),)
    document = Document("text", row.title, text, pages, tuple(units), None, digest, len(data))
    return document, spans


def as_given(row: SetDocument, text: str, spans: dict[str, Span]) -> tuple[Passage, ...]:
    """The parts of a document as passages."""
    return tuple(
        Passage(
            place,
            *spans[part.id],
            "text",
            part.heading,
            tuple(split_sentences(text, *spans[part.id])),
        )
        for place, part in enumerate(row.parts)
    )
