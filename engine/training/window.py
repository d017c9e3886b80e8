"""Constant query and key biases that give each attention head a window at any document length.

A far key is turned as if it stood ``(near + 1) * block`` tokens before its query block. A constant
added to every query and one added to every key therefore make a score ``u . R(d) w`` that depends
on the distance alone and tells near keys from far ones. Without it the share of a softmax that
falls on thousands of far keys grows with their number.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.training.config import ModelConfig

# Left and right ends of the windows of consecutive heads, in blocks.
_WINDOWS = ((0.375, 0.375), (0.375, 1.0), (0.5, 1.5), (0.75, 1.0))
# How far below its window a far key stands, in nats: 32,000 of them weigh as much as one near key
# would at ln 32,000 = 10.4.
_DEPTH = 11.0
_PENALTY = 0.005
# Weight of distances behind the window, where the score may do what it likes.
_FREE = 0.04


def far_distances(config: ModelConfig) -> Tensor:
    """Distances (key minus query) at which far keys are seen, ascending float64."""
    centre, reach = -(config.near + 1) * config.block, config.block - 1
    return torch.arange(centre - reach, centre + reach + 1, dtype=torch.float64)


def near_distances(config: ModelConfig) -> Tensor:
    """Distances at which near keys are seen, ascending float64."""
    reach = (config.near + 1) * config.block - 1
    return torch.arange(-reach, reach + 1, dtype=torch.float64)


def _angles(distance: Tensor, half: int, base: float) -> Tensor:
    return distance[:, None] * base ** (-torch.arange(half, dtype=torch.float64) / half)


def window_score(u: Tensor, w: Tensor, distance: Tensor, base: float) -> Tensor:
    """Score ``u . R(d) w / sqrt(D)`` of two biases ``[D]`` at distances ``[N]``, ``[N]``."""
    half = len(u) // 2
    angles = _angles(distance, half, base)
    cosine, sine = angles.cos(), angles.sin()
    first, second = w[:half], w[half:]
    turned = torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)
    return turned @ u / len(u) ** 0.5


def fit_window(config: ModelConfig, left: float, right: float) -> tuple[Tensor, Tensor]:
    """Query and key bias of one head, float64 ``[D]`` each.

    Ridge regression over the head's rotary frequencies: 0 from ``left`` blocks before the query
    to ``right`` behind it, ``-_DEPTH`` at the distances of far keys, a straight line between. A
    near key at a distance of far ones is treated as they are.
    """
    far, near = far_distances(config), near_distances(config)
    low, high = -left * config.block, right * config.block
    slope = _DEPTH / (low - far[-1])
    points = torch.arange(int(far[0]), int(near[-1]) + 1, dtype=torch.float64)
    target = torch.minimum((points - low) * slope, (high - points) * slope).clamp(-_DEPTH, 0)
    target = torch.where(points > high, target.clamp(min=-_DEPTH / 2), target)
    half = config.head_width // 2
    angles = _angles(points, half, config.rotary_base)
    design = torch.cat((angles.cos(), angles.sin(), torch.ones(len(points), 1).double()), -1)
    weights = torch.where(points > high, _FREE, 1.0).double()[:, None]
    penalty = torch.eye(2 * half + 1, dtype=torch.float64) * _PENALTY * len(points)
    penalty[-1, -1] = 0.0  # A constant changes nothing in a softmax and costs nothing.
    normal = design.T @ (weights * design) + penalty
    found = torch.linalg.solve(normal, design.T @ (weights[:, 0] * target))
    cosine, sine = found[:half], found[half:-1]
    root = (cosine.square() + sine.square()).sqrt().clamp(min=1e-12).sqrt()
    scale = config.head_width**0.25
    u = torch.cat((root, torch.zeros_like(root))) * scale
    w = torch.cat((cosine / root, -sine / root)) * scale
    return u, w


def window_biases(config: ModelConfig) -> Tensor:
    """Query biases of all heads, then key biases, float32 ``[2 * W]``."""
    heads = [fit_window(config, *_WINDOWS[head % len(_WINDOWS)]) for head in range(config.heads)]
    return (
        torch.stack((torch.stack([u for u, _ in heads]), torch.stack([w for _, w in heads])))
        .flatten()
        .float()
    )


def deepen(biases: Sequence[Tensor], nats: float) -> None:
    """Let far keys stand lower below every window, in place.

    Args:
        biases: Query and key biases of each layer, ``[2 * W]``, made by :func:`window_biases` and
            trained since.
        nats: How much lower, more than ``-_DEPTH``; the whole score of the biases grows in
            proportion.
    """
    with torch.no_grad():
        for bias in biases:
            # A score is a product of a query's and a key's bias.
            bias.mul_((1.0 + nats / _DEPTH) ** 0.5)
