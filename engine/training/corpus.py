"""Readers of the training corpus; its files and fields are described in its SOURCES.md."""

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.training.config import ConfigError, PairsConfig


@dataclass(frozen=True, slots=True)
class Pair:
    """An English sentence and its Japanese translation."""

    english: str
    japanese: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a document; ``doc`` is the same in both languages."""

    doc: str
    title: str
    heading_path: str
    text: str

    @property
    def heading(self) -> str:
        """The innermost heading."""
        return self.heading_path.rsplit(" > ", 1)[-1]

    @property
    def depth(self) -> int:
        """How many headings stand above the innermost one."""
        return self.heading_path.count(" > ")


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the passage that answers it; ``title`` names the document."""

    question: str
    context: str
    answer: str
    title: str


@dataclass(frozen=True, slots=True)
class SentencePair:
    """Two Japanese sentences and how alike people found them, 0 to 5."""

    first: str
    second: str
    score: float


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a corpus file; a missing one is a ``ConfigError``."""
    if not path.is_file():
        raise ConfigError("training.no_corpus_file", path=str(path))
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        yield from lines


def iterate_pairs(corpus: Path, tag: str) -> Iterator[Pair]:
    """Yield the parallel pairs whose translation tag is ``tag``, in file order."""
    for line in _lines(corpus / "parallel.tsv.gz"):
        english, japanese, source = line.rstrip("\n").split("\t")
        if source.endswith(f":{tag}"):
            yield Pair(english, japanese)


def read_pairs(corpus: Path, config: PairsConfig, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Read the held-out and the training pairs in the run's fixed order.

    No training pair shares a side with a held-out one.

    Returns:
        Held-out pairs and training pairs.
    """
    pairs = list(iterate_pairs(corpus, config.tag))
    random.Random(seed).shuffle(pairs)
    dev: list[Pair] = []
    seen: set[str] = set()
    for pair in pairs:
        if len(dev) == config.dev:
            break
        if len(pair.english) < 20 or pair.english in seen or pair.japanese in seen:
            continue
        seen.update((pair.english, pair.japanese))
        dev.append(pair)
    train = [pair for pair in pairs if pair.english not in seen and pair.japanese not in seen]
    return dev, train[: config.train]


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in _lines(path):
        yield json.loads(line)


def iterate_documents(corpus: Path, language: str) -> Iterator[list[Section]]:
    """Yield each document of a language (``"ja"`` or ``"en"``) as its sections in order."""
    sections: list[Section] = []
    for row in _json_lines(corpus / f"sections_{language}.jsonl.gz"):
        section = Section(row["doc"], row["title"], row["heading_path"], row["text"])
        if sections and sections[0].doc != section.doc:
            yield sections
            sections = []
        sections.append(section)
    if sections:
        yield sections


def iterate_questions(corpus: Path, language: str) -> Iterator[Question]:
    """Yield the questions of a language with their passages, in file order."""
    for row in _json_lines(corpus / f"qa_{language}_train.jsonl.gz"):
        answers = row["answers"]
        answer = answers[0] if answers else ""
        # English rows have no title; their numbers end in the question's own number.
        title = row.get("title") or row["id"].rsplit("-", 1)[0]
        yield Question(row["question"], row["context"], answer, title)


def read_similarity(
    corpus: Path, dev: int, seed: int
) -> tuple[list[SentencePair], list[SentencePair]]:
    """Read the judged sentence pairs, at least ``dev`` of them held out.

    Sentences that stand together in a pair, directly or through others, stay on one side.

    Returns:
        Held-out pairs and training pairs.
    """
    pairs = [
        SentencePair(row["sentence1"], row["sentence2"], float(row["score"]))
        for row in _json_lines(corpus / "sts_nli_ja_train.jsonl.gz")
        if row["score"] is not None
    ]
    roots: dict[str, str] = {}

    def root(text: str) -> str:
        while (above := roots.setdefault(text, text)) != text:
            roots[text] = roots[above] = roots.setdefault(above, above)
            text = above
        return text

    for pair in pairs:
        roots[root(pair.first)] = root(pair.second)
    clusters: dict[str, list[SentencePair]] = {}
    for pair in pairs:
        clusters.setdefault(root(pair.first), []).append(pair)
    # The largest cluster may chain hundreds of sentences: it is never held out whole.
    order = sorted(clusters)
    random.Random(seed).shuffle(order)
    held: list[SentencePair] = []
    train: list[SentencePair] = []
    for name in order:
        members = clusters[name]
        small = len(members) <= max(1, dev // 20)
        (held if small and len(held) < dev else train).extend(members)
    return held, train
