"""Terms of a text: CJK bigrams and single characters, words, identifiers in normal form.

A list of terms is one stream in the order of the text, in which neighbours stand at consecutive
positions (so that phrases can be told), followed by extra terms without order: every CJK
character once, and the normal forms of identifiers with their shorter forms. Terms of the headings
above a passage follow, marked by ``HEADING``.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.notation.folding import fold
from engine.notation.identifiers import identifiers, parts
from engine.records import Identifier

# NFKC turns this letter into "h", so no folded text holds it and no term of a body starts with it.
HEADING = "ʰ"

_CJK = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = rf"[^\W_{_CJK}]+"
_TOKEN = re.compile(
    rf"(?P<cjk>[{_CJK}]+)|(?P<word>{_WORD}(?:(?<=\d)(?:\.(?=\d)|,(?=\d\d\d(?!\d))){_WORD})*)"
)
# "60mm" and "60 mm" are the same two words; "07a" and "s45c" stay one.
_WITH_UNIT = re.compile(
    r"(\d+(?:\.\d+)?)(mm|cm|km|m|μm|um|kg|mg|g|kn|nm|n|mpa|kpa|gpa|pa|kv|mv|v|ma|kw|w|khz|mhz|hz"
    r"|rpm|msec|ms|sec|s|min|h|ml|l|bar|ppm|hrc|hv|hb|deg|inch)"
)


@dataclass(frozen=True, slots=True)
class Run:
    """An unbroken run of CJK characters, or one word.

    Attributes:
        text: Folded.
        start: First character in the folded text.
        end: One past the last character in the folded text.
        cjk: Whether it is a run of CJK characters.
    """

    text: str
    start: int
    end: int
    cjk: bool


def runs(folded: str) -> Iterator[Run]:
    """Runs and words of a text folded by ``engine.notation.folding.fold``."""
    for match in _TOKEN.finditer(folded):
        if match.lastgroup == "cjk":
            yield Run(match.group(), match.start(), match.end(), True)
            continue
        word = match.group().replace(",", "")
        measured = _WITH_UNIT.fullmatch(word)
        if measured:
            middle = match.end() - len(measured.group(2))
            yield Run(measured.group(1), match.start(), middle, False)
            yield Run(measured.group(2), middle, match.end(), False)
        else:
            yield Run(word, match.start(), match.end(), False)


def run_terms(run: Run) -> list[str]:
    """Bigrams of a CJK run (itself if it is one character), or the word."""
    if not run.cjk or len(run.text) == 1:
        return [run.text]
    return [run.text[place : place + 2] for place in range(len(run.text) - 1)]


def identifier_terms(identifier: Identifier) -> list[str]:
    """Terms under which an identifier is found, its normal form first.

    Part numbers lose their hyphens: ``HV-2041-07`` and ``HV204107`` give the same term.
    """
    normal = identifier.normal
    if identifier.kind == "part_number":
        normal = normal.replace("-", "")
    forms = [normal.lower(), *(form.lower() for form in parts(identifier))]
    return list(dict.fromkeys(forms))


def index_terms(text: str) -> list[str]:
    """Terms of a text as the index holds them, by position.

    No term holds white space or a NUL. Queries must go through ``query_terms``, which weighs them.
    """
    folded = fold(text).text
    stream: list[str] = []
    characters: dict[str, None] = {}
    for run in runs(folded):
        stream.extend(run_terms(run))
        if run.cjk and len(run.text) > 1:
            characters.update(dict.fromkeys(run.text))
    seen = set(stream)
    extras = [character for character in characters if character not in seen]
    seen.update(extras)
    for identifier in identifiers(text):
        for term in identifier_terms(identifier):
            if term not in seen:
                seen.add(term)
                extras.append(term)
    return stream + extras


def passage_terms(passage_text: str, heading_path: Sequence[str]) -> list[str]:
    """Terms of a passage with those of the headings above it.

    Heading terms carry the mark ``HEADING`` and so never mix with the passage's own: ranking
    counts them less, and phrases do not run from one into the other.
    """
    return index_terms(passage_text) + heading_terms(heading_path)


def heading_terms(heading_path: Iterable[str]) -> list[str]:
    """Marked terms of the headings above a passage."""
    return [HEADING + term for heading in heading_path for term in index_terms(heading)]
