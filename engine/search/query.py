"""What in a question carries its meaning, and in which script it is written."""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from engine.records import QueryEncoding

PUNCTUATION_WEIGHT = 0.0
FUNCTION_WEIGHT = 0.1
HIRAGANA_WEIGHT = 0.5
SHORT_QUERY_LENGTH = 6
# At least this share of letters decides the script.
SCRIPT_SHARE = 0.2

_FUNCTION_WORDS = """
について における に対する に対して に関する に関して によって により として という ください
下さい でしょうか でしょう ですか ますか ました ません です ます である どのように どのような
どうやって どうすれば どのくらい どれくらい いくつ いくら どこ どれ どの どう いつ なぜ 何故 なに
なん とは こと もの ため とき 場合 教えて 知りたい しなければならない すべき する した して される
された ある あり いる いて いた から まで より など ので のは のが のに では には とも へは 何 誰
だれ
"""
_FUNCTION_JA = re.compile(
    "|".join(sorted(_FUNCTION_WORDS.split(), key=len, reverse=True))
    # A particle follows something; at the start it is part of a word, as in はめあい.
    + "|(?<=[^\\s、。])[はがをにでともへのや]"
)
_STOP_WORDS = """
a about after all also am an and any are as at be been before being between both but by can could
did do does doing during each for from had has have having he her here his how i if in into is it
its just may me might more most must my no nor not of off on once only or other our out over own
please same shall she should so some such tell than that the their them then there these they this
those through to too under until up very was we were what when where which while who whom why will
with would you your
"""
_STOP_EN = frozenset(_STOP_WORDS.split())
_WORD_EN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")


def is_japanese(character: str) -> bool:
    """Whether a character is kana or a CJK ideograph."""
    return (
        "぀" <= character <= "ヿ"
        or "㐀" <= character <= "鿿"
        or "豈" <= character <= "﫿"
        or "ｦ" <= character <= "ﾟ"
        or character == "々"
    )


def character_weights(query: str) -> np.ndarray:
    """How much each character of a question says about what is asked.

    Returns:
        float32 ``[len(query)]`` in 0..1: 0 for space and punctuation, low for particles, endings
        and stop words, 1 for kanji, katakana, Latin words and digits.
    """
    weights = np.ones(len(query), np.float32)
    for position, character in enumerate(query):
        category = unicodedata.category(character)
        if category[0] in "ZC" or (category[0] == "P" and character not in "-ー－‐.．/／"):
            weights[position] = PUNCTUATION_WEIGHT
        elif "ぁ" <= character <= "ゟ":
            weights[position] = HIRAGANA_WEIGHT
    for match in _FUNCTION_JA.finditer(query):
        weights[match.start() : match.end()] = FUNCTION_WEIGHT
    for match in _WORD_EN.finditer(query):
        if match.group().lower() in _STOP_EN and not match.group().isupper():
            weights[match.start() : match.end()] = FUNCTION_WEIGHT
    return weights


def token_weights(query: QueryEncoding) -> np.ndarray:
    """Weights of a question's tokens, mean of their characters' weights.

    Returns:
        float32 ``[Q]`` in 0..1, not all zero unless there are no tokens.
    """
    characters = character_weights(query.text)
    weights = np.array(
        [
            float(characters[start:end].mean()) if end > start else 0.0
            for start, end in query.token_spans
        ],
        np.float32,
    )
    return weights if weights.any() else np.ones(len(weights), np.float32)


@dataclass(frozen=True, slots=True)
class QueryShape:
    """What kind of question it is.

    Attributes:
        japanese: Whether it is written in Japanese.
        latin: Whether it is written in Latin words.
        short: 0..1; 1 for a bare word or number, 0 for a sentence.
    """

    japanese: bool
    latin: bool
    short: float


def scripts(text: str) -> tuple[bool, bool]:
    """Whether a text is written in Japanese and whether it is written in Latin words.

    Words of capitals and digits, such as part numbers, belong to no script.
    """
    japanese = sum(map(is_japanese, text))
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
    folded = unicodedata.normalize("NFKC", query).strip()
    functions = (character_weights(folded) == np.float32(FUNCTION_WEIGHT)).any() and len(folded) > 2
    words = len(folded.split())
    japanese_length = sum(map(is_japanese, folded))
    if functions or words > 3 or japanese_length > 2 * SHORT_QUERY_LENGTH:
        short = 0.0
    elif words == 1 and japanese_length <= SHORT_QUERY_LENGTH:
        short = 1.0
    else:
        short = 0.5
    return QueryShape(japanese, latin, short)
