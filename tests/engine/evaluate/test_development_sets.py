from dataclasses import replace
from pathlib import Path

from engine.evaluate.set_documents import lay_out
from engine.evaluate.set_rows import SetDocument, SetPair, SetQuestion
from engine.evaluate.sets import open_set
from engine.evaluate.splits import write_sets
from engine.training.corpus import Pair, Question, Section, SentencePair
from engine.training.lessons import Lesson, LessonQuestion
from engine.training.splits import Split

QUESTIONS = [
    Question("高さは?", "塔の高さは333メートルである。", "333メートル", "塔"),
    Question("色は?", "塔の色は赤と白である。", "赤と白", "塔"),
    Question("幅は?", "橋の幅は12メートルである。", "12メートル", "橋"),
    Question("長さは?", "橋の幅は12メートルである。", "どこにもない", "橋"),
]
ENGLISH = [
    Question("What was decided?", "PM: We use rubber.", "They use rubber.", "qmsum-a"),
    Question("Who fell?", "The cat fell.", "The cat", "tale"),
]
SECTIONS = (
    [
        Section("d", "Guide", "Guide", "Shared."),
        Section("d", "Guide", "Guide > Tightening bolts", "Tighten the bolts crosswise."),
        Section("d", "Guide", "Guide > Notes", "Shared."),
    ],
    [
        Section("d", "案内", "案内", "共通。"),
        Section("d", "案内", "案内 > ボルトの締付け", "ボルトを対角に締め付ける。"),
        Section("d", "案内", "案内 > 注記", "共通。"),
    ],
)
OTHER = (
    [Section("e", "Sheet", "Sheet", "A drawing sheet.")],
    [Section("e", "図面", "図面の用紙の大きさ", "図面の紙。")],
)
SIMILARITY = [
    SentencePair("服が積まれた室内に犬がいます。", "絨毯の上で仔犬が寝そべる。", 4.0),
    SentencePair("男性が子供を抱いて立っている。", "男性が子供を抱いて立っています。", 4.9),
    SentencePair("川べりに人がいます。", "トイレの壁に黒いタオルがある。", 0.1),
]
SPLIT = Split(
    [Pair("Close the valve.", "弁を閉じる。")],
    SIMILARITY,
    QUESTIONS,
    ENGLISH,
    [SECTIONS, OTHER],
    [],
    frozenset(),
    [],
    {},
    {},
)


LESSONS = [
    [
        Lesson(
            "assembly/10",
            {"ja": "締付け", "en": "Tightening"},
            {"ja": ("対角に締める。", "最後に印を付ける。"), "en": ("Crosswise.", "Then mark.")},
            (
                LessonQuestion({"ja": "印はいつ", "en": "When is it marked?"}, 1, False),
                LessonQuestion({"ja": "順番は", "en": "In which order?"}, 0, True),
            ),
        )
    ]
]


def read(folder: Path, name: str):
    rows = list(open_set(folder / f"{name}.jsonl").rows())
    documents = [row for row in rows if isinstance(row, SetDocument)]
    questions = [row for row in rows if isinstance(row, SetQuestion)]
    return documents, questions, [row for row in rows if isinstance(row, SetPair)]


def test_every_set_is_written_and_can_be_read(tmp_path: Path):
    for path in write_sets(SPLIT, LESSONS, tmp_path):
        assert list(open_set(path).rows()), path
    _, _, (pair,) = read(tmp_path, "parallel")
    assert (pair.first, pair.second, pair.score) == ("Close the valve.", "弁を閉じる。", None)
    assert [row.score for row in read(tmp_path, "jsts")[2]] == [4.0, 4.9, 0.1]


def test_answers_are_spans_of_contexts(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    documents, questions, _ = read(tmp_path, "jaquad")
    assert [len(row.parts) for row in documents] == [2, 1]
    assert not any(row.whole or part.heading for row in documents for part in row.parts)
    texts = {part.id: part.text for row in documents for part in row.parts}
    for question, item in zip(questions[:3], QUESTIONS, strict=False):
        (answer,) = question.answers
        assert texts[answer.id][answer.start : answer.end] == item.answer
    assert questions[3].relevant == ("橋/0",)
    assert [row.query for row in read(tmp_path, "qmsum")[1]] == ["What was decided?"]
    assert read(tmp_path, "whole/meetings")[:2] == read(tmp_path, "qmsum")[:2]


def test_whole_documents_hold_their_titles_and_only_spans(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    documents, questions, _ = read(tmp_path, "whole/same_language")
    assert all(row.whole for row in documents)
    assert [row.query for row in questions] == ["高さは?", "色は?", "幅は?"]
    document, spans = lay_out(documents[0])
    assert document.text == "塔\n塔の高さは333メートルである。\n塔の色は赤と白である。\n"
    assert [document.text[start:end] for start, end in spans.values()] == [
        "塔の高さは333メートルである。",
        "塔の色は赤と白である。",
    ]
    assert [unit.kind for unit in document.units] == ["heading", "paragraph", "paragraph"]


def test_headings_ask_for_text_of_the_other_language(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    documents, questions, _ = read(tmp_path, "headings_en_ja")
    texts = {part.id: part.text for row in documents for part in row.parts}
    # Equal texts are one passage, and no heading stands with a text.
    assert sorted(texts.values()) == ["ボルトを対角に締め付ける。", "共通。", "図面の紙。"]
    assert [(row.query, texts[row.relevant[0]]) for row in questions[:3]] == [
        ("Guide", "共通。"),
        ("Guide Tightening bolts", "ボルトを対角に締め付ける。"),
        ("Guide Notes", "共通。"),
    ]
    assert read(tmp_path, "headings_ja_en")[1][1].query == "案内 ボルトの締付け"


def test_sections_stand_below_their_headings(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    documents, questions, _ = read(tmp_path, "sections_en_ja")
    texts = {part.id: part.text for row in documents for part in row.parts}
    assert texts[questions[1].relevant[0]] == "ボルトの締付け\nボルトを対角に締め付ける。"
    assert questions == read(tmp_path, "headings_en_ja")[1]


def test_sections_keep_the_headings_above_them(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    documents, questions, _ = read(tmp_path, "paths_en_ja")
    parts = {part.id: part for row in documents for part in row.parts}
    found = parts[questions[1].relevant[0]]
    assert (found.heading, found.text) == (("案内", "ボルトの締付け"), "ボルトを対角に締め付ける。")
    assert questions == read(tmp_path, "headings_en_ja")[1]


def test_whole_documents_are_asked_in_the_other_language_by_turns(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    documents, questions, _ = read(tmp_path, "whole/other_language")
    assert [row.parts[-1].text for row in documents] == ["共通。", "A drawing sheet."]
    assert all(row.whole for row in documents)
    # "Guide" alone says too little to be asked.
    assert [(row.query, row.relevant) for row in questions] == [
        ("Guide Tightening bolts", ("d/1",)),
        ("Guide Notes", ("d/2",)),
        ("図面の用紙の大きさ", ("e/0",)),
    ]


def test_stories_are_whole_documents(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    (document,), (question,), _ = read(tmp_path, "whole/stories")
    assert document.whole and document.title == "tale"
    (answer,) = question.answers
    assert document.parts[0].text[answer.start : answer.end] == "The cat"


def test_paraphrases_share_few_words_with_what_they_ask_for(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    (document,), (question,), _ = read(tmp_path, "whole/paraphrase")
    assert question.query == SIMILARITY[0].first
    texts = {part.id: part.text for part in document.parts}
    assert texts[question.relevant[0]] == SIMILARITY[0].second
    assert set(texts.values()) == {SIMILARITY[0].second, SIMILARITY[1].second}


def test_one_document_of_lessons_in_three_is_english(tmp_path: Path):
    files = [[replace(LESSONS[0][0], name=f"{name}/10")] for name in ("a", "b", "c")]
    write_sets(SPLIT, files, tmp_path)
    documents, _, _ = read(tmp_path, "whole/lessons")
    assert [document.parts[0].heading for document in documents] == [
        ("締付け",),
        ("締付け",),
        ("Tightening",),
    ]
    assert documents[2].parts[0].text == "Crosswise. Then mark."


def test_lessons_are_whole_documents_asked_in_both_languages(tmp_path: Path):
    write_sets(SPLIT, LESSONS, tmp_path)
    (document,), questions, _ = read(tmp_path, "whole/lessons")
    assert document.whole
    assert document.title == "assembly"
    (part,) = document.parts
    assert (part.heading, part.text) == (("締付け",), "対角に締める。最後に印を付ける。")
    assert {(row.query, row.kind) for row in questions} == {
        ("印はいつ", "its words, Japanese"),
        ("When is it marked?", "its words, English"),
        ("順番は", "other words, Japanese"),
        ("In which order?", "other words, English"),
    }
    assert all(row.relevant == ("assembly/10",) for row in questions)
