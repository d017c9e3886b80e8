from dataclasses import replace
from pathlib import Path

import docx
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

TEXT = "締付\x0bトルク\x02は 12.5 N·m とする。]]> <w:p/> &lt;\n次の行では合いマークを引く。\n"


def passage(document, words: str) -> Paragraph:
    return next(item for item in document.paragraphs if words in item.text)


def fill(run) -> str | None:
    shading = run._r.find(f"{qn('w:rPr')}/{qn('w:shd')}")
    return None if shading is None else shading.get(qn("w:fill"))


def cells(document) -> list[tuple[str, str]]:
    return [
        (row.cells[0].text, row.cells[1].text) for table in document.tables for row in table.rows
    ]


def test_word_shades_by_weight_and_underlines_matches(answers, tmp_path: Path):
    revision = answers.add("手順.txt", "締付トルクは 12.5 N·m とし、対角に締める。".encode())
    hit = answers.hit(
        1, revision, "締付トルクは 12.5 N·m とし、対角", {"12.5 N·m": 1.0, "対角": 0.2}
    )
    target = answers.export(answers.search([hit]), tmp_path / "out.docx")
    paragraph = passage(docx.Document(str(target)), "12.5 N·m")
    assert paragraph.text == hit.text
    runs = {run.text: run for run in paragraph.runs}
    assert runs["締付"].underline and not runs["12.5 N·m"].underline
    strong, weak = fill(runs["12.5 N·m"]), fill(runs["対角"])
    assert strong and weak and int(strong[4:], 16) < int(weak[4:], 16)
    assert fill(runs["トルクは "]) is None


def test_word_names_everything_an_auditor_asks_for(answers, tmp_path: Path):
    revision = answers.add("手順.txt", "締付トルクは 12.5 N·m とする。".encode())
    hit = answers.hit(1, revision, "締付トルク", {})
    related = tuple(
        (hit.text.find(word) + hit.start, hit.text.find(word) + hit.start + len(word))
        for word in ("トルク", "締付")
    )
    hit = replace(hit, related=related)
    target = answers.export(answers.search([hit]), tmp_path / "out.docx")
    document = docx.Document(str(target))
    facts = cells(document)
    source = answers.sources[revision].info
    for expected in [
        ("質問", "本締めトルクはいくつか"),
        ("モデルパック", "5f" * 32),
        ("証拠番号", "4711"),
        ("ファイル", "C:\\文書\\手順.txt"),
        ("版", "3"),
        ("SHA-256", source.sha256),
        ("内訳", "語句と関連語 0.500 / 意味の近さ 0.250 / 注目の強さ ―"),
        ("効いた関連語", "トルク / 締付"),
    ]:
        assert expected in facts, expected
    assert any(name == "検索日時" and value.startswith("2026-11-22") for name, value in facts)
    assert document.core_properties.created is not None


def test_share_of_the_answer_stands_beside_the_parts_where_it_was_looked_for(
    answers, tmp_path: Path
):
    revision = answers.add("手順.txt", "締付トルクは 12.5 N·m とする。".encode())
    hit = answers.hit(1, revision, "締付トルク", {})
    hit = replace(hit, parts=replace(hit.parts, answer=0.75))
    target = answers.export(answers.search([hit]), tmp_path / "out.docx")
    parts = "語句と関連語 0.500 / 意味の近さ 0.250 / 注目の強さ ― / 答えの占める割合 0.750"
    assert ("内訳", parts) in cells(docx.Document(str(target)))


def test_characters_that_xml_forbids_are_dropped_and_markup_stays_text(answers, tmp_path: Path):
    revision = answers.add("手順.txt", TEXT.encode())
    text = answers.document(revision).text
    first = text[: text.index("\n")]
    target = answers.export(
        answers.search([answers.hit(1, revision, first, {})], query="問\x01い\ud800"),
        tmp_path / "out.docx",
    )
    document = docx.Document(str(target))
    shown = passage(document, "12.5 N·m").text
    assert "]]> <w:p/> &lt;" in shown
    assert not {"\x02", "\x0b"} & set(shown)
    assert ("質問", "問い") in cells(document)


def test_summary_in_word_quotes_sentences_in_order(answers, tmp_path: Path):
    revision = answers.add("手順.txt", "一つ目の文です。二つ目の文です。三つ目の文です。".encode())
    evidence = answers.summary(revision, ["一つ目の文です。", "三つ目の文です。"])
    target = answers.export(evidence, tmp_path / "out.docx", words="en")
    document = docx.Document(str(target))
    headings = [p.text for p in document.paragraphs if p.style and "Heading 2" in str(p.style.name)]
    assert headings[:2] == ["Sentence 1", "Sentence 2"]
    assert ("Share of the document covered", "42%") in cells(document)
