"""A checkpoint's weights as export reads them: NumPy arrays, no torch."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kernels.block_sparse.pattern import BlockPattern

ARCHITECTURE = "chumoku-2"


@dataclass(frozen=True, slots=True)
class TrainedWeights:
    """A trained encoder.

    Attributes:
        config: The values of ``config.json``.
        weights: float32 arrays by name, Linear weights as ``[out, in]``.
        tokenizer: Bytes of ``tokenizer.json``.
    """

    config: dict[str, Any]
    weights: dict[str, np.ndarray]
    tokenizer: bytes

    @property
    def pattern(self) -> BlockPattern:
        """The attention pattern that the configuration names."""
        config = self.config
        return BlockPattern(
            block=config["block"],
            near=config["near"],
            global_blocks=config["global_blocks"],
            k_min=config["k_min"],
            k_max=config["k_max"],
            mass=config["mass"],
            rotary_base=config["rotary_base"],
        )

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.config["width"] // self.config["heads"]

    def folded(self) -> "TrainedWeights":
        """The same encoder with each layer's norms multiplied into the matrices behind them."""
        weights = dict(self.weights)
        for layer in range(self.config["layers"]):
            for norm, matrix in (("attention_norm", "qkv"), ("feed_norm", "up")):
                norm, matrix = (f"layers.{layer}.{name}.weight" for name in (norm, matrix))
                weights[matrix] = weights[matrix] * weights[norm]
                weights[norm] = np.ones_like(weights[norm])
        return replace(self, weights=weights)


def expected_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shape of every weight of a configuration, by name."""
    width, inner = config["width"], config["feed_forward"]
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (config["vocabulary"], width)}
    for layer in range(config["layers"]):
        prefix = f"layers.{layer}."
        shapes |= {
            prefix + "attention_norm.weight": (width,),
            prefix + "qkv.weight": (3 * width, width),
            prefix + "qk_bias": (2 * width,),
            prefix + "output.weight": (width, width),
            prefix + "feed_norm.weight": (width,),
            prefix + "up.weight": (inner, width),
            prefix + "down.weight": (width, inner),
        }
    shapes |= {
        "final_norm.weight": (width,),
        "passage_head.weight": (config["passage_width"], width),
        "token_head.weight": (config["token_width"], width),
        "weight_head.weight": (1, width),
        "pointer_head.weight": (config["token_width"] + 1, width),
    }
    return shapes


def load_weights(folder: Path) -> TrainedWeights:
    """Read and check a checkpoint folder.

    Raises:
        ValueError: The architecture is another one, the file is broken, or a weight is missing,
            misshapen or not finite.
        OSError: A file cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config.get("architecture") != ARCHITECTURE:
        raise ValueError(f"architecture is {config.get('architecture')}, not {ARCHITECTURE}")
    try:
        stored = load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise ValueError(f"{folder / 'model.safetensors'} is broken: {error}") from error
    weights = {}
    try:
        shapes = expected_shapes(config)
    except KeyError as error:
        raise ValueError(f"{folder / 'config.json'} has no {error.args[0]}") from error
    for name, shape in shapes.items():
        if name not in stored:
            raise ValueError(f"weight {name} is missing")
        weight = stored[name].astype(np.float32)
        if weight.shape != shape:
            raise ValueError(f"weight {name} is {weight.shape}, not {shape}")
        if not np.isfinite(weight).all():
            raise ValueError(f"weight {name} is not finite")
        weights[name] = weight
    trained = TrainedWeights(config, weights, (folder / "tokenizer.json").read_bytes())
    trained.pattern.validate()
    return trained


def save_weights(trained: TrainedWeights, folder: Path) -> None:
    """Write weights as a checkpoint folder in fp16, half the size.

    Raises:
        OSError: A file cannot be written.
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: value.astype(np.float16) for name, value in trained.weights.items()}
    save_file(halves, folder / "model.safetensors")
    settings = json.dumps(trained.config, indent=1) + "\n"
    (folder / "config.json").write_text(settings, encoding="utf-8", newline="\n")
    (folder / "tokenizer.json").write_bytes(trained.tokenizer)
