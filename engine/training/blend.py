"""The mean of trained weights, with deeper windows if wanted."""

from collections.abc import Sequence
from pathlib import Path

import torch

from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.config import ConfigError
from engine.training.model import Encoder, EncoderLayer
from engine.training.runlog import RunLog
from engine.training.window import deepen


def mean_encoder(folders: Sequence[Path]) -> Encoder:
    """The encoder whose every weight is the mean over checkpoints of one shape.

    Runs from a common start keep most of what each learned.

    Raises:
        ConfigError: The checkpoints differ in shape.

    Source:
        Wortsman et al. 2022, Model soups, section 2 (uniform soup).
    """
    encoders = [load_checkpoint(folder) for folder in folders]
    if any(encoder.config != encoders[0].config for encoder in encoders):
        raise ConfigError("training.different_shapes")
    states = [encoder.state_dict() for encoder in encoders]
    mean = {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
    encoders[0].load_state_dict(mean)
    return encoders[0]


def blend(work: Path, folders: Sequence[Path], nats: float) -> Path:
    """Write ``work/blend/checkpoint``; gives its folder.

    Args:
        work: Folder of the run.
        folders: Checkpoints, at least one; the tokenizer is that of the first.
        nats: How much deeper every window becomes, see :func:`engine.training.window.deepen`.
    """
    encoder = mean_encoder(folders)
    layers = [layer for layer in encoder.layers if isinstance(layer, EncoderLayer)]
    deepen([layer.qk_bias for layer in layers], nats)
    made = work / "blend" / "checkpoint"
    save_checkpoint(encoder, folders[0] / "tokenizer.json", made)
    RunLog(work / "curves.jsonl", "blend").write("done", checkpoints=len(folders), nats=nats)
    return made
