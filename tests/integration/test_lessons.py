"""The lessons that ship: well made, and nothing of what judges the program stands in them."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.notation.folding import fold
from engine.reading.limits import Limits
from engine.reading.registry import read
from engine.search.lexical_stopwords import ENGLISH_STOPWORDS
from engine.training.lessons import LESSONS, Lesson, read_lessons
from resources.samples import sample_paths

DATA = Path(__file__).resolve().parents[1] / "data"
KANA = re.compile("[ぁ-ゖァ-ヺ]")
UNIT = re.compile("[一-鿿々]{2,}|[ァ-ヺー]{2,}")
# Characters without white space of which any run may stand in one text alone.
LONGEST_SHARED = {"ja": 14, "en": 28}


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    return [lesson for some in read_lessons(LESSONS) for lesson in some]


def bare(text: str) -> str:
    return "".join(fold(text).text.split())


def language_of(text: str) -> str:
    return "ja" if KANA.search(text) else "en"


def shared_runs(one: Iterable[str], other: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of texts that have a run of characters in common that is too long for chance."""
    held: dict[str, str] = {}
    for text in one:
        size = LONGEST_SHARED[language_of(text)]
        plain = bare(text)
        held |= {plain[at : at + size]: text for at in range(len(plain) - size + 1)}
    found = []
    for text in other:
        size = LONGEST_SHARED[language_of(text)]
        plain = bare(text)
        runs = (plain[at : at + size] for at in range(len(plain) - size + 1))
        found += [(held[run], text) for run in runs if run in held][:1]
    return found


def asked(lessons: Iterable[Lesson]) -> list[str]:
    return [text for lesson in lessons for item in lesson.questions for text in item.asked.values()]


def test_no_question_that_judges_is_taught(lessons: list[Lesson]):
    judging = [
        json.loads(line)["query"]
        for name in ("paraphrases.jsonl", "questions.jsonl")
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
    ]
    assert len(judging) > 300
    assert shared_runs(judging, asked(lessons)) == []


def test_no_sentence_of_the_sample_documents_is_taught(lessons: list[Lesson]):
    shown = [
        line for path in sample_paths() for line in read(path, Limits()).text.splitlines() if line
    ]
    taught = [text for lesson in lessons for some in lesson.sentences.values() for text in some]
    assert shared_runs(shown, taught) == []


def test_shared_runs_are_found_whatever_their_width_and_spaces():
    one = ["締付けトルクは ４０ N·m とし、対角に締める。", "Keep it dry."]
    other = ["ボルトの締付けトルクは40N·mとし、対角に締め付ける。", "Keep it wet."]
    assert shared_runs(one, other) == [(one[0], other[0])]


def test_every_lesson_asks_in_both_languages_in_its_words_and_in_others(lessons: list[Lesson]):
    for lesson in lessons:
        kinds = [item.other_words for item in lesson.questions]
        assert kinds == [False, True, True, True], lesson.name
        for item in lesson.questions:
            assert language_of(item.asked["ja"]) == "ja" or UNIT.search(item.asked["ja"])
            assert language_of(item.asked["en"]) == "en", lesson.name
    questions = Counter(map(bare, asked(lessons)))
    assert [text for text, times in questions.items() if times > 1] == []
    passages = Counter(bare(lesson.text("ja")) for lesson in lessons)
    assert [text for text, times in passages.items() if times > 1] == []


def test_questions_in_other_words_repeat_hardly_a_word(lessons: list[Lesson]):
    shared = {"ja": 0, "en": 0}
    count = 0
    for lesson in lessons:
        held = {language: words(lesson.text(language), language) for language in shared}
        for item in lesson.questions:
            if item.other_words:
                count += 1
                for language in shared:
                    shared[language] += len(words(item.asked[language], language) & held[language])
    assert shared["ja"] < 0.1 * count
    assert shared["en"] < 0.4 * count


def words(text: str, language: str) -> set[str]:
    if language == "ja":
        return set(UNIT.findall(fold(text).text))
    return set(re.findall("[a-z]{3,}", fold(text).text)) - set(ENGLISH_STOPWORDS)
