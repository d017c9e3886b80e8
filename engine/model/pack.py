"""Model packs: folders whose files are known by their hashes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import PackError
from kernels.block_sparse.pattern import BlockPattern

FORMAT = 2
ARCHITECTURE = "chumoku-2"
MANIFEST = "pack.json"
# Optional: words of one language for words of the other.
LEXICON = "lexicon.json"


@dataclass(frozen=True, slots=True)
class PackConfig:
    """Shape of the encoder; the names are those of ``pack.json``.

    Attributes:
        passage_widths: Shorter widths that passage vectors may be cut to, ascending.
    """

    layers: int
    width: int
    heads: int
    feed_forward: int
    vocabulary: int
    passage_width: int
    token_width: int
    norm_eps: float
    pattern: BlockPattern
    passage_widths: tuple[int, ...] = ()

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads


@dataclass(frozen=True, slots=True)
class Pack:
    """A verified pack.

    Attributes:
        folder: Where it lies.
        name: Its name.
        revision: Its revision.
        languages: Codes of the languages it was trained on.
        licence: Licence of the weights.
        config: Shape of the encoder.
        fusion: Calibration of the fusion of scores; empty until it was calibrated.
        encoder_hash: Identity of what encodings depend on: tokenizer, ONNX parts and shape.
            Documents are analysed again when it changes.
        pack_hash: Identity of all that answers depend on: the encoder, the lexicon and both fits.
        contents: Bytes of the tokenizer and the ONNX parts, as they were verified.
        lexicon: The bilingual lexicon; None where the pack has none.
        highlights: Weights that tell which phrase answers a question; empty until they were fitted.
    """

    folder: Path
    name: str
    revision: str
    languages: tuple[str, ...]
    licence: str
    config: PackConfig
    fusion: Mapping[str, Any]
    encoder_hash: str
    pack_hash: str
    contents: Mapping[str, bytes]
    lexicon: Mapping[str, Any] | None = None
    highlights: Mapping[str, Any] = field(default_factory=dict)


def part_names(layers: int) -> tuple[str, ...]:
    """Names of the ONNX parts of an encoder of so many layers."""
    names = [
        "embed.onnx",
        "attend.onnx",
        "attend_tail.onnx",
        "head.onnx",
        "passage.onnx",
        "question.onnx",
    ]
    for layer in range(layers):
        names += [f"layer_{layer:02d}_project.onnx", f"layer_{layer:02d}_finish.onnx"]
    return tuple(names)


def load_pack(folder: Path) -> Pack:
    """Read a pack and verify every file that its manifest lists.

    Raises:
        PackError: ``pack_missing`` (no folder, manifest or file), ``pack_broken`` (unreadable or
            contradictory manifest), ``pack_hash`` (a file is not the one listed) or
            ``pack_unsupported`` (another format or architecture).
    """
    manifest = _read_manifest(folder)
    if manifest.get("format") != FORMAT or manifest.get("architecture") != ARCHITECTURE:
        raise PackError(
            "pack_unsupported",
            path=str(folder),
            format=str(manifest.get("format")),
            architecture=str(manifest.get("architecture")),
        )
    try:
        config = _config(manifest)
        files = {
            str(name): (str(entry["sha256"]), int(entry["bytes"]))
            for name, entry in manifest["files"].items()
        }
        name, revision = str(manifest["name"]), str(manifest["revision"])
        languages, licence = tuple(map(str, manifest["languages"])), str(manifest["licence"])
        fusion = dict(manifest.get("fusion", {}))
        marking = dict(manifest.get("highlights", {}))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PackError("pack_broken", path=str(folder / MANIFEST), reason=str(error)) from error
    needed = ("tokenizer.json", *part_names(config.layers))
    missing = sorted(set(needed) - set(files))
    if missing:
        raise PackError("pack_broken", path=str(folder / MANIFEST), reason=f"lacks {missing[0]}")
    encoder_hash = _identity(
        files={file_name: files[file_name][0] for file_name in needed}, shape=asdict(config)
    )
    contents = {}
    lexicon = None
    for file_name, (sha256, size) in files.items():
        data = _read_verified(folder, file_name, sha256, size)
        if file_name in needed:
            contents[file_name] = data
        elif file_name == LEXICON:
            lexicon = _object(folder / file_name, data)
    return Pack(
        folder=folder,
        name=name,
        revision=revision,
        languages=languages,
        licence=licence,
        config=config,
        fusion=fusion,
        encoder_hash=encoder_hash,
        pack_hash=_identity(
            encoder=encoder_hash,
            lexicon=files[LEXICON][0] if LEXICON in files else None,
            fusion=fusion,
            highlights=marking,
        ),
        contents=contents,
        lexicon=lexicon,
        highlights=marking,
    )


def write_section(folder: Path, section: str, values: Mapping[str, Any]) -> None:
    """Replace ``fusion`` or ``highlights`` of a manifest.

    Encodings made with the pack stay good; answers of before are those of another pack.

    Raises:
        ValueError: Another section is named.
        PackError: The manifest cannot be read.
    """
    if section not in ("fusion", "highlights"):
        raise ValueError(f"section {section} is fixed at export")
    manifest = _read_manifest(folder)
    manifest[section] = dict(values)
    write_manifest(folder, manifest)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write ``pack.json`` whole or not at all."""
    temporary = folder / (MANIFEST + ".part")
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(folder / MANIFEST)


def _identity(**parts: Any) -> str:
    """sha256 over the canonical JSON of what something depends on."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise PackError("pack_missing", path=str(path)) from error
    except OSError as error:
        raise PackError("pack_broken", path=str(path), reason=str(error)) from error
    return _object(path, data)


def _object(path: Path, data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8"))
    except ValueError as error:
        raise PackError("pack_broken", path=str(path), reason=str(error)) from error
    if not isinstance(found, dict):
        raise PackError("pack_broken", path=str(path), reason="not an object")
    return found


def _config(manifest: Mapping[str, Any]) -> PackConfig:
    pattern = BlockPattern(
        block=int(manifest["block"]),
        near=int(manifest["near"]),
        global_blocks=int(manifest["global_blocks"]),
        k_min=int(manifest["k_min"]),
        k_max=int(manifest["k_max"]),
        mass=float(manifest["mass"]),
        rotary_base=float(manifest["rotary_base"]),
    )
    pattern.validate()
    width = int(manifest["passage_width"])
    widths = {int(shorter) for shorter in manifest.get("passage_widths", ())}
    config = PackConfig(
        layers=int(manifest["layers"]),
        width=int(manifest["width"]),
        heads=int(manifest["heads"]),
        feed_forward=int(manifest["feed_forward"]),
        vocabulary=int(manifest["vocabulary"]),
        passage_width=width,
        token_width=int(manifest["token_width"]),
        norm_eps=float(manifest["norm_eps"]),
        pattern=pattern,
        passage_widths=tuple(sorted(shorter for shorter in widths if 0 < shorter < width)),
    )
    if config.layers < 1 or config.heads < 1 or config.width % (2 * config.heads):
        raise ValueError("layers, heads and width do not fit together")
    return config


def _read_verified(folder: Path, name: str, sha256: str, size: int) -> bytes:
    if name != Path(name).name or "\\" in name or ":" in name or name in ("", ".", ".."):
        raise PackError("pack_broken", path=str(folder), reason=f"file name {name!r}")
    path = folder / name
    try:
        if path.stat().st_size != size:
            raise PackError("pack_hash", path=str(path))
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise PackError("pack_missing", path=str(path)) from error
    except OSError as error:
        raise PackError("pack_broken", path=str(path), reason=str(error)) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise PackError("pack_hash", path=str(path))
    return data
