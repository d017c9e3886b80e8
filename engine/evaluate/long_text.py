"""Real text of any length to time the encoder on: the bundled samples, shuffled and varied."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.model.tokenizer import Tokenizer
from engine.passages import split_passages
from engine.progress import CancelToken, Job
from engine.reading.supervisor import ReaderProcess
from engine.records import Document, Span
from resources.samples import sample_paths

# A Japanese procedure and an English manual, many pages each.
_SOURCES = ("WP-HV-112", "QM-001")
_DIGIT = re.compile(r"[0-9]")
_SEED = 1


@dataclass(frozen=True, slots=True)
class LongText:
    """A text cut as the product cuts a document.

    Attributes:
        text: The text.
        passages: Spans of its passages, in order.
        sentences: Spans of their sentences, in order.
        tokens: How many tokens the pack's tokenizer makes of it.
    """

    text: str
    passages: tuple[Span, ...]
    sentences: tuple[Span, ...]
    tokens: int


def read_samples(cancel: CancelToken) -> Job[list[Document]]:
    """Read the sample documents that long texts are made of.

    Raises:
        ReadingError: One cannot be read.
        Cancelled: ``cancel`` was set.
    """
    documents = []
    with ReaderProcess() as reader:
        for path in sample_paths():
            if path.name.startswith(_SOURCES):
                documents.append((yield from reader.read(path, cancel)))
    return documents


def tokens_per_page(documents: Sequence[Document], tokenizer: Tokenizer) -> float:
    """Tokens of a page of the documents, on average."""
    tokens = sum(len(tokenizer.tokenize(document.text).ids) for document in documents)
    return tokens / sum(len(document.pages) for document in documents)


def long_text(documents: Sequence[Document], tokenizer: Tokenizer, tokens: int) -> LongText:
    """A text of at most ``tokens`` tokens, and of no fewer than 99 % of them.

    Passages of all documents follow each other in random order; when all were used they come
    again in another order, with other digits, so that no two stretches are alike.

    Args:
        documents: What :func:`read_samples` gave.
        tokenizer: Counts the tokens.
        tokens: How many to make, at least 100.

    Raises:
        ValueError: Too few tokens are asked for, or the documents have no passages.
    """
    if tokens < 100:
        raise ValueError(f"{tokens} tokens are too few for a text")
    pieces = _pieces(documents)
    parts: list[str] = []
    passages: list[Span] = []
    sentences: list[Span] = []
    length, counted = 0, 0
    # A piece on its own may have a few tokens more than within the text, never many less.
    while counted < tokens:
        piece, inner = next(pieces)
        parts.append(piece)
        passages.append((length, length + len(piece)))
        sentences += [(length + start, length + end) for start, end in inner]
        length += len(piece) + 1
        counted += len(tokenizer.tokenize(piece + "\n").ids)
    text = "\n".join(parts)
    found = tokenizer.tokenize(text)
    last = tokens
    while len(found.ids) > tokens:
        # The bytes of a rare character share its end, and a cut may change how the words before
        # it are divided: cut a token sooner until the count is right.
        text = text[: int(found.spans[last - 1, 1])]
        found = tokenizer.tokenize(text)
        last = min(last, len(found.ids)) - 1
    return LongText(text, _within(passages, text), _within(sentences, text), len(found.ids))


def _within(spans: list[Span], text: str) -> tuple[Span, ...]:
    return tuple((start, min(end, len(text))) for start, end in spans if start < len(text))


def _pieces(documents: Sequence[Document]) -> Iterator[tuple[str, list[Span]]]:
    """Passages without end, each with the spans of its sentences in it."""
    every = [
        (
            document.text[passage.start : passage.end],
            [(start - passage.start, end - passage.start) for start, end in passage.sentences],
        )
        for document in documents
        for passage in split_passages(document)
    ]
    if not every:
        raise ValueError("the documents have no passages")
    random_ = random.Random(_SEED)
    first = True
    while True:
        for text, sentences in random_.sample(every, len(every)):
            # Digits for digits: every span stays where it is.
            varied = text if first else _DIGIT.sub(lambda _: random_.choice("0123456789"), text)
            yield varied, sentences
        first = False
