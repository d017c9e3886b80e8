"""Attention of a question's tokens over stored token vectors of a document."""

from kernels.cross.api import attend, score_segments
from kernels.cross.reference import CrossAttention, SegmentScores, power_mean
from kernels.errors import ImplementationUnavailableError

__all__ = [
    "CrossAttention",
    "ImplementationUnavailableError",
    "SegmentScores",
    "attend",
    "power_mean",
    "score_segments",
]
