"""Texts of the run: made once, read by every child process."""

import pickle
from collections.abc import Iterable
from pathlib import Path

from engine.evaluate.long_text import LongText, long_text, read_samples
from engine.model.tokenizer import Tokenizer
from engine.models import default_pack
from engine.progress import CancelToken, run

WARM_UP = 512
GATE = (128, 512, 2048)


def pack_tokenizer() -> Tokenizer:
    """Our tokenizer."""
    return Tokenizer((default_pack() / "tokenizer.json").read_bytes())


def write_texts(folder: Path, lengths: Iterable[int]) -> None:
    """Write texts of these lengths, and those that warming up and the gates need."""
    documents = run(read_samples(CancelToken()))
    tokenizer = pack_tokenizer()
    for tokens in sorted({*lengths, WARM_UP, *GATE}):
        text = long_text(documents, tokenizer, tokens)
        (folder / f"{tokens}.pickle").write_bytes(pickle.dumps(text))


def read_text(folder: Path, tokens: int) -> LongText:
    """The text of a length."""
    return pickle.loads((folder / f"{tokens}.pickle").read_bytes())
