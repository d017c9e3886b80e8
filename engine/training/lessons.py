"""Lessons: passages of a field in both languages, with questions that people would ask.

A folder of ``*.jsonl``, one lesson a line; lessons of a file stand in an order in which neighbours
treat the same thing. Its form, and how to write one: ``resources/lessons/README.md``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import resources
from engine.training.config import ConfigError
from engine.training.contexts import Document, Passage
from engine.training.corpus import Pair

LANGUAGES = ("ja", "en")
LESSONS = Path(resources.__file__).parent / "lessons"


@dataclass(frozen=True, slots=True)
class LessonQuestion:
    """A question in both languages.

    Attributes:
        asked: By language.
        sentence: Number of the sentence that answers it.
        other_words: Whether it avoids the words of the passage.
    """

    asked: Mapping[str, str]
    sentence: int
    other_words: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """A passage in both languages.

    Attributes:
        name: File and line.
        heading: By language.
        sentences: By language; those at the same place say the same.
        questions: What it answers.
    """

    name: str
    heading: Mapping[str, str]
    sentences: Mapping[str, tuple[str, ...]]
    questions: tuple[LessonQuestion, ...]

    def text(self, language: str) -> str:
        """The passage: sentences follow each other, rows stand on lines of their own."""
        end, gap = ("。", "") if language == "ja" else (".", " ")
        parts = [part + (gap if part.endswith(end) else "\n") for part in self.sentences[language]]
        return "".join(parts).strip()

    def passage(self, language: str) -> Passage:
        """The passage as one of a document, with its questions of both languages."""
        other = LANGUAGES[1 - LANGUAGES.index(language)]
        own = self.sentences[language]
        return Passage(
            self.text(language),
            self.name,
            language,
            queries=tuple(item.asked[language] for item in self.questions),
            answers=tuple(own[item.sentence] for item in self.questions),
            cross=tuple(item.asked[other] for item in self.questions),
            told=self.sentences[other],
            heading=self.heading[language],
        )

    def pairs(self) -> list[Pair]:
        """Heading, sentences and questions as parallel pairs."""
        return [
            Pair(self.heading["en"], self.heading["ja"]),
            *map(Pair, self.sentences["en"], self.sentences["ja"]),
            *(Pair(item.asked["en"], item.asked["ja"]) for item in self.questions),
        ]


def read_lessons(folder: Path) -> list[list[Lesson]]:
    """Read the lessons of each file of a folder, in the order of the files' names.

    Raises:
        ConfigError: There are none, or a line is not one.
        OSError: A file cannot be read.
    """
    files = []
    for path in sorted(folder.glob("*.jsonl")):
        lessons = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                lessons.append(_lesson(json.loads(line), f"{path.stem}/{number}"))
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    "training.broken_lesson", path=str(path), line=number, reason=str(error)
                ) from error
        if lessons:
            files.append(lessons)
    if not files:
        raise ConfigError("training.no_lessons", path=str(folder))
    return files


def _lesson(row: dict[str, Any], name: str) -> Lesson:
    sentences = {language: tuple(map(str, row[language])) for language in LANGUAGES}
    count = len(sentences["ja"])
    if not count or len(sentences["en"]) != count:
        raise ValueError(f"{count} Japanese and {len(sentences['en'])} English sentences")
    questions = tuple(
        LessonQuestion(
            {language: str(item[language]) for language in LANGUAGES},
            int(item["sentence"]),
            bool(item["other_words"]),
        )
        for item in row["questions"]
    )
    for item in questions:
        if not 0 <= item.sentence < count:
            raise ValueError(f"no sentence {item.sentence}")
    return Lesson(
        name,
        {language: str(row[f"heading_{language}"]) for language in LANGUAGES},
        sentences,
        questions,
    )


def split_lessons(
    files: Sequence[Sequence[Lesson]], every: int
) -> tuple[list[list[Lesson]], list[list[Lesson]]]:
    """Held-out and training lessons; the last of each ``every`` of a file is held out."""
    held = [list(lessons[every - 1 :: every]) for lessons in files]
    train = [
        [lesson for place, lesson in enumerate(lessons, start=1) if place % every]
        for lessons in files
    ]
    return [some for some in held if some], [some for some in train if some]


def lesson_documents(files: Sequence[Sequence[Lesson]]) -> dict[str, list[Document]]:
    """Training documents by kind, ``lessons_ja`` and ``lessons_en``: one a file."""
    return {
        f"lessons_{language}": [[lesson.passage(language) for lesson in some] for some in files]
        for language in LANGUAGES
    }
