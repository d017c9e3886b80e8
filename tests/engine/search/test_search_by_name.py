"""Files looked for by their names, through the whole search."""

import pytest

from engine.records import SearchSettings


@pytest.fixture
def files(scope_of):
    return scope_of(
        ["締付は対角に行う。", "測定者は佐藤。", "手順MP-CL-034を参照する。"],
        ["点検は毎日行う。", "洗浄液は毎週交換する。"],
        names=[r"C:\記録\QR-0417_検査記録_25-0421.xlsx", "/手順/MP-CL-034_洗浄機 点検手順.docx"],
    )


def found_in(scope, query: str) -> list[int]:
    return [passage.document_id for passage in scope.search(query).passages]


def test_file_is_found_by_its_name_and_says_so(files):
    (first, *_) = files.search("検査記録の測定者").passages
    assert first.text == "測定者は佐藤。"
    assert first.named == ("検査記録",)
    settings = SearchSettings(use_lexical=False)
    assert not any(passage.named for passage in files.search("検査記録", settings).passages)
    assert found_in(files, "検査記録")[:2] == [1, 1]


def test_identifier_in_the_name_stands_in_every_passage(files):
    assert files.gather("QR-0417 洗浄液").raw.exact.tolist() == [1, 1, 1, 0, 0]
    assert files.gather("MP-CL-034 0421").raw.exact.tolist() == [0, 0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    "query",
    [
        "MP-CL-034_洗浄機 点検手順.docx",
        "ＭＰ－ＣＬ－０３４ 洗浄機点検手順",
        "mp-cl-034_洗浄機 点検手順",
    ],
)
def test_whole_name_typed_is_meant_for_that_file(files, query):
    assert files.gather(query).raw.exact.tolist() == [0, 0, 0, 1, 1]
    assert found_in(files, query)[:2] == [2, 2]


def test_whole_name_typed_comes_before_another_file_that_says_the_same(scope_of):
    scope = scope_of(
        ["手順書の一覧: MP-CL-034 洗浄機の点検手順書", "測定者は佐藤。"],
        ["洗浄液は毎週交換する。"],
        names=["一覧.pdf", "MP-CL-034_洗浄機の点検手順書.docx"],
    )
    first, second = (
        scope.search(query).passages[0].document_id
        for query in ("MP-CL-034_洗浄機の点検手順書", "MP-CL-034 洗浄機")
    )
    assert (first, second) == (2, 1)


def test_quoted_or_excluded_words_may_stand_in_the_name(files):
    assert set(found_in(files, "「検査記録」佐藤")) == {1}
    assert set(found_in(files, "洗浄 -検査記録")) == {2}
