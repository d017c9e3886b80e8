"""The order of a question's candidates: gathered, fused, and the best read for an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.progress import CancelToken
from engine.records import DocumentId, QueryEncoding, SearchSettings
from engine.search import fusion, lexical
from engine.search.answer_passages import read_best
from engine.search.answering import Reading
from engine.search.candidates import Candidates, gather
from engine.search.index import Index
from engine.search.query import QueryShape, shape


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates of a question with their scores (N candidates).

    Attributes:
        found: The candidates.
        scores: float64 ``[N]`` in 0..1.
        parts: The parts of each score in 0..1 by name, ``[N]``, NaN where absent.
        guessed: Candidates whose scores associations add to, bool ``[N]``.
        readings: Those read for an answer, by place.
        order: Places of the best, best first, of equal passages of one document only the first.
    """

    found: Candidates
    scores: np.ndarray
    parts: Mapping[str, np.ndarray]
    guessed: np.ndarray
    readings: Mapping[int, Reading]
    order: list[int]


def rank(
    query: str,
    asked: lexical.QueryTerms,
    settings: SearchSettings,
    index: Index,
    postings: lexical.Postings,
    query_encoding: QueryEncoding | None,
    calibration: Mapping[str, Any],
    marking: Mapping[str, Any],
    cancel: CancelToken,
) -> Ranking:
    """Rank a question's candidates; arguments as in :func:`engine.search.pipeline.search`.

    ``asked`` is the question taken apart, with its translations.
    """
    found = gather(query, settings, index, postings, query_encoding, cancel, asked)
    fitted, kind = fusion.Calibration.read(calibration), shape(query)
    if found.called:
        kind = replace(kind, short=1.0)
    scores = _scores(found, fitted, kind)
    readings: Mapping[int, Reading] = {}
    if marking and query_encoding is not None and settings.use_attention and settings.use_lexical:
        readings, answer = read_best(
            query_encoding, asked, index, found.rows, scores, marking, cancel
        )
        found = replace(found, raw=replace(found.raw, answer=answer))
        scores = _scores(found, fitted, kind)
    return Ranking(
        found,
        scores,
        fusion.calibrated(found.raw, fitted),
        fusion.guessed(found.raw, fitted, kind=kind, foreign=found.foreign),
        readings,
        _distinct(index, found.rows, np.lexsort((found.rows, -scores)), settings.top),
    )


def _scores(found: Candidates, fitted: fusion.Calibration, kind: QueryShape) -> np.ndarray:
    fused = fusion.fuse(
        found.raw, fitted, kind=kind, foreign=found.foreign, contents=found.contents
    )
    # The last bits are the machine's; far behind the first, candidates differ by little more.
    return np.round(fused, 9)


def _distinct(index: Index, rows: np.ndarray, order: np.ndarray, top: int) -> list[int]:
    chosen: list[int] = []
    seen: set[tuple[DocumentId, str]] = set()
    for at in order.tolist():
        if len(chosen) >= top:
            break
        row = int(rows[at])
        key = (index.revisions[index.revision_of(row)].document_id, index.passage_text(row))
        if key not in seen:
            seen.add(key)
            chosen.append(at)
    return chosen
