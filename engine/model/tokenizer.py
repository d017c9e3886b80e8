"""Text to token ids and exact spans, in pieces of bounded size."""

import re
import unicodedata
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from engine.errors import PackError
from engine.model.workers import Workers
from engine.progress import CancelToken
from engine.records import Span

PIECE = 2048
# Marks that join the letter before them when text is folded; the tokenizer gives them no place.
_MARKS = re.compile("[\u0300-\u036f\u3099\u309a\uff9e\uff9f]")
_BREAKS = "。．.!?！？;；、,，\t 　"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a text.

    Attributes:
        ids: int32 ``[T]``.
        spans: Half-open ranges of code points into the text, int32 ``[T, 2]``. Bytes that stand
            for one rare character share its span.
    """

    ids: np.ndarray
    spans: np.ndarray


def split_text(text: str, limit: int = PIECE) -> Iterator[Span]:
    """Cut a text into spans of at most ``limit`` code points that are tokenized on their own.

    Cuts are made behind the last line feed in reach, else behind the last punctuation mark or
    space, else between two characters that do not combine.
    """
    start = 0
    while start < len(text):
        end = min(start + limit, len(text))
        if end < len(text):
            end = _cut(text, start, end)
        yield start, end
        start = end


def _cut(text: str, start: int, end: int) -> int:
    newline = text.rfind("\n", start, end)
    if newline >= 0:
        return newline + 1
    for position in range(end, start + (end - start) // 2, -1):
        if text[position - 1] in _BREAKS:
            return position
    for position in range(end, start + 1, -1):
        if not (unicodedata.combining(text[position]) or text[position] in "ﾞﾟ"):
            return position
    return end


class Tokenizer:
    """A pack's tokenizer."""

    def __init__(self, data: bytes) -> None:
        """Read ``tokenizer.json``.

        Raises:
            PackError: ``pack_broken``.
        """
        import tokenizers

        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(data.decode("utf-8"))
        except Exception as error:
            raise PackError("pack_broken", path="tokenizer.json", reason=str(error)) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @property
    def size(self) -> int:
        """Number of token ids."""
        return self._tokenizer.get_vocab_size(with_added_tokens=True)

    def tokenize(self, text: str) -> Tokens:
        """Tokens of a short text."""
        steps = self.tokenize_steps(text, CancelToken())
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return stop.value

    def tokenize_steps(
        self, text: str, cancel: CancelToken, workers: Workers | None = None
    ) -> Generator[int, None, Tokens]:
        """Tokens of a text of any length, yielding the code points done.

        Args:
            text: The text.
            cancel: Checked before every piece.
            workers: The threads that share the work; None for the caller's alone.

        Raises:
            Cancelled: The token was set.
        """

        def work(piece: Span) -> tuple[int, Tokens]:
            start, end = piece
            # Only the batch lets other threads run meanwhile.
            (encoding,) = self._tokenizer.encode_batch([text[start:end]], add_special_tokens=False)
            spans = np.array(encoding.offsets, np.int32).reshape(-1, 2) + start
            _take_marks(text, piece, spans)
            return end, Tokens(np.array(encoding.ids, np.int32), spans)

        found = [Tokens(np.zeros(0, np.int32), np.zeros((0, 2), np.int32))]
        cancel.check()
        for end, tokens in (workers or Workers(1)).ordered(work, split_text(text)):
            cancel.check()
            found.append(tokens)
            yield end
        return Tokens(
            np.concatenate([one.ids for one in found]), np.concatenate([one.spans for one in found])
        )


def _take_marks(text: str, piece: Span, spans: np.ndarray) -> None:
    """Stretch the spans of a piece over marks that follow their letters and lie in no span."""
    for mark in _MARKS.finditer(text, *piece):
        at = mark.start()
        if not ((spans[:, 0] <= at) & (at < spans[:, 1])).any():
            spans[spans[:, 1] == at, 1] = at + 1


def token_ranges(token_spans: np.ndarray, spans: list[tuple[int, int]]) -> np.ndarray:
    """Half-open ranges of the tokens that overlap spans of code points.

    Args:
        token_spans: int32 ``[T, 2]``, starts and ends not decreasing.
        spans: Half-open ranges of code points.

    Returns:
        int64 ``[P, 2]``; empty ranges where no token overlaps.
    """
    if not spans:
        return np.zeros((0, 2), np.int64)
    wanted = np.array(spans, np.int64)
    # A cumulated maximum keeps the search right where a tokenizer reports an empty span.
    ends = np.maximum.accumulate(token_spans[:, 1]) if len(token_spans) else token_spans[:, 1]
    first = np.searchsorted(ends, wanted[:, 0], side="right")
    last = np.searchsorted(token_spans[:, 0], wanted[:, 1], side="left")
    return np.stack([first, np.maximum(first, last)], axis=1)
