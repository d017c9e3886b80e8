import time
from typing import Any

import pytest

from engine.passages import identifiers, split_passages
from engine.passages.sentences import line_width
from engine.records import Document, DocumentKind, Page, Passage, Unit, UnitKind

PROSE = "本手順書は主軸の締付トルクを定め、作業者が同じ品質で組み立てることを目的とする。"


def build(items: list[tuple[Any, ...]], kind: DocumentKind = "pdf") -> Document:
    """A document of ``(kind, text, fields)`` units with one line feed between them."""
    text = ""
    units: list[Unit] = []
    for unit_kind, content, *fields in items:
        text += "\n" if text else ""
        extra = fields[0] if fields else {}
        units.append(Unit(len(text), len(text) + len(content), unit_kind, **extra))
        text += content
    return Document(kind, "t", text, (Page(1, 0, len(text)),), tuple(units), None, "0", 0)


def shown(document: Document) -> list[tuple[tuple[str, ...], str]]:
    return [(p.heading_path, document.text[p.start : p.end]) for p in split_passages(document)]


def check(document: Document) -> tuple[Passage, ...]:
    """What must hold of any document: exact, ordered, whole, complete."""
    passages = split_passages(document)
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    last = 0
    for passage in passages:
        assert last <= passage.start < passage.end <= len(document.text)
        last = passage.end
        assert passage.sentences[0][0] == passage.start
        assert passage.sentences[-1][1] == passage.end
        for (_, end), (start, _) in zip(passage.sentences, passage.sentences[1:], strict=False):
            assert end <= start and not document.text[end:start].strip()
        assert line_width(document.text[passage.start : passage.end]) <= 410
    for unit in document.units:
        if unit.kind in ("heading", "header", "footer"):
            continue
        for place in range(unit.start, unit.end):
            if not document.text[place].isspace():
                assert sum(p.start <= place < p.end for p in passages) == 1
    return passages


def test_heading_path_follows_levels():
    document = build(
        [
            ("heading", "1 総則", {"level": 1}),
            ("heading", "1.1 目的", {"level": 2}),
            ("paragraph", PROSE),
            ("heading", "1.2 範囲", {"level": 2}),
            ("paragraph", PROSE),
            ("heading", "2 検査", {"level": 1}),
            ("paragraph", PROSE),
        ],
        "word",
    )
    check(document)
    assert shown(document) == [
        (("1 総則", "1.1 目的"), PROSE), (("1 総則", "1.2 範囲"), PROSE), (("2 検査",), PROSE),
    ]  # fmt: skip


def test_a_heading_with_nothing_below_is_a_passage():
    document = build(
        [
            ("heading", "1 総則", {"level": 1}),
            ("heading", "1.1 欠番", {"level": 2}),
            ("heading", "1.2 目的", {"level": 2}),
            ("paragraph", PROSE),
            ("heading", "付録", {"level": 1}),
        ]
    )
    check(document)
    assert [(p.kind, p.heading_path) for p in split_passages(document)] == [
        ("heading", ("1 総則",)), ("text", ("1 総則", "1.2 目的")), ("heading", ()),
    ]  # fmt: skip


def test_running_headers_are_kept_once_and_never_swallowed():
    pages = []
    for page in (1, 2, 3):
        at = {"page": page}
        pages += [
            ("header", f"社外秘 {page}/3", at),
            ("header", f"第{'一二三'[page - 1]}章", at),
            ("line", PROSE, at),
            ("footer", f"- {page} -", at),
        ]
    document = build(pages)
    check(document)
    texts = [text for _, text in shown(document)]
    assert texts == ["社外秘 1/3", "第一章", PROSE, PROSE, PROSE]


def test_a_passage_never_spans_a_header_of_a_source_without_pages():
    items = [("paragraph", "短い文。"), ("footer", "社外秘"), ("paragraph", "次の文。")]
    document = build([*items, *items], "word")
    check(document)
    assert [text for _, text in shown(document)] == [
        "短い文。", "社外秘", "次の文。\n短い文。", "次の文。",
    ]  # fmt: skip


def test_passages_hold_whole_sentences_within_bounds():
    document = build([("paragraph", PROSE * 40)], "word")
    passages = check(document)
    assert len(passages) > 3
    for passage in passages:
        assert document.text[passage.end - 1] == "。"
        assert 80 <= line_width(document.text[passage.start : passage.end]) <= 400


def test_short_paragraphs_are_joined_but_not_over_a_heading():
    items = [("paragraph", "短い段落。")] * 5 + [
        ("heading", "次", {"level": 1}),
        ("paragraph", "終わり。"),
    ]
    document = build(items, "word")
    passages = check(document)
    assert [len(passage.sentences) for passage in passages] == [5, 1]


def test_a_sentence_longer_than_a_passage_is_cut_at_commas():
    document = build([("paragraph", "、".join(["部品の寸法を測定し記録する"] * 60) + "。")], "word")
    passages = check(document)
    assert len(passages) >= 2
    assert all(document.text[p.end - 1] in "、。" for p in passages)


def test_text_without_any_boundary_is_still_bounded():
    assert len(check(build([("paragraph", "検" * 3000)], "text"))) >= 8


def test_wrapped_pdf_lines_make_one_sentence():
    lines = [
        "本手順書は主軸の締付トルクを定め、作業者が同じ品質で組み立てられるようにすることを目的と",
        "する。対象は全製品である。",
    ]
    (passage,) = check(build([("line", line, {"page": 1}) for line in lines]))
    assert len(passage.sentences) == 2


def test_table_rows_stand_alone_except_short_ones_of_a_pdf():
    rows = [("row", f"品番: HV-{n} | 判定: 合格", {"page": 1, "sheet": "検査"}) for n in range(4)]
    sheet = build(rows, "sheet")
    assert len(check(sheet)) == 4
    assert {p.kind for p in check(sheet)} == {"row"}
    assert check(sheet)[0].heading_path == ("検査",)
    assert len(check(build(rows, "pdf"))) == 1


def test_headers_of_a_pdf_table_go_with_its_first_row_and_tables_stay_apart():
    step = (
        "順: 1\t手順: 通い箱の現品票と本体側面の鋳出し文字を照合する\t急所: 版記号「D」があること"
    )
    step += "\t理由: C版はポート径が 0.5 mm 小さく、流量が足りない"
    document = build(
        [
            ("heading", "5.2 工程10", {"level": 2}),
            ("row", "順\t手順\t急所\t理由", {"cell": "T1R1C1:T1R1C4"}),
            ("row", step, {"cell": "T1R2C1:T1R2C4"}),
            ("row", "順: 2\t手順: 引き上げる", {"cell": "T1R3C1:T1R3C2"}),
            ("row", "確認項目\t方法", {"cell": "T2R1C1:T2R1C2"}),
            ("row", "確認項目: 鋳巣\t方法: 目視", {"cell": "T2R2C1:T2R2C2"}),
        ]
    )
    assert {passage.kind for passage in check(document)} == {"row"}
    assert shown(document) == [
        (("5.2 工程10",), f"順\t手順\t急所\t理由\n{step}"),
        (("5.2 工程10",), "順: 2\t手順: 引き上げる"),
        (("5.2 工程10",), "確認項目\t方法\n確認項目: 鋳巣\t方法: 目視"),
    ]


def test_a_page_number_is_no_passage():
    document = build([("paragraph", PROSE), ("footer", "- 12 / 62 -"), ("footer", "社外秘 12")])
    assert [text for _, text in shown(document)] == [PROSE, "社外秘 12"]


def test_a_sheet_name_stands_once_in_the_path():
    at = {"sheet": "検査"}
    items = [("heading", "検査", {"level": 1, **at}), ("row", "判定: 合格", at)]
    assert shown(build(items, "sheet")) == [(("検査",), "判定: 合格")]


def test_drawing_entities_are_joined_within_their_kind():
    items = [
        ("note", "注記 1. バリなきこと", {"layer": "NOTE"}),
        ("note", "2. 角部 C0.5", {"layer": "NOTE"}),
        ("dimension", "φ12 H7", {"layer": "DIM"}),
        ("attribute", "図番 HV-2041-07", {"layer": "TITLE"}),
    ]  # fmt: skip
    passages = check(build(items, "dxf"))
    assert [p.kind for p in passages] == ["entity"] * 3
    assert [len(p.sentences) for p in passages] == [2, 1, 1]


def test_footnotes_do_not_mix_with_the_text():
    kinds: list[UnitKind] = ["paragraph", "footnote", "footnote", "paragraph"]
    assert len(check(build([(kind, "短い文。") for kind in kinds], "word"))) == 3


@pytest.mark.parametrize("text", ["", " \n　"])
def test_nothing_gives_no_passage(text: str):
    assert split_passages(build([("paragraph", text)], "text")) == ()


def test_three_hundred_thousand_characters_take_less_than_a_second():
    paragraph = (
        PROSE * 5
        + "ボルトM8×1.25を12.5 N·mで締め付け、図番HV-2041-07の公差±0.05 mmを確認する。" * 2
    )
    document = build([("paragraph", paragraph)] * (300_000 // len(paragraph)), "word")
    began = time.process_time()
    split_passages(document)
    identifiers(document.text)
    # Measured 0.5 s; CI machines are slower and shared.
    assert time.process_time() - began < 3
