"""What an evaluation set holds, as records."""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import ChumokuError

RETRIEVAL, FILES, PAIRS, SIMILARITY = "retrieval", "files", "pairs", "similarity"
SUMMARY = "summary"
KINDS = (RETRIEVAL, FILES, PAIRS, SIMILARITY, SUMMARY)


class SetError(ChumokuError):
    """An evaluation set cannot be used.

    Codes: ``set_missing``, ``set_broken``, ``set_none_within``.
    """


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document that a question can be about.

    Attributes:
        id: Its name, unique in the set.
        text: Its text, without its headings.
        heading: Headings above it, outermost first.
    """

    id: str
    text: str
    heading: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetDocument:
    """A document to be searched.

    Attributes:
        id: Its name, unique in the set.
        title: Its title.
        parts: Its parts, in order; none where it is a file.
        whole: Whether it is read as the product reads a document, in one pass and cut into its own
            passages, rather than part by part.
        file: The file that is the document.
        line: Line of the set.
    """

    id: str
    title: str
    parts: tuple[Part, ...]
    whole: bool
    file: Path | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Where an answer stands.

    Attributes:
        id: Part, or document that is a file or plain text.
        start: First code point in the part's text, or None.
        end: One past the last.
        contains: Text that stands in the right passage, white space aside, where no place is given.
    """

    id: str
    start: int | None = None
    end: int | None = None
    contains: str | None = None


@dataclass(frozen=True, slots=True)
class SetQuestion:
    """A question and what answers it.

    Attributes:
        query: The question.
        relevant: Ids of parts, each right as a whole.
        answers: Places in parts.
        kind: Groups the figures; empty for none.
        line: Line of the set.
        split: ``"dev"`` for questions that something may have been fitted to, ``"test"`` for those
            that judge; empty where nobody says.
    """

    query: str
    relevant: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    kind: str = ""
    line: int = 0
    split: str = ""


@dataclass(frozen=True, slots=True)
class SetPair:
    """Two texts that mean the same or, where there is a score, are as alike as it says."""

    first: str
    second: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class SetSummary:
    """A document and the summary that a person wrote of it.

    Attributes:
        document: The document, as text or as a file.
        reference: The summary.
        question: What it is about; empty for the whole document.
    """

    document: SetDocument
    reference: str
    question: str = ""


Row = SetDocument | SetQuestion | SetPair | SetSummary
