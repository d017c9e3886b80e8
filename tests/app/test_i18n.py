"""Words: both tables whole, every code of the engine and every key of the window in both."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale

import app
import engine
from app import i18n
from app.i18n import LANGUAGES, Words, load_table
from engine import errors
from engine.errors import ChumokuError, ReadingError
from engine.evaluate.set_rows import SetError

TABLES = {language: load_table(language) for language in LANGUAGES}
ERRORS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, ChumokuError)
}
DYNAMIC = {
    "docs.{name}": ["open", "summarise", "restrict", "retry", "cancel", "folder", "remove"],
    "status.{info.status}": ["read", "running", "interrupted", "analysed", "failed"],
    "history.{item.kind}": ["search", "summary"],
    "history.{keys[section]}": ["time", "kind", "query", "hits", "documents"],
    "part.{part}": ["lexical", "dense", "attention"],
    "why.{part}": ["lexical", "dense", "attention"],
    "why.{part}_tip": ["lexical", "dense", "attention"],
    "why.{name}": ["recall", "cosine", "overlap", "density"],
    "why.{name}_tip": ["recall", "cosine", "overlap", "density"],
    "why.{name}_button": ["deletion", "replay"],
    "menu.{kind}": ["language", "theme"],
    "note.{name}": ["model_missing", "not_analysed", "quotes_ignored"],
}


def _trees(package) -> Iterator[ast.Module]:
    folder = Path(package.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        yield ast.parse(path.read_text("utf-8"))


def _engine_calls(names: set[str]) -> set[str]:
    """First arguments, where plain text, of calls in the engine to any of these names."""
    found = set()
    for tree in _trees(engine):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                first = node.args[0]
                if (
                    name in names
                    and isinstance(first, ast.Constant)
                    and isinstance(first.value, str)
                ):
                    found.add(first.value)  # fmt: skip
    return found


def _documented_codes() -> set[str]:
    codes = set()
    for name in ERRORS - {"ChumokuError"}:
        text = getattr(errors, name).__doc__
        codes |= set(re.findall(r"``([a-z]+(?:_[a-z]+)+)``", text))
    return codes


def _keys_in_window() -> set[str]:
    """Every text of the window's code that looks like a key of the tables."""
    prefixes = {key.split(".")[0] for key in TABLES["ja"]}
    pattern = re.compile(rf"({'|'.join(sorted(prefixes))})\.[a-z_]+")
    found = set()
    for tree in _trees(app):
        for node in ast.walk(tree):
            value = getattr(node, "value", None)
            if isinstance(value, str) and pattern.fullmatch(value):
                found.add(value)
    return found


def _places(text: str) -> set[str]:
    return {field for _text, field, _spec, _conversion in string.Formatter().parse(text) if field}


def test_both_tables_have_the_same_keys_and_the_same_places_for_values():
    assert set(TABLES["ja"]) == set(TABLES["en"])
    for key, text in TABLES["ja"].items():
        fields = [
            {f for _t, f, _s, _c in string.Formatter().parse(x) if f}
            for x in (text, TABLES["en"][key])
        ]
        assert fields[0] == fields[1], key  # fmt: skip
        assert text.strip()
        assert TABLES["en"][key].strip()


def test_every_error_code_of_the_engine_has_words():
    codes = _engine_calls(ERRORS | {"ConfigError"}) | _documented_codes()
    assert len(codes) > 25
    assert [code for code in sorted(codes) if f"error.{code}" not in TABLES["ja"]] == []


def test_words_for_a_set_of_which_no_question_is_within_the_documents():
    error = SetError("set_none_within", tokens=2048)
    english, japanese = (Words(language).error(error) for language in ("en", "ja"))
    assert "documents of 2048 tokens" in english and "larger --tokens or another set" in english
    assert "2048 トークン" in japanese
    assert "--tokens を大きく" in japanese and "別のセット" in japanese


def test_every_stage_of_the_engine_has_words():
    stages = _engine_calls({"Progress"})
    assert {"read", "index", "encode", "store"} <= stages
    assert [stage for stage in sorted(stages) if f"stage.{stage}" not in TABLES["ja"]] == []


def test_every_change_a_replay_can_report_has_words():
    text = Path(engine.__file__).with_name("records").joinpath("evidence.py").read_text("utf-8")
    described = text[text.index("Codes of what changed") :][:400]
    codes = {code.split(":")[0] for code in re.findall(r"``([a-z_]+)", described)}
    assert {"file_changed", "pack_changed", "result_changed"} <= codes
    assert [code for code in sorted(codes) if f"change.{code}" not in TABLES["ja"]] == []


def test_every_key_the_window_uses_has_words():
    keys = _keys_in_window()
    assert len(keys) > 100
    assert [key for key in sorted(keys) if key not in TABLES["ja"]] == []
    for pattern, values in DYNAMIC.items():
        for value in values:
            assert re.sub(r"\{[^}]*\}", value, pattern) in TABLES["ja"]


def test_no_words_lie_unused():
    used = _keys_in_window()
    used |= {
        re.sub(r"\{[^}]*\}", value, key) for key, values in DYNAMIC.items() for value in values
    }
    coded = ("error.", "stage.", "change.", "warning.", "language.", "theme.")
    assert [k for k in sorted(TABLES["ja"]) if k not in used and not k.startswith(coded)] == []


def test_language_can_be_switched_and_views_hear_of_it(qtbot):
    words = Words("ja")
    assert words("tab.results") == "検索結果"
    with qtbot.waitSignal(words.changed):
        words.choose("en")
    assert words("tab.results") == "Results"


def test_japanese_systems_get_japanese_and_all_others_english(monkeypatch):
    for name, expected in (("ja_JP", "ja"), ("en_US", "en"), ("de_DE", "en")):
        monkeypatch.setattr(i18n.QLocale, "system", staticmethod(lambda name=name: QLocale(name)))
        assert Words("system").language == expected


def test_errors_become_sentences(words):
    assert (
        words.error(ReadingError("file_encrypted", path="/a/b.pdf"))
        == "パスワードで保護されています"
    )
    assert "KeyError" in words.error(KeyError("x"))
    assert "new_code" in words.error(ChumokuError("new_code"))
    assert words.change_code("file_changed:C:\\図面\\a.pdf").endswith("a.pdf")
    assert words.warning("page_without_text:12") == "12 ページに文字がありません"


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_survive_absent_values(language, qapp):
    words = Words(language)
    for key in TABLES[language]:
        assert isinstance(words(key), str)
