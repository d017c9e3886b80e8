"""Runs :mod:`kernels.cross.triton_impl` with the arguments of the reference, NumPy in and out."""

import os
from typing import Any

import numpy as np
import torch

from kernels.cross import triton_impl
from kernels.cross.reference import CrossAttention, SegmentScores


def _interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET") == "1"


def why_not() -> str | None:
    """Why this cannot run here, or None; the packages are there."""
    return None if _interpreted() or torch.cuda.is_available() else "no GPU"


def _there(x: np.ndarray) -> torch.Tensor:
    device = "cpu" if _interpreted() else "cuda"
    return torch.from_numpy(np.ascontiguousarray(x)).to(device)


def _here(x: Any) -> np.ndarray:
    return x.cpu().numpy()


def score_segments(
    query: np.ndarray, tokens: np.ndarray, segments: np.ndarray, weights: np.ndarray
) -> SegmentScores:
    """See :func:`kernels.cross.api.score_segments`; float32, every argument given and valid."""
    found = triton_impl.score_segments(
        _there(query), _there(tokens), _there(segments), _there(weights)
    )
    return SegmentScores(_here(found.scores), _here(found.similarities), _here(found.tokens))


def attend(
    query: np.ndarray,
    tokens: np.ndarray,
    summaries: np.ndarray,
    segments: np.ndarray,
    weights: np.ndarray,
    budget: int,
    temperature: float,
    block: int,
) -> CrossAttention:
    """See :func:`kernels.cross.api.attend`; float32, every argument given and valid."""
    found = triton_impl.attend(
        _there(query), _there(tokens), _there(summaries), _there(segments), _there(weights),
        budget, temperature, block,
    )  # fmt: skip
    return CrossAttention(
        _here(found.blocks), _here(found.block_scores), found.dropped, _here(found.tokens),
        _here(found.weights), _here(found.segment_scores),
    )  # fmt: skip
