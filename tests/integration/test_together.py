"""Several programs on one library, Ctrl+C, and outputs that nobody reads to the end."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine.progress import run
from engine.service import Library

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "documents"
    made.mkdir()
    for number in range(DOCUMENTS):
        text = f"製品 KY-{500 + number} の取扱い\n" + "部品を検査し、結果を記録する。\n" * 40
        (made / f"取扱 {number:02}.txt").write_text(text, encoding="utf-8")
    return made


def start(*arguments: str, start_new_session: bool = False) -> subprocess.Popen[bytes]:
    code = "import sys; from app.entry import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=start_new_session,
    )


def test_two_programs_add_and_a_third_asks(tmp_path: Path, folder: Path):
    library = tmp_path / "library"
    adding = [start("--library", str(library), "add", str(folder), "--json") for _ in range(2)]
    asked = 0
    while any(process.poll() is None for process in adding):
        asking = start("--library", str(library), "search", "KY-507", "--json")
        output, errors = asking.communicate()
        assert (asking.returncode, errors) == (0, b"")
        assert isinstance(json.loads(output)["hits"], list)
        asked += 1
    assert asked
    states: Counter[str] = Counter()
    for process in adding:
        output, errors = process.communicate()
        assert (process.returncode, errors) == (0, b"")
        states.update(json.loads(line)["status"] for line in output.decode().splitlines())
    assert states == {"added": DOCUMENTS, "unchanged": DOCUMENTS}
    with Library.open(library) as opened:
        assert [info.status for info in opened.documents()] == ["analysed"] * DOCUMENTS
        assert {info.revision for info in opened.documents()} == {1}
        assert run(opened.check()).ok


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a process group")
def test_control_c_stops_and_the_rest_is_done_later(tmp_path: Path, folder: Path):
    library = tmp_path / "library"
    arguments = ("--library", str(library), "add", str(folder), "--json")
    process = start(*arguments, start_new_session=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    # As a terminal does it: the whole group, with the child that reads files.
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate()
    assert (process.returncode, errors.decode()) == (130, "chumoku: stopped\n")
    reported = [json.loads(line) for line in (first + output).decode().splitlines()]
    assert 0 < len(reported) < DOCUMENTS
    process = start(*arguments)
    assert process.communicate()[1] == b""
    assert process.returncode == 0
    with Library.open(library) as opened:
        assert [info.status for info in opened.documents()] == ["analysed"] * DOCUMENTS


def test_a_reader_that_goes_away_is_no_defect(tmp_path: Path, folder: Path):
    library = tmp_path / "library"
    with Library.open(library) as opened:
        run(opened.add([folder]))
    questions = tmp_path / "questions.txt"
    questions.write_text("取扱い\n" * 60, encoding="utf-8")
    process = start("--library", str(library), "search", "--queries", str(questions))
    assert process.stdout is not None
    assert process.stderr is not None
    json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1
    process.stderr.close()
