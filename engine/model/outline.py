"""The headings of a document, read as one text."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from engine.model.tokenizer import token_ranges
from engine.progress import CancelToken, Job, run
from engine.records import Encoding, Span

# The tokenizer drops line feeds, so something has to keep a heading from reading on into the next.
_MARK = "## "


class Reads(Protocol):
    """What reads a text: :class:`engine.model.encoder.Encoder` or a stand-in of it."""

    def encode(
        self,
        text: str,
        spans: Sequence[Span],
        sentences: Sequence[Span],
        *,
        cancel: CancelToken,
        fidelity_sample: int,
    ) -> Job[Encoding]:
        """Encode a document."""
        ...


def read_headings(
    model: Reads, headings: Sequence[str], cancel: CancelToken
) -> tuple[np.ndarray, np.ndarray]:
    """Token vectors of headings, which are read as a text of their own.

    Not every heading stands in the document's text, such as the name of a sheet.

    Args:
        model: The encoder.
        headings: G headings.
        cancel: Stops the work.

    Returns:
        ``heading_vectors`` and ``heading_starts`` of :class:`engine.records.Encoding`.

    Raises:
        engine.errors.Cancelled: ``cancel`` was set.
    """
    text, spans = outline(headings)
    read = run(model.encode(text, [], [], cancel=cancel, fidelity_sample=0))
    ranges = token_ranges(read.token_spans, spans).tolist()
    vectors = [read.token_vectors[first:last] for first, last in ranges]
    starts = np.cumsum([0, *map(len, vectors)]).astype(np.int32)
    return np.concatenate([read.token_vectors[:0], *vectors]), starts


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
