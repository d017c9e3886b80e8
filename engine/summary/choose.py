"""Choosing sentences one by one, each for what it adds.

Gains only shrink as the summary grows, so a queue of stale gains finds the best one without
computing them all again (lazy greedy, Minoux 1978).
"""

import heapq
from dataclasses import dataclass

import numpy as np

from engine.progress import CancelToken

MOST_TARGETS = 4000
COVERAGE_WEIGHT = 1.0
TERMS_WEIGHT = 2.0
REDUNDANCY_WEIGHT = 0.35
# Cosine with a chosen sentence from which on a sentence repeats it.
REDUNDANT = 0.6


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to choose from: S sentences, P passages to be covered, U terms.

    Attributes:
        vectors: Unit vectors of the sentences, float32 ``[S, D]``.
        targets: Unit vectors of the passages, float32 ``[P, D]``.
        importance: How much covering each passage is worth, ``[P]``.
        terms: Numbers of the terms that each sentence holds.
        term_weights: How much covering each term is worth, ``[U]``.
        prior: What each sentence is worth on its own, ``[S]``.
    """

    vectors: np.ndarray
    targets: np.ndarray
    importance: np.ndarray
    terms: tuple[np.ndarray, ...]
    term_weights: np.ndarray
    prior: np.ndarray


def choose(offer: Offer, wanted: int, cancel: CancelToken) -> list[int]:
    """Choose ``wanted`` sentences, best first; fewer if there are fewer.

    Source:
        Lin and Bilmes 2011, A class of submodular functions for document summarization: coverage
        of meaning (facility location) and of terms.
    """
    targets, importance = offer.targets, offer.importance
    if len(targets) > MOST_TARGETS:
        kept = np.linspace(0, len(targets) - 1, MOST_TARGETS).astype(np.int64)
        targets, importance = targets[kept], importance[kept]
    importance = (importance / max(float(importance.sum()), 1e-12)).astype(np.float32)
    worth = offer.term_weights * (TERMS_WEIGHT / max(float(offer.term_weights.sum()), 1e-12))
    similarity = np.maximum(offer.vectors @ targets.T, 0.0)  # [S, P]
    covered = np.zeros(len(targets), np.float32)
    nearest = np.zeros(len(offer.vectors), np.float32)
    named = np.array([float(worth[held].sum()) for held in offer.terms])
    gains = COVERAGE_WEIGHT * (similarity @ importance) + offer.prior + named
    queue = [(-float(gain), place, 0) for place, gain in enumerate(gains)]
    heapq.heapify(queue)
    picked: list[int] = []
    while queue and len(picked) < wanted:
        _, place, fresh = heapq.heappop(queue)
        if fresh == len(picked):
            cancel.check()
            picked.append(place)
            covered = np.maximum(covered, similarity[place])
            nearest = np.maximum(nearest, offer.vectors @ offer.vectors[place])
            worth[offer.terms[place]] = 0.0
            continue
        new = float(np.maximum(similarity[place] - covered, 0.0) @ importance)
        repeats = max(float(nearest[place]) - REDUNDANT, 0.0) / (1.0 - REDUNDANT)
        gain = COVERAGE_WEIGHT * new + offer.prior[place] - REDUNDANCY_WEIGHT * repeats
        gain += float(worth[offer.terms[place]].sum())
        heapq.heappush(queue, (-float(gain), place, len(picked)))
    return picked
