"""The encoder in PyTorch; parameter names are those of a checkpoint."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.training.attention import block_attention, dense_attention, whole_attention
from engine.training.config import ModelConfig
from engine.training.window import window_biases


class EncoderLayer(nn.Module):
    """A pre-norm transformer layer; constant query and key biases are its only ones."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        width = config.width
        self.config = config
        self.attention_norm = nn.RMSNorm(width, config.norm_eps)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        # One axis: a parameter that is not decayed.
        self.qk_bias = nn.Parameter(window_biases(config))
        self.output = nn.Linear(width, width, bias=False)
        self.feed_norm = nn.RMSNorm(width, config.norm_eps)
        self.up = nn.Linear(width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, width, bias=False)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values ``[N, T, H, D]`` of ``x`` ``[N, T, W]``, not rotated."""
        config = self.config
        parts = self.qkv(self.attention_norm(x))
        parts = parts.view(*x.shape[:2], 3, config.heads, config.head_width)
        q, k, v = parts.unbind(2)
        shift = self.qk_bias.view(2, config.heads, config.head_width).to(q.dtype)
        return q + shift[0], k + shift[1], v

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        """The layer's result of its input ``[N, T, W]`` and what attention mixed."""
        x = x + self.output(mixed.reshape(x.shape))
        return x + self.down(functional.gelu(self.up(self.feed_norm(x))))

    def forward(self, x: Tensor, segments: Tensor) -> Tensor:
        """Apply the layer to ``x`` ``[N, T, W]``; ``segments`` as in :meth:`Encoder.forward`."""
        q, k, v = self.project(x)
        config, length = self.config, x.shape[1]
        if length <= (config.near + 1) * config.block:
            mixed = dense_attention(q, k, v, segments, config)
        elif length <= config.dense_blocks * config.block:
            mixed = whole_attention(q, k, v, segments, config)
        else:
            mixed = block_attention(q, k, v, segments > 0, config)
        return self.finish(x, mixed)


class Encoder(nn.Module):
    """Bilingual bidirectional encoder with heads for passages, tokens and answers."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.final_norm = nn.RMSNorm(config.width, config.norm_eps)
        self.passage_head = nn.Linear(config.width, config.passage_width, bias=False)
        self.token_head = nn.Linear(config.width, config.token_width, bias=False)
        self.weight_head = nn.Linear(config.width, 1, bias=False)
        self.pointer_head = nn.Linear(config.width, config.token_width + 1, bias=False)
        self._initialise()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.weight.device

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
        # Every token of a question counts the same until training says otherwise.
        nn.init.zeros_(self.weight_head.weight)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        """Token states.

        Args:
            ids: Token numbers, ``[N, T]`` int64. Up to ``dense_blocks`` blocks every token reads
                every other; longer input is block-sparse.
            segments: Which tokens are not padding, ``[N, T]`` bool; or, for input that is not
                block-sparse, the segment of each token, int64, 0 for padding: tokens read only
                their own segment.

        Returns:
            States, ``[N, T, W]``.
        """
        length = ids.shape[1]
        block = self.config.block
        if length > (self.config.near + 1) * block:
            missing = -length % block
            ids = functional.pad(ids, (0, missing))
            segments = functional.pad(segments, (0, missing))
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, segments)
        return self.final_norm(x)[:, :length]

    def passage_vectors(self, pooled: Tensor) -> Tensor:
        """Unit passage vectors ``[P, 384]`` of pooled token states ``[P, W]``."""
        return functional.normalize(self.passage_head(pooled).float(), dim=-1)

    def token_vectors(self, states: Tensor) -> Tensor:
        """Unit token vectors ``[..., 64]`` of token states ``[..., W]``."""
        return functional.normalize(self.token_head(states).float(), dim=-1)

    def token_weights(self, states: Tensor) -> Tensor:
        """How much each token of a question counts, ``[...]``, positive, of states ``[..., W]``."""
        return functional.softplus(self.weight_head(states).float().squeeze(-1))

    def pointers(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Where a question's tokens look for its answer.

        Args:
            states: Token states of a question, ``[..., W]``.

        Returns:
            Unit vectors to be compared with a passage's token vectors, ``[..., 64]``, and the
            logit of each token's share in pointing, ``[...]``.
        """
        found = self.pointer_head(states).float()
        return functional.normalize(found[..., :-1], dim=-1), found[..., -1]


def mean_pool(states: Tensor, real: Tensor) -> Tensor:
    """Mean of the real token states, ``[N, T, W]`` and ``[N, T]`` to ``[N, W]``."""
    weights = real[:, :, None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def maxsim(query: Tensor, weights: Tensor, passage: Tensor, passage_real: Tensor) -> Tensor:
    """Late-interaction scores of every query with every passage.

    Args:
        query: Unit token vectors, ``[Q, I, D]``.
        weights: How much each query token counts, ``[Q, I]`` float or bool, 0 for padding.
        passage: Unit token vectors, ``[P, J, D]``.
        passage_real: Which passage tokens count, ``[P, J]`` bool.

    Returns:
        Weighted mean over query tokens of the best similarity, ``[Q, P]``.

    Source:
        Khattab and Zaharia 2020 (ColBERT), with a weighted mean for the sum.
    """
    similarity = query.flatten(0, 1) @ passage.flatten(0, 1).T  # [Q * I, P * J]
    similarity = similarity.view(query.shape[0] * query.shape[1], *passage.shape[:2])
    similarity = similarity.masked_fill(~passage_real[None], -2.0)
    best = similarity.amax(-1).view(*query.shape[:2], -1)  # [Q, I, P]
    shares = weights.float()
    shares = shares / shares.sum(1, keepdim=True).clamp(min=1e-6)
    # In float32: rounding to bfloat16 would blur the order of the passages.
    return (best.float() * shares[:, :, None]).sum(1)


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
