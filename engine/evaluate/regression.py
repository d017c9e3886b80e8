"""Logistic regression with weights that are never negative, in NumPy."""

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
