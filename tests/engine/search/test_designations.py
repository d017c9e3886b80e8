import pytest

from engine.search.candidates import MOST_SURVEYED
from engine.search.index import Index
from engine.search.lexical_query import query_terms
from engine.search.question import put
from tests.engine.search.conftest import Part

CERTIFICATE = [
    "証明書番号 CR25-08817",
    "本書の内容を校正の結果として証明する。",
    "依頼者: 株式会社ミナト",
    "環境条件: 温度 23 ℃、湿度 50 %",
    "CR25-08817 の写しは無効とする。",
]
OTHER = ["作業標準書", "洗浄室の環境条件は別表による。", "完成品は乾いた倉庫に置く。"]
REGISTER = [f"品番: BX-{number}\t単価: {number * 3} 円" for number in range(7001, 7040)]


def row(text, sheet="台帳"):
    return Part(text, (sheet,), "row")


@pytest.mark.parametrize(
    ("query", "topic"),
    [
        ("CR25-08817 環境条件", "環境条件"),
        ("ＣＲ２５－０８８１７の環境条件は？", "環境条件は？"),
        ("環境条件について CR25-08817", "環境条件について"),
        ("CR25-08817 について HV-2041-01 の材質", "材質"),
        ("conveyor speed MB-2207", "conveyor speed"),
        ("CR25-08817", None),
        ("CR25-08817 ってなに", None),
        ("「CR25-08817」 環境条件", None),
        ("CR25-08817 環境条件 -湿度", None),
        ("環境条件", None),
        ("M8 の締付トルク", None),
        ("12.5±0.1 の寸法", None),
    ],
)
def test_topic_is_the_rest_beside_numbers_that_designate(query, topic):
    found = put(query, query_terms, None).topic
    assert (found and found.text) == topic


def test_document_is_asked_for_the_rest_beside_its_number(scope_of):
    scope = scope_of(CERTIFICATE, OTHER)
    best, *others = scope.search("CR25-08817 環境条件").passages
    assert best.text == CERTIFICATE[3]
    assert best.named == ("CR25-08817",)
    assert all(other.score < best.score / 2 for other in others)


def test_what_is_meant_is_read_however_many_documents_say_the_rest(scope_of):
    saying = [f"{part} 環境条件" for part in ("測定", "保管", "洗浄", "塗装")]
    others = [saying for _ in range(2 * MOST_SURVEYED)]
    found = scope_of(*others, CERTIFICATE).search("CR25-08817 環境条件")
    assert found.passages[0].text == CERTIFICATE[3]
    assert found.passages[0].revision_id in found.attended


def test_number_in_the_name_is_told_once(scope_of):
    scope = scope_of(CERTIFICATE, OTHER, names=["校正証明書_CR25-08817.pdf", "標準書.pdf"])
    assert scope.search("ＣＲ２５－０８８１７ 環境条件").passages[0].named == ("CR25-08817",)


def test_number_itself_is_found_where_it_stands(scope_of):
    first, second = scope_of(CERTIFICATE, OTHER).search("CR25-08817").passages[:2]
    assert {first.text, second.text} == {CERTIFICATE[0], CERTIFICATE[4]}


def test_row_of_a_register_is_found_by_its_number(scope_of):
    scope = scope_of([row(text) for text in REGISTER], OTHER)
    assert scope.designated("BX-7001 単価") == {}
    for number in (7001, 7020, 7039):
        assert f"BX-{number}" in scope.search(f"BX-{number} 単価").passages[0].text


def test_a_mention_elsewhere_is_not_what_is_meant(scope_of):
    scope = scope_of(CERTIFICATE, [*OTHER, "CR25-08817 の環境条件を見直した。"])
    assert scope.designated("CR25-08817 環境条件") == {"CR25-08817": CERTIFICATE}


def test_name_heading_and_sheet_designate_what_is_theirs(scope_of):
    sheets = [
        *(
            row(text, "T-1")
            for text in ("検査成績書", "ロット\tTY25-4", "判定\t合格", "備考\tなし")
        ),
        *(row(text, "T-2") for text in ("検査成績書", "ロット\tTY25-9", "判定\t特採")),
    ]
    chapters = [
        Part(text, heading)
        for text, heading in (
            ("はじめに", ()),
            ("総則", ()),
            ("範囲", ()),
            ("槽は毎週分析する。", ("3 槽 C-301",)),
            ("槽は毎月分析する。", ("4 槽 C-302",)),
        )
    ]
    scope = scope_of(sheets, chapters, OTHER, names=["", "", "WS-114_洗浄.docx"])
    assert scope.designated("TY25-9 判定") == {
        "TY25-9": ["検査成績書", "ロット\tTY25-9", "判定\t特採"]
    }
    assert scope.designated("C-302 分析") == {"C-302": ["槽は毎月分析する。"]}
    assert scope.designated("WS-114 環境条件") == {"WS-114": OTHER}
    assert "特採" in scope.search("TY25-9 判定").passages[0].text


def test_number_over_a_column_designates_nothing(scope_of):
    table = "項目\tPS-05\tPS-07\n項目: 締付トルク\tPS-05: 280\tPS-07: 480"
    texts = [Part(text, ("1 総則",)) for text in OTHER] + [Part(table, ("4 条件",), "row")]
    assert scope_of(texts).designated("PS-07 締付トルク") == {}


def test_what_goes_by_most_of_the_numbers_is_meant(scope_of):
    both = ["図番 HV-2041-01 改訂 EC25-7", "材質はS45C", "質量は2 kg"]
    one = ["図番 HV-2041-01", "材質はFCD450", "質量は3 kg"]
    scope = scope_of(one, both)
    assert scope.designated("HV-2041-01 EC25-7 質量") == {"HV-2041-01": both, "EC25-7": both}
    assert set(scope.designated("HV-2041-01 質量")["HV-2041-01"]) == {*both, *one}


def test_work_grows_with_the_length_of_a_register_and_no_faster(scope_of, monkeypatch):
    looked_at = []
    passage = Index.passage

    def counted(index, row):
        looked_at.append(row)
        return passage(index, row)

    counts = []
    for rows in (200, 400):
        texts = [row(f"品番\tBX-7001-{number}\t検査\t良") for number in range(rows)]
        scope = scope_of(texts, analysed=False)
        with monkeypatch.context() as patch:
            patch.setattr(Index, "passage", counted)
            assert "BX-7001" in scope.designated("BX-7001 検査")
        counts.append(len(looked_at))
        looked_at.clear()
    assert counts[1] < 2.5 * counts[0]
