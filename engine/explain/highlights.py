"""From weights of tokens to spans worth marking."""

import re

import numpy as np

WEAK = 0.15
MOST = 40

# A word or number that a mark must not cut: Latin letters and digits with their joints and sign,
# or a word in katakana.
_WORD = re.compile(
    r"[±φΦ⌀]?[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]+(?:[-./,_×・·－．／][0-9A-Za-z０-９Ａ-Ｚａ-ｚ]+)*[%℃°μ㎜]?"
    r"|[ァ-ヺー]{2,}"
)
_JOINED = re.compile(r"[\s、，,]*")
_EMPTY = re.compile(r"[\W_]+")


def highlights(
    text: str, start: int, end: int, token_spans: np.ndarray, token_weights: np.ndarray
) -> tuple[tuple[int, int, float], ...]:
    """Merge the attended tokens of a passage into spans.

    Args:
        text: The document's text.
        start: First code point of the passage.
        end: One past its last.
        token_spans: Spans of attended tokens, int ``[N, 2]``, in any order.
        token_weights: Their weights, ``[N]``, not negative.

    Returns:
        ``(start, end, weight)`` in order, not overlapping, inside the passage, with whole words
        and numbers; the strongest has weight 1; weak ones are dropped.
    """
    cells = np.zeros(end - start, np.float64)
    for (first, last), weight in zip(token_spans, token_weights, strict=True):
        first, last = max(int(first), start), min(int(last), end)
        if first < last:
            cells[first - start : last - start] = np.maximum(
                cells[first - start : last - start], float(weight)
            )
    if not cells.any():
        return ()
    for match in _EMPTY.finditer(text, start, end):
        cells[match.start() - start : match.end() - start] = 0.0
    for match in _WORD.finditer(text, start, end):
        word = slice(match.start() - start, match.end() - start)
        cells[word] = cells[word].max()
    peak = cells.max()
    if peak <= 0:
        return ()
    cells /= peak
    cells[cells < WEAK] = 0.0
    merged = _merge(text, start, cells)
    strongest = sorted(merged, key=lambda span: (-span[2], span[0]))[:MOST]
    return tuple(sorted(strongest))


def _merge(text: str, start: int, cells: np.ndarray) -> list[tuple[int, int, float]]:
    spans: list[tuple[int, int, float]] = []
    position = 0
    while position < len(cells):
        weight = cells[position]
        if weight <= 0:
            position += 1
            continue
        last = position
        while last < len(cells) and cells[last] == weight:
            last += 1
        first, rounded = start + position, round(float(weight), 4)
        if spans and abs(spans[-1][2] - rounded) <= 0.05 and _between(text, spans[-1][1], first):
            before = spans.pop()
            spans.append((before[0], start + last, max(before[2], rounded)))
        else:
            spans.append((first, start + last, rounded))
        position = last
    return spans


def _between(text: str, start: int, end: int) -> bool:
    return start == end or _JOINED.fullmatch(text, start, end) is not None
