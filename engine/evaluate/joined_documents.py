"""Long documents made of shorter ones, with what is asked of their passages.

They come from the held-out side of the training corpus or from evaluation sets.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from engine.evaluate.collection import Collection, build
from engine.evaluate.set_rows import PAIRS, SIMILARITY, SetError
from engine.evaluate.sets import EvaluationSet
from engine.model.tokenizer import Tokenizer
from engine.progress import CancelToken, Job
from engine.records import Span
from engine.training.corpus import Section
from engine.training.splits import Split

# Shorter questions and headings of the corpus say too little.
_SHORTEST_QUERY = 6


@dataclass(frozen=True, slots=True)
class LongDocument:
    """A long document with what is asked of it.

    Attributes:
        name: What it is made of.
        text: The whole text.
        spans: Its passages.
        questions: Questions and the passages that answer each, by their places.
    """

    name: str
    text: str
    spans: tuple[Span, ...]
    questions: tuple[tuple[str, frozenset[int]], ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A passage, the text that stands before it and what is asked of it."""

    text: str
    before: str
    queries: tuple[str, ...]


def _question_pieces(split: Split) -> Iterator[_Piece]:
    asked: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    for item in split.dev_questions:
        asked.setdefault(item.context, []).append(item.question)
        titles.setdefault(item.context, item.title)
    before = ""
    for context, questions in asked.items():
        title = titles[context]
        asked_long = tuple(one for one in questions if len(one) >= _SHORTEST_QUERY)
        yield _Piece(context, f"{title}\n" if title != before else "", asked_long)
        before = title


def _section_pieces(pairs: Sequence[tuple[list[Section], list[Section]]]) -> Iterator[_Piece]:
    """Sections of the second side, asked for by the headings of the first."""
    for asked, shown in pairs:
        for other, section in zip(asked, shown, strict=True):
            query = other.heading_path.replace(" > ", " ")
            before = f"{section.heading}\n" if section.heading else ""
            queries = (query,) if len(query) >= _SHORTEST_QUERY else ()
            yield _Piece(section.text, before, queries)


def _collection_pieces(collection: Collection) -> Iterator[_Piece]:
    """Passages with the text between them, as the documents hold it."""
    asked: dict[int, list[str]] = {}
    for question in collection.questions:
        for row in question.relevant:
            asked.setdefault(row, []).append(question.query)
    index, row = collection.index, 0
    for position, revision in enumerate(index.revisions):
        text, end = index.text(position), 0
        for passage in revision.passages:
            before = text[end : passage.start]
            body = text[passage.start : passage.end]
            yield _Piece(body, before, tuple(asked.get(row, ())))
            row, end = row + 1, passage.end


def _joined(
    name: str, pieces: Iterable[_Piece], tokenizer: Tokenizer, tokens: int, *, several: bool = False
) -> Iterator[LongDocument]:
    """Documents of ``tokens`` tokens, the last piece uncut.

    A question with several answers is left out, for what two passages are asked with alike tells
    nothing, unless ``several`` says that it may have them. A rest that is too short is dropped
    unless it is all that there is.
    """
    made = 0
    parts: list[str] = []
    spans: list[Span] = []
    asked: dict[str, set[int]] = {}
    length = count = 0

    def document() -> LongDocument:
        questions = tuple(
            (query, frozenset(of)) for query, of in asked.items() if several or len(of) == 1
        )
        return LongDocument(name, "".join(parts), tuple(spans), questions)

    for piece in pieces:
        if not piece.text.strip():
            continue
        part = f"{piece.before}{piece.text}\n"
        for query in piece.queries:
            asked.setdefault(query, set()).add(len(spans))
        start = length + len(piece.before)
        spans.append((start, start + len(piece.text)))
        parts.append(part)
        length += len(part)
        count += len(tokenizer.tokenize(part).ids)
        if count >= tokens:
            yield document()
            made += 1
            parts, spans, asked, length, count = [], [], {}, 0, 0
    if count and several and not made:
        yield document()


def joined_sets(
    sets: Sequence[EvaluationSet],
    tokenizer: Tokenizer,
    tokens: int,
    most: int,
    cancel: CancelToken,
) -> Job[list[LongDocument]]:
    """The documents of evaluation sets, one after the other, cut into long ones.

    Args:
        sets: Of kind ``retrieval`` or ``files``; their passages are those of the product, and the
            parts of documents that are not whole.
        tokenizer: Counts the tokens.
        tokens: Fewest tokens of a document; where all sets together have fewer, they make one.
            Documents of which nothing is asked are left out.
        most: Most documents.
        cancel: Stops the work.

    Raises:
        SetError: A set is not usable; ``set_none_within``: all questions are about the rest, which
            is too short for a document of ``tokens`` tokens.
        engine.errors.ReadingError: A file cannot be read.
    """
    for one in sets:
        if one.kind in (PAIRS, SIMILARITY):
            reason = f"a set of kind {one.kind} has no documents"
            raise SetError("set_broken", path=str(one.path), line=1, reason=reason)
    collection = yield from build(sets, None, cancel)
    pieces = _collection_pieces(collection)
    every = _joined("sets", pieces, tokenizer, tokens, several=True)
    made = list(islice((one for one in every if one.questions), most))
    if not made:
        raise SetError("set_none_within", tokens=tokens)
    return made


def long_documents(
    split: Split, tokenizer: Tokenizer, tokens: int, most: int
) -> list[LongDocument]:
    """Long documents of held-out data, the kinds in turn.

    Args:
        split: Its development side is read.
        tokenizer: Counts the tokens.
        tokens: Fewest tokens of a document.
        most: Most documents.
    """
    turned = [(japanese, english) for english, japanese in split.dev_documents]
    sources = [
        _joined("questions", _question_pieces(split), tokenizer, tokens),
        _joined("english to japanese", _section_pieces(split.dev_documents), tokenizer, tokens),
        _joined("japanese to english", _section_pieces(turned), tokenizer, tokens),
    ]
    made: list[LongDocument] = []
    while sources and len(made) < most:
        for source in list(sources):
            document = next(source, None)
            if document is None:
                sources.remove(source)
            elif len(made) < most:
                made.append(document)
    return made
