"""Contexts of the retrieval stage: documents as passages with the queries that they answer."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.training.corpus import Question, Section, iterate_documents, iterate_questions

_SENTENCE = re.compile(r"[^。!?!?\n]*(?:[。!?!?]|\.(?=\s)|\n|$)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document.

    Attributes:
        text: The piece.
        group: Key of the section or context that it is a piece of; ``queries`` of a piece are no
            wrong answer for the other pieces of its group.
        queries: What it answers, in its own language.
        cross: What it answers, in the other language.
        heading: Heading that stands before it, empty where there is none.
    """

    text: str
    group: str
    queries: tuple[str, ...] = ()
    cross: tuple[str, ...] = ()
    heading: str = ""


Document = list[Passage]


def split_text(text: str, longest: int) -> list[str]:
    """Split text at sentence ends into pieces of about equal length, at most ``longest``.

    A single sentence that is longer is a piece of its own.
    """
    sentences = [part for part in _SENTENCE.findall(text) if part.strip()]
    pieces = max(1, -(-sum(map(len, sentences)) // longest))
    aim = sum(map(len, sentences)) / pieces
    found: list[str] = []
    current = ""
    for sentence in sentences:
        if current and (len(current) + len(sentence) > longest or len(current) >= aim):
            found.append(current.strip())
            current = ""
        current += sentence
    if current.strip():
        found.append(current.strip())
    return found


def _bigrams(text: str) -> set[str]:
    return {text[index : index + 2] for index in range(len(text) - 1)}


def question_documents(
    questions: Iterable[Question], longest: int, max_context: int = 2500
) -> list[Document]:
    """Documents of question-answering passages: one document a title, contexts in file order.

    Long contexts are split; a question belongs to the piece with its answer, else to the piece
    that shares the most character pairs with the question and the answer. Contexts above
    ``max_context`` characters, whose answer cannot be placed well, are left out.
    """
    titles: dict[str, dict[str, list[Question]]] = {}
    for item in questions:
        if len(item.context) <= max_context:
            titles.setdefault(item.title, {}).setdefault(item.context, []).append(item)
    documents = []
    for title, contexts in titles.items():
        document: Document = []
        for number, (context, asked) in enumerate(contexts.items()):
            pieces = split_text(context, longest)
            grams = [_bigrams(piece) for piece in pieces]
            owned: list[list[str]] = [[] for _ in pieces]
            for item in asked:
                wanted = _bigrams(item.question + item.answer)
                scores = [
                    len(wanted & own) + 100 * (bool(item.answer) and item.answer in piece)
                    for own, piece in zip(grams, pieces, strict=True)
                ]
                if scores:
                    owned[scores.index(max(scores))].append(item.question)
            document += [
                Passage(piece, f"{title}/{number}/{index}", tuple(mine))
                for index, (piece, mine) in enumerate(zip(pieces, owned, strict=True))
            ]
        documents.append(document)
    return documents


def same_structure(first: Sequence[Section], second: Sequence[Section]) -> bool:
    """Whether two versions of a document have the same heading depths in the same order."""
    return [section.depth for section in first] == [section.depth for section in second]


def section_document(
    sections: Sequence[Section],
    twin: Sequence[Section] | None,
    common: Counter[str],
    longest: int,
) -> Document:
    """Passages of a document's sections.

    Args:
        sections: The document.
        twin: The same document in the other language with the same structure, if there is one.
        common: How often each heading occurs; frequent ones say too little to be a query.
        longest: Most characters of a passage.
    """
    document: Document = []
    for index, section in enumerate(sections):
        queries = [section.heading_path.replace(" > ", " ")]
        if common[section.heading] <= 2 and len(section.heading) >= 5:
            queries.append(section.heading)
        if index == 0:
            queries.append(section.title)
        cross: list[str] = []
        if twin is not None:
            other = twin[index]
            cross = [other.heading_path.replace(" > ", " "), other.heading_path]
            if common[other.heading] <= 2 and len(other.heading) >= 5:
                cross.append(other.heading)
            sentences = split_text(other.text[:400], 160)
            if sentences and len(sentences[0]) >= 20:
                cross.append(sentences[0])
        # Only the first piece is asked for; many more would crowd out those that are.
        pieces = split_text(section.text[: 2 * longest], longest)
        for place, piece in enumerate(pieces):
            first = place == 0
            document.append(
                Passage(
                    piece,
                    f"{section.doc}/{index}",
                    tuple(dict.fromkeys(queries)) if first else (),
                    tuple(dict.fromkeys(cross)) if first else (),
                    section.heading if first else "",
                )
            )
    return document


@dataclass(frozen=True, slots=True)
class Collections:
    """What the retrieval stage trains on and what it is judged by.

    Attributes:
        train: Documents by kind: ``qa_ja``, ``qa_en``, ``sections_ja``, ``sections_en``.
        dev_questions: Held-out Japanese questions, whole titles apart from the training ones.
        dev_pairs: Held-out English and Japanese versions of the same documents.
    """

    train: dict[str, list[Document]]
    dev_questions: list[Question]
    dev_pairs: list[tuple[list[Section], list[Section]]]


# Characters of a passage; about the same number of tokens in both languages.
_LONGEST = {"ja": 230, "en": 560}


def read_collections(
    corpus: Path, documents: int, dev_documents: int, dev_contexts: int, seed: int
) -> Collections:
    """Read the training documents and set the development splits aside.

    Args:
        corpus: Folder of the corpus.
        documents: Most documents of sections per language.
        dev_documents: Paired documents to hold out.
        dev_contexts: Question-answering contexts to hold out (by whole titles).
        seed: Seed of the splits.
    """
    chosen = random.Random(seed)
    japanese = {item[0].doc: item for item in iterate_documents(corpus, "ja")}
    english = {item[0].doc: item for item in iterate_documents(corpus, "en")}
    paired = [
        name
        for name, item in japanese.items()
        if name in english and same_structure(item, english[name])
    ]
    held = set(chosen.sample(sorted(paired), min(dev_documents, len(paired) // 2)))
    common = Counter(
        section.heading
        for side in (japanese, english)
        for item in side.values()
        for section in item
    )
    train: dict[str, list[Document]] = {}
    twins = {name for name in paired if name not in held}
    for language, side, other in (("ja", japanese, english), ("en", english, japanese)):
        names = sorted(name for name in side if name not in held)
        chosen.shuffle(names)
        # Documents that exist in both languages teach more, so they come first.
        names.sort(key=lambda name: name not in twins)
        train[f"sections_{language}"] = [
            section_document(
                side[name], other[name] if name in twins else None, common, _LONGEST[language]
            )
            for name in names[:documents]
        ]
    questions = list(iterate_questions(corpus, "ja"))
    titles = sorted({item.title for item in questions})
    chosen.shuffle(titles)
    contexts: set[str] = set()
    held_titles: set[str] = set()
    by_title: dict[str, set[str]] = {}
    for item in questions:
        by_title.setdefault(item.title, set()).add(item.context)
    for title in titles[: len(titles) // 2]:
        if len(contexts) >= dev_contexts:
            break
        held_titles.add(title)
        contexts |= by_title[title]
    train["qa_ja"] = question_documents(
        (item for item in questions if item.title not in held_titles), _LONGEST["ja"]
    )
    train["qa_en"] = question_documents(iterate_questions(corpus, "en"), _LONGEST["en"])
    train = {kind: [document for document in made if document] for kind, made in train.items()}
    return Collections(
        train,
        [item for item in questions if item.title in held_titles],
        [(english[name], japanese[name]) for name in sorted(held)],
    )
