"""Checkpoint to pack: int8 ONNX parts, tokenizer, model card and manifest.

``python -m engine.training.export export CHECKPOINT PACK --name NAME --revision REVISION`` writes
a pack; ``... weights CHECKPOINT FOLDER`` writes the weights in fp16;
``... check CHECKPOINT PACK TEXT`` measures a pack against the unquantised weights; ``... card PACK
REPORT`` puts the figures of ``engine.evaluate.report`` into its model card.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli_words import error_text
from engine.errors import ChumokuError
from engine.model.encoder import Encoder
from engine.model.pack import FORMAT, LEXICON, MANIFEST, Pack, load_pack, write_manifest
from engine.progress import CancelToken, run
from engine.training import onnx_parts, oracle
from engine.training.card import model_card
from engine.training.lessons import LANGUAGES, LESSONS, read_lessons, split_lessons
from engine.training.quantisation import input_moments, layer_matrices
from engine.training.stage_config import TuneConfig
from engine.training.weights import TrainedWeights, load_weights, save_weights
from kernels.block_sparse.onnx_graph import attention_model

SIZE_LIMIT = 25_000_000
LICENCE = "AGPL-3.0-or-later"
CARD = "MODEL_CARD.md"
FITS = ("fusion", "highlights")
# Some 25,000 tokens; three times as many were worth less than a twentieth of the error.
_CALIBRATION_LESSONS = 120


def export_pack(
    checkpoint: Path,
    pack: Path,
    *,
    name: str = "chumoku-base",
    revision: str,
    licence: str = LICENCE,
    fits: Path | None = None,
    texts: Sequence[str] | None = None,
) -> Pack:
    """Write a pack from a checkpoint and load it.

    The folder is made complete beside its place and then renamed; a pack that stood there before
    is replaced.

    Args:
        checkpoint: Folder with ``config.json``, ``tokenizer.json`` and ``model.safetensors``, and
            ``lexicon.json`` where the pack is to translate words.
        pack: Folder to write.
        name: Name of the pack.
        revision: Revision of the pack.
        licence: Licence of the weights.
        fits: Pack whose fitted fusion and highlights are taken over, for weights that are nearly
            its own; None to fit them anew.
        texts: Texts like those to be read, on which the int8 weights are calibrated; None to round
            each weight to the nearest.

    Raises:
        ValueError: The checkpoint is not usable, no text has a token or the pack would be too
            large.
    """
    source = load_weights(checkpoint).folded()
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "revision": revision,
        **source.config,
        "languages": ["ja", "en"],
        "licence": licence,
        "calibration_texts": 0 if texts is None else len(texts),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {},
        "fusion": {},
    }
    if fits is not None:
        fitted = json.loads((fits / MANIFEST).read_text(encoding="utf-8"))
        manifest |= {name: fitted[name] for name in FITS if name in fitted}
    pack.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{pack.name}-", dir=pack.parent))
    try:
        contents = _parts(source, texts)
        contents["tokenizer.json"] = source.tokenizer
        lexicon = checkpoint / LEXICON
        if lexicon.is_file():
            contents[LEXICON] = lexicon.read_bytes()
        contents[CARD] = model_card(manifest, lexicon=lexicon.is_file()).encode("utf-8")
        for file_name, data in sorted(contents.items()):
            (temporary / file_name).write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            manifest["files"][file_name] = {"sha256": digest, "bytes": len(data)}
        size = sum(len(data) for data in contents.values())
        if size > SIZE_LIMIT:
            raise ValueError(f"the pack has {size} bytes, the limit is {SIZE_LIMIT}")
        write_manifest(temporary, manifest)
        temporary.chmod(0o755)
        load_pack(temporary)
        if pack.exists():
            shutil.rmtree(pack)
        temporary.rename(pack)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return load_pack(pack)


def write_card(pack: Path, table: str) -> None:
    """Write the model card of a pack anew with a Markdown table of figures; its identity changes.

    Raises:
        PackError: The folder is no sound pack.
    """
    load_pack(pack)
    manifest = json.loads((pack / MANIFEST).read_text(encoding="utf-8"))
    data = model_card(manifest, table, LEXICON in manifest["files"]).encode("utf-8")
    manifest["files"][CARD] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (pack / CARD).write_bytes(data)
    write_manifest(pack, manifest)


def _parts(source: TrainedWeights, texts: Sequence[str] | None) -> dict[str, bytes]:
    heads, width = source.config["heads"], source.head_width
    matrices = layer_matrices(source, None if texts is None else input_moments(source, texts))
    models = {
        "embed": onnx_parts.embed_model(source),
        "attend": attention_model(source.pattern, heads, width, tail=False),
        "attend_tail": attention_model(source.pattern, heads, width, tail=True),
        "head": onnx_parts.head_model(source),
        "passage": onnx_parts.passage_model(source),
        "question": onnx_parts.question_model(source),
    }
    for layer in range(source.config["layers"]):
        models[f"layer_{layer:02d}_project"] = onnx_parts.project_model(source, layer, matrices)
        models[f"layer_{layer:02d}_finish"] = onnx_parts.finish_model(source, layer, matrices)
    return {f"{name}.onnx": model.SerializeToString() for name, model in models.items()}


def calibration_texts() -> list[str]:
    """Passages and questions of some of the bundled lessons that teach, in both languages."""
    _, train = split_lessons(read_lessons(LESSONS), TuneConfig().held)
    lessons = [lesson for some in train for lesson in some]
    chosen = lessons[:: max(1, len(lessons) // _CALIBRATION_LESSONS)]
    return [
        text
        for lesson in chosen
        for language in LANGUAGES
        for text in (lesson.text(language), lesson.questions[0].asked[language])
    ]


def _lines(path: Path) -> list[str]:
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"{path} has no text")
    return lines


def compare(checkpoint: Path, pack: Path, texts: Sequence[str]) -> dict[str, float]:
    """Measure a pack against the float32 forward pass of its checkpoint.

    Args:
        checkpoint: The checkpoint that the pack was exported from.
        pack: The pack.
        texts: Texts with at least one token; each is encoded on its own.

    Returns:
        ``passage_cosine_mean``, ``passage_cosine_min``, ``token_cosine_mean`` and
        ``token_cosine_p1``.
    """
    source = load_weights(checkpoint)
    encoder = Encoder.load(load_pack(pack), threads=1)
    passage_cosines, token_cosines = [], []
    for text in texts:
        tokens = encoder.tokenizer.tokenize(text)
        exact = oracle.encode(source, tokens.ids, np.float32)
        vector = oracle.passage_vectors(source, exact.states, [(0, len(tokens.ids))])[0]
        whole = [(0, len(text))]
        encoding = run(encoder.encode(text, whole, [], cancel=CancelToken(), fidelity_sample=0))
        passage_cosines.append(float(encoding.passage_vectors[0].astype(np.float32) @ vector))
        ours = encoding.token_vectors.astype(np.float32)
        ours /= np.linalg.norm(ours, axis=1, keepdims=True)
        token_cosines.append((ours * exact.token_vectors).sum(axis=1))
    every_token = np.concatenate(token_cosines)
    return {
        "passage_cosine_mean": float(np.mean(passage_cosines)),
        "passage_cosine_min": float(np.min(passage_cosines)),
        "token_cosine_mean": float(every_token.mean()),
        "token_cosine_p1": float(np.percentile(every_token, 1)),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.training.export", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write a pack from a checkpoint")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("pack", type=Path)
    export.add_argument("--name", default="chumoku-base")
    export.add_argument("--revision", required=True)
    export.add_argument("--licence", default=LICENCE)
    export.add_argument("--fits", type=Path, help="pack whose fusion and highlights are taken over")
    export.add_argument(
        "--texts", type=Path, help="UTF-8, a text a line, to calibrate on; default: lessons"
    )
    weights = commands.add_parser("weights", help="write a checkpoint's weights in fp16")
    weights.add_argument("checkpoint", type=Path)
    weights.add_argument("folder", type=Path)
    check = commands.add_parser("check", help="measure a pack against its checkpoint")
    check.add_argument("checkpoint", type=Path)
    check.add_argument("pack", type=Path)
    check.add_argument("texts", type=Path, help="UTF-8 text, one sentence a line")
    check.add_argument("--least", type=float, default=0.98, help="lowest mean passage cosine")
    card = commands.add_parser("card", help="put measured figures into the model card")
    card.add_argument("pack", type=Path)
    card.add_argument("report", type=Path, help="what engine.evaluate.report wrote")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.command == "card":
        report = json.loads(options.report.read_text("utf-8"))
        if "table" not in report:
            raise ValueError(f"{options.report} is no report: it has no table")
        write_card(options.pack, report["table"])
        return 0
    if options.command == "weights":
        save_weights(load_weights(options.checkpoint), options.folder)
        return 0
    if options.command == "export":
        pack = export_pack(
            options.checkpoint,
            options.pack,
            name=options.name,
            revision=options.revision,
            licence=options.licence,
            fits=options.fits,
            texts=_lines(options.texts) if options.texts else calibration_texts(),
        )
        sys.stdout.write(f"{pack.pack_hash}\n")
        return 0
    figures = compare(options.checkpoint, options.pack, _lines(options.texts))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0 if figures["passage_cosine_mean"] >= options.least else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status.

    Raises:
        SystemExit: With words of one line, when a checkpoint, pack or file cannot be used.
    """
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ChumokuError as error:
        sys.exit(error_text(error))
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    raise SystemExit(main())
