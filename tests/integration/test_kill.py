"""``kill -9`` during ``add``: nothing that was reported is lost, and the library goes on.

Each round starts the command line on the same folder and kills it, with no chance to clean up, at
a random moment; the next round goes on with what the kill left.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from engine.progress import run
from engine.service import Library

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = 24
KILLS = 14
PHRASES = (
    "作業の前に治具の摩耗を確かめる。",
    "規定の値から外れたものは隔離し、責任者に知らせる。",
    "The operator signs the record before the part leaves the cell.",
    "部品は番号順に並べ、混ざらないように仕切る。",
    "測定は室温に一時間置いてから行う。",
)


def word(number: int) -> str:
    return f"KX-{4000 + number}-77"


def write_documents(folder: Path) -> None:
    generator = random.Random(7)
    for number in range(DOCUMENTS):
        lines = [f"製品 {word(number)} の取扱い", ""]
        lines += [generator.choice(PHRASES) for _ in range(generator.randrange(10, 120))]
        (folder / f"取扱 {number:02}.txt").write_text("\n".join(lines), encoding="utf-8")


def start_add(library: Path, folder: Path) -> subprocess.Popen[bytes]:
    code = "import sys; from app.entry import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, "--library", str(library), "add", str(folder), "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def reported(output: bytes) -> set[str]:
    """Paths on complete lines; a kill may cut the last one."""
    whole = output.decode("utf-8").split("\n")[:-1]
    return {item["path"] for item in map(json.loads, whole) if item["status"] != "failed"}


def assert_nothing_lost(library: Path, promised: set[str]) -> None:
    with Library.open(library) as opened:
        report = run(opened.check())
        assert report.ok, report.problems
        states = {info.path: info.status for info in opened.documents()}
        assert "running" not in states.values()
        assert {states.get(path) for path in promised} <= {"analysed"}


def assert_complete(library: Path) -> None:
    with Library.open(library) as opened:
        assert opened.pending() == 0
        assert [info.status for info in opened.documents()] == ["analysed"] * DOCUMENTS
        for number in range(DOCUMENTS):
            hit = opened.search(word(number)).hits[0]
            assert word(number) in hit.text
            assert None not in (hit.parts.lexical, hit.parts.dense, hit.parts.attention)


def test_killed_at_many_moments_nothing_reported_is_lost(tmp_path: Path):
    folder = tmp_path / "documents"
    folder.mkdir()
    write_documents(folder)

    began = time.monotonic()
    process = start_add(tmp_path / "library 0", folder)
    assert len(reported(process.communicate()[0])) == DOCUMENTS
    whole_s = time.monotonic() - began

    generator = random.Random(20261123)
    rounds = kills = 0
    promised: set[str] = set()
    library = tmp_path / "library 1"
    while kills < KILLS:
        rounds += 1
        assert rounds <= 5 * KILLS
        process = start_add(library, folder)
        time.sleep(generator.uniform(0.1, 1.0) * whole_s)
        process.kill()
        promised |= reported(process.communicate()[0])
        assert_nothing_lost(library, promised)
        if process.returncode == 0:
            # It was quicker than the kill: everything is there, and the next round starts anew.
            assert_complete(library)
            library, promised = tmp_path / f"library {rounds + 1}", set()
        else:
            kills += 1

    process = start_add(library, folder)
    process.communicate()
    assert process.returncode == 0
    assert_complete(library)
