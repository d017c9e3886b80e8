import errno
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import Cancelled, ExportError
from engine.export import export
from engine.export.files import export_error, write_whole
from engine.progress import CancelToken

FORMATS = [".pdf", ".docx", ".html", ".json"]


@pytest.fixture
def evidence(answers):
    revision = answers.add("a.txt", "締付トルクは 12.5 N·m とする。".encode())
    return answers.search([answers.hit(1, revision, "締付トルク", {"トルク": 0.5})])


@pytest.mark.parametrize("suffix", FORMATS)
def test_existing_target_is_replaced_and_nothing_else_is_left(answers, evidence, tmp_path, suffix):
    folder = tmp_path / "出力 先"
    folder.mkdir()
    target = folder / f"結果{suffix}"
    target.write_bytes(b"old")
    assert answers.export(evidence, target) == target
    assert target.read_bytes() != b"old"
    assert [path.name for path in folder.iterdir()] == [target.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_existing_target_survives_cancelling(answers, evidence, tmp_path, suffix):
    target = tmp_path / f"out{suffix}"
    target.write_bytes(b"old")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        answers.export(evidence, target, cancel=token)
    assert target.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"originals", target.name}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_leaves_the_target_as_it_was(tmp_path: Path):
    target = tmp_path / "out.html"
    target.write_bytes(b"old")

    def write(path: Path) -> None:
        path.write_bytes(b"half")
        with Path("/dev/full").open("wb", buffering=0) as stream:
            stream.write(b"the other half")

    with pytest.raises(ExportError) as caught:
        write_whole(target, write, CancelToken())
    assert caught.value.code == "export_full"
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]


def test_target_that_cannot_be_replaced_is_denied(answers, evidence, tmp_path: Path):
    target = tmp_path / "out.html"
    target.mkdir()
    (target / "inside").touch()
    with pytest.raises(ExportError) as caught:
        answers.export(evidence, target)
    assert caught.value.code == "export_denied"
    assert caught.value.details["path"] == str(target)
    assert {path.name for path in tmp_path.iterdir()} == {"originals", "out.html"}


@pytest.mark.skipif(sys.platform != "win32", reason="only Windows locks open files")
def test_target_open_in_another_program_is_denied(answers, evidence, tmp_path: Path):
    target = tmp_path / "out.docx"
    target.write_bytes(b"old")
    with target.open("rb"), pytest.raises(ExportError, match="export_denied"):
        answers.export(evidence, target)
    assert target.read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_read_only_folder_is_denied(answers, evidence, tmp_path: Path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(ExportError, match="export_denied"):
        answers.export(evidence, folder / "out.json")


@pytest.mark.parametrize("suffix", FORMATS)
def test_missing_folder_is_denied(answers, evidence, tmp_path: Path, suffix: str):
    with pytest.raises(ExportError, match="export_denied"):
        answers.export(evidence, tmp_path / "nowhere" / f"out{suffix}")


def test_unknown_format_is_refused(answers, evidence, tmp_path: Path):
    with pytest.raises(ExportError, match="export_format"):
        answers.export(evidence, tmp_path / "out.xlsx")


def test_missing_source_is_refused_before_anything_is_written(answers, evidence, tmp_path: Path):
    def gone(revision_id: int):
        raise ExportError("export_source_missing", path=str(revision_id))

    target = tmp_path / "out.json"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ExportError, match="export_source_missing"):
        export(evidence, gone, target, now=now)
    assert not target.exists()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "export_full"),
        (errno.EDQUOT, "export_full"),
        (errno.EACCES, "export_denied"),
        (errno.ENAMETOOLONG, "export_denied"),
    ],
)
def test_codes_of_the_file_system(number: int, code: str):
    assert export_error(OSError(number, "why"), Path("x")).code == code
