"""A small honest reader: lines are passages, words between blanks are terms."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.records import Document, Encoding, Fidelity, Page, Passage, RevisionId, Unit
from engine.store import Store


def terms_of(text: str, heading_path: tuple[str, ...]) -> list[str]:
    return [*text.split(), *("h:" + heading for heading in heading_path)]


def read_file(path: Path) -> tuple[Document, tuple[Passage, ...], list[list[str]]]:
    data = path.read_bytes()
    text = data.decode("utf-8")
    units, passages, start = [], [], 0
    for line in text.splitlines(keepends=True):
        end = start + len(line.rstrip("\n"))
        if end > start:
            units.append(Unit(start, end, "line", page=1, box=(10.0, start + 0.5, 90.25, end)))
            middle = (start + end) // 2
            sentences = ((start, middle), (middle, end)) if middle > start else ((start, end),)
            passages.append(
                Passage(len(passages), start, end, "text", ("手順書", "第1章"), sentences)
            )
        start += len(line)
    boxes = np.arange(4 * len(text), dtype=np.float32).reshape(-1, 4)
    boxes[::7] = np.nan
    document = Document(
        kind="text",
        title=path.stem,
        text=text,
        pages=(Page(1, 0, len(text), 595.0, 842.0, "表紙"),),
        units=tuple(units),
        char_boxes=boxes,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        metadata={"author": "製造部"},
        warnings=("page_without_text:3",),
    )
    terms = [terms_of(text[p.start : p.end], p.heading_path) for p in passages]
    return document, tuple(passages), terms


def make_encoding(passages: int, encoder_hash: str = "pack-1", tokens: int = 130) -> Encoding:
    rng = np.random.default_rng(tokens)
    blocks = -(-tokens // 64)
    spans = np.arange(2 * tokens, dtype=np.int32).reshape(-1, 2)
    return Encoding(
        encoder_hash=encoder_hash,
        block=64,
        token_spans=spans,
        token_vectors=rng.integers(-127, 128, (tokens, 64)).astype(np.int8),
        block_summaries=rng.normal(size=(blocks, 64)).astype(np.float16),
        passage_vectors=rng.normal(size=(passages, 384)).astype(np.float16),
        sentence_vectors=rng.normal(size=(2 * passages, 384)).astype(np.float16),
        heading_vectors=rng.integers(-127, 128, (5, 64)).astype(np.int8),
        heading_starts=np.array([0, 3, 5], np.int32),
        kept_blocks=rng.integers(-1, blocks, (4, blocks, 8)).astype(np.int32),
        kept_mass=rng.random((4, blocks, 8)).astype(np.float16),
        fidelity=Fidelity(0.97, 0.9, 0.03, 12, 0.25, 0.995, 0.98),
        seconds=0.5,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def add(tmp_path: Path) -> Callable[..., tuple[int, RevisionId, str]]:
    """Write a file and add it: ``add(store, name, text)``."""

    def write_and_add(store: Store, name: str, text: str):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return store.add_read(path, *read_file(path), path)

    return write_and_add


@pytest.fixture
def read_lines() -> Callable[[Path], tuple[Document, tuple[Passage, ...], list[list[str]]]]:
    """Read a text file as document, passages and terms."""
    return read_file


@pytest.fixture
def encoding() -> Callable[..., Encoding]:
    """``encoding(passages, encoder_hash, tokens)``: an encoding of random numbers."""
    return make_encoding
