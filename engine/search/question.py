"""A question as search puts it to documents.

Who asks for 「CR25-08817 環境条件」 wants a passage about 環境条件 in the document of that number.
It need not repeat the number beside each fact, and a passage that says nothing but the number is no
answer: such a document is asked for the rest alone, the topic.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.notation.identifiers import identifiers
from engine.records import QueryEncoding
from engine.search.index import Index
from engine.search.lexical_lookup import Postings
from engine.search.lexical_query import QueryTerms
from engine.search.lexical_terms import HEADING, identifier_terms
from engine.search.query import character_weights

# Passages at the head of a document, and rows at the head of a sheet, that say which it is.
HEAD = 3
HEAD_OF_SHEET = 6
# What joins a number to the rest of a question.
_JOINT = re.compile(r"[\s、,]*(?:における|に関する|について|[のはがをに](?![ぁ-ん]))?[\s、,]*")


@dataclass(frozen=True, slots=True)
class Question:
    """A question taken apart.

    Attributes:
        text: As typed, without space around it.
        asked: Its words, with their translations.
        encoding: As the model sees it; None if the model cannot run.
        topic: What a document is asked for that goes by its numbers; None if it names none, asks
            for nothing else, or says itself what must stand in a passage.
        designations: Its part, drawing, lot and document numbers as it writes them, by their terms
            of the index.
    """

    text: str
    asked: QueryTerms
    encoding: QueryEncoding | None
    topic: "Question | None" = None
    designations: Mapping[str, str] = field(default_factory=dict)


def put(
    text: str,
    terms: Callable[[str], QueryTerms],
    encode: Callable[[str], QueryEncoding] | None,
) -> Question:
    """Take a question apart.

    Args:
        text: The question.
        terms: Takes its words apart, such as :func:`engine.search.lexical_query.query_terms`.
        encode: The model; None if it cannot run.
    """
    text = text.strip()
    asked = terms(text)
    encoding = encode(text) if encode else None
    found = [one for one in identifiers(text) if one.kind == "part_number"]
    rest = text
    for one in reversed(found):
        joint = _JOINT.match(rest, one.end)
        rest = f"{rest[: one.start]} {rest[joint.end() if joint else one.end :]}"
    rest = rest.strip()
    about = terms(rest) if found and not (asked.required or asked.excluded) else None
    # A few letters of hiragana ask what the number is.
    if about is None or not (character_weights(rest) == 1.0).any():
        return Question(text, asked, encoding)
    return Question(
        text,
        asked,
        encoding,
        Question(rest, about, encode(rest) if encode else None),
        {identifier_terms(one)[0]: text[one.start : one.end] for one in found},
    )


def designated(question: Question, index: Index, postings: Postings) -> np.ndarray:
    """The passages of what goes by a question's numbers.

    A document goes by a number that stands in its name or in one of its first passages, a section
    by one in a heading above it, a sheet by one among its first cells. Where some go by more of the
    numbers than others, it is they that are meant.

    Returns:
        Of each row of the index, bool ``[N]``.
    """
    counts = np.zeros(len(index), np.int64)
    for term in question.designations:
        meant = np.zeros(len(index), bool)
        for passage_id, *_ in index.names.postings(term):
            row = index.row(passage_id)
            if row is not None:
                meant[slice(*_bounds(index, row))] = True
        for passage_id, *_ in postings.postings(HEADING + term):
            row = index.row(passage_id)
            if row is not None:
                meant[row] = True
        for passage_id, *_ in postings.postings(term):
            row = index.row(passage_id)
            if row is not None:
                meant[slice(*_headed(index, row))] = True
        counts += meant
    return (counts == counts.max(initial=0)) & (counts > 0)


def _bounds(index: Index, row: int) -> tuple[int, int]:
    """The rows of the document that a row belongs to."""
    position = index.revision_of(row)
    return int(index.starts[position]), int(index.starts[position + 1])


def _headed(index: Index, row: int) -> tuple[int, int]:
    """The rows at whose head a row stands; none if it stands elsewhere."""
    first, end = _bounds(index, row)
    passage = index.passage(row)
    if _is_listed(index, row, first, end):
        return row, row
    if row < first + HEAD:
        return first, end
    if passage.kind != "row":
        return row, row
    top = passage.heading_path[:1]
    begin, stop = row, row + 1
    while begin > first and index.passage(begin - 1).heading_path[:1] == top:
        begin -= 1
    if row >= begin + HEAD_OF_SHEET:
        return row, row
    while stop < end and index.passage(stop).heading_path[:1] == top:
        stop += 1
    return begin, stop


def _is_listed(index: Index, row: int, first: int, end: int) -> bool:
    """Whether a row is one of several below the same labels: its number is its own."""
    label = _label(index.passage_text(row))
    near = [other for other in (row - 1, row + 1) if first <= other < end]
    return bool(label) and any(_label(index.passage_text(other)) == label for other in near)


def _label(text: str) -> str:
    head, colon, _ = text.partition(": ")
    return head if colon and "\t" not in head and "\n" not in head else ""
