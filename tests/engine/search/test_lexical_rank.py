import math

import pytest

from engine.records import PassageId
from engine.search.lexical import MemoryPostings, passage_terms, query_terms, rank
from engine.search.names import Names

TEXTS = {
    1: "主軸の締付トルクは12.5 N·mとする。",
    2: "検査は全数行い、公差±0.05 mmを確認する。",
    3: "図番HV-2041-07の表面粗さはＲａ１．６とする。",
    4: "材質はＳＵＳ３０４、ねじはM8×1.25を使用する。",
    5: "コンピューター制御のモーターカバーを点検してください。",
    6: "公差±0.5 mm の部品の検査方法を教えてください。",
    7: "軸受の交換時はｶﾞｲﾄﾞをグリースで潤滑する。図番HV-2041-70。保管は-20 ℃以上。",
    8: "The torque wrench is calibrated every 12 months.",
    9: "材質はＳＵＳ４３０、ボルトはM8×1.0を使用する。図番はA-123-45。",
    10: "硬さは60 ℃で測定する。表面の傷は不可。",
}


def memory(texts: dict[int, str], headings: dict[int, tuple[str, ...]] | None = None):
    headings = headings or {}
    return MemoryPostings(
        {PassageId(one): passage_terms(text, headings.get(one, ())) for one, text in texts.items()}
    )


POSTINGS = memory(TEXTS)


def found(query: str) -> list[int]:
    return [hit.passage_id for hit in rank(query, POSTINGS)]


# Terms of 1: 検査 公差 + 検 査 公 差 (6); of 2: 検査 + 検 査 (3);
# of 3: 公差 公差 図面 + 公 差 図 面 (7).
SMALL = memory({1: "検査 公差", 2: "検査", 3: "公差 公差 図面"})


def test_bm25_of_a_single_term_worked_by_hand():
    # N = 3, df = 2: idf = ln(1 + 1.5 / 2.5) = 0.4700036; average length 16 / 3.
    # 2: 0.4700036 * 1 * 2.2 / (1 + 1.2 * (0.5 + 0.5 * 3 / 5.3333)) = 1.0340080 / 1.9375
    # 1: 1.0340080 / (1 + 1.2 * (0.5 + 0.5 * 6 / 5.3333)) = 1.0340080 / 2.275
    hits = rank("検査", SMALL)
    assert [hit.passage_id for hit in hits] == [2, 1]
    assert hits[0].raw == pytest.approx(0.5336815, abs=1e-6)
    assert hits[1].raw == pytest.approx(0.4545090, abs=1e-6)
    # score = raw / (raw + 0.3 * 0.4700036 + 1)
    assert hits[0].score == pytest.approx(0.5336815 / (0.5336815 + 1.1410011), abs=1e-6)


def test_bm25_of_a_repeated_term_worked_by_hand():
    # 3: 0.4700036 * 2 * 2.2 / (2 + 1.2 * (0.5 + 0.5 * 7 / 5.3333)) = 2.0680159 / 3.3875
    assert rank("公差", SMALL)[0].raw == pytest.approx(0.6104844, abs=1e-6)


def test_name_counts_for_every_passage_and_as_one_place_worked_by_hand():
    # Two passages and one name hold it: df = 3, idf = ln(1 + 0.5 / 3.5) = 0.1335314.
    # 1: 0.1335314 * 1.4 * 2.2 / (1.4 + 1.2 * (0.5 + 0.5 * 6 / 5.3333)) = 0.4112767 / 2.675
    # 2: 0.4112767 / (1.4 + 1.2 * (0.5 + 0.5 * 3 / 5.3333)) = 0.4112767 / 2.3375
    # 3: 0.1335314 * 0.4 * 2.2 / (0.4 + 1.2 * (0.5 + 0.5 * 7 / 5.3333)) = 0.1175076 / 1.7875
    names = Names([("検査.txt", tuple(map(PassageId, (1, 2, 3))))])
    raw = {hit.passage_id: hit.raw for hit in rank("検査", SMALL, names=names)}
    assert raw == pytest.approx({1: 0.1537483, 2: 0.1759472, 3: 0.0657385}, abs=1e-6)


def test_word_in_the_name_of_a_long_file_still_tells_passages_of_others_apart():
    texts = {
        **{one: f"項目{one}" for one in range(1, 60)},
        60: "測定の前に校正する。",
        61: "測定器",
    }
    names = Names([("測定値.csv", tuple(map(PassageId, range(1, 60))))])
    hits = {hit.passage_id: hit.raw for hit in rank("測定", memory(texts), names=names)}
    assert hits[PassageId(60)] > 1.5


def test_phrase_in_a_name_worked_by_hand():
    # 部品表 stands unbroken in the name of 3: pairs and whole earn 0.4 of what they would there.
    names = Names([("部品表.pdf", (PassageId(3),))])
    broken = Names([("表 部品.pdf", (PassageId(3),))])
    idf = math.log(1 + 2.5 / 1.5)
    gain = idf * 0.4 * 2.2 / (0.4 + 1.2 * (0.5 + 0.5 * 7 / (16 / 3)))
    (hit,) = rank("部品表", SMALL, names=names)
    assert hit.raw == pytest.approx(2 * gain + 0.4 * (0.25 * idf + 0.5 * 2 * idf), abs=1e-6)
    (other,) = rank("部品", SMALL, names=broken)
    assert other.raw == pytest.approx(gain, abs=1e-6)


def test_phrase_bonus_worked_by_hand():
    # Both passages have the bigrams 検査 and 査表, one of them unbroken.
    postings = memory({1: "検査表", 2: "査表検査"})
    first, second = rank("検査表", postings)
    assert first.passage_id == 1
    # N = 2, df = 2: idf = ln(1 + 0.5 / 2.5) = 0.1823216 for both terms. Lengths 2 + 3 and 3 + 3.
    gain = 2 * 0.1823216 * 2.2 / (1 + 1.2 * (0.5 + 0.5 * 5 / 5.5))
    assert first.raw == pytest.approx(gain + 0.25 * 0.1823216 + 0.5 * 2 * 0.1823216, abs=1e-6)
    gain = 2 * 0.1823216 * 2.2 / (1 + 1.2 * (0.5 + 0.5 * 6 / 5.5))
    assert second.raw == pytest.approx(gain, abs=1e-6)


def test_a_heading_counts_for_less_than_the_text():
    postings = memory({1: "手順", 2: "検査"}, {1: ("検査",), 2: ("手順",)})
    hits = rank("検査", postings)
    assert [hit.passage_id for hit in hits] == [2, 1]
    # idf = 0.1823216 as above, equal lengths: tf = 1 gives 2.2 / 2.2, tf = 0.4 gives 0.88 / 1.6.
    assert hits[0].raw == pytest.approx(0.1823216, abs=1e-6)
    assert hits[1].raw == pytest.approx(0.1823216 * 0.55, abs=1e-6)


def test_phrases_do_not_run_from_the_text_into_a_heading():
    postings = memory({1: "主軸 検査", 2: "主軸検査"}, {1: ("方法",)})
    assert [hit.passage_id for hit in rank("「検査 方法」", postings)] == []
    assert [hit.passage_id for hit in rank("「方法」", postings)] == [1]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("検査方法", 6),
        ("公差 全数", 2),
        ("表面粗さ", 3),
        ("A-123-45", 9),
        ("Ａ－１２３－４５", 9),
        ("A‐123−45", 9),
        ("HV-2041-07", 3),
        ("ＨＶ－２０４１－０７", 3),
        ("HV204107", 3),
        ("2041-07", 3),
        ("２０４１－７０", 7),
        ("±0.05", 2),
        ("±０．０５ｍｍ", 2),
        ("±0.5 mm", 6),
        ("SUS304", 4),
        ("ＳＵＳ３０４", 4),
        ("M8x1.25", 4),
        ("M8×1.25", 4),
        ("Ra1.6", 3),
        ("12.5Nm", 1),
        ("60°C", 10),
        ("ガイド", 7),
        ("コンピュータ", 5),
        ("モータカバー", 5),
        ("ネジ", 4),
        ("傷", 10),
        ("軸", 1),
        ("主軸の締付トルクはいくつですか？教えてください。", 1),
        ("How often is the torque wrench calibrated?", 8),
        ("torque wrenches month", 8),
    ],
)
def test_the_right_passage_comes_first(query: str, first: int):
    ranked = found(query)
    if query == "軸":
        assert {1, 7} == set(ranked)
    else:
        assert ranked[0] == first


def test_an_exact_identifier_leads_clearly():
    best, *rest = rank("HV-2041-07", POSTINGS)
    assert best.passage_id == 3
    assert all(best.score > hit.score + 0.2 for hit in rest)


def test_particles_and_polite_endings_find_nothing_beside_content():
    assert found("検査はどのように行いますか、教えてください") == found("検査")
    assert set(found("ください")) == {5, 6}


def test_quoted_phrases_must_occur_and_minus_excludes():
    assert set(found("検査")) == {2, 6}
    assert found("「検査方法」") == [6]
    assert found('"HV-2041-07" 図番') == [3]
    assert found("検査 -方法") == [2]
    assert found("公差 －「検査方法」") == [2]
    assert found("-20℃") == found("−20 °C") != []
    assert found("-検査") == []
    assert found("『軸受』の交換") == [7]


def test_statistics_are_counted_inside_the_scope():
    scope = [PassageId(1), PassageId(2), PassageId(4)]
    alone = memory({one: TEXTS[one] for one in scope})
    assert rank("検査の公差", POSTINGS, scope) == rank("検査の公差", alone)
    assert rank("検査の公差", POSTINGS, scope) != rank("検査の公差", POSTINGS)
    assert rank("検査", POSTINGS, []) == []


def test_scores_are_calibrated():
    for query in ("検査", "HV-2041-07", "主軸の締付トルク", "です", "存在しない語と検査"):
        for hit in rank(query, POSTINGS):
            assert 0 < hit.score < 1 and math.isfinite(hit.raw)
    assert rank("締付トルク", POSTINGS)[0].score > 0.6
    # A passage with one of many words asked for scores low.
    assert rank("潤滑 梱包 塗装 溶接 出荷 検査", POSTINGS)[-1].score < 0.3


def test_ties_are_broken_by_passage():
    postings = memory({5: "検査", 3: "検査", 9: "検査"})
    assert [hit.passage_id for hit in rank("検査", postings)] == [3, 5, 9]


@pytest.mark.parametrize(
    "query",
    [
        "", " ", "　", '"', '""', "「", "「」", "「。」", "-", "- -", "--",
        '-"', "*", "検*", "NEAR(検 査)",
        "検査 OR 公差 AND NOT", "\uffff", "'; DROP TABLE passages; --",
        "。、・！？", "😀", "\x00検査\x00", "\ud800",
        "ʰ検査", "(" * 500, "でも" * 1500, "検査" * 5000, "a-" * 3000, '"検査"' * 500, "\n" * 3000,
    ],
)  # fmt: skip
def test_no_query_is_harmful(query: str):
    for hit in rank(query, POSTINGS):
        assert 0 < hit.score < 1
    terms = query_terms(query)
    for term in terms.terms:
        assert term.weight > 0
        assert all(form and not any(c.isspace() or c == "\0" for c in form) for form in term.forms)


def test_an_empty_scope_gives_nothing():
    assert rank("検査", MemoryPostings({})) == []
