"""The seeded split of the corpus: what training reads and what it is judged by."""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.training.config import PairsConfig, SplitConfig
from engine.training.corpus import (
    Pair,
    Question,
    Section,
    SentencePair,
    iterate_documents,
    iterate_questions,
    read_pairs,
    read_similarity,
)

_SENTENCE_END = re.compile(r"(?<=[。!?！？])|(?<=[.:;])\s|\n")
_SHORTEST = {"en": 25, "ja": 12}


@dataclass(frozen=True, slots=True)
class PairedDocument:
    """Sections of a document and, where there is one, its twin in the other language.

    A twin has the same heading depths in the same order, so that sections pair by their place.
    """

    language: str
    sections: tuple[Section, ...]
    twin: tuple[Section, ...] | None


@dataclass(frozen=True, slots=True)
class Split:
    """Both sides of the split.

    Attributes:
        dev_pairs: Parallel sentences.
        dev_similarity: Japanese sentence pairs with scores.
        dev_questions: Japanese questions, by whole titles.
        dev_english: English questions, by whole meetings and stories.
        dev_documents: English and Japanese versions of the same documents.
        pairs: Training pairs; the row is the place of the teacher's vector in its cache.
        skipped: Rows of ``pairs`` that repeat a sentence of a held-out document.
        similarity: Training sentence pairs with scores.
        questions: Training questions, ``"ja"`` and ``"en"``.
        documents: Training documents of both languages; those with a twin first.
    """

    dev_pairs: list[Pair]
    dev_similarity: list[SentencePair]
    dev_questions: list[Question]
    dev_english: list[Question]
    dev_documents: list[tuple[list[Section], list[Section]]]
    pairs: list[Pair]
    skipped: frozenset[int]
    similarity: list[SentencePair]
    questions: dict[str, list[Question]]
    documents: dict[str, list[PairedDocument]]


def same_structure(first: Sequence[Section], second: Sequence[Section]) -> bool:
    """Whether two versions of a document have the same heading depths in the same order."""
    return [section.depth for section in first] == [section.depth for section in second]


def _sentences(sections: Iterable[Section], language: str) -> set[str]:
    return {
        part
        for section in sections
        for text in (section.text, section.heading, section.title)
        for raw in _SENTENCE_END.split(text)
        if len(part := _bare(raw)) >= _SHORTEST[language]
    }


def _bare(text: str) -> str:
    return re.sub(r"[\s。.:;]+", "", text).lower()


def _repeats(pair: Pair, english: set[str], japanese: set[str]) -> bool:
    return _bare(pair.english) in english or _bare(pair.japanese) in japanese


def _by_title(
    questions: list[Question], contexts: int, seed: str
) -> tuple[list[Question], list[Question]]:
    """Held-out and training questions; whole titles with ``contexts`` contexts are held out."""
    titles: dict[str, set[str]] = {}
    for item in questions:
        titles.setdefault(item.title, set()).add(item.context)
    order = sorted(titles)
    random.Random(seed).shuffle(order)
    held: set[str] = set()
    count = 0
    for title in order[: len(order) // 2]:
        if count >= contexts:
            break
        held.add(title)
        count += len(titles[title])
    shown = {context for title in held for context in titles[title]}
    return (
        [item for item in questions if item.title in held],
        # A passage under two titles goes with the held-out one.
        [item for item in questions if item.title not in held and item.context not in shown],
    )


def read_split(corpus: Path, pairs: PairsConfig, config: SplitConfig, seed: int) -> Split:
    """Read the corpus and split it; the same settings give the same split.

    Args:
        corpus: Folder of the corpus.
        pairs: Which parallel pairs are read.
        config: How much is held out.
        seed: Seed of the run.
    """
    sides = {
        language: {item[0].doc: item for item in iterate_documents(corpus, language)}
        for language in ("ja", "en")
    }
    japanese, english = sides["ja"], sides["en"]
    twins = {
        name
        for name, item in japanese.items()
        if name in english and same_structure(item, english[name])
    }
    held = set(random.Random(seed).sample(sorted(twins), min(config.documents, len(twins) // 2)))
    documents: dict[str, list[PairedDocument]] = {}
    for language, side, other in (("ja", japanese, english), ("en", english, japanese)):
        names = sorted(set(side) - held)
        random.Random(f"{seed}-{language}").shuffle(names)
        # Documents that exist in both languages teach more, so they come first.
        names.sort(key=lambda name: name not in twins)
        documents[language] = [
            PairedDocument(
                language, tuple(side[name]), tuple(other[name]) if name in twins else None
            )
            for name in names
        ]
    dev_pairs, train_pairs = read_pairs(corpus, pairs, seed)
    shown = {
        language: _sentences((section for name in held for section in side[name]), language)
        for language, side in sides.items()
    }
    skipped = frozenset(
        row for row, pair in enumerate(train_pairs) if _repeats(pair, shown["en"], shown["ja"])
    )
    dev_similarity, similarity = read_similarity(corpus, config.similarity, seed)
    dev_questions, questions = _by_title(
        list(iterate_questions(corpus, "ja")), config.contexts, f"{seed}-ja"
    )
    dev_english: list[Question] = []
    questions_en: list[Question] = []
    by_source: dict[bool, list[Question]] = {True: [], False: []}
    for item in iterate_questions(corpus, "en"):
        by_source[item.title.startswith("qmsum")].append(item)
    for meetings, items in by_source.items():
        out, kept = _by_title(items, config.english_contexts, f"{seed}-en-{meetings}")
        dev_english += out
        questions_en += kept
    return Split(
        dev_pairs,
        dev_similarity,
        dev_questions,
        dev_english,
        [(english[name], japanese[name]) for name in sorted(held)],
        train_pairs,
        skipped,
        similarity,
        {"ja": questions, "en": questions_en},
        documents,
    )
