"""What has to be right before a family of lines is timed."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from engine.evaluate.bench import Check

from . import dense, minilm, ours
from .texts import GATE, pack_tokenizer, read_text
from .work import WEIGHTS

# Passage vectors of int8 weights against those of the unquantised ones.
INT8_SHORT = 0.99
INT8_LONG = 0.98
# Dynamic quantisation costs all-MiniLM-L6-v2 more: it is not what is judged here.
MINILM_INT8 = 0.95
# The same arithmetic in float32, written twice.
SAME = 0.9999
# Queries, keys and values stored in float16 may choose another block here and there.
STORED_HALF = 0.999


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of each row of ``[N, D]`` with that of the other, ``[N]``."""
    product = (first * second).sum(axis=1)
    return product / (np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1))


def exact_vectors(folder: Path, tokens: int) -> np.ndarray:
    """Passage vectors of a text in plain NumPy from the unquantised weights."""
    from engine.model.tokenizer import token_ranges
    from engine.training import oracle
    from engine.training.weights import load_weights

    source = load_weights(WEIGHTS)
    text = read_text(folder, tokens)
    found = pack_tokenizer().tokenize(text.text)
    states = oracle.encode(source, found.ids, np.float32).states
    ranges = token_ranges(found.spans, list(text.passages))
    return oracle.passage_vectors(source, states, [(int(a), int(b)) for a, b in ranges])


def _ours(folder: Path, threads: int) -> list[Check]:
    from engine.models import default_pack
    from engine.training.export import compare

    short, _, long = GATE
    texts = [read_text(folder, short).text]
    least = compare(WEIGHTS, default_pack(), texts)["passage_cosine_min"]
    checks = [Check("int8 pack against unquantised weights, a short text", least, INT8_SHORT)]
    exact, text = exact_vectors(folder, long), read_text(folder, long)
    for line, bound in (("ours-int8", INT8_LONG), ("ours-fp32", STORED_HALF)):
        vectors = ours.passage_vectors(ours.timed_encoder(line, folder, threads), text)
        mean = float(cosines(vectors, exact).mean())
        checks.append(Check(f"{line} against NumPy, {text.tokens} tokens, mean", mean, bound))
    return checks


def _dense(folder: Path, threads: int) -> list[Check]:
    short, middle, _ = GATE
    tokenize = pack_tokenizer().tokenize
    encoders = [dense.dense(line, folder, threads) for line in ("dense-torch", "dense-onnx")]
    found = [dense.encode(one, tokenize, read_text(folder, middle)) for one in encoders]
    checks = [Check("dense: PyTorch against ONNX", float(cosines(*found).min()), SAME)]
    # Two blocks are neighbours of each other, so that sparse attention reads all there is.
    exact = exact_vectors(folder, short)
    for name, one in zip(("PyTorch", "ONNX"), encoders, strict=True):
        least = float(cosines(dense.encode(one, tokenize, read_text(folder, short)), exact).min())
        checks.append(Check(f"dense {name} against sparse, all blocks read", least, SAME))
    return checks


def _minilm(folder: Path, threads: int) -> list[Check]:
    pieces, tokens = minilm.chunks(read_text(folder, GATE[-1]).text)
    whole = minilm.torch_encode(threads)(pieces)
    small = minilm.int8_encode(folder, threads)(pieces)
    longest = max(len(one.ids) for one in minilm.model_tokenizer().encode_batch(pieces))
    mean = float(cosines(whole, small).mean())
    return [
        Check("MiniLM: int8 against float32, mean", mean, MINILM_INT8),
        Check("MiniLM: tokens of the longest chunk", longest, minilm.CHUNK + 4, at_most=True),
        Check("MiniLM: tokens of a chunk", tokens / len(pieces), minilm.CHUNK / 2),
    ]


def _gpu(folder: Path, threads: int) -> list[Check]:
    from . import gpu

    return gpu.gate(folder)


# Longformer and BigBird have random weights: there is nothing to hold them against.
GATES: Mapping[str, Callable[[Path, int], list[Check]]] = {
    "ours": _ours,
    "dense": _dense,
    "minilm": _minilm,
    "gpu": _gpu,
}


def check(family: str, folder: Path, threads: int) -> list[Check]:
    """Run the gate of a family; picklable, so that a child process can."""
    return GATES[family](folder, threads)


def export(families: frozenset[str], folder: Path) -> None:
    """Write the models that the lines and gates of these families read."""
    if families & {"ours", "dense"}:
        ours.export(folder)
    if "minilm" in families:
        minilm.export(folder)
