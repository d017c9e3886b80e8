"""The headings of a document, read as one text."""

from collections.abc import Callable, Sequence

import numpy as np

from engine.model.tokenizer import token_ranges
from engine.records import Encoding, Span

# The tokenizer drops line feeds, so something has to keep a heading from reading on into the next.
_MARK = "## "


def read_headings(
    headings: Sequence[str], width: int, encode: Callable[[str], Encoding]
) -> tuple[np.ndarray, np.ndarray]:
    """Token vectors of headings.

    Args:
        headings: G headings.
        width: Of a token vector.
        encode: Encodes a text.

    Returns:
        ``heading_vectors`` and ``heading_starts`` of :class:`engine.records.Encoding`.
    """
    if not headings:
        return np.zeros((0, width), np.int8), np.zeros(1, np.int32)
    text, spans = outline(headings)
    read = encode(text)
    ranges = token_ranges(read.token_spans, spans).tolist()
    vectors = [read.token_vectors[first:last] for first, last in ranges]
    starts = np.cumsum([0, *map(len, vectors)]).astype(np.int32)
    return np.concatenate(vectors), starts


def outline(headings: Sequence[str]) -> tuple[str, list[Span]]:
    """A text with a heading on each line, behind a mark, and the span of each heading in it."""
    lines: list[str] = []
    spans: list[Span] = []
    end = 0
    for heading in headings:
        start = end + len(_MARK)
        spans.append((start, start + len(heading)))
        lines.append(f"{_MARK}{heading}\n")
        end = spans[-1][1] + 1
    return "".join(lines), spans
