"""Comparing an answer with the same answer computed again."""

import math
from collections.abc import Sequence

from engine.records import Evidence, Hit, Replay, Summary

TOLERANCE = 1e-6


def compare(
    evidence: Evidence,
    hits: Sequence[Hit],
    summary: Summary | None,
    changes: Sequence[str] = (),
) -> Replay:
    """Say whether an answer came out again.

    Args:
        evidence: The stored answer.
        hits: The hits of the new run, for a search.
        summary: The summary of the new run, for a summary.
        changes: What is known to have changed around it, as codes.

    Returns:
        ``same`` is whether the results are equal: places, texts and order exactly, numbers within
        ``TOLERANCE``. Something may have changed around an answer that is still the same.
    """
    same = len(hits) == len(evidence.hits) and all(
        _same_hit(old, new) for old, new in zip(evidence.hits, hits, strict=True)
    )
    same = same and _same_summary(evidence.summary, summary)
    codes = list(dict.fromkeys(changes))
    if not same:
        codes.append("result_changed")
    return Replay(evidence.evidence_id, same, tuple(codes), tuple(hits), summary)


def _same_hit(old: Hit, new: Hit) -> bool:
    return (
        (old.rank, old.document_id, old.revision_id, old.start, old.end, old.text)
        == (new.rank, new.document_id, new.revision_id, new.start, new.end, new.text)
        and old.place == new.place
        and old.terms == new.terms
        and old.related == new.related
        and old.named == new.named
        and _close(old.score, new.score)
        and _close(old.parts.lexical, new.parts.lexical)
        and _close(old.parts.dense, new.parts.dense)
        and _close(old.parts.attention, new.parts.attention)
        and _close(old.parts.answer, new.parts.answer)
        and len(old.highlights) == len(new.highlights)
        and all(
            a[:2] == b[:2] and _close(a[2], b[2])
            for a, b in zip(old.highlights, new.highlights, strict=True)
        )
    )


def _same_summary(old: Summary | None, new: Summary | None) -> bool:
    if old is None or new is None:
        return old is new
    return (
        (old.document_id, old.revision_id, old.query)
        == (new.document_id, new.revision_id, new.query)
        and len(old.sentences) == len(new.sentences)
        and _close(old.coverage, new.coverage)
        and all(
            (a.start, a.end, a.text, a.place) == (b.start, b.end, b.text, b.place)
            and _close(a.score, b.score)
            for a, b in zip(old.sentences, new.sentences, strict=True)
        )
    )


def _close(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return math.isclose(old, new, rel_tol=0.0, abs_tol=TOLERANCE)
