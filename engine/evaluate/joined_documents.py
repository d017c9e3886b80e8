"""Long documents made of held-out contexts and sections, with what is asked of their passages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.model.tokenizer import Tokenizer
from engine.records import Span
from engine.training.corpus import Section
from engine.training.splits import Split

# Shorter questions and headings say too little.
_SHORTEST_QUERY = 6


@dataclass(frozen=True, slots=True)
class LongDocument:
    """A long document with what is asked of it.

    Attributes:
        name: What it is made of.
        text: The whole text.
        spans: Its passages.
        questions: Questions and the passage that answers each.
    """

    name: str
    text: str
    spans: tuple[Span, ...]
    questions: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A passage, the heading that stands before it and what is asked of it."""

    text: str
    heading: str
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
        yield _Piece(context, title if title != before else "", tuple(questions))
        before = title


def _section_pieces(pairs: Sequence[tuple[list[Section], list[Section]]]) -> Iterator[_Piece]:
    """Sections of the second side, asked for by the headings of the first."""
    for asked, shown in pairs:
        for other, section in zip(asked, shown, strict=True):
            query = other.heading_path.replace(" > ", " ")
            yield _Piece(section.text, section.heading, (query,))


def _joined(
    name: str, pieces: Iterable[_Piece], tokenizer: Tokenizer, tokens: int
) -> Iterator[LongDocument]:
    """Documents of ``tokens`` tokens, the last piece uncut; a rest that is too short is dropped."""
    parts: list[str] = []
    spans: list[Span] = []
    asked: dict[str, set[int]] = {}
    length = count = 0
    for piece in pieces:
        if not piece.text.strip():
            continue
        before = f"{piece.heading}\n" if piece.heading else ""
        part = f"{before}{piece.text}\n"
        for query in piece.queries:
            if len(query) >= _SHORTEST_QUERY:
                asked.setdefault(query, set()).add(len(spans))
        spans.append((length + len(before), length + len(before) + len(piece.text)))
        parts.append(part)
        length += len(part)
        count += len(tokenizer.tokenize(part).ids)
        if count >= tokens:
            # What two passages are asked with alike tells nothing.
            questions = tuple((query, min(of)) for query, of in asked.items() if len(of) == 1)
            yield LongDocument(name, "".join(parts), tuple(spans), questions)
            parts, spans, asked, length, count = [], [], {}, 0, 0


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
