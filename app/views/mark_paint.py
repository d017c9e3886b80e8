"""How marks look in text: stronger where the weight is higher."""

from collections.abc import Iterable

from PySide6.QtGui import QColor, QTextCharFormat, QTextLayout

from app.text_offsets import TextOffsets
from app.theme import Theme
from engine.records import Span


def mark_alpha(weight: float) -> float:
    """Return the opacity of a mark of a weight in 0..1."""
    return 0.16 + 0.74 * min(1.0, max(0.0, weight))


def mark_format(theme: Theme, weight: float) -> QTextCharFormat:
    """Return the format of attended text."""
    result = QTextCharFormat()
    result.setBackground(mark_colour(theme, weight))
    if is_bright(theme, weight):
        result.setForeground(theme.colour("on_mark"))
    return result


def mark_colour(theme: Theme, weight: float) -> QColor:
    """Return the colour behind attended text.

    On the dark theme the middle of the range is left out: neither light nor dark words could be
    read on it (contrast below 4.5).
    """
    alpha = mark_alpha(weight)
    if theme.colours.dark:
        alpha = 0.62 + 0.56 * (weight - 0.5) if is_bright(theme, weight) else 0.16 + 0.48 * weight
    return theme.colour("mark", min(1.0, alpha))


def is_bright(theme: Theme, weight: float) -> bool:
    """Return whether a mark is so bright that the words on it must be dark."""
    return theme.colours.dark and weight >= 0.5


def term_format(theme: Theme) -> QTextCharFormat:
    """Return the format of an exact match."""
    result = QTextCharFormat()
    result.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
    result.setUnderlineColor(QColor(theme.colours.lexical))
    return result


def format_ranges(
    theme: Theme,
    text: str,
    attended: Iterable[tuple[int, int, float]],
    terms: Iterable[Span],
) -> list[QTextLayout.FormatRange]:
    """Return the formats of a laid-out text; spans count code points of ``text``."""
    offsets = TextOffsets(text)
    ranges = []
    for start, end, weight in attended:
        ranges.append(_range(offsets, start, end, mark_format(theme, weight)))
    for start, end in terms:
        ranges.append(_range(offsets, start, end, term_format(theme)))
    return ranges


def _range(
    offsets: TextOffsets, start: int, end: int, style: QTextCharFormat
) -> QTextLayout.FormatRange:
    result = QTextLayout.FormatRange()
    result.start = offsets.to_units(start)
    result.length = offsets.to_units(end) - result.start
    result.format = style
    return result
