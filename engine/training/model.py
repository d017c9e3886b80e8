"""The encoder in PyTorch; parameter names are those of a checkpoint."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.training.attention import block_attention, dense_attention
from engine.training.config import ModelConfig


class EncoderLayer(nn.Module):
    """A pre-norm transformer layer without biases."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        width = config.width
        self.config = config
        self.attention_norm = nn.RMSNorm(width, config.norm_eps)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.feed_norm = nn.RMSNorm(width, config.norm_eps)
        self.up = nn.Linear(width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, width, bias=False)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """Apply the layer to ``x`` ``[N, T, W]`` with real tokens ``real`` ``[N, T]``."""
        count, length, width = x.shape
        parts = self.qkv(self.attention_norm(x))
        parts = parts.view(count, length, 3, self.config.heads, self.config.head_width)
        q, k, v = parts.unbind(2)
        plain = length <= (self.config.near + 1) * self.config.block
        attention = dense_attention if plain else block_attention
        mixed = attention(q, k, v, real, self.config).reshape(count, length, width)
        x = x + self.output(mixed)
        return x + self.down(functional.gelu(self.up(self.feed_norm(x))))


class Encoder(nn.Module):
    """Bilingual bidirectional encoder with a passage head and a token head."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.final_norm = nn.RMSNorm(config.width, config.norm_eps)
        self.passage_head = nn.Linear(config.width, config.passage_width, bias=False)
        self.token_head = nn.Linear(config.width, config.token_width, bias=False)
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.embedding.weight, std=0.05)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
        # Residual branches start at zero: the first steps train a bag of words.
        for layer in self.layers:
            assert isinstance(layer, EncoderLayer)
            nn.init.zeros_(layer.output.weight)
            nn.init.zeros_(layer.down.weight)

    def forward(self, ids: Tensor, real: Tensor) -> Tensor:
        """Token states.

        Args:
            ids: Token numbers, ``[N, T]`` int64. Up to ``(near + 1) * block`` tokens attention is
                dense; longer input is block-sparse.
            real: Which tokens are not padding, ``[N, T]`` bool.

        Returns:
            States, ``[N, T, W]``.
        """
        length = ids.shape[1]
        block = self.config.block
        if length > (self.config.near + 1) * block:
            missing = -length % block
            ids = functional.pad(ids, (0, missing))
            real = functional.pad(real, (0, missing))
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, real)
        return self.final_norm(x)[:, :length]

    def passage_vectors(self, pooled: Tensor) -> Tensor:
        """Unit passage vectors ``[P, 384]`` of pooled token states ``[P, W]``."""
        return functional.normalize(self.passage_head(pooled).float(), dim=-1)

    def token_vectors(self, states: Tensor) -> Tensor:
        """Unit token vectors ``[..., 64]`` of token states ``[..., W]``."""
        return functional.normalize(self.token_head(states).float(), dim=-1)


def mean_pool(states: Tensor, real: Tensor) -> Tensor:
    """Mean of the real token states, ``[N, T, W]`` and ``[N, T]`` to ``[N, W]``."""
    weights = real[:, :, None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def maxsim(query: Tensor, query_real: Tensor, passage: Tensor, passage_real: Tensor) -> Tensor:
    """Late-interaction scores of every query with every passage.

    Args:
        query: Unit token vectors, ``[Q, I, D]``.
        query_real: Which query tokens count, ``[Q, I]`` bool.
        passage: Unit token vectors, ``[P, J, D]``.
        passage_real: Which passage tokens count, ``[P, J]`` bool.

    Returns:
        Mean over query tokens of the best similarity, ``[Q, P]``.

    Source:
        Khattab and Zaharia 2020 (ColBERT), with a mean for the sum.
    """
    similarity = query.flatten(0, 1) @ passage.flatten(0, 1).T  # [Q * I, P * J]
    similarity = similarity.view(query.shape[0] * query.shape[1], *passage.shape[:2])
    similarity = similarity.masked_fill(~passage_real[None], -2.0)
    best = similarity.amax(-1).view(*query.shape[:2], -1)  # [Q, I, P]
    weights = query_real[:, :, None].to(best.dtype)
    return (best * weights).sum(1) / weights.sum(1).clamp(min=1)


def parameter_groups(
    encoder: Encoder, embedding_rate: float, rate: float, weight_decay: float
) -> list[dict[str, object]]:
    """Optimiser groups: the embedding, the matrices (decayed) and the norms."""
    matrices = [
        value
        for name, value in encoder.named_parameters()
        if value.ndim == 2 and not name.startswith("embedding")
    ]
    norms = [value for value in encoder.parameters() if value.ndim == 1]
    return [
        {"params": [encoder.embedding.weight], "lr": embedding_rate, "weight_decay": 0.0},
        {"params": matrices, "lr": rate, "weight_decay": weight_decay},
        {"params": norms, "lr": rate, "weight_decay": 0.0},
    ]


def precision(device: torch.device) -> torch.autocast:
    """The mixed precision of training: bfloat16."""
    return torch.autocast(device.type, dtype=torch.bfloat16)
