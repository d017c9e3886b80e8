"""Runs :mod:`kernels.cross.triton_impl` with the arguments of the reference, NumPy in and out."""

import os
from typing import Any

import numpy as np
import torch

from kernels.cross import triton_impl
from kernels.cross.reference import CrossAttention, SegmentScores
from kernels.errors import ImplementationUnavailableError


def _there(x: np.ndarray) -> torch.Tensor:
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if not interpreted and not torch.cuda.is_available():
        raise ImplementationUnavailableError("triton: no GPU")
    return torch.from_numpy(np.ascontiguousarray(x)).to("cpu" if interpreted else "cuda")


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
