"""Writes the development sets of the corpus.

``python -m engine.evaluate.splits --corpus DIR --config FILE --out DIR`` writes the side of
``engine.training.splits`` that training never saw as evaluation sets. Sets whose passages are given
alone lie in the folder itself; those of whole documents, for the calibration, in ``whole/``.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from engine.cli_words import error_text
from engine.errors import ChumokuError
from engine.evaluate.bm25 import bigrams
from engine.evaluate.set_rows import (
    PAIRS,
    RETRIEVAL,
    SIMILARITY,
    Answer,
    Part,
    Row,
    SetDocument,
    SetPair,
    SetQuestion,
)
from engine.evaluate.sets import write_set
from engine.training.config import load_config
from engine.training.corpus import Pair, Question, Section, SentencePair
from engine.training.lessons import LESSONS, Lesson, read_lessons, split_lessons
from engine.training.splits import Split, read_split

WHOLE = "whole"
# Sentences of one meaning by their annotators, that share few pairs of characters.
SAME_MEANING = 3.6
FEW_SHARED = 0.25
SENTENCES_PER_DOCUMENT = 40
# Documents asked in the other language for the calibration, and how much of a section they hold.
PAIRED_DOCUMENTS = 80
SECTION_LENGTH = 600
SHORTEST_QUERY = 8
LANGUAGE_NAMES = {"ja": "Japanese", "en": "English"}

DocumentPair = tuple[list[Section], list[Section]]


def write_sets(split: Split, lessons: Sequence[Sequence[Lesson]], folder: Path) -> list[Path]:
    """Write every development set; gives their files.

    Args:
        split: The split of the corpus.
        lessons: Held-out lessons of each file.
        folder: Where the sets go.
    """
    (folder / WHOLE).mkdir(parents=True, exist_ok=True)
    meetings, stories = [], []
    for item in split.dev_english:
        (meetings if item.title.startswith("qmsum") else stories).append(item)
    written = []

    def write(name: str, kind: str, rows: Iterable[Row], description: str) -> None:
        path, made = folder / f"{name}.jsonl", list(rows)
        # A corpus may lack what a set is made of.
        if made:
            write_set(path, Path(name).name, kind, made, description)
            written.append(path)

    write("parallel", PAIRS, parallel_rows(split.dev_pairs), "English and Japanese sentences")
    write("jsts", SIMILARITY, similarity_rows(split.dev_similarity), "Japanese sentence pairs")
    write("jaquad", RETRIEVAL, question_rows(split.dev_questions), "JaQuAD, contexts alone")
    write("qmsum", RETRIEVAL, question_rows(meetings), "QMSum, relevant turns alone")
    write("fairytales", RETRIEVAL, question_rows(stories), "FairytaleQA, sections alone")
    english_first = split.dev_documents
    japanese_first = [(japanese, english) for english, japanese in split.dev_documents]
    write(
        "headings_en_ja",
        RETRIEVAL,
        heading_rows(english_first),
        "English heading path to the Japanese section's text, without its heading",
    )
    write(
        "headings_ja_en",
        RETRIEVAL,
        heading_rows(japanese_first),
        "Japanese heading path to the English section's text, without its heading",
    )
    write(
        "sections_en_ja",
        RETRIEVAL,
        heading_rows(english_first, shown="heading"),
        "English heading path to the Japanese section as it stands, below its heading",
    )
    write(
        "paths_en_ja",
        RETRIEVAL,
        heading_rows(english_first, shown="path"),
        "English heading path to the Japanese section as search sees it, below all its headings",
    )
    write(
        f"{WHOLE}/same_language",
        RETRIEVAL,
        question_rows(split.dev_questions, whole=True),
        "JaQuAD, the contexts of a title as one document",
    )
    write(
        f"{WHOLE}/stories",
        RETRIEVAL,
        question_rows(stories, whole=True),
        "FairytaleQA, the sections of a story as one document",
    )
    write(
        f"{WHOLE}/meetings",
        RETRIEVAL,
        question_rows(meetings),
        "QMSum, the relevant turns of a meeting in one pass",
    )
    write(
        f"{WHOLE}/other_language",
        RETRIEVAL,
        document_rows(split.dev_documents[:PAIRED_DOCUMENTS]),
        "Documents asked for their sections in the other language",
    )
    write(
        f"{WHOLE}/lessons",
        RETRIEVAL,
        lesson_rows(lessons),
        "Held-out lessons, a document a field, every third in English, asked in both languages",
    )
    write(
        f"{WHOLE}/paraphrase",
        RETRIEVAL,
        paraphrase_rows(split.dev_similarity),
        "JSTS sentences asked for by sentences of one meaning and other words",
    )
    return written


def parallel_rows(pairs: Iterable[Pair]) -> Iterator[Row]:
    """Parallel sentences, English first."""
    for pair in pairs:
        yield SetPair(pair.english, pair.japanese)


def similarity_rows(pairs: Iterable[SentencePair]) -> Iterator[Row]:
    """Sentence pairs with their scores."""
    for pair in pairs:
        yield SetPair(pair.first, pair.second, pair.score)


def question_rows(questions: Iterable[Question], *, whole: bool = False) -> Iterator[Row]:
    """Questions to contexts, one document a title; answers are spans where they occur.

    Args:
        questions: Questions of whole titles.
        whole: Make whole documents; questions without a span are left out.
    """
    titles: dict[str, dict[str, list[Question]]] = {}
    for item in questions:
        titles.setdefault(item.title, {}).setdefault(item.context, []).append(item)
    for title, contexts in titles.items():
        names = {context: f"{title}/{place}" for place, context in enumerate(contexts)}
        heading = (title,) if whole else ()
        parts = tuple(Part(name, context, heading) for context, name in names.items())
        yield SetDocument(title, title, parts, whole)
        for context, asked in contexts.items():
            for item in asked:
                start = context.find(item.answer) if item.answer else -1
                spans = (Answer(names[context], start, start + len(item.answer)),)
                if start >= 0:
                    yield SetQuestion(item.question, (), spans)
                elif not whole:
                    yield SetQuestion(item.question, (names[context],))


def heading_rows(
    pairs: Sequence[DocumentPair], *, shown: Literal["text", "heading", "path"] = "text"
) -> Iterator[Row]:
    """Heading paths of the first side to the sections of the second.

    Args:
        pairs: Both versions of each document.
        shown: What is known of a section beside its text: nothing, its own heading as its first
            line, or the headings above it, as they are of a passage of a document.
    """
    names: dict[str, str] = {}
    for _, found in pairs:
        parts = []
        for place, section in enumerate(found):
            # Equal texts cannot be told apart: they are one passage.
            if section.text.strip() and section.text not in names:
                names[section.text] = f"{section.doc}/{place}"
                text = section.text
                if shown == "heading":
                    text = f"{section.heading}\n{text}"
                path = tuple(section.heading_path.split(" > ")) if shown == "path" else ()
                parts.append(Part(names[section.text], text, path))
        if parts:
            yield SetDocument(found[0].doc, found[0].title, tuple(parts), False)
    for asked, found in pairs:
        for other, section in zip(asked, found, strict=True):
            if section.text in names:
                yield SetQuestion(_query(other), (names[section.text],))


def document_rows(pairs: Sequence[DocumentPair]) -> Iterator[Row]:
    """Whole documents asked in the other language, by turns a Japanese and an English version.

    A question is the heading path of the other version's section; right is any passage of the
    section. Documents in the question's own language stand beside it as distraction.
    """
    for number, (english, japanese) in enumerate(pairs):
        shown, asked = (japanese, english) if number % 2 == 0 else (english, japanese)
        parts: list[Part] = []
        questions: list[SetQuestion] = []
        for place, (section, other) in enumerate(zip(shown, asked, strict=True)):
            text = section.text[:SECTION_LENGTH].strip()
            if not text:
                continue
            part = Part(f"{section.doc}/{place}", text, (section.heading,))
            parts.append(part)
            if len(_query(other)) >= SHORTEST_QUERY:
                questions.append(SetQuestion(_query(other), (part.id,)))
        if parts:
            yield SetDocument(shown[0].doc, shown[0].title, tuple(parts), True)
            yield from questions


def lesson_rows(files: Sequence[Sequence[Lesson]]) -> Iterator[Row]:
    """Documents of lessons, one in three of them English, asked in both languages.

    Some questions are in the words of their passage and some in others. Passages of both languages
    compete, as in an office that keeps manuals from abroad.
    """
    for number, lessons in enumerate(files, start=1):
        title = lessons[0].name.rsplit("/", 1)[0]
        shown = "ja" if number % 3 else "en"
        parts = tuple(
            Part(lesson.name, lesson.text(shown), (lesson.heading[shown],)) for lesson in lessons
        )
        yield SetDocument(title, title, parts, True)
        for lesson in lessons:
            for item in lesson.questions:
                words = "other words" if item.other_words else "its words"
                for language, query in item.asked.items():
                    kind = f"{words}, {LANGUAGE_NAMES[language]}"
                    yield SetQuestion(query, (lesson.name,), kind=kind)


def paraphrase_rows(pairs: Iterable[SentencePair]) -> Iterator[Row]:
    """Sentences asked for by paraphrases of them that share few words with them."""
    alike: dict[str, str] = {}
    for pair in pairs:
        if pair.score >= SAME_MEANING:
            alike.setdefault(pair.second, pair.first)
    shown = sorted(alike)
    for number, first in enumerate(range(0, len(shown), SENTENCES_PER_DOCUMENT)):
        texts = shown[first : first + SENTENCES_PER_DOCUMENT]
        parts = tuple(
            Part(f"{number}/{place}", text, (f"第{place}図",))
            for place, text in enumerate(texts, start=1)
        )
        yield SetDocument(f"図集{number}", f"図集{number}", parts, True)
        for part in parts:
            if _shared(alike[part.text], part.text) < FEW_SHARED:
                yield SetQuestion(alike[part.text], (part.id,))


def _query(section: Section) -> str:
    return section.heading_path.replace(" > ", " ")


def _shared(first: str, second: str) -> float:
    """Share of the character pairs of two texts that both hold."""
    one, two = set(bigrams(first)), set(bigrams(second))
    return len(one & two) / max(len(one | two), 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the sets and name them; gives the exit status.

    Raises:
        SystemExit: With words of one line, when settings, corpus or lessons cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m engine.evaluate.splits", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the training corpus")
    parser.add_argument("--config", type=Path, required=True, help="the training's settings (TOML)")
    parser.add_argument("--lessons", type=Path, default=LESSONS, help="folder of the lessons")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the sets to")
    options = parser.parse_args(arguments)
    try:
        config = load_config(options.config)
        split = read_split(options.corpus, config.pairs, config.split, config.seed)
        held, _ = split_lessons(read_lessons(options.lessons), config.tune.held)
        written = write_sets(split, held, options.out)
    except ChumokuError as error:
        sys.exit(error_text(error))
    except OSError as error:
        sys.exit(str(error))
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0


if __name__ == "__main__":
    sys.exit(main())
