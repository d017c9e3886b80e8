"""Every code has words on the command line, and names cannot play tricks on a terminal."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from engine import cli_text, errors
from engine.errors import StoreError
from engine.records import AddResult, DocumentId, EvidenceId, Replay
from engine.search.pipeline import RankedPassages
from engine.store.checks import Checks

ENGINE = Path(cli_text.__file__).parent
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.ChumokuError)
}
QUOTED = re.compile(r"``([a-z]+(?:_[a-z]+)+)")


def raised_codes() -> set[str]:
    """Codes that stand in a call such as ``ReadingError("file_empty", ...)``."""
    codes = set()
    for file in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", None))
                first = node.args[0]
                if name in KINDS and isinstance(first, ast.Constant):
                    codes.add(first.value)
    return codes


def documented(*things: object) -> set[str]:
    return {code for thing in things for code in QUOTED.findall(inspect.getdoc(thing) or "")}


def test_every_error_code_has_words():
    codes = raised_codes()
    assert {"file_empty", "store_newer", "query_empty", "pack_missing", "export_format"} <= codes
    codes |= documented(*(getattr(errors, name) for name in KINDS))
    assert codes - set(cli_text.REASONS) == set()


def test_every_note_change_and_problem_has_words():
    notes = documented(RankedPassages)
    assert "not_analysed" in notes
    assert notes - set(cli_text.NOTES) == set()
    changes = documented(Replay)
    assert "pack_changed" in changes
    assert changes - set(cli_text.CHANGES) == set()
    problems = documented(Checks.check) - set(cli_text.REASONS)
    assert "search_broken" in problems
    assert problems - {"rebuild_search"} - set(cli_text.PROBLEMS) == set()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("手順 1.txt", "手順 1.txt"),
        ("a\nb.txt", r"a\nb.txt"),
        ("\x1b[2Jx", r"\x1b[2Jx"),
        ("report\u202efdp.exe", r"report\u202efdp.exe"),
        (":smile:[red]x", ":smile:[red]x"),
    ],
)
def test_a_name_stays_on_its_line(name: str, shown: str):
    assert cli_text.shown(name) == shown
    result = AddResult(name, DocumentId(1), "added", None, {}, 1, 2, 0.1)
    assert "\n" not in cli_text.add_line(result)
    assert shown in cli_text.add_line(result)


def test_an_error_names_the_file_and_the_reason():
    error = StoreError("document_not_analysed", document_id=3, reason="file_empty")
    words = cli_text.error_text(error)
    assert "document_id: 3" in words
    assert "the file is empty" in words


def test_a_replay_tells_what_changed():
    replay = Replay(EvidenceId(4), False, ("file_missing:/a/b.pdf", "pack_changed"), (), None)
    words = cli_text.replay_text(replay)
    assert "evidence 4: different result" in words
    assert "the file is missing: /a/b.pdf" in words
    assert "the model pack has changed" in words
