import os
import random
import subprocess
import sys
import time
from pathlib import Path

from engine.progress import run
from engine.store import Store

ADDER = Path(__file__).with_name("adder.py")
ROOT = Path(__file__).parents[3]


def start(library: Path, folder: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(ADDER), str(library), str(folder), name, str(count)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )


def reported(output: bytes) -> dict[str, set[int]]:
    """What the program said, by word; a line cut short was not said."""
    said: dict[str, set[int]] = {}
    for line in output.decode().splitlines(keepends=True):
        if line.endswith("\n"):
            word, number = line.split()
            said.setdefault(word, set()).add(int(number))
    return said


def check_against(store: Store, folder: Path, name: str, said: dict[str, set[int]]) -> None:
    begun = said.get("removing", set())
    for number in said.get("added", set()) - begun:
        path = folder / f"{name}-{number}.txt"
        known = store.known(path)
        assert known is not None and known.revision_id is not None, f"{path.name} is lost"
        revision_id = known.revision_id
        assert store.text(revision_id) == path.read_text(encoding="utf-8")
        assert store.original(revision_id).read_bytes() == path.read_bytes()
        assert len(store.postings([revision_id]).postings(f"{name}-{number}")) == 30
        if number in said.get("analysed", set()):
            assert known.status == "analysed" and store.encoding(revision_id) is not None
        else:
            assert known.status in ("read", "interrupted", "analysed")
    for number in said.get("removed", set()):
        assert store.known(folder / f"{name}-{number}.txt") is None


def test_a_kill_at_any_moment_loses_nothing_that_was_reported(tmp_path):
    library, files = tmp_path / "library", tmp_path / "files"
    rng = random.Random(20261123)
    added = 0
    for attempt in range(20):
        name = f"k{attempt}"
        process = start(library, files, name, 10_000)
        assert process.stdout is not None
        # Half of the kills fall anywhere from the first import on, half on the work itself.
        first = b""
        if attempt % 2:
            first = b"".join(process.stdout.readline() for _ in range(rng.randint(2, 12)))
        time.sleep(rng.uniform(0.0, 0.06) if attempt % 2 else rng.uniform(0.2, 0.6))
        process.kill()
        output = first + process.communicate()[0]
        said = reported(output)
        added += len(said.get("added", ()))
        with Store.open(library) as store:
            check_against(store, files, name, said)
            assert all(info.status != "running" for info in store.documents())
            if attempt % 5 == 4:
                assert run(store.check(deep=True)).problems == ()
    assert added >= 10
    with Store.open(library) as store:
        waiting = store.pending()
        assert all(store.claim(revision_id) for revision_id in waiting)
        on_disk = {path.name for path in (library / "files").iterdir()}
        used = {
            store.original(info.revision_id).name
            for document_id in range(1, 1 + max(i.document_id for i in store.documents()))
            for info in store.revisions(document_id)  # type: ignore[arg-type]
            if info.revision_id is not None
        }
        assert on_disk == used


def test_two_programs_write_one_library(tmp_path):
    library, files = tmp_path / "library", tmp_path / "files"
    processes = {name: start(library, files, name, 12) for name in ("one", "two")}
    outputs = {name: process.communicate(timeout=120)[0] for name, process in processes.items()}
    assert [process.returncode for process in processes.values()] == [0, 0]
    with Store.open(library) as store:
        for name, output in outputs.items():
            said = reported(output)
            assert len(said["added"]) == 12
            check_against(store, files, name, said)
        assert len(store.documents()) == 2 * (12 - 4)
        assert run(store.check(deep=True)).problems == ()
