from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest

from engine.errors import ReadingError
from engine.progress import CancelToken
from engine.reading.supervisor import ReaderProcess
from engine.records import Document

PASSAGE = "エンドカバーのボルトは対角の順に締める。本締めは 24.5 N·m とする。"
PAGES = [
    ["1 目的", "この手順書は弁の組立の方法を定める。"],
    ["2 本締め", PASSAGE, "合いマークを白い線で引く。"],
    ["3 試験", "耐圧試験は 31.5 MPa で2分間行う。"],
]
SHEET = "製造番号,内部漏れ,備考\r\n2504107,34.2,再マスタリング\r\n2504108,28.0,\r\n"


def annotations(page: pymupdf.Page, kind: str) -> list[pymupdf.Annot]:
    return [one for one in page.annots() if one.type[1] == kind]


def pages_of(pdf: pymupdf.Document) -> list[pymupdf.Page]:
    return [pdf[number] for number in range(pdf.page_count)]


def words(page: pymupdf.Page, text: str) -> pymupdf.Rect:
    """Where words stand; like an annotation's, without the page's rotation."""
    found = page.search_for(text)
    assert len(found) == 1
    return pymupdf.Rect(found[0])


def overlap(first: pymupdf.Rect, second: pymupdf.Rect) -> float:
    """Share of ``first`` that ``second`` covers."""
    return abs((first & second).get_area()) / abs(first.get_area())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_highlights_lie_over_the_attended_words(answers, make_pdf, tmp_path: Path, rotation: int):
    revision = answers.add("手順書.pdf", make_pdf(PAGES, rotation))
    hit = answers.hit(1, revision, PASSAGE, {"24.5 N·m": 1.0, "対角の順": 0.3})
    target = answers.export(answers.search([hit]), tmp_path / "out.pdf")
    with pymupdf.open(target) as pdf:
        assert pdf.page_count > len(PAGES)
        page = pdf[pdf.page_count - 2]
        assert page.rotation == rotation
        strong, weak = sorted(annotations(page, "Highlight"), key=lambda one: -one.opacity)
        assert strong.opacity > weak.opacity > 0
        for annotation, text in ((strong, "24.5 N·m"), (weak, "対角の順")):
            box = annotation.rect
            assert overlap(words(page, text), box) > 0.8
            assert overlap(box, words(page, text)) > 0.5
        frame = annotations(page, "Square")[0]
        assert overlap(words(page, "エンドカバーのボルトは"), frame.rect) > 0.95
        assert overlap(words(page, "合いマーク"), frame.rect) < 0.2
        note = frame.info["content"]
        assert "順位 1" in note and "0.875" in note and "語句と関連語 0.500" in note
        for other in (pdf[pdf.page_count - 3], pdf[pdf.page_count - 1]):
            assert not list(other.annots())


def test_single_pdf_keeps_all_pages_and_its_bookmarks(answers, make_pdf, tmp_path: Path):
    revision = answers.add("手順書.pdf", make_pdf(PAGES))
    hit = answers.hit(1, revision, PASSAGE, {"本締め": 0.5})
    target = answers.export(answers.search([hit]), tmp_path / "out.pdf")
    with pymupdf.open(target) as pdf:
        texts = [page.get_text() for page in pages_of(pdf)]
        added = len(texts) - len(PAGES)
        for number, lines in enumerate(PAGES):
            assert lines[0] in texts[added + number]
        contents = pdf.get_toc()
        assert [1, "3 試験", added + 3] in contents
        assert [2, "順位 1", added + 2] in contents


def test_cover_names_query_pack_evidence_file_revision_and_hash(answers, make_pdf, tmp_path: Path):
    revision = answers.add("手順書.pdf", make_pdf(PAGES))
    hit = answers.hit(1, revision, PASSAGE, {"本締め": 0.5})
    target = answers.export(answers.search([hit]), tmp_path / "out.pdf")
    with pymupdf.open(target) as pdf:
        cover = "".join("".join(str(page.get_text()).split()) for page in pages_of(pdf)[:-3])
    source = answers.sources[revision].info
    expected = ("本締めトルクはいくつか", "5f" * 32, "4711", "C:\\文書\\手順書.pdf", source.sha256)
    for text in (*expected, "2026-11-22", "2ページ", "0.875", "".join(PASSAGE.split())):
        assert text in cover, text


def test_several_sources_give_only_the_pages_concerned(answers, make_pdf, tmp_path: Path):
    first = answers.add("手順書.pdf", make_pdf(PAGES))
    second = answers.add("測定.csv", SHEET.encode("cp932"))
    hits = [
        answers.hit(1, first, PASSAGE, {"本締め": 0.9}),
        answers.hit(2, second, "再マスタリング", {"マスタリング": 0.7}),
    ]
    target = answers.export(answers.search(hits), tmp_path / "out.pdf", words="en")
    with pymupdf.open(target) as pdf:
        texts = [str(page.get_text()) for page in pages_of(pdf)]
        marked = [
            number for number, page in enumerate(pages_of(pdf)) if annotations(page, "Highlight")
        ]
    assert len(marked) == 1 and "合いマーク" in texts[marked[0]]
    assert not any("耐圧試験" in text for text in texts)
    assert "only the marked pages" in " ".join(texts[0].split())
    assert "2504107" in texts[-1] and "再マスタリング" in texts[-1]


def test_hostile_text_is_shown_as_text_and_glyphs_are_embedded(answers, tmp_path: Path):
    text = "<script>alert(1)</script> ]]> &amp; <b>締付トルク</b>は 12.5 N·m 、off file flow"
    revision = answers.add("注意.txt", text.encode("utf-8"))
    hit = answers.hit(1, revision, text, {"締付トルク": 1.0})
    target = answers.export(answers.search([hit], query="<i>問</i>"), tmp_path / "out.pdf")
    with pymupdf.open(target) as pdf:
        whole = "".join(str(page.get_text()) for page in pages_of(pdf))
        pixmap = pdf[-1].get_pixmap(dpi=60)
        assert all(font[1] != "n/a" for page in pages_of(pdf) for font in page.get_fonts())
    assert "<script>alert(1)</script> ]]> &amp; <b>締付トルク</b>" in whole
    assert "<i>問</i>" in whole and "off file flow" in whole
    colours = {pixmap.pixel(x, y) for x in range(pixmap.width) for y in range(pixmap.height)}
    assert any(red > 240 and green > 150 and blue < 110 for red, green, blue in colours)


def test_summary_marks_its_sentences(answers, make_pdf, tmp_path: Path):
    revision = answers.add("手順書.pdf", make_pdf(PAGES))
    chosen = ["この手順書は弁の組立の方法を定める。", "耐圧試験は 31.5 MPa で2分間行う。"]
    target = answers.export(answers.summary(revision, chosen), tmp_path / "out.pdf")
    with pymupdf.open(target) as pdf:
        marked = [page for page in pages_of(pdf)[-3:] if annotations(page, "Highlight")]
        assert [page.number for page in marked] == [pdf.page_count - 3, pdf.page_count - 1]
        assert "42%" in str(pdf[0].get_text())
        box = annotations(marked[1], "Highlight")[0].rect
        assert overlap(words(marked[1], "31.5 MPa"), box) > 0.9


def test_the_child_process_writes_the_same_marks(answers, make_pdf, tmp_path: Path):
    revision = answers.add("手順書.pdf", make_pdf(PAGES))
    evidence = answers.search([answers.hit(1, revision, PASSAGE, {"本締め": 0.5})])
    here = answers.export(evidence, tmp_path / "here.pdf")
    token = CancelToken()
    with ReaderProcess() as child:
        call: Callable = lambda name, args: child.call(name, args, token)  # noqa: E731
        there = answers.export(evidence, tmp_path / "there.pdf", run_in_child=call)
    with pymupdf.open(here) as one, pymupdf.open(there) as other:
        for first, second in zip(pages_of(one), pages_of(other), strict=True):
            assert [a.rect for a in first.annots()] == [a.rect for a in second.annots()]
            assert first.get_text() == second.get_text()


def test_a_pdf_that_breaks_later_is_named_and_leaves_no_file(answers, make_pdf, tmp_path: Path):
    revision = answers.add("手順書.pdf", make_pdf(PAGES))
    evidence = answers.search([answers.hit(1, revision, PASSAGE, {"本締め": 0.5})])
    answers.sources[revision].file.write_bytes(b"not a PDF any more")
    with pytest.raises(ReadingError, match="file_broken"):
        answers.export(evidence, tmp_path / "out.pdf")
    assert {path.name for path in tmp_path.iterdir()} == {"originals"}


def test_passage_without_boxes_falls_back_to_an_excerpt(answers, tmp_path: Path):
    revision = answers.add("図面.dxf", drawing())
    document: Document = answers.document(revision)
    hit = answers.hit(1, revision, document.text.splitlines()[0], {})
    target = answers.export(answers.search([hit]), tmp_path / "out.pdf")
    with pymupdf.open(target) as pdf:
        assert "指示なき角部" in str(pdf[-1].get_text())


def drawing() -> bytes:
    import io

    import ezdxf

    made = ezdxf.new("R2010")  # pyright: ignore[reportPrivateImportUsage]
    text = "指示なき角部は C0.5 とする。"
    made.modelspace().add_text(text, dxfattribs={"height": 5})
    stream = io.StringIO()
    made.write(stream)
    return stream.getvalue().encode("utf-8")
