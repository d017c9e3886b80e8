"""The order of a question's candidates: gathered, fused, and the best read for an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.progress import CancelToken
from engine.records import DocumentId, SearchSettings
from engine.search import fusion
from engine.search.answer_passages import read_best
from engine.search.answering import Reading
from engine.search.candidates import Candidates, gather
from engine.search.fusion_features import RawParts
from engine.search.index import Index
from engine.search.lexical_lookup import Postings
from engine.search.query import QueryShape, shape
from engine.search.question import Question
from engine.search.tables import rows_by_words

# What it counts that a passage holds the number itself by which its document is asked for: rows of
# a register are told apart by it, but the number alone is no answer.
DESIGNATED = 0.5
# What it counts where other documents or sections go by the number.
MENTIONED = 0.5


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates of a question with their scores (N candidates).

    Attributes:
        found: The candidates.
        scores: float64 ``[N]`` in 0..1.
        parts: The parts of each score in 0..1 by name, ``[N]``, NaN where absent.
        guessed: Candidates whose scores associations add to, bool ``[N]``.
        by_topic: Candidates scored by the question's topic rather than by all of it, bool ``[N]``.
        readings: Those read for an answer, by place.
        order: Places of the best, best first, of equal passages of one document only the first.
    """

    found: Candidates
    scores: np.ndarray
    parts: Mapping[str, np.ndarray]
    guessed: np.ndarray
    by_topic: np.ndarray
    readings: Mapping[int, Reading]
    order: list[int]


def rank(
    question: Question,
    settings: SearchSettings,
    index: Index,
    postings: Postings,
    calibration: Mapping[str, Any],
    marking: Mapping[str, Any],
    cancel: CancelToken,
) -> Ranking:
    """Rank a question's candidates; arguments as in :func:`engine.search.pipeline.search`."""
    found = gather(question, settings, index, postings, cancel)
    fitted, kind = fusion.Calibration.read(calibration), shape(question.text)
    if found.called:
        kind = replace(kind, exact=1.0)
    by_topic = np.zeros(len(found.rows))
    if found.topic is not None and not found.called:
        kind = replace(kind, exact=DESIGNATED)
        by_topic, raw = _by_topic(found, found.topic, fitted, kind)
        found = replace(found, raw=raw)
    scores = _scores(found, fitted, kind)
    readings: Mapping[int, Reading] = {}
    if marking and question.encoding and settings.use_attention and settings.use_lexical:
        questions = [question.about(bool(share > 0.5)) for share in by_topic]
        readings, answer = read_best(questions, index, found.rows, scores, marking, cancel)
        found = replace(found, raw=replace(found.raw, answer=answer))
        scores = _scores(found, fitted, kind)
    words = np.where(found.foreign, np.nan, found.raw.lexical)
    scores = rows_by_words(index, found.rows, words, scores)
    return Ranking(
        found,
        scores,
        fusion.calibrated(found.raw, fitted),
        fusion.guessed(found.raw, fitted, kind=kind, foreign=found.foreign),
        by_topic > 0.5,
        readings,
        _distinct(index, found.rows, np.lexsort((found.rows, -scores)), settings.top),
    )


def _by_topic(
    found: Candidates, topic: RawParts, fitted: fusion.Calibration, kind: QueryShape
) -> tuple[np.ndarray, RawParts]:
    """Raw parts of each candidate by the whole question or by its topic, whichever says more.

    The whole question counts as far as the passage holds the topic's words: one that holds the
    number alone is no answer.

    Returns:
        Share of the topic in each, 0..1 ``[N]``, and the parts.
    """
    whole, about = (
        fusion.strengths(raw, fitted, kind=kind, foreign=found.foreign)
        for raw in (found.raw, topic)
    )
    meant = ~np.isnan(topic.exact)
    words = np.nan_to_num(topic.lexical)
    most = words.max(initial=0.0)
    share = meant * np.where(about > whole, 1.0, 1.0 - words / most if most else 0.0)
    exact = np.where(meant, 1.0, MENTIONED * found.raw.exact)
    return share, replace(found.raw.mixed(topic, share), exact=exact)


def _scores(found: Candidates, fitted: fusion.Calibration, kind: QueryShape) -> np.ndarray:
    fused = fusion.fuse(found.raw, fitted, kind=kind, foreign=found.foreign, setback=found.setback)
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
