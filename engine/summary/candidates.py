"""Which sentences of a document can stand in a summary on their own."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.notation.folding import fold
from engine.records import Passage, Span

SHORTEST = 10
LONGEST = 400
REPEATS = 3
# Better kinds of sentences stand alone where there are so many, or this share of all.
FEWEST = 3
ENOUGH = 0.1

_LEADERS = re.compile(
    r"(?:[.．・…‥･_]\s?){4,}\s*[0-9０-９ivxIVX-]*\s*$|[…‥]{2,}\s*[0-9０-９-]+\s*$"
)
_NUMBERING = re.compile(
    r"^\s*(?:第?[0-9０-９]+[章節条項部]|[0-9０-９]+(?:[.．-][0-9０-９]+)*[.．]?)\s+\S"
)
_ENDS = tuple("。．.!?！？」』)）")
_CONTENT = re.compile(r"[a-z0-9]{3,}|[\u30a1-\u30fa\u30fc\u3400-\u9fff々]{2,}")
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"[0-9０-９]")
_UNIT = re.compile(
    r"[0-9０-９]\s*(?:mm|cm|[uμµ]m|km|m|kg|mg|g|N[・·･/]?m|kN|N|kPa|MPa|Pa|℃|°C|度|%|％|V|A|W|Hz|"
    r"rpm|min|分|秒|時間|日|回|個|本|枚|箇所|か所|名|年|月|mL|L)(?![A-Za-z])"
)
_TOLERANCE = re.compile(r"±\s?[0-9]|[φΦ⌀]\s?[0-9]|M[0-9]+\s?[×xX]")
_CODE = re.compile(r"[A-Z]{1,5}-?[0-9]{2,}[A-Z0-9-]*")
_LISTED = re.compile(
    r"\s*(?:[-–—*+・•●○■□◆▪※☆→][ \u3000]?|[(（]?[0-9０-９a-zA-Zア-ン]{1,3}[.)）．、]\s?\S)"
)


def comparable(text: str) -> str:
    """A text without width and space, to tell repeats; of a mere line also without digits.

    Running headers differ in their page numbers.
    """
    folded = "".join(unicodedata.normalize("NFKC", text).lower().split())
    return folded if folded.endswith(_ENDS) else re.sub(r"\d+", "0", folded)


def usable(
    text: str,
    passages: Sequence[Passage],
    sentences: Sequence[Span],
    owners: np.ndarray,
    *,
    rows: bool = False,
) -> np.ndarray:
    """Which sentences are whole statements, and not headings, contents lines or fragments.

    Lines without a full stop, rows and drawing entities count only where the document has too
    little running text, or where they are asked for.

    Args:
        text: The document's text.
        passages: P passages.
        sentences: S spans.
        owners: Passage of each sentence, ``[S]``.
        rows: Whether rows and entities are as good as sentences, as in answer to a question.

    Returns:
        bool ``[S]``.
    """
    headings = {comparable(heading) for passage in passages for heading in passage.heading_path}
    keys = [comparable(text[start:end]) for start, end in sentences]
    repeated = Counter(keys)
    kinds = np.array([passages[owner].kind for owner in owners], dtype=object)
    whole = np.array(
        [
            _statement(text[start:end])
            and kind != "heading"
            and key not in headings
            and repeated[key] < REPEATS
            for (start, end), kind, key in zip(sentences, kinds, keys, strict=True)
        ],
        bool,
    )
    running = whole & (kinds == "text")
    ended = np.array([text[start:end].rstrip().endswith(_ENDS) for start, end in sentences], bool)
    answers = (running & ended) | (whole & (kinds != "text"))
    for better in (answers,) if rows else (running & ended, running):
        if better.sum() >= max(FEWEST, ENOUGH * whole.sum()):
            return better
    if whole.any():
        return whole
    # A document of nothing but short lines still gets its best ones.
    return np.array([bool(_LETTER.search(text[start:end])) for start, end in sentences], bool)


def _statement(sentence: str) -> bool:
    stripped = " ".join(sentence.split())
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in stripped)
    if width < 2 * SHORTEST or len(stripped) > LONGEST:
        return False
    if _LEADERS.search(stripped):
        return False
    if "a" <= stripped[0] <= "z":
        return False
    letters = len(_LETTER.findall(stripped))
    if letters < 0.35 * len(stripped.replace(" ", "")):
        return False
    ended = stripped.endswith(_ENDS)
    if not ended and _NUMBERING.match(stripped) and width < 60:
        return False
    return ended or width >= 30


def shared_words(query: str, sentences: Sequence[str]) -> np.ndarray:
    """Share of a question's words and pairs of kanji or katakana that stand in each sentence.

    Returns:
        float64 ``[S]`` in 0..1.
    """
    asked = {
        piece
        for run in _CONTENT.findall(fold(query).text)
        for piece in ([run] if run.isascii() else [run[at : at + 2] for at in range(len(run) - 1)])
    }
    if not asked:
        return np.zeros(len(sentences))
    folded = [fold(sentence).text for sentence in sentences]
    return np.array([sum(piece in text for piece in asked) / len(asked) for text in folded])


def facts(sentence: str) -> float:
    """How much of the checkable a sentence holds, 0..1: quantities, tolerances, part numbers."""
    score = 0.0
    if _UNIT.search(sentence):
        score += 0.5
    elif _NUMBER.search(sentence):
        score += 0.2
    if _TOLERANCE.search(unicodedata.normalize("NFKC", sentence)):
        score += 0.3
    if _CODE.search(unicodedata.normalize("NFKC", sentence)):
        score += 0.2
    return min(score, 1.0)


def listed(sentence: str) -> float:
    """Whether a sentence is an item of a list, which says little without it: 0 or 1."""
    return float(_LISTED.match(sentence) is not None)
