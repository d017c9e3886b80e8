"""Logistic and conditional logistic regression with weights that are never negative, in NumPy."""

from collections.abc import Sequence

import numpy as np

STEPS = 100
TOLERANCE = 1e-8


def fit_logistic(
    features: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    ridge: float = 1e-3,
) -> tuple[np.ndarray, float]:
    """Fit ``P(label) = sigmoid(features @ w + b)`` with ``w >= 0``.

    Newton's method on the ridge-penalised likelihood; whenever the best weights hold a negative
    one, the most negative is fixed at 0 and the rest is fitted again.

    Args:
        features: ``[N, F]``.
        labels: 0 or 1, ``[N]``.
        weights: Weight of each example, ``[N]``; equal if None.
        ridge: Penalty on the squares of the weights of the standardised features.

    Returns:
        Weights ``[F]`` and bias.
    """
    features = np.asarray(features, float)
    scale = features.std(axis=0)
    scale[scale == 0] = 1.0
    centre = features.mean(axis=0)
    standard = (features - centre) / scale
    example = np.ones(len(labels)) if weights is None else np.asarray(weights, float)
    example = example / example.sum()
    active = features.std(axis=0) > 0
    while True:
        fitted, bias = _newton(standard[:, active], np.asarray(labels, float), example, ridge)
        if not len(fitted) or fitted.min() >= 0:
            break
        active[np.flatnonzero(active)[fitted.argmin()]] = False
    found = np.zeros(features.shape[1])
    found[active] = fitted / scale[active]
    return found, float(bias - found @ centre)


def _newton(
    features: np.ndarray, labels: np.ndarray, example: np.ndarray, ridge: float
) -> tuple[np.ndarray, float]:
    design = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-9
    found = np.zeros(design.shape[1])
    loss = _loss(design, labels, example, penalty, found)
    for _ in range(STEPS):
        chance = 0.5 * (1.0 + np.tanh(0.5 * (design @ found)))
        slope = design.T @ (example * (chance - labels)) + penalty * found
        curve = (design * (example * chance * (1.0 - chance))[:, None]).T @ design
        step = np.linalg.solve(curve + np.diag(penalty), slope)
        length = 1.0
        while length > 1e-6:
            trial = found - length * step
            reached = _loss(design, labels, example, penalty, trial)
            if reached <= loss:
                break
            length /= 2
        else:
            break
        improved = loss - reached
        found, loss = trial, reached
        if improved < TOLERANCE:
            break
    return found[:-1], float(found[-1])


def _loss(
    design: np.ndarray,
    labels: np.ndarray,
    example: np.ndarray,
    penalty: np.ndarray,
    found: np.ndarray,
) -> float:
    logits = design @ found
    likelihood = np.logaddexp(0.0, logits) - labels * logits
    return float(example @ likelihood + 0.5 * penalty @ found**2)


def fit_choice(
    questions: Sequence[tuple[np.ndarray, np.ndarray]],
    free: np.ndarray,
    shares: np.ndarray | None = None,
    *,
    ridge: float = 1e-3,
) -> np.ndarray:
    """Fit weights that put the right candidates of each question before the others.

    The likelihood is the one of choosing a right candidate among all of a question with
    probability ``softmax(features @ w)``, in the mean over its right ones. Newton's method, with
    negative weights fixed at 0 one by one as in :func:`fit_logistic`.

    Args:
        questions: Features ``[N, F]`` and labels ``[N]`` of each; those without a right candidate
            or without a wrong one say nothing and are left out.
        free: Features whose weight may be negative, bool ``[F]``.
        shares: What each question counts for, ``[Q]``; all alike if None.
        ridge: Penalty on the squares of the weights of the standardised features.

    Returns:
        Weights, ``[F]``.

    Source:
        McFadden 1974, Conditional logit analysis; as a loss for ranking, ListNet (Cao et al.
        2007) with equal shares for the right ones.
    """
    counts = np.ones(len(questions)) if shares is None else np.asarray(shares, float)
    told = [
        (np.asarray(features, float), np.asarray(labels, float), float(count))
        for (features, labels), count in zip(questions, counts, strict=True)
        if 0 < np.sum(labels) < len(labels)
    ]
    if not told:
        return np.zeros(len(free))
    total = sum(count for _, _, count in told)
    told = [(features, labels, count / total) for features, labels, count in told]
    centre = sum(share * features.mean(axis=0) for features, _, share in told)
    scale = np.sqrt(
        sum(share * ((features - centre) ** 2).mean(axis=0) for features, _, share in told)
    )
    active = scale > 1e-12
    scale[~active] = 1.0
    told = [(features / scale, labels, share) for features, labels, share in told]
    while True:
        columns = np.flatnonzero(active)
        fitted = _choice_newton(
            [(features[:, columns], labels, share) for features, labels, share in told],
            len(columns),
            ridge,
        )
        bound = np.where(free[columns], np.inf, fitted)
        if not len(columns) or bound.min() >= 0:
            break
        active[columns[bound.argmin()]] = False
    found = np.zeros(len(free))
    found[columns] = fitted / scale[columns]
    return found


def _choice_newton(
    told: Sequence[tuple[np.ndarray, np.ndarray, float]], width: int, ridge: float
) -> np.ndarray:
    found = np.zeros(width)
    loss, slope, curve = _choice_loss(told, found, ridge)
    for _ in range(STEPS):
        step = np.linalg.solve(curve, slope)
        length = 1.0
        while length > 1e-6:
            reached = _choice_loss(told, found - length * step, ridge)
            if reached[0] <= loss:
                break
            length /= 2
        else:
            break
        improved = loss - reached[0]
        found = found - length * step
        loss, slope, curve = reached
        if improved < TOLERANCE:
            break
    return found


def _choice_loss(
    told: Sequence[tuple[np.ndarray, np.ndarray, float]], found: np.ndarray, ridge: float
) -> tuple[float, np.ndarray, np.ndarray]:
    loss = 0.5 * ridge * float(found @ found)
    slope = ridge * found
    curve = ridge * np.eye(len(found))
    for features, labels, share in told:
        logits = features @ found
        logits -= logits.max()
        chance = np.exp(logits)
        total = chance.sum()
        chance /= total
        target = labels / labels.sum()
        loss += share * float(np.log(total) - target @ logits)
        mean = chance @ features
        slope = slope + share * (mean - target @ features)
        curve = curve + share * ((features * chance[:, None]).T @ features - np.outer(mean, mean))
    return loss, slope, curve
