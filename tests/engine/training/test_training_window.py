import math

import pytest
import torch

from engine.training.config import ModelConfig
from engine.training.window import (
    deepen,
    far_distances,
    fit_window,
    near_distances,
    window_biases,
    window_score,
)
from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import block_sparse_attention, rotate


def test_the_score_is_that_of_the_kernels_rotation():
    config = ModelConfig()
    u, w = fit_window(config, 0.5, 1.0)
    for distance in (-150, -1, 0, 70):
        turned = rotate(w.numpy()[None], torch.tensor([distance]).numpy(), config.rotary_base)[0]
        expected = float(turned @ u.numpy()) / 8
        score = window_score(u, w, torch.tensor([distance]).double(), config.rotary_base)
        assert float(score) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("config", [ModelConfig(), ModelConfig(width=32, heads=2, block=8)])
def test_far_keys_stand_below_the_window(config: ModelConfig):
    u, w = fit_window(config, 0.375, 0.375)
    size = config.block
    far = window_score(u, w, far_distances(config), config.rotary_base)
    inside = torch.arange(-size // 4, size // 4 + 1).double()
    near = window_score(u, w, inside, config.rotary_base)
    assert float(near.max() - near.min()) < 3.0
    assert float(far.max() - near.min()) < -6.5
    assert len(near_distances(config)) == 4 * size - 1


def test_attention_without_content_stays_near_at_any_length():
    config = ModelConfig(width=64, heads=1, vocabulary=8)
    pattern = BlockPattern(global_blocks=0, k_min=0, k_max=40)
    shift = window_biases(config).view(2, 1, 64).double()
    for blocks in (6, 40):
        tokens = blocks * 64
        q, k = (part.expand(tokens, 1, 64).numpy() for part in shift)
        found = block_sparse_attention(q, k, k, pattern)
        near = [
            found.mass[row][abs(found.kept[row] - row) <= 1].sum() for row in range(1, blocks - 1)
        ]
        assert min(near) > 1 - blocks * 2.5e-5 - 1e-3
        assert not math.isclose(min(near), 1.0, abs_tol=1e-9)


def test_a_deeper_window_lets_far_keys_stand_lower():
    config = ModelConfig()
    u, w = fit_window(config, 0.375, 0.375)
    bias = torch.cat((u, w)).float()
    deepen([bias], 2.0)
    for distances in (far_distances(config), near_distances(config)):
        before = window_score(u, w, distances, config.rotary_base)
        after = window_score(bias[:64].double(), bias[64:].double(), distances, config.rotary_base)
        # In proportion: 11 nats become 13.
        assert torch.allclose(after, before * 13 / 11, atol=1e-4)
