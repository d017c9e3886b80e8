import re

import pytest

from engine.notation.folding import fold
from engine.records import PassageId
from engine.search.lexical import MemoryPostings, match_spans, passage_terms, rank
from engine.search.lexical_query import query_terms
from engine.search.thesaurus import OTHER_LANGUAGE, SAME_LANGUAGE, Thesaurus, workshop_terms
from engine.search.translation import VERSION, Translator
from resources.terms import manufacturing_terms

TERMS = """
# comments and empty lines are skipped

締付トルク、締結トルク = tightening torque
トルク = torque
カバー、蓋 = cover, lid
端部カバー、エンドカバー = end cover
傷、キズ = scratch
Oリング = O-ring
"""
THESAURUS = Thesaurus(TERMS)


def concepts(query, thesaurus=THESAURUS):
    weights = {term.forms: term.weight for term in query_terms(query).terms}
    return [
        ([forms[0] for forms in one.sources], {also.text: also.weight for also in one.alternatives})
        for one in thesaurus.concepts(query, weights)
    ]


def found(query, *texts):
    postings = MemoryPostings(
        {PassageId(at): passage_terms(text, ()) for at, text in enumerate(texts, start=1)}
    )
    terms = Translator(None, THESAURUS).terms(query)
    return [int(hit.passage_id) for hit in rank(terms, postings)]


def test_a_name_is_looked_for_by_its_other_names_in_both_languages():
    ((sources, others),) = concepts("キズはあるか")
    assert sources == ["キズ"]
    assert others == {"傷": SAME_LANGUAGE, "scratch": OTHER_LANGUAGE}


def test_the_longest_name_counts_then_what_it_is_made_of():
    names = [sources for sources, _ in concepts("Tightening torques of end covers")]
    assert names == [["tightening", "torques"], ["torques"], ["end", "covers"], ["covers"]]
    japanese = [sources for sources, _ in concepts("端部カバーの締付トルク")]
    assert japanese == [
        ["端部", "部カ", "カバ", "バー"],
        ["カバ", "バー"],
        ["締付", "付ト", "トル", "ルク"],
        ["トル", "ルク"],
    ]


def test_a_name_of_several_words_weighs_as_much_as_they_do():
    (_, whole), *_ = concepts("tightening torque")
    assert whole == {"締付トルク": 2 * OTHER_LANGUAGE, "締結トルク": 2 * OTHER_LANGUAGE}


def test_passages_that_use_another_name_are_found():
    texts = ("端部カバーの蓋を洗う", "締付けトルクは 24 N·m", "規定のトルク", "関係のない文")
    assert found("tightening torque", *texts) == [2, 3]
    assert found("締結トルク", *texts)[0] == 2
    assert found("end cover", *texts) == [1]
    assert found("O-ring", "Ｏリングを捨てる", "リングを捨てる") == [1]


def test_the_very_word_comes_before_its_other_names():
    assert found("キズ", "表面の傷", "表面のキズ", "表面の色") == [2, 1]


def test_mixed_scripts_are_expanded_too():
    assert [sources for sources, _ in concepts("end cover の傷")] == [
        ["end", "cover"], ["cover"], ["傷"]
    ]  # fmt: skip


def test_part_of_a_longer_name_is_not_translated_by_itself():
    lexicon = {"version": VERSION, "english": {"end": "終わ\t0.5", "lid": "ふた\t0.5"}}
    translator = Translator(lexicon, THESAURUS)
    texts = {
        one.text
        for concept in translator.terms("end cover").concepts
        for one in concept.alternatives
    }
    assert "終わ" not in texts
    assert {one.text for one in translator.terms("the end").concepts[0].alternatives} == {"終わ"}
    (lid,) = translator.terms("lid").concepts
    assert {one.text for one in lid.alternatives} == {"カバー", "蓋", "cover", "ふた"}


def test_other_names_are_marked_where_they_stand_whole():
    text = "The end of the cover; the end cover has a scratch."
    terms = Translator(None, THESAURUS).terms("端部カバーのキズ")
    assert [text[start:end] for start, end in match_spans(terms, text)] == [
        "cover", "end cover", "scratch"
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["締付トルク", "締付トルク =", "= torque", "a = b = c"])
def test_a_line_that_names_nothing_is_refused(line):
    with pytest.raises(ValueError, match="line 1"):
        Thesaurus(line)


def test_the_list_that_ships_is_in_order():
    shipped = workshop_terms()
    assert concepts("バリ", shipped)
    for line in manufacturing_terms().splitlines():
        if line and not line.startswith("#"):
            names = [fold(name).text.strip() for name in re.split("[、,=]", line)]
            assert len(set(names)) == len(names), line


@pytest.mark.parametrize("word", ["サービス", "フレーム", "フレンチ", "管理", "スキー", "ジグザグ"])
def test_words_that_only_contain_a_name_stay_as_they_are(word):
    for name in ("screw", "runout", "wrench", "pipe", "key", "jig"):
        for _, others in concepts(name, workshop_terms()):
            assert not any(other in word for other in others)
