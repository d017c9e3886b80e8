"""What in a question carries its meaning, and in which script it is written."""

import re
from dataclasses import dataclass

import numpy as np

from engine.notation.folding import fold
from engine.notation.identifiers import identifiers
from engine.records import QueryEncoding
from engine.search.lexical_stopwords import ENGLISH_STOPWORDS, function_mask
from engine.search.lexical_terms import runs

PUNCTUATION_WEIGHT = 0.0
FUNCTION_WEIGHT = 0.1
HIRAGANA_WEIGHT = 0.5
SHORT_QUERY_LENGTH = 6
# At least this share of letters decides the script.
SCRIPT_SHARE = 0.2

# Kana, full and half width, and CJK ideographs.
_JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\u3005]")
_WORD_EN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")


def character_weights(query: str) -> np.ndarray:
    """How much each character of a question or passage says about what it is about.

    Returns:
        float32 ``[len(query)]`` in 0..1: 0 for space and punctuation, low for particles, endings
        and stop words, 1 for kanji, katakana, Latin words, numbers and identifiers.
    """
    weights = np.full(len(query), PUNCTUATION_WEIGHT, np.float32)
    folded = fold(query)
    for run in runs(folded.text):
        first, last = folded.span(run.start, run.end)
        stopped = run.text in ENGLISH_STOPWORDS and not query[first:last].isupper()
        mask = function_mask(run.text) if run.cjk else [stopped] * len(run.text)
        for at, (character, function) in enumerate(zip(run.text, mask, strict=True)):
            start, end = folded.span(run.start + at, run.start + at + 1)
            if function:
                weight = FUNCTION_WEIGHT
            else:
                weight = HIRAGANA_WEIGHT if "ぁ" <= character <= "ゟ" else 1.0
            weights[start:end] = np.maximum(weights[start:end], weight)
    for found in identifiers(query):
        weights[found.start : found.end] = 1.0
    return weights


def span_weights(text: str, spans: np.ndarray) -> np.ndarray:
    """Mean of the character weights over each span, cut at the text's ends.

    Args:
        text: A question or a passage.
        spans: int ``[N, 2]``.

    Returns:
        float32 ``[N]`` in 0..1.
    """
    sums = np.concatenate([[0.0], np.cumsum(character_weights(text), dtype=np.float64)])
    cut = np.clip(spans, 0, len(text))
    length = np.maximum(cut[:, 1] - cut[:, 0], 1)
    return ((sums[cut[:, 1]] - sums[cut[:, 0]]) / length).astype(np.float32)


def token_weights(query: QueryEncoding) -> np.ndarray:
    """Weights of a question's tokens: what the encoder gives each, times its characters' weights.

    Returns:
        float32 ``[Q]`` in 0..1, the largest 1.
    """
    characters = span_weights(query.text, query.token_spans)
    weights = query.token_weights * (characters if characters.any() else np.float32(1.0))
    return weights / weights.max() if len(weights) else weights


@dataclass(frozen=True, slots=True)
class QueryShape:
    """What kind of question it is.

    Attributes:
        japanese: Whether it is written in Japanese.
        latin: Whether it is written in Latin words.
        short: 0..1; 1 for a bare word or number, 0 for a sentence.
        exact: How much it counts that a passage holds just what was typed, 0..1.
    """

    japanese: bool
    latin: bool
    short: float
    exact: float = 0.0


def scripts(text: str) -> tuple[bool, bool]:
    """Whether a text is written in Japanese and whether it is written in Latin words.

    Words of capitals and digits, such as part numbers, belong to no script.
    """
    japanese = len(_JAPANESE.findall(text))
    latin = sum(
        len(word) for word in _WORD_EN.findall(text) if len(word) > 2 and not word.isupper()
    )
    total = japanese + latin
    if not total:
        return False, False
    return japanese / total >= SCRIPT_SHARE, latin / total >= SCRIPT_SHARE


def shape(query: str) -> QueryShape:
    """Tell a bare word or number from a sentence, and in which script it is."""
    japanese, latin = scripts(query)
    folded = query.strip()
    functions = bool((character_weights(folded) == np.float32(FUNCTION_WEIGHT)).any())
    words = len(folded.split())
    japanese_length = len(_JAPANESE.findall(folded))
    if functions or words > 3 or japanese_length > 2 * SHORT_QUERY_LENGTH:
        short = 0.0
    elif words == 1 and japanese_length <= SHORT_QUERY_LENGTH:
        short = 1.0
    else:
        short = 0.5
    return QueryShape(japanese, latin, short, short)
