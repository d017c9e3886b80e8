"""Checkpoints: the folder that export reads, and the state that a stage resumes from."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine.training.config import ConfigError, ModelConfig, model_settings
from engine.training.model import Encoder


def save_checkpoint(encoder: Encoder, tokenizer: Path, folder: Path) -> None:
    """Write ``config.json``, ``tokenizer.json`` and ``model.safetensors`` (fp32) to ``folder``.

    Each file is written beside its place and renamed, so a reader never sees half a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()
    }
    temporary = folder / "model.safetensors.new"
    save_file(weights, temporary)
    temporary.replace(folder / "model.safetensors")
    settings = json.dumps(model_settings(encoder.config), indent=1)
    for name, text in (
        ("config.json", settings),
        ("tokenizer.json", tokenizer.read_text(encoding="utf-8")),
    ):
        temporary = folder / f"{name}.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / name)


def load_checkpoint(folder: Path) -> Encoder:
    """Load the encoder of a checkpoint folder.

    Raises:
        ConfigError: The folder's architecture is not this one, or a file in it is broken.
        OSError: A file cannot be read.
    """
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if settings["architecture"] != ModelConfig().architecture:
            raise ConfigError("training.architecture", name=str(settings["architecture"]))
        settings["passage_widths"] = tuple(settings["passage_widths"])
        encoder = Encoder(ModelConfig(**settings))
        weights = load_file(folder / "model.safetensors")
        encoder.load_state_dict({name: value.float() for name, value in weights.items()})
    except (ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError("training.broken_weights", path=str(folder), reason=reason) from error
    return encoder


def save_state(path: Path, encoder: Encoder, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Write what a stage needs to go on after ``step`` steps."""
    temporary = path.with_suffix(".new")
    state = {"model": encoder.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
    torch.save(state, temporary)
    temporary.replace(path)


def load_state(path: Path, encoder: Encoder, optimiser: torch.optim.Optimizer) -> int:
    """Restore a stage's state; the number of steps done, 0 when there is none."""
    if not path.exists():
        return 0
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    encoder.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
