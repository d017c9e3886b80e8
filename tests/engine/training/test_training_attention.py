import numpy as np
import pytest
import torch

from engine.training.attention import block_attention, dense_attention, whole_attention
from engine.training.config import ModelConfig
from engine.training.model import Encoder
from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import block_sparse_attention


def random_parts(count: int, length: int, config: ModelConfig) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    shape = (count, length, config.heads, config.head_width)
    return [torch.randn(shape, generator=generator) * 1.5 for _ in range(3)]


def reference(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, config: ModelConfig):
    pattern = BlockPattern(
        block=config.block,
        near=config.near,
        global_blocks=config.global_blocks,
        k_min=config.k_min,
        k_max=config.k_max,
        mass=config.mass,
        rotary_base=config.rotary_base,
    )
    queries, keys, values = (part.double().numpy() for part in (q, k, v))
    return block_sparse_attention(queries, keys, values, pattern).output


def test_block_attention_over_two_blocks_is_plain_rotary_attention():
    config = ModelConfig(width=32, heads=2, block=8)
    q, k, v = random_parts(3, 16, config)
    real = torch.ones(3, 16, dtype=torch.bool)
    real[1, 11:] = False
    real[2, 3:] = False
    sparse = block_attention(q, k, v, real, config)
    dense = dense_attention(q, k, v, real, config)
    torch.testing.assert_close(sparse[real], dense[real], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tokens", [16, 40, 93])
@pytest.mark.parametrize("mass", [0.3, 0.9])
def test_block_attention_is_the_reference(tokens: int, mass: float):
    config = ModelConfig(width=32, heads=2, block=8, k_min=1, k_max=4, mass=mass)
    q, k, v = random_parts(1, 96, config)
    real = torch.arange(96)[None] < tokens
    ours = block_attention(q, k, v, real, config)[0, :tokens].numpy()
    expected = reference(q[0, :tokens], k[0, :tokens], v[0, :tokens], config)
    np.testing.assert_allclose(ours, expected, atol=2e-5)


@pytest.mark.parametrize("tokens", [24, 57, 64])
def test_whole_attention_is_the_reference_where_every_block_is_read(tokens: int):
    config = ModelConfig(width=32, heads=2, block=8)
    q, k, v = random_parts(1, 64, config)
    real = torch.arange(64)[None] < tokens
    ours = whole_attention(q, k, v, real, config)[0, :tokens].numpy()
    expected = reference(q[0, :tokens], k[0, :tokens], v[0, :tokens], config)
    np.testing.assert_allclose(ours, expected, atol=2e-5)


@pytest.mark.parametrize("attend", [dense_attention, whole_attention])
def test_a_segment_reads_nothing_but_itself(attend):
    config = ModelConfig(width=32, heads=2, block=8)
    q, k, v = random_parts(1, 48, config)
    segments = torch.tensor([[1] * 16 + [2] * 25 + [0] * 7])
    together = attend(q, k, v, segments, config)
    first = attend(q[:, :16], k[:, :16], v[:, :16], segments[:, :16], config)
    torch.testing.assert_close(together[:, :16], first, atol=1e-5, rtol=1e-5)
    v = v.clone()
    v[:, :16], v[:, 41:] = 9.0, -9.0
    torch.testing.assert_close(attend(q, k, v, segments, config)[:, 16:41], together[:, 16:41])


def test_rows_of_a_batch_do_not_change_each_other():
    config = ModelConfig(layers=2, width=32, heads=2, feed_forward=64, block=8, vocabulary=50)
    encoder = Encoder(config).eval()
    for name, value in encoder.named_parameters():
        if name.endswith(("output.weight", "down.weight")):
            torch.nn.init.normal_(value, std=0.1)
    ids = torch.randint(2, 50, (3, 93), generator=torch.Generator().manual_seed(1))
    real = torch.arange(93)[None] < torch.tensor([93, 80, 20])[:, None]
    with torch.no_grad():
        together = encoder(ids, real)
        for row, length in enumerate((93, 80, 20)):
            alone = encoder(ids[row : row + 1, :length], real[row : row + 1, :length])
            torch.testing.assert_close(together[row, :length], alone[0], atol=1e-5, rtol=1e-5)


def test_gradients_reach_every_key_and_are_finite_beside_padding():
    config = ModelConfig(width=32, heads=2, block=8)
    q, k, v = (part.requires_grad_() for part in random_parts(2, 96, config))
    real = torch.arange(96)[None] < torch.tensor([96, 9])[:, None]
    block_attention(q, k, v, real, config)[real].square().sum().backward()
    for part in (q, k, v):
        assert part.grad is not None
        assert torch.isfinite(part.grad).all()
    assert v.grad is not None
    assert (v.grad[0].abs().sum((1, 2)) > 0).all()
