"""A tiny random pack, exported the way the real one is."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from engine.model.encoder import Encoder
from engine.model.pack import Pack, load_pack
from engine.training.export import export_pack
from engine.training.weights import expected_shapes

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,-±トルク締付部品番号検査記録の確認はをに。、"
WORDS = ("トルク", "締付", "部品", "番号", "検査", "the", "torque", "12")


def _tokenizer(path: Path) -> int:
    pieces = [("<pad>", 0.0), ("<unk>", -20.0)]
    pieces += [(word, -4.0) for word in WORDS]
    pieces += [(character, -8.0) for character in CHARACTERS]
    pieces += [(f"<0x{byte:02X}>", -12.0) for byte in range(256)]
    tokenizer = Tokenizer(models.Unigram(pieces, 1, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(path))
    return len(pieces)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of width 64 with blocks of 16 tokens, so that short texts have many blocks."""
    folder = tmp_path_factory.mktemp("checkpoint")
    vocabulary = _tokenizer(folder / "tokenizer.json")
    config = {
        "architecture": "chumoku-2", "layers": 2, "width": 64, "heads": 2, "feed_forward": 128,
        "block": 16, "vocabulary": vocabulary, "passage_width": 48, "token_width": 32, "near": 1,
        "global_blocks": 1, "k_min": 2, "k_max": 4, "mass": 0.9, "rotary_base": 10000.0,
        "norm_eps": 1e-6, "passage_widths": [24],
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    generator = np.random.default_rng(0)
    weights = {}
    for name, shape in expected_shapes(config).items():
        values = generator.standard_normal(shape).astype(np.float32)
        if len(shape) == 1:
            weights[name] = 1.0 + 0.2 * values
        elif name.startswith("embedding"):
            weights[name] = values
        else:
            weights[name] = values / np.float32(np.sqrt(shape[1]))
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def tiny_pack(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The pack of the tiny checkpoint."""
    folder = tmp_path_factory.mktemp("packs") / "tiny"
    export_pack(tiny_checkpoint, folder, name="tiny", revision="1")
    return load_pack(folder)


@pytest.fixture(scope="session")
def tiny_encoder(tiny_pack: Pack) -> Encoder:
    """The tiny pack, loaded on one thread."""
    return Encoder.load(tiny_pack, threads=1)


@pytest.fixture(scope="session")
def long_text() -> str:
    """Some 2,600 tokens of random words, in lines of sentences."""
    generator = np.random.default_rng(7)
    words = [*WORDS, "の", "は", "を", "確認", "記録", "±0.05", "ab-123"]
    lines = []
    for _ in range(120):
        chosen = generator.choice(words, 12)
        lines.append("".join(chosen[:6]) + " " + " ".join(chosen[6:]) + "。")
    return "\n".join(lines)
