"""Stems of English words, so that the forms of a word share one entry of a lexicon.

Source:
    Porter 1980, An algorithm for suffix stripping, steps 1a, 1b and 5a without the measure.
"""

import re
from functools import lru_cache

_VOWEL = re.compile("[aeiouy]")
_DOUBLE = re.compile(r"([bcdfgmnprt])\1$")
_SHORTEST = 3


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Stem of a lower-case word: ``springs`` spring, ``dropped`` drop, ``doubling`` doubl.

    A stem is a key, not a word: ``double`` gives ``doubl`` too.
    """
    if len(word) <= _SHORTEST or not (word.isascii() and word.isalpha()):
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("sses"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ied", "ing", "ed"):
        rest = word[: -len(suffix)]
        if word.endswith(suffix) and len(rest) >= _SHORTEST and _VOWEL.search(rest):
            word = rest + "y" if suffix == "ied" else _DOUBLE.sub(r"\1", rest)
            break
    if word.endswith("e") and len(word) > _SHORTEST + 1:
        word = word[:-1]
    return word
