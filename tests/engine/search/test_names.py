import unicodedata

import pytest

from engine.records import PassageId
from engine.search.names import Names, name_identifiers, readable

FIRST, SECOND = PassageId(1), PassageId(7)
PASSAGES = (FIRST, PassageId(2), PassageId(3))
PATH = r"D:\図面\HV-2041_01_スプール.ガイド.pdf"


@pytest.fixture
def names() -> Names:
    return Names([(PATH, PASSAGES), ("", (SECOND,)), ("/tmp/empty.txt", ())])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (PATH, "HV-2041 01 スプール.ガイド"),
        ("/srv/検査_記録.csv", "検査 記録"),
        ("記録", "記録"),
        ("", ""),
    ],
)
def test_name_is_that_of_the_file_without_ending_and_underscores(path, name):
    assert readable(path) == name


def test_terms_of_a_name_stand_for_all_passages_of_its_file(names: Names):
    assert names.postings("スプ") == [(FIRST, 1, (3,))]
    assert names.below(FIRST) == PASSAGES
    assert not names.postings("図面") and not names.postings("pdf") and not names.postings("empt")


def test_identifiers_count_with_and_without_their_underscores(names: Names):
    assert {"hv2041", "hv204101"} <= name_identifiers(PATH)
    assert names.postings("hv2041") and names.postings("hv204101")


@pytest.mark.parametrize(
    "query",
    [
        "HV-2041_01_スプール.ガイド.pdf",
        "hv-2041 01 スプール.ガイド",
        "ＨＶ－２０４１＿０１＿ｽﾌﾟｰﾙ．ｶﾞｲﾄﾞ",
        unicodedata.normalize("NFD", "HV-2041_01_スプール.ガイド"),
    ],
)
def test_whole_name_is_recognised_however_it_is_written(names: Names, query):
    assert names.called(query) == {FIRST}


@pytest.mark.parametrize("query", ["_", " ", "スプール", "HV-2041"])
def test_less_than_the_name_is_none(names: Names, query):
    assert names.called(query) == frozenset()


@pytest.mark.parametrize(("held", "others", "found"), [(20, 10, 20), (21, 79, 0), (21, 84, 21)])
def test_word_in_many_names_tells_no_file_from_another(held, others, found):
    words = ["検査"] * held + ["図面"] * others
    names = Names((f"{word}{at}.csv", (PassageId(at),)) for at, word in enumerate(words))
    assert len(names.postings("検査")) == found


def test_two_files_of_one_name_are_both_called():
    both = Names([("/a/手順 3.pdf", (FIRST,)), ("/b/手順3.docx", (SECOND,))])
    assert both.called("手順3") == {FIRST, SECOND}
    assert both.called("手順３.pdf") == {FIRST}


def test_short_word_is_no_name_typed():
    names = Names([("/a/手順.pdf", (FIRST,)), ("/b/作業手順一覧表.pdf", (SECOND,))])
    assert names.called("手順") == frozenset()
    assert names.called("手順.pdf") == {FIRST}
    assert names.called("作業手順一覧表") == {SECOND}
