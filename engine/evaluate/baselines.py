"""Summaries to compare with: leading sentences, and LexRank and TextRank of sumy.

sumy is given our sentences and our words, so that it loads no data of its own.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from engine.notation.folding import fold
from engine.records import Span
from engine.search.lexical_stopwords import ENGLISH_STOPWORDS

LEXRANK, TEXTRANK = "lexrank", "textrank"

_CONTENT = re.compile(r"[\u30a1-\u30fa\u30fc\u3400-\u9fff々]+|[^\W_\u3041-\u30ff\u3400-\u9fff]+")
_KANA = re.compile(r"[\u3041-\u3096]{2,}")


def words(sentence: str) -> tuple[str, ...]:
    """Words of a sentence: Latin words and numbers, and pairs of characters of Japanese runs.

    A sentence of nothing but hiragana gives its pairs of hiragana.
    """
    folded = fold(sentence).text
    found: list[str] = []
    for run in _CONTENT.findall(folded):
        if run.isascii():
            found += [] if run in ENGLISH_STOPWORDS else [run]
        else:
            found += _pairs(run)
    if not found:
        found = [pair for run in _KANA.findall(folded) for pair in _pairs(run)]
    return tuple(found)


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def lead(sentences: Sequence[Span], count: int) -> list[Span]:
    """The first sentences."""
    return list(sentences[:count])


def ranked(kind: str, text: str, sentences: Sequence[Span], count: int) -> list[Span]:
    """The best sentences by LexRank or TextRank, in order of the text.

    Raises:
        ImportError: sumy is not installed (extra ``bench``).

    Source:
        Erkan and Radev 2004 (LexRank); Mihalcea and Tarau 2004 (TextRank).
    """
    order = _order(kind, text, tuple(sentences))
    return sorted(order[:count])


@lru_cache(maxsize=8)
def _order(kind: str, text: str, sentences: tuple[Span, ...]) -> tuple[Span, ...]:
    """All sentences, best first; a summary of any length is a beginning of it."""
    # An extra that the product does without.
    dom = import_module("sumy.models.dom")
    if kind == LEXRANK:
        summarizer = import_module("sumy.summarizers.lex_rank").LexRankSummarizer()
    else:
        summarizer = import_module("sumy.summarizers.text_rank").TextRankSummarizer()
    # Equal sentences are one to sumy; the first stands for all.
    first: dict[str, Span] = {}
    for start, end in sentences:
        sentence = text[start:end].strip()
        if words(sentence):
            first.setdefault(sentence, (start, end))
    tokenizer = _Words()
    document = dom.ObjectDocumentModel(
        [dom.Paragraph([dom.Sentence(one, tokenizer) for one in first])]
    )
    best: list[Span] = []

    def keep(infos: Sequence[Any]) -> Sequence[Any]:
        # sumy hands them over best first, and returns them in order of the document.
        best.extend(first[str(info.sentence)] for info in infos)
        return infos

    summarizer(document, keep)
    return tuple(best)


class _Words:
    """sumy's tokenizer, by our words."""

    def to_words(self, sentence: str) -> tuple[str, ...]:
        """Words of a sentence."""
        return words(sentence)
