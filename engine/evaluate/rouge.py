"""ROUGE-N between a summary and a reference, over words or, in Japanese, over characters."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from engine.search.query import scripts

_WORD = re.compile(r"[^\W_]+")


def units(text: str) -> list[str]:
    """What is counted: characters of Japanese, words of other text, without punctuation.

    Width and case do not count; words are not stemmed.
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    words = _WORD.findall(folded)
    return list("".join(words)) if scripts(text)[0] else words


def rouge_n(summary: Sequence[str], reference: Sequence[str], n: int) -> float:
    """F1 of the n-grams that both hold, each counted as often as both hold it.

    Source:
        Lin 2004, ROUGE: A package for automatic evaluation of summaries, section 2.
    """
    made, wanted = _grams(summary, n), _grams(reference, n)
    both = sum((made & wanted).values())
    return 2.0 * both / (made.total() + wanted.total()) if both else 0.0


def _grams(items: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(items[at : at + n]) for at in range(len(items) - n + 1))
