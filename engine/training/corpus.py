"""Readers of the training corpus; its files and fields are described in its SOURCES.md."""

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.training.config import ConfigError, PairsConfig

PAIRS = "parallel.tsv.gz"
_JUDGED = "sts_nli_ja_train.jsonl.gz"
# What is not there counts as empty; pairs are what distillation learns from.
_OPTIONAL = (
    "sections_ja.jsonl.gz",
    "sections_en.jsonl.gz",
    "qa_ja_train.jsonl.gz",
    "qa_en_train.jsonl.gz",
    _JUDGED,
)

FileStates = tuple[tuple[str, int, int], ...]
_Made = TypeVar("_Made")


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


def file_states(corpus: Path) -> FileStates:
    """Name, bytes and time of change of every file that there is."""
    found = (corpus / name for name in (PAIRS, *_OPTIONAL))
    states = ((path.name, path.stat()) for path in found if path.is_file())
    return tuple((name, state.st_size, state.st_mtime_ns) for name, state in states)


def absent_files(corpus: Path) -> list[str]:
    """Names of the files that a corpus does without."""
    return [name for name in _OPTIONAL if not (corpus / name).is_file()]


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file() and path.name in _OPTIONAL:
        return
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            yield from lines
    except FileNotFoundError as error:
        raise ConfigError("training.no_corpus_file", path=str(path)) from error
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, zlib.error) as error:
        reason = str(error)
        raise ConfigError("training.broken_corpus_file", path=str(path), reason=reason) from error


def iterate_tagged_pairs(corpus: Path, tag: str) -> Iterator[tuple[Pair, str]]:
    """Yield the parallel pairs whose translation tag is ``tag`` with their source, in file order.

    Raises:
        ConfigError: The file is missing or broken.
    """
    path = corpus / PAIRS
    for number, line in enumerate(_lines(path), start=1):
        fields = line.rstrip("\n").split("\t")
        if len(fields) != 3:
            reason = f"line {number} has {len(fields)} fields in place of 3"
            raise ConfigError("training.broken_corpus_file", path=str(path), reason=reason)
        english, japanese, source = fields
        if source.endswith(f":{tag}"):
            yield Pair(english, japanese), source


def iterate_pairs(corpus: Path, tag: str) -> Iterator[Pair]:
    """Yield the parallel pairs whose translation tag is ``tag``, in file order."""
    return (pair for pair, _ in iterate_tagged_pairs(corpus, tag))


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


def _rows(path: Path, make: Callable[[dict[str, Any]], _Made]) -> Iterator[_Made]:
    """What ``make`` makes of each line; what it cannot use is a ``ConfigError``."""
    for number, line in enumerate(_lines(path), start=1):
        try:
            made = make(json.loads(line))
        except KeyError as error:
            reason = f"line {number}: it has no {error.args[0]}"
        except (ValueError, TypeError, AttributeError) as error:
            reason = f"line {number}: {error}"
        else:
            yield made
            continue
        raise ConfigError("training.broken_corpus_file", path=str(path), reason=reason)


def _section(row: dict[str, Any]) -> Section:
    return Section(*(_text(row[name]) for name in ("doc", "title", "heading_path", "text")))


def _question(row: dict[str, Any]) -> Question:
    answers = row["answers"]
    # English rows have no title; their numbers end in the question's own number.
    title = _text(row.get("title") or row["id"].rsplit("-", 1)[0])
    answer = _text(answers[0]) if answers else ""
    return Question(_text(row["question"]), _text(row["context"]), answer, title)


def _judged(row: dict[str, Any]) -> SentencePair | None:
    score = row["score"]
    first, second = _text(row["sentence1"]), _text(row["sentence2"])
    return None if score is None else SentencePair(first, second, float(score))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def iterate_documents(corpus: Path, language: str) -> Iterator[list[Section]]:
    """Yield each document of a language (``"ja"`` or ``"en"``) as its sections in order."""
    sections: list[Section] = []
    for section in _rows(corpus / f"sections_{language}.jsonl.gz", _section):
        if sections and sections[0].doc != section.doc:
            yield sections
            sections = []
        sections.append(section)
    if sections:
        yield sections


def iterate_questions(corpus: Path, language: str) -> Iterator[Question]:
    """Yield the questions of a language with their passages, in file order."""
    return _rows(corpus / f"qa_{language}_train.jsonl.gz", _question)


def read_similarity(
    corpus: Path, dev: int, seed: int
) -> tuple[list[SentencePair], list[SentencePair]]:
    """Read the judged sentence pairs, at least ``dev`` of them held out.

    Sentences that stand together in a pair, directly or through others, stay on one side.

    Returns:
        Held-out pairs and training pairs.
    """
    pairs = [pair for pair in _rows(corpus / _JUDGED, _judged) if pair is not None]
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
