"""The deletion test: what becomes of a score when the attended tokens are taken away.

Attention shows where the model looked. That it mattered is shown by taking it away: a faithful
explanation loses more than as many tokens taken at random (the comprehensiveness of DeYoung et
al. 2020, ERASER, against a random control).
"""

from collections.abc import Callable

import numpy as np

from engine.progress import CancelToken
from engine.records import Deletion

SHARE = 0.2
FEWEST = 1
CONTROLS = 20
SEED = 20240229


def deletion_test(
    score: Callable[[np.ndarray], float],
    token_weights: np.ndarray,
    cancel: CancelToken | None = None,
    *,
    share: float = SHARE,
) -> Deletion:
    """Score a passage without its attended tokens, and without as many others.

    Args:
        score: Attention score of the passage, given which of its N tokens remain, bool ``[N]``.
        token_weights: Attention each token drew, ``[N]``.
        cancel: Checked between scores.
        share: Share of the passage's tokens taken out; never one that drew no attention.

    Returns:
        The scores; the control is a mean over random choices among the other tokens (among all of
        them where too few others are left), the same ones in every run.

    Raises:
        engine.errors.Cancelled: ``cancel`` was set.
    """
    cancel = cancel or CancelToken()
    count = len(token_weights)
    before = float(score(np.ones(count, bool)))
    headings = float(score(np.zeros(count, bool)))
    removed = min(max(FEWEST, round(count * share)), int((token_weights > 0).sum()))
    if removed == 0:
        return Deletion(before, before, before, 0, headings)
    attended = np.lexsort((np.arange(count), -token_weights))[:removed]
    after = float(score(_without(count, attended)))
    others = np.setdiff1d(np.arange(count), attended)
    pool = others if len(others) >= removed else np.arange(count)
    generator = np.random.default_rng(SEED)
    controls = []
    for _ in range(CONTROLS):
        cancel.check()
        taken = generator.choice(pool, removed, replace=False)
        controls.append(float(score(_without(count, taken))))
    return Deletion(before, after, round(float(np.mean(controls)), 6), removed, headings)


def _without(count: int, taken: np.ndarray) -> np.ndarray:
    remaining = np.ones(count, bool)
    remaining[taken] = False
    return remaining
