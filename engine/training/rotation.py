"""Turns vectors so that their first numbers say most: short vectors are cuts of long ones."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.training.model import Encoder


def principal_rotation(vectors: Tensor) -> Tensor:
    """The rotation ``[D, D]`` to the principal directions of ``vectors`` ``[N, D]``, largest first.

    Cosines stay as they are: the directions are those of the vectors themselves, not of their
    differences from a mean.
    """
    _, directions = torch.linalg.eigh((vectors.T @ vectors).double())
    return directions.flip(1).T.float().contiguous()


def rotate_passages(encoder: Encoder, rotation: Tensor) -> None:
    """Turn the passage vectors of an encoder by ``rotation``, in its weights."""
    with torch.no_grad():
        encoder.passage_head.weight.copy_(rotation @ encoder.passage_head.weight)


def kept_rotation(path: Path, vectors: Tensor) -> Tensor:
    """The rotation in ``path``; made from ``vectors`` and kept there if there is none yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new.npy")
        np.save(temporary, principal_rotation(vectors).numpy())
        temporary.replace(path)
    return torch.from_numpy(np.load(path))
