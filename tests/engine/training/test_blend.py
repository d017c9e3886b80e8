from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.training.__main__ import main
from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.config import ModelConfig
from engine.training.model import Encoder

CONFIG = ModelConfig(layers=2, width=32, heads=2, feed_forward=64, block=8, vocabulary=50)


def checkpoint(folder: Path, seed: int, config: ModelConfig = CONFIG) -> Path:
    torch.manual_seed(seed)
    tokenizer = folder.with_suffix(".json")
    tokenizer.write_text("{}", encoding="utf-8")
    save_checkpoint(Encoder(config), tokenizer, folder)
    return folder


def test_every_weight_is_the_mean_and_windows_are_deeper(tmp_path: Path):
    one, other = checkpoint(tmp_path / "one", 1), checkpoint(tmp_path / "other", 2)
    main(["blend", "--work", str(tmp_path), "--weights", str(one), str(other), "--deepen", "1.1"])
    made = load_file(tmp_path / "blend" / "checkpoint" / "model.safetensors")
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    assert not torch.equal(first["layers.0.qkv.weight"], second["layers.0.qkv.weight"])
    for name, value in made.items():
        # 11 nats become 12.1: a tenth more, by the root of it on either side of the product.
        factor = 1.1**0.5 if name.endswith("qk_bias") else 1.0
        assert torch.allclose(value, factor * (first[name] + second[name]) / 2, atol=1e-6), name
    assert load_checkpoint(tmp_path / "blend" / "checkpoint").config == CONFIG


def test_checkpoints_of_different_shapes_are_refused(tmp_path: Path):
    one = checkpoint(tmp_path / "one", 1)
    other = checkpoint(tmp_path / "other", 1, replace(CONFIG, feed_forward=32))
    with pytest.raises(SystemExit, match="the checkpoints differ in shape"):
        main(["blend", "--work", str(tmp_path), "--weights", str(one), str(other)])
