"""A program that adds, analyses and removes documents until it is killed.

It writes a line to stdout after each thing that was done, or before it is begun where a kill may
fall on either side. Run as ``adder.py LIBRARY FOLDER NAME COUNT``.
"""

import os
import runpy
import sys
from pathlib import Path

from engine.store import Store

helpers = runpy.run_path(str(Path(__file__).with_name("conftest.py")))


def say(word: str, number: int) -> None:
    os.write(1, f"{word} {number}\n".encode())


def record(evidence_id: int) -> bytes:
    return b'{"id": %d}' % evidence_id


def main(library: Path, folder: Path, name: str, count: int) -> None:
    with Store.open(library) as store:
        say("open", 0)
        for number in range(count):
            path = folder / f"{name}-{number}.txt"
            path.write_text(
                "\n".join(f"文書 {name}-{number} 行 {i} {'字' * 60}" for i in range(30))
            )
            document, passages, terms = helpers["read_file"](path)
            _, revision_id, _ = store.add_read(path, document, passages, terms, path)
            say("added", number)
            store.claim(revision_id)
            store.save_encoding(revision_id, helpers["make_encoding"](30, tokens=700))
            say("analysed", number)
            kept = [revision_id] if number % 2 else []
            store.add_evidence("search", name, "2026", [], 1, None, kept, record)
            if number % 3 == 2:
                known = store.known(folder / f"{name}-{number - 1}.txt")
                assert known is not None
                say("removing", number - 1)
                store.remove(known.document_id)
                say("removed", number - 1)


main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
