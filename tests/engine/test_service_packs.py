"""The façade without a model pack, with another one, and with one that was fitted anew."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from engine.errors import PackError, StoreError
from engine.model.pack import write_section
from engine.models import default_pack
from engine.progress import run
from engine.service import Library


def test_without_a_model_exact_search_still_answers(tmp_path: Path, files: list[Path]):
    with Library.open(tmp_path / "library", pack=tmp_path / "no pack") as library:
        results = run(library.add(files))
        assert {result.reason for result in results if result.status == "added"} == {"pack_missing"}
        found = library.search("HV-2041-07")
        assert "±0.05" in found.hits[0].text
        assert found.notes == ("model_missing",)
        assert library.pack_info() == {"error": "pack_missing"}
        with pytest.raises((PackError, StoreError)):
            library.summarize(found.hits[0].document_id)
    with Library.open(tmp_path / "library") as library:
        assert library.pending() == 2


@pytest.fixture
def other_pack(tmp_path: Path) -> Path:
    """The pack that ships, one space longer: the same model under another identity."""
    folder = Path(shutil.copytree(default_pack(), tmp_path / "other pack"))
    data = (folder / "tokenizer.json").read_bytes() + b" "
    (folder / "tokenizer.json").write_bytes(data)
    manifest = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(data).hexdigest()
    manifest["files"]["tokenizer.json"] = {"sha256": digest, "bytes": len(data)}
    (folder / "pack.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_vectors_of_another_pack_are_not_mixed_in(
    tmp_path: Path, files: list[Path], other_pack: Path
):
    with Library.open(tmp_path / "library") as library:
        run(library.add(files))
        asked = library.search("合いマーク")
        text_id = asked.hits[0].document_id
        focused = library.summarize(text_id, "部品の洗い方", 1)
        plain = library.summarize(text_id)
    with Library.open(tmp_path / "library", pack=other_pack) as library:
        found = library.search("合いマーク")
        assert found.notes == ("not_analysed:2",)
        assert (found.hits[0].parts.dense, found.hits[0].parts.attention) == (None, None)
        assert "合いマーク" in found.hits[0].text
        for answer in (asked, plain, focused):
            assert "pack_changed" in library.replay(answer.evidence_id).changes
        assert library.replay(plain.evidence_id).same
        assert not library.replay(focused.evidence_id).same
        with pytest.raises(StoreError, match="document_not_analysed"):
            library.summarize(text_id, "部品の洗い方", 1)
        with pytest.raises(StoreError, match="document_not_analysed"):
            library.deletion_test(asked.evidence_id, 1)

        assert library.pending() == 2
        run(library.resume())
        assert library.search("合いマーク").hits == asked.hits
        replay = library.replay(focused.evidence_id)
        assert (replay.same, replay.changes) == (True, ("pack_changed",))


def test_an_answer_of_before_a_fit_says_so_and_needs_no_analysis(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
):
    folder = Path(shutil.copytree(default_pack(), tmp_path / "fitted pack"))
    with Library.open(tmp_path / "library", pack=folder) as library:
        run(library.add(files))
        asked = library.search("合いマーク")
        plain = library.summarize(asked.hits[0].document_id)
    write_section(folder, "fusion", {})
    with Library.open(tmp_path / "library", pack=folder) as library:
        assert library.pending() == 0
        replay = library.replay(asked.evidence_id)
        assert "pack_changed" in replay.changes and not replay.same
        assert library.replay(plain.evidence_id).changes == ()
