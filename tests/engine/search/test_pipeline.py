from dataclasses import replace

import pytest

from engine.errors import Cancelled, QueryError
from engine.progress import CancelToken
from engine.records import RevisionId, SearchSettings
from engine.search.answering import VERSION


def test_word_in_the_text_is_found_first(scope):
    found = scope.search("洗浄液")
    assert found.passages[0].text == "洗浄液は毎週月曜日に交換する。"
    best = found.passages[0]
    text = scope.revisions[0].load_text()
    assert text[best.start : best.end] == best.text
    assert [text[start:end] for start, end in best.terms] == ["洗浄液"]


def test_part_number_in_full_width_is_found_first(scope):
    found = scope.search("ＡＢ－１２３４")
    assert "AB-1234" in found.passages[0].text
    assert found.passages[0].score > 2 * found.passages[1].score


def test_paraphrase_without_a_common_word_is_found_first(scope):
    assert "締付トルク" in scope.search("増し締め 回転力").passages[0].text


def test_question_in_another_language_is_found_first(scope):
    assert "締付トルク" in scope.search("tightening torque").passages[0].text


def test_everything_is_between_zero_and_one(scope):
    for query in ("洗浄", "保管の場所はどこですか", "tightening"):
        for passage in scope.search(query).passages:
            parts = passage.parts
            for value in (passage.score, parts.lexical, parts.dense, parts.attention):
                assert value is not None and 0 <= value <= 1
            assert len(passage.marked_spans) == len(passage.marked_weights) > 0
            assert passage.marked_spans[0, 0] < passage.end
            assert passage.marked_spans[-1, 1] > passage.start


def test_scores_fall_and_identical_text_of_one_document_comes_once(scope):
    passages = scope.search("倉庫に置く").passages
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)
    assert [passage.text for passage in passages].count("完成品は乾いた倉庫に置く。") == 1
    assert passages[0].passage_id == 2000


def test_same_text_in_two_documents_comes_twice_in_order(scope_of):
    scope = scope_of(["図面を確認する。"], ["図面を確認する。"])
    passages = scope.search("図面").passages
    assert [passage.revision_id for passage in passages] == [1, 2]
    assert passages[0].score == passages[1].score


def test_same_answer_every_time(scope):
    def described(found):
        return [
            (one.passage_id, one.score, one.parts, one.terms, one.marked_weights.tolist())
            for one in found.passages
        ]

    first = described(scope.search("締付トルクはいくつですか"))
    for _ in range(3):
        assert described(scope.search("締付トルクはいくつですか")) == first


def test_words_answer_without_a_model(scope):
    found = scope.search("締付トルク", model=False)
    assert found.notes == ("model_missing",)
    best = found.passages[0]
    assert "締付トルク" in best.text
    assert best.parts.lexical is not None
    assert best.parts.dense is None and best.parts.attention is None
    assert len(best.marked_spans) == 0 and best.terms


def test_words_answer_for_what_is_not_analysed_yet(scope_of):
    scope = scope_of(["カバーの締付トルクは12.5 N·mとする。", "塗装する。"], analysed=False)
    found = scope.search("締付トルク")
    assert found.notes == ("not_analysed:1",)
    assert "締付" in found.passages[0].text
    assert found.attended == {}


@pytest.mark.parametrize("part", ["lexical", "dense", "attention"])
def test_each_part_works_alone(scope, part):
    settings = SearchSettings(
        use_lexical=part == "lexical", use_dense=part == "dense", use_attention=part == "attention"
    )
    found = scope.search("締付トルク", settings)
    assert "締付トルク" in found.passages[0].text
    values = found.passages[0].parts
    known = {
        name for name in ("lexical", "dense", "attention") if getattr(values, name) is not None
    }
    assert known == {part}


def test_attended_blocks_of_the_hits_are_told(scope):
    found = scope.search("締付トルク")
    assert set(found.attended) == {passage.revision_id for passage in found.passages}
    seen = found.attended[RevisionId(1)]
    text = scope.revisions[0].load_text()
    strongest = seen.token_spans[seen.token_weights.argmax()]
    assert text[strongest[0] : strongest[1]] in ("締付", "トルク")
    assert seen.kept[0][1:3] == (0, len(text)) and seen.dropped == 0
    assert [found.query_tokens[0][:2], found.query_tokens[1][:2]] == [(0, 2), (2, 5)]


def test_number_of_hits(scope_of, scope):
    assert len(scope.search("洗浄", SearchSettings(top=2)).passages) == 2
    assert len(scope_of().search("洗浄").passages) == 0


@pytest.mark.parametrize(
    ("query", "code"), [(" 　\n", "query_empty"), ("検" * 2001, "query_too_long")]
)
def test_question_that_cannot_be_asked(scope, query, code):
    with pytest.raises(QueryError) as failure:
        scope.search(query)
    assert failure.value.code == code


def test_what_is_quoted_must_stand_there_whatever_the_model_thinks(scope):
    found = scope.search("「倉庫」 洗浄")
    assert found.passages
    assert all("倉庫" in passage.text for passage in found.passages)


def test_quotes_around_what_stands_nowhere_are_ignored_and_said_so(scope):
    found = scope.search("「乾燥炉」 洗浄")
    assert "洗浄" in found.passages[0].text
    assert found.notes == ("quotes_ignored",)


def test_what_is_excluded_is_not_found_by_the_model_either(scope):
    found = scope.search("洗浄 -洗浄液")
    assert found.passages
    assert all("洗浄液" not in passage.text for passage in found.passages)


def test_tolerance_is_found_with_and_without_its_unit(scope_of):
    scope = scope_of(
        ["穴の間隔は46 ±0.05 mmとする。", "穴の径は±0.5 mmとする。", "幅は ±０．０５ とする。"]
    )
    found = scope.search("±0.05")
    assert {passage.text for passage in found.passages[:2]} == {
        "穴の間隔は46 ±0.05 mmとする。", "幅は ±０．０５ とする。",
    }  # fmt: skip
    assert found.passages[1].score > 3 * found.passages[2].score


def test_long_numbers_and_identifiers_count_as_far_as_they_stand_there(scope_of):
    texts = ["製造番号 2504113、HV-2041", "２５０４１１３", "製造番号 25041139", "HV-2041-2504113"]
    scope = scope_of(texts)
    assert scope.gather("HV-2041 製造番号 2504113 12").raw.exact.tolist() == [1, 0.5, 0, 0.5]


def test_scrap_of_text_is_found_only_by_its_words(scope_of):
    scope = scope_of(["mm", "カバーの締付トルクは12.5 N·mとする。"])
    assert [one.text for one in scope.search("回転力").passages] == [
        "カバーの締付トルクは12.5 N·mとする。"
    ]
    assert scope.search("mm").passages[0].text == "mm"


def test_cancel(scope):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        scope.search("洗浄", cancel=cancel)


@pytest.mark.parametrize(
    ("query", "foreign"),
    [
        ("How is PowerShell used?", [True, False, False, True]),
        ("どのように使うか", [False, True, True, False]),
        ("AB-1234", [False, False, False, False]),
    ],
)
def test_text_with_japanese_in_it_is_japanese(scope_of, query, foreign):
    scope = scope_of(
        [
            "Windows Server では PowerShell を使って設定を変更する。",
            "PowerShell is used on Windows Server.",
            "AB-1234 = 12.5",
            "表面を検査する。",
        ]
    )
    found = scope.gather(query)
    assert found.rows.tolist() == [0, 1, 2, 3]
    assert found.foreign.tolist() == foreign


TELLING = [
    "カバーの締付トルクの記録は、締付トルクの管理台帳に残す。",
    "カバーの締付トルクは12.5 N·mとする。",
    "The tightening torque of the cover is 12.5 N·m.",
    "洗浄液は毎週月曜日に交換する。",
    "塗装の前に油分を拭き取る。",
    "完成品は乾いた倉庫に置く。",
]
# A quantity answers, in either language.
QUANTITIES = {
    "version": VERSION,
    "marks": {},
    "passages": {language: {"form:quantity": 3.0} for language in ("ja", "en")},
}


def test_passage_that_holds_an_answer_comes_before_one_that_holds_the_words(scope_of):
    scope, query = scope_of(TELLING), "カバーの締付トルクはいくらですか"
    without = scope.search(query)
    assert without.passages[0].text == TELLING[0]
    assert {one.parts.answer for one in without.passages} == {None}
    found = scope.search(query, marking=QUANTITIES).passages
    assert found[0].text == TELLING[1]
    # What the passages in the question's language share is one answer.
    shares = {one.text: one.parts.answer for one in found}
    assert shares.pop(TELLING[2]) is None
    known = {text: share for text, share in shares.items() if share is not None}
    assert known[TELLING[1]] > 2 * known[TELLING[0]]
    assert sum(known.values()) == pytest.approx(1.0, abs=1e-5)


def test_table_is_not_judged_by_what_was_learned_from_prose(scope_of):
    scope, query = scope_of(TELLING), "カバーの締付トルクはいくらですか"
    [revision] = scope.revisions
    first, *rest = revision.passages
    scope.revisions = [replace(revision, passages=(replace(first, kind="row"), *rest))]
    found = scope.search(query, marking=QUANTITIES).passages
    assert found[0].text == TELLING[0] and found[0].parts.answer is None
    assert found[0].score == scope.search(query).passages[0].score


@pytest.mark.parametrize(
    ("query", "settings"),
    [
        ("カバーの締付トルク", SearchSettings()),
        ("カバーの締付トルクはいくらですか", SearchSettings(use_attention=False)),
        ("カバーの締付トルクはいくらですか", SearchSettings(use_lexical=False)),
    ],
)
def test_nothing_is_read_for_an_answer_where_none_is_asked_or_a_part_is_off(
    scope_of, query, settings
):
    scope = scope_of(TELLING)
    plain = scope.search(query, settings).passages
    read = scope.search(query, settings, marking=QUANTITIES).passages
    assert [(one.text, one.score, one.parts.answer) for one in read] == [
        (one.text, one.score, None) for one in plain
    ]


def test_only_the_best_passages_are_read(scope_of):
    texts = [f"カバー{number}の締付トルクは{number} N·mとする。" for number in range(15)]
    settings = SearchSettings(top=15)
    found = (
        scope_of(texts).search("締付トルクはいくらですか", settings, marking=QUANTITIES).passages
    )
    assert [bool(one.parts.answer) for one in found] == [True] * 10 + [False] * 5
    assert [one.parts.answer for one in found[10:]] == [0.0] * 5
