"""A question as search puts it to documents.

Who asks for 「CR25-08817 環境条件」 wants a passage about 環境条件 in the document of that number.
It need not repeat the number beside each fact, and a passage that says nothing but the number is no
answer: such a document is asked for the rest alone, the topic.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.notation.identifiers import identifiers
from engine.records import QueryEncoding
from engine.search.lexical_query import QueryTerms
from engine.search.lexical_terms import identifier_terms
from engine.search.query import character_weights

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

    def about(self, topic: bool) -> "Question":
        """The topic, if there is one and it is asked for, or the whole question."""
        return self.topic if topic and self.topic is not None else self


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
