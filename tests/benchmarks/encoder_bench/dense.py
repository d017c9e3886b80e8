"""The same weights with dense attention: PyTorch and ONNX Runtime.

Positions are rotary without the clipping of far blocks, which costs the same and lets one call
attend to everything; up to two blocks it gives what our encoder gives.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime

from engine.evaluate.long_text import LongText
from engine.model.pack import PackConfig, load_pack
from engine.model.tokenizer import token_ranges
from engine.models import default_pack
from kernels.block_sparse.reference import rotary_angles

from .ours import EXPORTED
from .texts import WARM_UP, pack_tokenizer, read_text
from .work import WEIGHTS, Job, Work

# Above it one layer is measured.
WHOLE = 32768


class Dense(Protocol):
    """A dense encoder."""

    layers: int

    def layer(self, x: np.ndarray) -> np.ndarray:
        """The first layer alone, ``[T, W]`` to ``[T, W]``."""
        ...

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """Embedded ids, ``[T]`` to ``[T, W]``."""
        ...

    def passages(self, ids: np.ndarray, ranges: np.ndarray) -> np.ndarray:
        """All layers and both heads: unit vectors of token ranges ``[P, 2]``, ``[P, 384]``."""
        ...


class TorchDense:
    """The encoder of the training code on ``scaled_dot_product_attention``, float32."""

    def __init__(self, threads: int) -> None:
        import torch

        from engine.training.checkpoint import load_checkpoint

        torch.set_num_threads(threads)
        self._torch = torch
        self._encoder = load_checkpoint(WEIGHTS).eval()
        self.layers = self._encoder.config.layers

    def embed(self, ids: np.ndarray) -> np.ndarray:
        with self._torch.inference_mode():
            return self._encoder.embedding(self._torch.from_numpy(ids)).numpy()

    def layer(self, x: np.ndarray) -> np.ndarray:
        with self._torch.inference_mode():
            return self._layer(0, self._torch.from_numpy(x)[None])[0].numpy()

    def passages(self, ids: np.ndarray, ranges: np.ndarray) -> np.ndarray:
        with self._torch.inference_mode():
            x = self._torch.from_numpy(self.embed(ids))[None]
            for layer in range(self.layers):
                x = self._layer(layer, x)
            states = self._encoder.final_norm(x)[0]
            self._encoder.token_vectors(states)
            pooled = self._torch.stack([states[a:b].mean(0) for a, b in ranges])
            return self._encoder.passage_vectors(pooled).numpy()

    def _layer(self, number: int, x):
        from engine.training.attention import rotate
        from engine.training.model import EncoderLayer

        layer = self._encoder.layers[number]
        assert isinstance(layer, EncoderLayer)
        base = self._encoder.config.rotary_base
        positions = self._torch.arange(x.shape[1])
        q, k, v = layer.project(x)
        q, k = rotate(q, positions, base), rotate(k, positions, base)
        mixed = self._torch.nn.functional.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        )
        return layer.finish(x, mixed.transpose(1, 2))


class OnnxDense:
    """Float32 ONNX parts with MultiHeadAttention, as :func:`.ours.export` wrote them."""

    def __init__(self, folder: Path, threads: int, config: PackConfig) -> None:
        self.layers = config.layers
        self._config = config
        names = ["embed", "head", "passage"]
        for layer in range(config.layers):
            names += [f"layer_{layer:02d}_dense", f"layer_{layer:02d}_finish"]
        # One call takes the whole document, so the threads share the work within a call.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._sessions: dict[str, Any] = {
            name: onnxruntime.InferenceSession(
                folder / EXPORTED / f"{name}.onnx", options, providers=["CPUExecutionProvider"]
            )
            for name in names
        }

    def embed(self, ids: np.ndarray) -> np.ndarray:
        return self._sessions["embed"].run(["x"], {"ids": ids})[0]

    def layer(self, x: np.ndarray) -> np.ndarray:
        return self._layer(0, x)

    def passages(self, ids: np.ndarray, ranges: np.ndarray) -> np.ndarray:
        x = self.embed(ids)
        for layer in range(self.layers):
            x = self._layer(layer, x)
        states, _ = self._sessions["head"].run(["states", "token_vectors"], {"x": x})
        pooled = np.stack([states[a:b].mean(axis=0) for a, b in ranges])
        return self._sessions["passage"].run(["vectors"], {"pooled": pooled})[0]

    def _layer(self, number: int, x: np.ndarray) -> np.ndarray:
        config = self._config
        base = config.pattern.rotary_base
        angles = rotary_angles(np.arange(len(x)), config.head_width, base)[:, None].astype(
            np.float32
        )
        feeds = {"x": x, "cos": np.cos(angles), "sin": np.sin(angles)}
        context = self._sessions[f"layer_{number:02d}_dense"].run(["context"], feeds)[0]
        finish = self._sessions[f"layer_{number:02d}_finish"]
        return finish.run(["y"], {"x": x, "context": context})[0]


def dense(line: str, folder: Path, threads: int) -> Dense:
    """The dense encoder of a line."""
    if line == "dense-torch":
        return TorchDense(threads)
    return OnnxDense(folder, threads, load_pack(default_pack()).config)


def encode(encoder: Dense, tokenize: Callable, text: LongText) -> np.ndarray:
    """Vectors of the passages of a text, ``[P, 384]``."""
    tokens = tokenize(text.text)
    ranges = token_ranges(tokens.spans, list(text.passages))
    return encoder.passages(tokens.ids.astype(np.int64), ranges)


def prepare(job: Job) -> Work:
    """Get a line ready."""
    encoder = dense(job.line, job.folder, job.threads)
    tokenize = pack_tokenizer().tokenize
    text, short = read_text(job.folder, job.tokens), read_text(job.folder, WARM_UP)
    warm_up = partial(encode, encoder, tokenize, short)
    if job.tokens <= WHOLE:
        return Work(partial(encode, encoder, tokenize, text), warm_up, text.tokens)
    x = encoder.embed(tokenize(text.text).ids.astype(np.int64))
    return Work(
        run=partial(encoder.layer, x),
        warm_up=warm_up,
        tokens=text.tokens,
        multiplier=encoder.layers,
        note=f"one layer measured, times {encoder.layers}; tokenizing and heads not included",
    )
