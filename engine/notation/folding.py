"""Folding of ways of writing, with a map back to the original code points.

NFKC changes lengths (``㍉`` becomes two characters, ``ｶﾞ`` one), so a place in folded text means
nothing in the original without the map that every folded text carries here.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from engine.records import Span

# Characters that NFKC leaves alone and that never start a change, copied in one piece.
_PLAIN = "\t\n\r !-~、。「」『』・\u3041-\u3096\u30a1-\u30fc\u4e00-\u9fff"
# Marks and jamo that NFKC may join with the character before them.
_JOINING = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u1160-\u11ff"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f\uff9e\uff9f"
)
_CLUSTER = re.compile(f"([{_PLAIN}]+)(?![{_JOINING}])|[\\s\\S][{_JOINING}]*")
_ALL_PLAIN = re.compile(f"[{_PLAIN}]*")

_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2500\u2501\ufe58\ufe63\uff0d\u2796"
_SAME = str.maketrans(
    dict.fromkeys(_HYPHENS, "-")
    | dict.fromkeys("×✕✖⨯╳", "x")
    | dict.fromkeys("ΦØø⌀∅ϕ", "φ")
    | dict.fromkeys("〜∼∿", "~")
    | dict.fromkeys("⋅∙•‧", "·")
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f", "")
)

_KATAKANA = "\u30a1-\u30fa"
# The long-vowel mark is the usual slip for a hyphen between Latin letters, and a dash the usual
# slip for the mark between katakana.
_MARK_FOR_HYPHEN = re.compile("(?<=[0-9A-Za-z])ー(?=[0-9A-Za-z])")
_HYPHEN_FOR_MARK = re.compile(f"(?<=[{_KATAKANA}])-(?=[{_KATAKANA}])")
# コンピューター and コンピュータ (JIS Z 8301: words of three sounds and more drop the last mark),
# also before a further word where two marks stand one apart, as in モーターカバー.
_LONG_END = re.compile(
    f"(?<=[{_KATAKANA}ー]{{3}})ー(?![{_KATAKANA}ー])|(?<=ー[{_KATAKANA}])ー(?=[{_KATAKANA}])"
)

# 締め付けトルク, 締付けトルク and 締付トルク: endings that are commonly left out inside compounds.
_OKURIGANA = re.compile(
    f"(?<=[\u4e00-\u9fff])[けめりきぎえげみべれちびじせ](?=[\u4e00-\u9fff{_KATAKANA}])"
)

# Labels are spaced out to one width: 品　名, 校 正 証 明 書.
_LETTER = "[ぁ-ゖァ-ヺー々\u4e00-\u9fff]"
_SPACED_OUT = re.compile(rf"(?<!\w){_LETTER}(?: +{_LETTER})+(?!\w)")

_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text and where each of its characters comes from.

    Attributes:
        text: The folded text.
        starts: First original code point of each folded character.
        ends: One past its last original code point.
    """

    text: str
    starts: list[int]
    ends: list[int]

    def span(self, start: int, end: int) -> Span:
        """Original span of the folded span ``start..end``, which must not be empty."""
        return self.starts[start], self.ends[end - 1]


@lru_cache(maxsize=65536)
def _fold_cluster(cluster: str) -> str:
    return unicodedata.normalize("NFKC", cluster).translate(_SAME)


def fold_width(text: str) -> Folded:
    """Fold width, compatibility forms, hyphens, crosses and diameter signs; keep the case.

    Offsets are relative to ``text``. A character that vanishes (a soft hyphen, a zero-width
    space) is part of no span of its own.
    """
    if _ALL_PLAIN.fullmatch(text):
        folded, starts, ends = text, list(range(len(text))), list(range(1, len(text) + 1))
    else:
        pieces: list[str] = []
        starts = []
        ends = []
        for match in _CLUSTER.finditer(text):
            start, end = match.span()
            if match.group(1) is not None:
                pieces.append(match.group())
                starts.extend(range(start, end))
                ends.extend(range(start + 1, end + 1))
                continue
            piece = _fold_cluster(match.group())
            pieces.append(piece)
            starts.extend([start] * len(piece))
            ends.extend([end] * len(piece))
        folded = "".join(pieces)
    if "ー" in folded:
        folded = _MARK_FOR_HYPHEN.sub("-", folded)
    return Folded(folded, starts, ends)


def fold(text: str) -> Folded:
    """Fold all that search ignores: ``fold_width`` and case, long vowels, inner okurigana, and
    space inside words that are spaced out."""
    wide = fold_width(text)
    folded, starts, ends = wide.text, wide.starts, wide.ends
    lower = folded.lower()
    if len(lower) != len(folded):
        # A few letters (İ) grow when they are made small.
        pieces = [character.lower() for character in folded]
        starts = [start for start, piece in zip(starts, pieces, strict=True) for _ in piece]
        ends = [end for end, piece in zip(ends, pieces, strict=True) for _ in piece]
        lower = "".join(pieces)
    if "-" in lower:
        lower = _HYPHEN_FOR_MARK.sub("ー", lower)
    dropped = [match.start() for match in _LONG_END.finditer(lower)] if "ー" in lower else []
    dropped.extend(match.start() for match in _OKURIGANA.finditer(lower))
    if " " in lower:
        for match in _SPACED_OUT.finditer(lower):
            dropped.extend(at for at in range(*match.span()) if lower[at] == " ")
    if not dropped:
        return Folded(lower, starts, ends)
    gone = set(dropped)
    kept = [place for place in range(len(lower)) if place not in gone]
    # A word keeps what was dropped when it is shown, so the span before takes it in.
    lasts = [following - 1 for following in (*kept[1:], len(lower))]
    return Folded(
        "".join([lower[place] for place in kept]),
        [starts[place] for place in kept],
        [ends[last] for last in lasts],
    )


def to_hiragana(text: str) -> str:
    """Katakana as hiragana, of the same length."""
    return text.translate(_TO_HIRAGANA)


def to_katakana(text: str) -> str:
    """Hiragana as katakana, of the same length."""
    return text.translate(_TO_KATAKANA)
