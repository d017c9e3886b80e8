import random

import pytest

from engine.notation.identifiers import parts
from engine.passages import identifiers


def normals(text: str) -> list[tuple[str, str]]:
    return [(one.kind, one.normal) for one in identifiers(text)]


@pytest.mark.parametrize(
    ("kind", "normal", "ways"),
    [
        ("part_number", "hv-2041-07", "HV-2041-07|ＨＶ－２０４１－０７"
         "|HV‐2041−07|hv–2041‑07|HVー2041ー07"),
        ("part_number", "sf-2041-07a", "SF-2041-07A|ＳＦ－２０４１－０７Ａ"),
        ("part_number", "a-123-45", "A-123-45|Ａ－１２３－４５"),
        ("part_number", "2041-07", "2041-07|２０４１－０７"),
        ("part_number", "sus304", "SUS304|ＳＵＳ３０４"),
        ("part_number", "s45c", "S45C|Ｓ４５Ｃ"),
        ("standard", "jisb0405", "JIS B 0405|JISB0405|ＪＩＳ　Ｂ　０４０５|JIS-B-0405"),
        ("standard", "jisb0405-m", "JIS B 0405-m"),
        ("standard", "iso9001:2015", "ISO 9001:2015|ＩＳＯ９００１：２０１５"),
        ("thread", "m8x1.25", "M8×1.25|M8x1.25|M8 X 1.25|Ｍ８×１．２５|M8✕1.250"),
        ("thread", "m10", "M10|Ｍ１０"),
        ("thread", "rc1/4", "Rc1/4|Ｒｃ１／４"),
        ("diameter", "φ12H7", "Φ12 H7|φ12H7|⌀12 H7|ø12H7|φ１２Ｈ７"),
        ("tolerance", "±0.05mm", "±0.05 mm|±0.05mm|±０．０５㎜|+/-0.05 mm|±0.050ミリ"),
        ("tolerance", "±0.05", "±0.05|± 0.05"),
        ("deviation", "+0.02/-0.01", "+0.02/-0.01|＋０．０２／－０．０１"
         "|+0.02/−0.01|+0.02 -0.01|+0.02\n-0.01"),
        ("deviation", "0/-0.01mm", "0/-0.01 mm|０／－０．０１ｍｍ"),
        ("roughness", "ra1.6", "Ra 1.6|Ra1.6|Ｒａ１．６"),
        ("quantity", "12.5N·m", "12.5 N·m|12.5N-m|12.5Nm|12.50 Ｎ・ｍ"
         "|12.5 N･m|12.5ニュートンメートル|12.5 N m"),
        ("quantity", "0.6MPa", "0.6 MPa|０．６ＭＰａ|.6MPa|0.6メガパスカル"),
        ("quantity", "60°C", "60 ℃|60°C|６０℃|60 °C"),
        ("quantity", "-20°C", "-20℃|−20 °C"),
        ("quantity", "1200min-1", "1,200rpm|1200 min-1|1200 min⁻¹|１２００ｒｐｍ"),
        ("range", "10~15mm", "10~15 mm|10～15mm|10〜15㎜|10mm～15mm"),
        ("hardness", "58HRC", "HRC58|HRC 58"),
        ("date", "2024-05-01", "2024年5月1日|2024-05-01|2024/5/1"
         "|２０２４．０５．０１|令和6年5月1日"),
        ("date", "2019-05", "令和元年5月|2019年5月"),
    ],
)  # fmt: skip
def test_all_ways_of_writing_have_one_normal_form(kind: str, normal: str, ways: str):
    for way in ways.split("|"):
        for text in (way, f"図の{way}を確認する。", f"({way})"):
            found = [(one.kind, one.normal, text[one.start : one.end]) for one in identifiers(text)]
            assert found == [(kind, normal, way)], text


def test_what_looks_alike_stays_apart():
    assert normals("±0.05") != normals("±0.5")
    assert normals("φ12 H7") != normals("φ12 h7")
    assert normals("HV-2041-07") != normals("HV-2041-70")
    assert normals("5 mm") != normals("5 m")


@pytest.mark.parametrize(
    "text", ["No. 5", "Fig. 2", "page12", "e-mail", "x-ray", "3-5", "2024/13/45", "検査表"]
)
def test_no_identifier_where_there_is_none(text: str):
    assert identifiers(text) == []


def test_count_before_a_thread_is_not_part_of_it():
    assert normals("4-M6、2-φ8、C0.5") == [
        ("thread", "m6"), ("diameter", "φ8"), ("dimension", "c0.5"),
    ]  # fmt: skip


def test_parts_let_a_piece_of_a_number_find_it():
    (one,) = identifiers("HV-2041-07")
    assert {"hv204107", "204107"} <= set(parts(one))
    (tolerance,) = identifiers("±0.05 mm")
    assert parts(tolerance) == ["±0.05"]
    (span,) = identifiers("10~15 mm")
    assert parts(span) == ["10mm", "15mm"]


def test_offsets_count_from_the_whole_text():
    text = "😀ｶﾞｲﾄﾞ HV-2041-07 と ㍉ 12.5 N·m"
    assert [text[one.start : one.end] for one in identifiers(text)] == ["HV-2041-07", "12.5 N·m"]
    (one,) = identifiers(text, start=text.index("と"))
    assert text[one.start : one.end] == "12.5 N·m"


def test_spans_are_ordered_and_normal_forms_carry_no_space_on_random_text():
    rng = random.Random(4)
    alphabet = list("0123456789..,-+±/×φΦMRaCJISNmP ℃%~ABhHｶﾞ年月日令和元個あ　\n－１２")
    for _ in range(1500):
        text = "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 30)))
        last = 0
        for one in identifiers(text):
            assert last <= one.start < one.end <= len(text)
            assert one.normal and not any(character.isspace() for character in one.normal)
            last = one.end
