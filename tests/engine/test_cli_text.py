"""Every code has words on the command line, and names cannot play tricks on a terminal."""

import ast
import inspect
import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine import cli_text, cli_words, errors
from engine.errors import StoreError
from engine.evaluate.set_rows import SetError
from engine.json_output import fidelity_json
from engine.records import (
    AddResult,
    DocumentId,
    Evidence,
    EvidenceId,
    Fidelity,
    Replay,
    RevisionId,
    SourceFile,
)
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
                if name in KINDS | {"ConfigError"} and isinstance(first, ast.Constant):
                    codes.add(first.value)
    return codes


def documented(*things: object) -> set[str]:
    return {code for thing in things for code in QUOTED.findall(inspect.getdoc(thing) or "")}


def test_every_error_code_has_words():
    codes = raised_codes()
    assert {"file_empty", "store_newer", "query_empty", "pack_missing", "export_format"} <= codes
    codes |= documented(*(getattr(errors, name) for name in KINDS))
    assert codes - set(cli_words.REASONS) == set()


def test_every_note_change_and_problem_has_words():
    notes = documented(RankedPassages)
    assert "not_analysed" in notes
    assert notes - set(cli_words.NOTES) == set()
    changes = documented(Replay)
    assert "pack_changed" in changes
    assert changes - set(cli_words.CHANGES) == set()
    problems = documented(Checks.check) - set(cli_words.REASONS)
    assert "search_broken" in problems
    assert problems - {"rebuild_search"} - set(cli_words.PROBLEMS) == set()


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
    assert cli_words.shown(name) == shown
    result = AddResult(name, DocumentId(1), "added", None, {}, 1, 2, 0.1)
    assert "\n" not in cli_text.add_line(result)
    assert shown in cli_text.add_line(result)


def test_an_error_names_the_file_and_the_reason():
    error = StoreError("document_not_analysed", document_id=3, reason="file_empty")
    words = cli_words.error_text(error)
    assert "document_id: 3" in words
    assert "the file is empty" in words


def test_a_detail_stands_where_the_words_name_it():
    words = cli_words.error_text(SetError("set_none_within", tokens=2048, path="/a{tokens}"))
    assert "within its documents of 2048 tokens; a larger --tokens or another set helps" in words
    assert words.endswith("helps (path: /a{tokens})")


def test_evidence_shows_the_fidelity_that_was_measured(capsys: pytest.CaptureFixture[str]):
    source = SourceFile(DocumentId(1), RevisionId(2), 1, "/a/b.txt", "ab" * 32, "b", "text")
    record = Evidence(
        EvidenceId(4), "search", "q", "2026-11-23T10:00:00+09:00", "0.1.0", {}, "cd" * 32,
        (source,), (RevisionId(2),), (), None, {},
        {2: Fidelity(0.931, 0.812, 0.053, 24, 0.021, 0.99123, 0.975)},
    )  # fmt: skip
    wide = "passage-vector cosine 0.9912, top-10 overlap 97.5%"
    cli_text.show_evidence(record)
    shown = " ".join(capsys.readouterr().out.split())
    assert "attention kept 93.1% of its dense mass (5th percentile 81.2%)" in shown
    assert f"against dense attention at 24 places: output error 5.3%, {wide}" in shown
    assert fidelity_json(record.fidelity[2])["top10_overlap"] == 0.975
    before = replace(record, fidelity={2: Fidelity(0.931, 0.812, 0.053, 24, 0.021)})
    cli_text.show_evidence(before)
    shown = " ".join(capsys.readouterr().out.split())
    assert "at 24 places: output error 5.3%" in shown
    assert "cosine" not in shown and "overlap" not in shown
    assert fidelity_json(before.fidelity[2])["passage_cosine"] is None


def test_a_replay_tells_what_changed():
    replay = Replay(EvidenceId(4), False, ("file_missing:/a/b.pdf", "pack_changed"), (), None)
    words = cli_text.replay_text(replay)
    assert "evidence 4: different result" in words
    assert "the file is missing: /a/b.pdf" in words
    assert "the model pack has changed" in words
