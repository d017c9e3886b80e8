import numpy as np
import pytest
import torch

from engine.training.attention import block_attention
from engine.training.config import ModelConfig
from engine.training.sparse_twin import (
    Sample,
    draw_sample,
    far_keys,
    kept_blocks,
    log_mass,
    rank_divergence,
    twin_attention,
    twin_scores,
)
from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import (
    attend_block,
    block_means,
    block_sparse_attention,
    rotate_far_keys,
    rotate_queries,
    select_blocks,
    to_blocks,
)

CONFIG = ModelConfig(width=32, heads=2, block=8, k_min=1, k_max=3)


def parts_of(tokens: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(tokens)
    return [
        torch.randn(tokens, 2, 16, generator=generator, dtype=torch.float64) * 1.5 for _ in range(3)
    ]


def padded(part: torch.Tensor, length: int) -> torch.Tensor:
    return torch.nn.functional.pad(part, (0, 0, 0, 0, 0, length - len(part)), value=7.0)


def pattern_of(config: ModelConfig, k_max: int) -> BlockPattern:
    return BlockPattern(block=config.block, k_min=config.k_min, k_max=k_max)


@pytest.mark.parametrize("tokens", [8, 40, 156, 160])
def test_the_twin_is_the_reference_with_every_block_read(tokens: int):
    q, k, v = parts_of(tokens)
    expected = block_sparse_attention(
        q.numpy(), k.numpy(), v.numpy(), pattern_of(CONFIG, 100)
    ).output
    length = -(-tokens // 8) * 8
    real = torch.arange(length) < tokens
    q, k, v = (padded(part, length) for part in (q, k, v))
    ours = twin_attention(q, k, v, real, CONFIG)[:tokens].numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_mass_and_selection_are_those_of_the_reference():
    tokens, length = 157, 160
    q, k, v = parts_of(tokens)
    pattern = pattern_of(CONFIG, 3)
    queries = rotate_queries(to_blocks(q.numpy(), 8), pattern)
    keys = rotate_far_keys(to_blocks(k.numpy(), 8), pattern)
    lists = select_blocks(pattern, block_means(queries, tokens), block_means(keys, tokens))
    real = torch.arange(length) < tokens
    q, k = padded(q, length), padded(k, length)
    far = far_keys(k, CONFIG)
    sample = draw_sample(19, 6, 5, 8, torch.Generator().manual_seed(2))
    kept = kept_blocks(q, far, real, sample, CONFIG)
    inside, by_block = log_mass(twin_scores(q, k, far, real, sample, CONFIG), kept)
    assert len(set(sample.blocks.tolist())) == 6
    for place, block in enumerate(sample.blocks.tolist()):
        listed = lists.slots(pattern.slots)[block]
        listed = listed[listed >= 0]
        assert set(np.flatnonzero(kept[place].numpy())) == set(listed)
        rows = sample.rows[place].numpy()
        _, mass = attend_block(
            block, queries[block][:, rows], keys, to_blocks(v.numpy(), 8), np.arange(20),
            tokens, pattern,
        )  # fmt: skip
        np.testing.assert_allclose(
            inside[place].exp().numpy(), mass[:, :, listed].sum(-1), atol=1e-12
        )
        distant = np.abs(np.arange(20) - block) > 1
        np.testing.assert_allclose(
            by_block[place].exp().numpy()[..., distant], mass[..., distant], atol=1e-12
        )


def test_gradients_reach_sampled_queries_and_all_keys():
    q, k, _ = (part.float().requires_grad_() for part in parts_of(160))
    real = torch.ones(160, dtype=torch.bool)
    far = far_keys(k, CONFIG)
    sample = Sample(torch.tensor([0, 9]), torch.tensor([[0, 3], [5, 6]]))
    kept = kept_blocks(q, far, real, sample, CONFIG)
    inside, by_block = log_mass(twin_scores(q, k, far, real, sample, CONFIG), kept)
    (-inside.mean()).backward(retain_graph=True)
    assert q.grad is not None and k.grad is not None
    moved = q.grad.abs().sum((1, 2)) > 0
    assert moved.nonzero().flatten().tolist() == [0, 3, 77, 78]
    assert (k.grad.abs().sum((1, 2)) > 0).all()
    divergence = rank_divergence(q, far, real, by_block, sample, CONFIG)
    of_q, of_k = torch.autograd.grad(divergence, (q, k))
    assert torch.isfinite(of_q).all() and torch.isfinite(of_k).all()
    assert (of_q.abs().sum((1, 2)) > 0).nonzero().flatten().tolist() == [
        *range(8),
        *range(72, 80),
    ]


def test_the_divergence_is_smallest_where_pooled_scores_rank_like_the_mass():
    # Blocks of one repeated token: the pooled scores are the dense ones.
    generator = torch.Generator().manual_seed(0)
    still = ModelConfig(width=32, heads=2, block=8, k_min=1, k_max=3, rotary_base=1e30)
    q, k = (
        torch.randn(20, 1, 2, 16, generator=generator).expand(-1, 8, -1, -1).flatten(0, 1)
        for _ in range(2)
    )
    k = k.clone()
    real = torch.ones(160, dtype=torch.bool)
    sample = Sample(torch.tensor([4, 15]), torch.arange(8).expand(2, -1))

    def divergence(config: ModelConfig, q: torch.Tensor) -> float:
        far = far_keys(k, config)
        scores = twin_scores(q, k, far, real, sample, config)
        _, by_block = log_mass(scores, torch.ones(2, 20, dtype=torch.bool))
        return float(rank_divergence(q, far, real, by_block, sample, config))

    mixed = q.unflatten(0, (20, 8)).clone()
    mixed[:, ::2] *= -1.0  # The mean of the queries says nothing any more.
    assert divergence(still, q) < 0.35 * divergence(still, mixed.flatten(0, 1))


def test_block_attention_differs_from_the_twin_by_what_it_leaves_out():
    q, k, v = (part.float() for part in parts_of(160))
    real = torch.ones(160, dtype=torch.bool)
    sparse = block_attention(q[None], k[None], v[None], real[None], CONFIG)[0]
    dense = twin_attention(q, k, v, real, CONFIG)
    assert float((sparse - dense).abs().max()) > 0.1
    # Up to the dense limit of blocks nothing is left out.
    q, k, v, real = q[:56], k[:56], v[:56], real[:56]
    short = block_attention(q[None], k[None], v[None], real[None], CONFIG)[0]
    dense = twin_attention(q, k, v, real, CONFIG)
    torch.testing.assert_close(short, dense, atol=1e-5, rtol=1e-4)
