"""A tiny random pack, exported the way the real one is, and files for a library."""

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

PROCEDURE = """1 締付作業
ボルトはトルクレンチを使い、対角の順に二回に分けて締め付ける。
締め付けが終わったら合いマークを赤で記入する。
2 洗浄
部品は洗い油に十分間浸し、乾いたエアを吹き付けて乾かす。
3 検査
品番HV-2041-07の穴径の公差は±0.05 mmとする。
"""
MANUAL = """# Calibration

Every measuring instrument is calibrated once a year by an accredited laboratory.

# Storage

Finished parts are kept dry and wrapped in oil paper.
"""


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


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "文書"
    folder.mkdir()
    (folder / "手順.txt").write_text(PROCEDURE, encoding="cp932")
    (folder / "manual.md").write_text(MANUAL, encoding="utf-8")
    (folder / "図面.dwg").write_bytes(b"AC1032")
    return sorted(folder.iterdir())
