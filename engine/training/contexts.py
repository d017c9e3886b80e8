"""Contexts of the retrieval stage: documents as passages with the queries that they answer."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.training.corpus import Question, Section
from engine.training.splits import PairedDocument, Split

_SENTENCE = re.compile(r"[^。!?!?\n]*(?:[。!?!?]|\.(?=\s)|\n|$)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document.

    Attributes:
        text: The piece.
        group: Key of the section or context that it is a piece of; ``queries`` of a piece are no
            wrong answer for the other pieces of its group.
        language: ``"ja"`` or ``"en"``.
        queries: What it answers, in its own language.
        answers: The words of ``text`` that answer each query, empty where nobody marked them;
            none at all for passages that nobody has asked.
        cross: What it answers, in the other language.
        told: Sentences of its translation.
        heading: Heading that stands before it, empty where there is none.
    """

    text: str
    group: str
    language: str
    queries: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    cross: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
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
    questions: Iterable[Question], language: str, longest: int, max_context: int = 2500
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
            owned: list[list[Question]] = [[] for _ in pieces]
            for item in asked:
                wanted = _bigrams(item.question + item.answer)
                scores = [
                    len(wanted & own) + 100 * (bool(item.answer) and item.answer in piece)
                    for own, piece in zip(grams, pieces, strict=True)
                ]
                if scores:
                    owned[scores.index(max(scores))].append(item)
            document += [
                Passage(
                    piece,
                    f"{title}/{number}/{index}",
                    language,
                    queries=tuple(item.question for item in mine),
                    answers=tuple(item.answer if item.answer in piece else "" for item in mine),
                )
                for index, (piece, mine) in enumerate(zip(pieces, owned, strict=True))
            ]
        documents.append(document)
    return documents


def section_document(
    document: PairedDocument, common: Counter[str], longest: Mapping[str, int]
) -> Document:
    """Passages of a document's sections.

    Args:
        document: The document.
        common: How often each heading occurs; frequent ones say too little to be a query.
        longest: Most characters of a passage, by language.
    """
    made: Document = []
    limit = longest[document.language]
    for index, section in enumerate(document.sections):
        queries = [section.heading_path.replace(" > ", " ")]
        if common[section.heading] <= 2 and len(section.heading) >= 5:
            queries.append(section.heading)
        if index == 0:
            queries.append(section.title)
        # The start of a long section is asked for; its whole length would crowd out the others.
        pieces = split_text(section.text[: 3 * limit], limit)
        cross = _other_language(document.twin[index], common) if document.twin else []
        told = _aligned(document.twin[index].text, len(pieces)) if document.twin else []
        for place, piece in enumerate(pieces):
            first = place == 0
            made.append(
                Passage(
                    piece,
                    f"{section.doc}/{index}",
                    document.language,
                    queries=tuple(dict.fromkeys(queries)) if first else (),
                    cross=tuple(dict.fromkeys(cross)) if first else (),
                    told=told[place] if told else (),
                    heading=section.heading if first else "",
                )
            )
    return made


def _other_language(section: Section, common: Counter[str]) -> list[str]:
    found = [section.heading_path.replace(" > ", " ")]
    if common[section.heading] <= 2 and len(section.heading) >= 5:
        found.append(section.heading)
    return found


def _aligned(text: str, pieces: int) -> list[tuple[str, ...]]:
    """Sentences of the other language that stand in the middle of each piece's share of the text.

    Translations run in parallel, so a sentence well inside the share is the piece's own.
    """
    sentences = [part for part in split_text(text[:4000], 1) if 20 <= len(part) <= 300]
    total = sum(map(len, sentences))
    found: list[list[str]] = [[] for _ in range(pieces)]
    before = 0
    for sentence in sentences:
        place = pieces * (before + len(sentence) / 2) / total
        if pieces == 1 or 0.25 < place % 1 < 0.75:
            found[min(pieces - 1, int(place))].append(sentence)
        before += len(sentence)
    return [tuple(part[:8]) for part in found]


def training_documents(
    split: Split, documents: int, longest: Mapping[str, int]
) -> dict[str, list[Document]]:
    """Training documents by kind: ``qa_ja``, ``qa_en``, ``sections_ja``, ``sections_en``.

    Args:
        split: The split corpus.
        documents: Most documents of sections per language.
        longest: Most characters of a passage, by language.
    """
    common = Counter(
        section.heading
        for documents_of in split.documents.values()
        for document in documents_of
        for section in document.sections
    )
    made: dict[str, list[Document]] = {}
    for language, chosen in split.documents.items():
        made[f"sections_{language}"] = [
            section_document(document, common, longest) for document in chosen[:documents]
        ]
        made[f"qa_{language}"] = question_documents(
            split.questions[language], language, longest[language]
        )
    return {kind: [document for document in some if document] for kind, some in made.items()}
