"""Conversion between code points and Qt's UTF-16 units.

Spans in the engine's records count code points; ``QTextCursor`` and ``QTextLayout`` count UTF-16
units, in which a character beyond U+FFFF (some kanji of names, emoji) takes two.
"""

import numpy as np


class TextOffsets:
    """Positions of one text, in both counts.

    Attributes:
        code_points: Length of the text in code points.
        units: Length of the text in UTF-16 units.
    """

    __slots__ = ("_astral", "_astral_units", "code_points", "units")

    def __init__(self, text: str) -> None:
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        if units == len(text):
            self._astral = np.empty(0, np.int64)
        else:
            values = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
            self._astral = np.flatnonzero(values > 0xFFFF)
        self._astral_units = self._astral + np.arange(len(self._astral))
        self.code_points = len(text)
        self.units = units

    def to_units(self, position: int) -> int:
        """Return the UTF-16 position of a code point position, both from 0."""
        if not len(self._astral):
            return position
        return position + int(np.searchsorted(self._astral, position, side="left"))

    def to_code_points(self, position: int) -> int:
        """Return the code point position of a UTF-16 position.

        A position between the halves of a pair gives the character that the pair stands for.
        """
        if not len(self._astral):
            return position
        return position - int(np.searchsorted(self._astral_units, position, side="left"))
