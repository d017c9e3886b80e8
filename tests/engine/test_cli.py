"""The command line, run as its users and scripts run it."""

import json
import os
import subprocess
import sys
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
    assert set(hit["parts"]) == {"lexical", "dense", "attention"}
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


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
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
