import gzip
import json
from pathlib import Path

import pytest

from engine.evaluate.set_rows import Answer, Part, SetDocument, SetError, SetPair, SetQuestion
from engine.evaluate.sets import find_sets, open_set, write_set

HEADER = {"set": "pumps", "kind": "retrieval"}
DOCUMENT = {"document": "d", "parts": [{"id": "p", "text": "ポンプを拭く。"}]}


def written(path: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def error_of(path: Path) -> SetError:
    with pytest.raises(SetError) as caught:
        list(open_set(path).rows())
    assert caught.value.details["path"] == str(path)
    return caught.value


def test_what_is_written_is_read_back(tmp_path: Path):
    rows = [
        SetDocument(
            "d", "題", (Part("p", "本文。", ("章", "節")), Part("q", "二つ目。")), True, line=2
        ),
        SetQuestion("何?", ("p",), (Answer("q", 0, 2), Answer("p", contains="本")), "kanji", 3),
    ]
    path = tmp_path / "set.jsonl"
    write_set(path, "名", "retrieval", rows, "説明")
    found = open_set(path)
    assert (found.name, found.kind, found.description) == ("名", "retrieval", "説明")
    assert list(found.rows()) == rows
    before = path.read_bytes()
    write_set(path, "名", "retrieval", rows, "説明")
    assert path.read_bytes() == before


def test_pairs_with_and_without_scores(tmp_path: Path):
    for kind, pair in (("pairs", SetPair("a", "b")), ("similarity", SetPair("a", "b", 2.5))):
        write_set(tmp_path / "set.jsonl", "s", kind, [pair])
        assert list(open_set(tmp_path / "set.jsonl").rows()) == [pair]


def test_packed_sets_byte_order_marks_and_blank_lines(tmp_path: Path):
    text = "\ufeff" + json.dumps({"set": "s", "kind": "pairs"}) + "\n\n"
    text += json.dumps({"first": "x", "second": "y"})
    path = tmp_path / "set.JSONL.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert [one.name for one in find_sets([tmp_path])] == ["s"]
    assert list(open_set(path).rows()) == [SetPair("x", "y")]


def test_questions_about_files_need_no_header(tmp_path: Path):
    (tmp_path / "手順.txt").write_text("ポンプを拭く。", encoding="utf-8")
    row = {"query": "拭くものは?", "document": "手順.txt", "contains": "ポンプ", "kind": "k"}
    path = written(tmp_path / "questions.jsonl", row, {**row, "query": "もう一つ"})
    found = open_set(path)
    assert (found.name, found.kind) == ("questions", "files")
    document, first, second = found.rows()
    assert isinstance(document, SetDocument) and document.file == tmp_path / "手順.txt"
    assert isinstance(first, SetQuestion) and isinstance(second, SetQuestion)
    assert first.answers == second.answers == (Answer("手順.txt", contains="ポンプ"),)
    (tmp_path / "手順.txt").unlink()
    assert error_of(path).details["line"] == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{broken", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"question": "\\ud800", "relevant": ["p"]}', "not UTF-8"),
        ({"quest": "?"}, "neither"),
        ({"question": " ", "relevant": ["p"]}, '"question" must be text'),
        ({"question": "?"}, "needs"),
        ({"question": "?", "relevant": "p"}, "list of texts"),
        ({"question": "?", "relevant": ["x"]}, "no part 'x'"),
        ({"question": "あ" * 2001, "relevant": ["p"]}, "longer than"),
        ({"question": "?", "answers": [{"id": "p", "start": 3, "end": 99}]}, "no place"),
        ({"question": "?", "answers": [{"id": "p", "start": 1.5, "end": 2}]}, "whole number"),
        ({"question": "?", "answers": [{"id": "p", "contains": "弁"}]}, "does not contain"),
        ({"document": "d", "text": "again"}, "second document"),
        ({"document": "e", "parts": [{"id": "p", "text": "again"}]}, "second part"),
        ({"document": "e", "parts": []}, "must not be empty"),
        ({"document": "e", "text": "x", "file": "y"}, "one of"),
        ({"document": "e", "file": "missing.pdf"}, "there is no file"),
        (HEADER, "first line"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: object, reason: str):
    error = error_of(written(tmp_path / "set.jsonl", HEADER, DOCUMENT, row))
    assert (error.code, error.details["line"]) == ("set_broken", 3)
    assert reason in str(error.details["reason"])


@pytest.mark.parametrize("score", ["4", None, True, "1e999", 10**400])
def test_scores_are_numbers(tmp_path: Path, score: object):
    row = {"first": "a", "second": "b", "score": score}
    text = json.dumps(row).replace('"1e999"', "1e999")
    error = error_of(written(tmp_path / "s.jsonl", {"set": "s", "kind": "similarity"}, text))
    assert error.details["line"] == 2


def test_first_lines_that_are_none(tmp_path: Path):
    path = tmp_path / "set.jsonl"
    for text, line in (("", 1), ('{"a": 1}', 1), ('\n{"set": "s", "kind": "odd"}', 2)):
        path.write_text(text, encoding="utf-8")
        assert error_of(path).details["line"] == line
    path.write_bytes(b"\xff\xfe{")
    assert "UTF-8" in str(error_of(path).details["reason"])


def test_missing_sets(tmp_path: Path):
    assert error_of(tmp_path / "none.jsonl").code == "set_missing"
    with pytest.raises(SetError):
        find_sets([tmp_path])
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 1000)[:30])
    assert error_of(tmp_path / "cut.jsonl.gz").code in ("set_missing", "set_broken")
