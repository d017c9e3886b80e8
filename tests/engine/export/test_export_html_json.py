import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

HOSTILE = (
    "<script>alert('x')</script> ]]> <img src=http://example.invalid/a.png onerror=alert(1)> "
    '"quoted" & &lt;締付トルク&gt; は 12.5 N·m </style></body>'
)
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "table", "tr", "th",
    "td", "article", "blockquote", "span", "mark", "u",
}  # fmt: skip


class Page(HTMLParser):
    """Collects tags, attributes, and the text outside the style sheet."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict]] = []
        self.text, self.marks, self._open = "", [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)
        if tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" not in self._open:
            self.text += data
        if "mark" in self._open:
            self.marks[-1] += data


def parse(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert not page._open
    return page


def test_hostile_text_stays_text(answers, tmp_path: Path):
    revision = answers.add("&lt;b&gt;危険.txt", ("前の行\n" + HOSTILE + "\n後の行").encode())
    hit = answers.hit(1, revision, HOSTILE, {"&lt;締付トルク&gt;": 0.9})
    evidence = answers.search([hit], query="</title><script>1</script>\x00")
    page = parse(answers.export(evidence, tmp_path / "out.html"))
    assert {tag for tag, _ in page.tags} <= ALLOWED
    for _, attributes in page.tags:
        assert not {"src", "href", "onerror", "onclick"} & set(attributes)
    assert HOSTILE in page.text
    assert "</title><script>1</script>" in page.text and "\x00" not in page.text
    assert "&lt;b&gt;危険.txt" in page.text


def test_html_marks_carry_weights_and_language(answers, tmp_path: Path):
    revision = answers.add("a.txt", "締付トルクは 12.5 N·m とし、対角に締める。".encode())
    hit = answers.hit(
        1, revision, "締付トルクは 12.5 N·m とし、対角", {"12.5 N·m": 1.0, "対角": 0.2}
    )
    page = parse(answers.export(answers.search([hit]), tmp_path / "out.html", words="en"))
    assert page.tags[0] == ("html", {"lang": "en"})
    marks = [attributes for tag, attributes in page.tags if tag == "mark"]
    assert page.marks == ["12.5 N·m", "対角"]
    opacities = [float(mark["style"].removeprefix("--w: ")) for mark in marks]
    assert opacities[0] > opacities[1] > 0
    source = answers.sources[revision].info
    for text in ("本締めトルクはいくつか", "5f" * 32, "4711", source.path, source.sha256):
        assert text in page.text
    style = next(a for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in style["content"]


def test_surroundings_stay_on_the_same_page(answers, make_pdf, tmp_path: Path):
    pages = [["前の頁の文。"], ["手前の行。", "見つかった行。", "続きの行。"], ["次の頁の文。"]]
    revision = answers.add("a.pdf", make_pdf(pages))
    hit = answers.hit(1, revision, "見つかった行。", {})
    page = parse(answers.export(answers.search([hit]), tmp_path / "out.html"))
    assert "手前の行。" in page.text and "続きの行。" in page.text
    assert "前の頁の文" not in page.text and "次の頁の文" not in page.text


def test_no_hits_is_said(answers, tmp_path: Path):
    page = parse(answers.export(answers.search([]), tmp_path / "out.html"))
    assert "該当する箇所はありませんでした" in page.text


def test_json_holds_all_evidence_and_where_it_comes_from(answers, tmp_path: Path):
    revision = answers.add("a.txt", HOSTILE.encode())
    hit = answers.hit(1, revision, HOSTILE, {"締付トルク": 0.9})
    evidence = answers.search([hit], query="孤立\ud800")
    target = answers.export(evidence, tmp_path / "out.json")
    record = json.loads(target.read_text(encoding="utf-8"))
    assert (record["format"], record["format_version"]) == ("chumoku-evidence", 1)
    assert record["query"] == "孤立\ud800" and record["evidence_id"] == 4711
    assert record["pack_hash"] == "5f" * 32
    assert record["files"][0]["sha256"] == answers.sources[revision].info.sha256
    assert record["files"][0]["revision"] == 3
    stored = record["evidence"]["hits"][0]
    assert stored["text"] == HOSTILE
    parts = {"lexical": 0.5, "dense": 0.25, "attention": None, "answer": None}
    assert stored["parts"] == parts
    assert stored["highlights"] == [[*hit.highlights[0]]]
    assert record["exported"] == "2026-11-23T12:00:00+00:00"


@pytest.mark.parametrize("suffix", [".pdf", ".docx", ".html", ".json"])
def test_summary_is_exported_in_every_format(answers, tmp_path: Path, suffix: str):
    revision = answers.add("a.txt", "一つ目の文です。二つ目の文です。".encode())
    evidence = answers.summary(revision, ["二つ目の文です。"])
    assert answers.export(evidence, tmp_path / f"out{suffix}").stat().st_size > 500
