"""The command line, run as its users and scripts run it."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def chumoku(*arguments: str, library: Path, cwd: Path | None = None):
    code = "import sys; from app.entry import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, "--library", str(library), *arguments],
        cwd=cwd or library.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "0", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
    )


def lines(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "書類"
    made.mkdir()
    (made / "手順.txt").write_text("ポンプは乾いた布で拭いてから箱に納める。\n", encoding="cp932")
    (made / "空.txt").write_bytes(b"")
    return made


def test_the_whole_round_for_machines(tmp_path: Path, folder: Path):
    library = tmp_path / "library"
    added = chumoku("add", str(folder), "--json", library=library)
    assert added.returncode == 1, added.stderr
    by_status = {item["status"]: item for item in lines(added.stdout)}
    assert by_status["failed"]["reason"] == "file_empty"
    document_id = by_status["added"]["document_id"]
    assert by_status["added"]["tokens"] > 0
    assert set(by_status["added"]) >= {"document_id", "status", "reason", "pages", "seconds"}

    listed = json.loads(chumoku("list", "--json", library=library).stdout)
    assert {item["status"] for item in listed} == {"analysed", "failed"}

    result = json.loads(chumoku("search", "ポンプ", "--top", "3", "--json", library=library).stdout)
    hit = result["hits"][0]
    assert (hit["rank"], hit["document_id"]) == (1, document_id)
    assert hit["text"].startswith("ポンプは")
    assert hit["end"] - hit["start"] == len(hit["text"])
    assert hit["sheet"] is None
    assert hit["boxes"] == []
    assert set(hit["parts"]) == {"lexical", "dense", "attention", "answer"}
    assert all(len(span) == 3 for span in hit["highlights"])

    questions = tmp_path / "questions.txt"
    questions.write_text("ポンプ\n\n箱\n", encoding="utf-8")
    many = chumoku("search", "--queries", str(questions), library=library)
    assert [item["query"] for item in lines(many.stdout)] == ["ポンプ", "箱"]

    summary = json.loads(
        chumoku("summarize", str(document_id), "--sentences", "1", "--json", library=library).stdout
    )
    assert summary["document_id"] == document_id
    assert summary["sentences"][0]["text"] == "ポンプは乾いた布で拭いてから箱に納める。"

    evidence_id = str(result["evidence_id"])
    record = json.loads(chumoku("evidence", evidence_id, "--json", library=library).stdout)
    assert record["hits"][0]["text"] == hit["text"]
    assert record["sources"][0]["sha256"]
    replay = chumoku("replay", evidence_id, "--json", library=library)
    assert (replay.returncode, json.loads(replay.stdout)["same"]) == (0, True)

    for suffix in ("pdf", "docx", "html", "json"):
        target = tmp_path / f"answer.{suffix}"
        done = chumoku("export", evidence_id, "--to", str(target), library=library)
        assert (done.returncode, done.stdout.strip()) == (0, str(target)), done.stderr
        assert target.stat().st_size > 500

    assert json.loads(chumoku("check", "--rebuild", "--json", library=library).stdout)["ok"]
    refused = chumoku("remove", str(document_id), library=library)
    assert refused.returncode == 2
    assert chumoku("remove", str(document_id), "--yes", library=library).returncode == 0
    left = json.loads(chumoku("list", "--json", library=library).stdout)
    assert [item["status"] for item in left] == ["failed"]


def test_for_people(tmp_path: Path, folder: Path):
    library = tmp_path / "library"
    added = chumoku("add", str(folder), library=library)
    assert "the file is empty" in added.stdout
    found = chumoku("search", "ポンプ", library=library)
    assert found.returncode == 0
    assert "手順.txt" in found.stdout
    assert "lexical" in found.stdout
    for command in (["list"], ["evidence"], ["evidence", "1"], ["summarize", "1"], ["check"]):
        done = chumoku(*command, library=library)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout.strip()


def test_options_stand_in_any_order(tmp_path: Path, folder: Path):
    library = tmp_path / "library"
    chumoku("add", "--json", str(folder), library=library)
    answers = [
        chumoku(
            "search", "ポンプ", "--json", "--top", "3", "--in", "1", "--in", "2", library=library
        ),
        chumoku("search", "--in", "2", "--top=3", "--in=1", "--json", "ポンプ", library=library),
        # The library may also be named after the command.
        chumoku(
            *("search", "ポンプ", "--json", "--library", str(library), "--in", "2", "--in", "1"),
            library=tmp_path / "another",
        ),
    ]
    found = [json.loads(answer.stdout)["hits"] for answer in answers]
    assert found[0]
    assert found[0] == found[1] == found[2]
    assert not (tmp_path / "another").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_are_no_unicode_and_controls(tmp_path: Path):
    folder = os.fsencode(tmp_path / "names")
    os.mkdir(folder)  # noqa: PTH102
    for name in (b"\xff\xfe.txt", b"new\nline.txt", b"esc\x1b[31m.txt"):
        with open(os.path.join(folder, name), "wb") as stream:  # noqa: PTH118, PTH123
            stream.write("ポンプを拭く。\n".encode())
    library = tmp_path / "library"
    added = chumoku("add", os.fsdecode(folder), "--json", library=library)
    assert (added.returncode, added.stderr) == (0, "")
    paths = {item["path"] for item in lines(added.stdout)}
    assert paths == {os.fsdecode(os.path.join(folder, name)) for name in os.listdir(folder)}  # noqa: PTH118, PTH208
    found = json.loads(chumoku("search", "ポンプ", "--json", library=library).stdout)
    assert {hit["path"] for hit in found["hits"]} == paths
    for suffix in ("pdf", "docx", "html", "json"):
        target = tmp_path / f"answer.{suffix}"
        done = chumoku("export", "1", "--to", str(target), library=library)
        assert (done.returncode, done.stderr) == (0, ""), suffix
    for command in (["list"], ["evidence"], ["evidence", "1"], ["search", "ポンプ"]):
        done = chumoku(*command, library=library)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert "\x1b" not in done.stdout
    listed = chumoku("list", library=library).stdout.splitlines()
    assert len(listed) == 1 + len(paths)
    # A terminal in another code page hands over bytes that are no characters.
    assert chumoku("search", os.fsdecode(b"\xff\xfe"), "--json", library=library).returncode == 0


def test_a_file_of_questions(tmp_path: Path, folder: Path):
    library, questions = tmp_path / "library", tmp_path / "questions.txt"
    chumoku("add", str(folder), library=library)
    questions.write_bytes("\ufeffポンプ\r\n\r\n  \r\n箱\u2028布\r\n".encode())
    done = chumoku("search", "--queries", str(questions), library=library)
    assert [item["query"] for item in lines(done.stdout)] == ["ポンプ", "箱\u2028布"]
    assert (done.returncode, done.stderr) == (0, "")

    questions.write_text("ポンプ\n" + "検" * 5000 + "\n箱\n", encoding="utf-8")
    done = chumoku("search", "--queries", str(questions), library=library)
    assert [item["query"] for item in lines(done.stdout)] == ["ポンプ", "箱"]
    assert done.returncode == 1
    assert "line 2: the question is too long" in done.stderr

    questions.write_bytes("締付トルク".encode("cp932"))
    for file, words in ((questions, "UTF-8"), (tmp_path / "none.txt", "cannot be read")):
        done = chumoku("search", "--queries", str(file), library=library)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert file.name in done.stderr


def test_the_history_is_whole(tmp_path: Path, folder: Path):
    from engine.service import Library

    with Library.open(tmp_path / "library") as library:
        for number in range(205):
            library.search(f"q{number}")
    listed = json.loads(chumoku("evidence", "--json", library=tmp_path / "library").stdout)
    assert [item["query"] for item in listed] == [f"q{number}" for number in reversed(range(205))]


def test_the_version(tmp_path: Path):
    done = chumoku("--version", library=tmp_path / "library")
    assert (done.returncode, done.stdout) == (0, f"chumoku {version('chumoku')}\n")
    assert not (tmp_path / "library").exists()


def test_nothing_to_add_is_said(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    done = chumoku("add", str(tmp_path / "empty"), "--json", library=tmp_path / "library")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no files found" in done.stderr
    done = chumoku("add", str(tmp_path / "none.txt"), "--json", library=tmp_path / "library")
    assert done.returncode == 1
    assert lines(done.stdout)[0]["reason"] == "file_missing"


def test_a_library_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "library.db").write_bytes(b"garbage" * 500)
    for name, words in (("file", "another with --library"), ("broken", "damaged")):
        done = chumoku("list", "--json", library=tmp_path / name)
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
        assert str(tmp_path / name) in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["summarize", str(10**20)], 2, "9223372036854775807"),
        (["search", "x", "--top", "0"], 2, "--top"),
        (["add"], 2, "PATH"),
        (["search", " "], 1, "the question is empty"),
        (["search"], 2, "QUERY"),
        (["search", "x", "--in", "77"], 1, "there is no such document"),
        (["evidence", "77"], 1, "there is no such evidence record"),
        (["export", "77", "--to", "x.pdf"], 1, "there is no such evidence record"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_errors_are_told_on_standard_error(
    tmp_path: Path, arguments: list[str], status: int, words: str
):
    done = chumoku(*arguments, library=tmp_path / "library")
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
