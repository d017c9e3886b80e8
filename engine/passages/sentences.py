"""Sentence boundaries of Japanese and English text.

A line feed inside a range is either a wrapped line (a PDF line that reached the margin) or the end
of a sentence; which one is told from the lengths and the edges of the two lines.
"""

import re
import unicodedata
from itertools import pairwise

from engine.records import Span

_CLOSERS = "」』）)】］]〉》〕｝}”’\"'"
_PAIRS = {
    "「": "」", "『": "』", "（": "）", "(": ")", "【": "】", "［": "］", "[": "]", "〈": "〉",
    "《": "》", "〔": "〕", "｛": "｝", "{": "}", "“": "”",
}  # fmt: skip
_OPEN = "".join(map(re.escape, _PAIRS))
_CLOSE = "".join(map(re.escape, _PAIRS.values()))
_EVENT = re.compile(rf"[。！？!?．.\n]|[{_OPEN}]|[{_CLOSE}]")
_AFTER = re.compile(rf"[。！？!?．.…]*[{re.escape(_CLOSERS)}]*")
_QUOTE_GOES_ON = "とのはがをにでもなやだ、。,)）」』"
# A bracket that closes no sooner than this is taken as a stray one.
_BRACKET_REACH = 300
_BRACKET_DEPTH = 6

_ABBREVIATION_LIST = """
no nos fig figs eq eqs sec secs tab tabs ref refs ch vol pp p e.g i.e eg ie cf vs viz al
dr mr mrs ms st rev ver approx dia max min temp qty spec dwg mfg assy inc ltd co corp
dept ext tel art app ex
"""
_ABBREVIATIONS = frozenset(_ABBREVIATION_LIST.split())
# These end a sentence when a capital follows.
_OPEN_ABBREVIATIONS = frozenset(
    ("etc", "max", "min", "temp", "qty", "inc", "ltd", "co", "corp", "dept", "assy", "p")
)
_WORD_BEFORE = re.compile(r"[A-Za-z][A-Za-z.]*$")
_NUMBER_BEFORE = re.compile(
    r"(?<![^\n])[ \t\u3000]*[(（]?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z])$"
    r"|(?:(?<![^\n])|[.。．]\s*)(?:表|図|式|注|手順|工程|[Ss]tep|[Ss]ection|[Nn]ote|[Ii]tem|[Tt]able)"
    r"[ \u3000]?\d{1,3}(?:[.-]\d{1,3})*$"
)

LIST_MARK = re.compile(
    r"[ \t\u3000]*(?:[・•●○◎■□◆◇▶▪※★☆→⇒]|[-–—*+][ \u3000]|[①-⑳㈠-㈩❶-❿⑴-⒇]"
    r"|[(（\[［]?(?:\d{1,3}|[A-Za-zア-ンァ-ンｱ-ﾝ]|[０-９]{1,3}|[ivxIVX]{1,4})[)）\]］]"
    r"|\d{1,3}(?:\.\d{1,3}){0,4}[.．]?[ \u3000]+(?=\D)|[０-９]{1,3}[．、]|\d{1,3}[.．、](?=\D)"
    r"|第[0-9０-９一二三四五六七八九十]+[章節条項])"
)
# A line that starts like this goes on from the line before.
_GOES_ON = re.compile(
    r"[、。，．！？,.;:!?)）」』】\]］〉》〕ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮー%℃]|[a-z]"
)


def split_sentences(text: str, start: int, end: int) -> list[Span]:
    """Split ``text[start:end]`` into sentences.

    The spans are in order, do not overlap, carry no space at their edges, and together hold every
    character of the range that is not a space. No boundary falls inside brackets or quotes that
    close within reach, inside a number, an abbreviation, a section number or an address.
    """
    soft = _soft_breaks(text, start, end)
    cuts: list[int] = []
    place = start
    while True:
        event = _EVENT.search(text, place, end)
        if event is None:
            break
        at, character = event.start(), event.group()
        place = event.end()
        if character == "\n":
            if at not in soft:
                cuts.append(place)
        elif character in _PAIRS:
            place = _skip_bracket(text, at, end, soft) or place
        elif character in "。！？!?．.":
            after = _AFTER.match(text, place, end)
            stop = after.end() if after else place
            if _ends_sentence(text, start, end, at, stop):
                cuts.append(stop)
                place = stop
    spans: list[Span] = []
    previous = start
    for cut in [*cuts, end]:
        span = strip_span(text, previous, cut)
        if span is not None:
            spans.append(span)
        previous = cut
    return spans


def strip_span(text: str, start: int, end: int) -> Span | None:
    """The span without spaces at its edges, None if nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _skip_bracket(text: str, at: int, end: int, soft: set[int]) -> int | None:
    """One past the bracket that closes the one at ``at``, None if it does not within reach."""
    wanted = [_PAIRS[text[at]]]
    limit = min(end, at + _BRACKET_REACH)
    place = at + 1
    while wanted:
        event = _EVENT.search(text, place, limit)
        if event is None:
            return None
        character = event.group()
        place = event.end()
        if character == "\n" and event.start() not in soft:
            return None
        if len(wanted) > _BRACKET_DEPTH:
            return None
        if character in _PAIRS:
            wanted.append(_PAIRS[character])
        elif character == wanted[-1]:
            wanted.pop()
    # 「…。」 ends the sentence when nothing but a new sentence can follow.
    inner = text[place - 2]
    if (
        inner in "。！？"
        and place < end
        and text[place] not in "とのはがをにでもなやだ、。,)）」』"
    ):
        return place - 2
    return place


def _ends_sentence(text: str, start: int, end: int, at: int, stop: int) -> bool:
    character = text[at]
    following = text[stop] if stop < end else ""
    if character in "。！？":
        return True
    if character == "．":
        before = text[at - 1] if at > start else ""
        return not (_is_digit(before) and (_is_digit(following) or _numbers_line(text, start, at)))
    if following and not following.isspace() and following.isascii():
        return False
    if character in "!?":
        return True
    return _stop_ends_sentence(text, start, end, at, stop)


def _stop_ends_sentence(text: str, start: int, end: int, at: int, stop: int) -> bool:
    """Whether the ASCII full stop at ``at`` ends a sentence."""
    if _numbers_line(text, start, at):
        return False
    rest = stop
    while rest < end and text[rest].isspace():
        rest += 1
    upcoming = text[rest] if rest < end else ""
    if not upcoming:
        return True
    if rest == stop and _is_digit(text[at - 1] if at > start else ""):
        return False
    word_match = _WORD_BEFORE.search(text, max(start, at - 24), at)
    word = word_match.group() if word_match else ""
    low = word.lower().rstrip(".")
    starts_anew = upcoming.isupper() or not upcoming.isascii()
    if low in _OPEN_ABBREVIATIONS or low == "etc":
        return starts_anew
    if low in _ABBREVIATIONS and (low not in ("no", "art", "app", "ex") or _is_digit(upcoming)):
        return False
    if len(word) == 1 and word.isupper() and upcoming.isupper():
        return False
    if "." in word and len(low.replace(".", "")) <= 4 and all(len(x) == 1 for x in low.split(".")):
        return starts_anew and not upcoming.isupper()
    return not upcoming.islower()


def _numbers_line(text: str, start: int, at: int) -> bool:
    """Whether the stop at ``at`` belongs to the number of a list item or section."""
    return _NUMBER_BEFORE.search(text, max(start, at - 24), at) is not None


def _is_digit(character: str) -> bool:
    return character.isdecimal() if character else False


def _soft_breaks(text: str, start: int, end: int) -> set[int]:
    """Line feeds in the range at which a sentence goes on."""
    if text.find("\n", start, end) < 0:
        return set()
    lines: list[tuple[int, int, float]] = []
    place = start
    while place <= end:
        stop = text.find("\n", place, end)
        stop = end if stop < 0 else stop
        lines.append((place, stop, line_width(text[place:stop].strip())))
        place = stop + 1
    full = max(width for _, _, width in lines) * 0.7
    soft: set[int] = set()
    for (first, stop, width), (next_first, next_stop, _) in pairwise(lines):
        above, below = text[first:stop].rstrip(), text[next_first:next_stop].lstrip()
        if not above or not below or LIST_MARK.match(below):
            continue
        reaches_margin = width >= max(full, 12.0) and not _closes_line(above)
        if reaches_margin or above[-1] in "、，,・-/" or _GOES_ON.match(below):
            soft.add(stop)
    return soft


def _closes_line(line: str) -> bool:
    bare = line.rstrip(_CLOSERS)
    return line[-1] in "。！？!?.．：:；;" or (bool(bare) and bare[-1] in "。！？!?．")


def line_width(text: str) -> float:
    """Width in em: East Asian wide characters 1, others one half."""
    if text.isascii():
        return len(text) / 2
    return sum(1.0 if unicodedata.east_asian_width(one) in "WFA" else 0.5 for one in text)
