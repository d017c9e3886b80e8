"""Runs the graphs of :mod:`kernels.cross.onnx_graph` with the arguments of the reference."""

from functools import lru_cache
from typing import Any

import numpy as np

from kernels.cross.reference import (
    CHUNK,
    CrossAttention,
    SegmentScores,
    choose_blocks,
    power_mean,
    raise_best,
    score_blocks,
    tokens_of_blocks,
)

# Segments of one run have about the same length, so that little of it is filling.
STEP = 64
# Cosines of one run, query tokens times tokens: 16 MB.
MOST_COSINES = 2**22


@lru_cache(maxsize=2)
def _session(name: str) -> Any:
    import onnxruntime

    from kernels.cross import onnx_graph

    model = getattr(onnx_graph, name)()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # As NumPy computes: products this small are not worth waking threads for.
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def score_segments(
    query: np.ndarray, tokens: np.ndarray, segments: np.ndarray, weights: np.ndarray
) -> SegmentScores:
    """See :func:`kernels.cross.api.score_segments`; float32, every argument given and valid."""
    pieces = [
        (row, first, min(first + CHUNK, end))
        for row, (start, end) in enumerate(segments.tolist())
        for first in range(start, end, CHUNK)
    ]
    rows, starts, ends = np.array(pieces, np.int64).reshape(-1, 3).T
    found = np.empty((len(pieces), len(query)), np.float32)
    place = np.empty(found.shape, np.int64)
    length = -(-(ends - starts) // STEP) * STEP
    for padded in np.unique(length):
        same = np.flatnonzero(length == padded)
        together = max(1, 2 * CHUNK // int(padded))
        for at in range(0, len(same), together):
            part = same[at : at + together]
            index = starts[part, None] + np.arange(padded)
            feeds = {
                "query": query,
                "tokens": tokens,
                "index": np.minimum(index, ends[part, None] - 1),
            }
            found[part], place[part] = _session("segments_model").run(["best", "place"], feeds)
    best = np.full((len(segments), len(query)), -np.inf, np.float32)
    where = np.full(best.shape, -1, np.int64)
    for piece, row in enumerate(rows):
        better = found[piece] > best[row]
        best[row, better] = found[piece, better]
        where[row, better] = starts[piece] + place[piece, better]
    best[where < 0] = np.nan
    return SegmentScores(power_mean(best, weights), best, where)


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
    scores = score_blocks(query, summaries, weights)
    blocks = choose_blocks(scores, budget)
    index = tokens_of_blocks(blocks, block, len(tokens))
    best = np.full((len(segments), len(query)), -np.inf, np.float32)
    share = np.zeros(len(index), np.float32)
    rows = max(1, MOST_COSINES // max(1, len(index)))
    for start in range(0, len(query), rows):
        part = slice(start, start + rows)
        feeds = {
            "query": query[part],
            "tokens": tokens,
            "index": index,
            "weights": weights[part],
            "sharpness": np.array(1.0 / temperature, np.float32),
        }
        cosines, given = _session("attention_model").run(["cosines", "share"], feeds)
        share += given
        raise_best(best[:, part], cosines, segments, index)
    best[~np.isfinite(best).all(axis=1)] = np.nan
    segment_scores = power_mean(best, weights)
    dropped = len(summaries) - len(blocks)
    return CrossAttention(blocks, scores[blocks], dropped, index, share, segment_scores)
