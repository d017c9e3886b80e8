import hashlib
import io
import os
import random
import zipfile

import docx
import openpyxl
import pymupdf
import pytest

from engine.errors import Cancelled, ReadingError
from engine.progress import CancelToken
from engine.reading.limits import Limits
from engine.reading.registry import SUPPORTED_SUFFIXES, read
from engine.reading.source import file_error, hash_file

AES_256: int = vars(pymupdf)["PDF_ENCRYPT_AES_256"]


def code_of(path, limits=None):
    with pytest.raises(ReadingError) as caught:
        read(path, limits or Limits())
    assert caught.value.details["path"] == str(path)
    return caught.value.code


@pytest.fixture
def pdf_bytes():
    with pymupdf.open() as document:
        for number in range(5):
            page = document.new_page()
            page.insert_text((50, 100), f"{number}ページの本文です。", fontname="japan")
        return document.tobytes(deflate=True, garbage=3)


@pytest.fixture
def docx_bytes():
    document = docx.Document()
    document.add_paragraph("本文")
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def write(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_missing(tmp_path):
    assert code_of(tmp_path / "ない.pdf") == "file_missing"
    path = write(tmp_path, "file.txt", b"x")
    assert code_of(path / "inside.txt") == "file_missing"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind root")
def test_denied(tmp_path):
    path = write(tmp_path, "secret.txt", b"x")
    path.chmod(0)
    assert code_of(path) == "file_denied"


def test_what_the_system_says_is_named(tmp_path):
    path = tmp_path / "a.pdf"
    locked = PermissionError(13, "used by another process")
    locked.winerror = 32  # type: ignore[attr-defined]
    assert file_error(path, locked).code == "file_locked"
    assert file_error(path, PermissionError(13, "no")).code == "file_denied"
    assert file_error(path, FileNotFoundError(2, "no")).code == "file_missing"
    assert file_error(path, OSError(5, "I/O error")).code == "file_broken"


@pytest.mark.parametrize("suffix", SUPPORTED_SUFFIXES)
def test_empty(tmp_path, suffix):
    assert code_of(write(tmp_path, "empty" + suffix, b"")) == "file_empty"


def test_too_large(tmp_path):
    path = write(tmp_path, "big.txt", b"x" * 1001)
    assert code_of(path, Limits(bytes=1000)) == "file_too_large"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "xls"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "doc"),
        ("a.dwg", b"AC1032" + b"\0" * 100, "dwg"),
        ("a.xdw", b"\x60\x0e\x82\x01data", "xdw"),
        ("a.jtd", b"whatever", "jtd"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "png"),
        ("noname", b"whatever", "unknown"),
    ],
)
def test_unsupported_names_the_kind(tmp_path, name, data, kind):
    with pytest.raises(ReadingError) as caught:
        read(write(tmp_path, name, data), Limits())
    assert caught.value.code == "file_unsupported"
    assert caught.value.details["kind"] == kind


def test_a_folder_is_unsupported(tmp_path):
    assert code_of(tmp_path) == "file_unsupported"


def test_a_zip_is_unsupported(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    assert code_of(path) == "file_unsupported"


def test_content_outweighs_a_wrong_suffix(tmp_path, pdf_bytes):
    assert read(write(tmp_path, "wrong.docx", pdf_bytes), Limits()).kind == "pdf"


def test_a_copy_under_another_name_is_read_by_its_suffix(tmp_path):
    path = write(tmp_path, "0123abc", "品番,値\nA-1,2\n".encode())
    assert read(path, Limits(), suffix=".csv").kind == "csv"


@pytest.mark.parametrize("suffix", [".pdf", ".docx", ".xlsx", ".dxf"])
def test_gibberish_is_broken(tmp_path, suffix):
    data = random.Random(1).randbytes(5000)
    assert code_of(write(tmp_path, "broken" + suffix, data)) == "file_broken"


@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_binary_data_is_no_text(tmp_path, suffix):
    data = bytes(range(256)) * 20
    assert code_of(write(tmp_path, "binary" + suffix, data)) == "file_broken"


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_cut_off_office_file_is_broken(tmp_path, docx_bytes, share):
    data = docx_bytes[: int(len(docx_bytes) * share)]
    assert code_of(write(tmp_path, "cut.docx", data)) == "file_broken"


def test_a_damaged_member_is_broken(tmp_path, docx_bytes):
    damaged = bytearray(docx_bytes)
    start = damaged.index(b"word/document.xml") + 40
    damaged[start : start + 200] = bytes(200)
    assert code_of(write(tmp_path, "damaged.docx", bytes(damaged))) == "file_broken"


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_cut_off_pdf_is_repaired_or_broken(tmp_path, pdf_bytes, share):
    path = write(tmp_path, "cut.pdf", pdf_bytes[: int(len(pdf_bytes) * share)])
    try:
        document = read(path, Limits())
    except ReadingError as error:
        assert error.code in ("file_broken", "file_no_text")
    else:
        assert "file_repaired" in document.warnings


def test_encrypted_pdf(tmp_path, pdf_bytes):
    path = tmp_path / "locked.pdf"
    with pymupdf.open(stream=pdf_bytes, filetype="pdf") as document:
        document.save(path, encryption=AES_256, owner_pw="owner", user_pw="user")
    assert code_of(path) == "file_encrypted"


def test_a_pdf_protected_against_changes_only_is_read(tmp_path, pdf_bytes):
    path = tmp_path / "protected.pdf"
    with pymupdf.open(stream=pdf_bytes, filetype="pdf") as document:
        document.save(path, encryption=AES_256, owner_pw="owner", user_pw="")
    assert "本文です。" in read(path, Limits()).text


@pytest.mark.parametrize("suffix", [".docx", ".xlsx"])
def test_encrypted_office_file(tmp_path, suffix):
    data = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000 + "EncryptedPackage".encode("utf-16-le")
    )
    assert code_of(write(tmp_path, "locked" + suffix, data)) == "file_encrypted"


def repack(data, name, content):
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content)
    return stream.getvalue()


def test_zip_bomb(tmp_path, docx_bytes):
    bomb = repack(docx_bytes, "word/media/image1.bin", b"\0" * 50_000_000)
    assert len(bomb) < 200_000
    assert code_of(write(tmp_path, "bomb.docx", bomb)) == "file_archive_bomb"


def test_entity_bomb(tmp_path, docx_bytes):
    xml = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">]><d>&a;</d>'
    for content in (xml.encode(), xml.encode("utf-16")):
        bomb = repack(docx_bytes, "word/document.xml", content)
        assert code_of(write(tmp_path, "bomb.docx", bomb)) == "file_archive_bomb"


def test_limits_on_members_and_size(tmp_path, docx_bytes):
    path = write(tmp_path, "a.docx", docx_bytes)
    assert code_of(path, Limits(archive_members=3)) == "file_archive_bomb"
    assert code_of(path, Limits(archive_bytes=1000)) == "file_archive_bomb"


@pytest.mark.parametrize("name", ["blank.txt", "blank.csv", "blank.md"])
def test_blank_text_has_no_text(tmp_path, name):
    assert code_of(write(tmp_path, name, b" \r\n\t\r\n")) == "file_no_text"


def test_documents_without_text(tmp_path):
    with pymupdf.open() as document:
        document.new_page().draw_line((0, 0), (100, 100))
        document.save(tmp_path / "a.pdf")
    docx.Document().save(str(tmp_path / "a.docx"))
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    for name in ("a.pdf", "a.docx", "a.xlsx"):
        assert code_of(tmp_path / name) == "file_no_text"


def test_hash_and_size_are_those_of_the_file(tmp_path, pdf_bytes):
    path = write(tmp_path, "a.pdf", pdf_bytes)
    document = read(path, Limits())
    expected = hashlib.sha256(pdf_bytes).hexdigest(), len(pdf_bytes)
    assert (document.sha256, document.size) == expected == hash_file(path)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        hash_file(path, cancel)


def test_reading_leaves_the_file_alone(tmp_path, pdf_bytes):
    path = write(tmp_path, "a.pdf", pdf_bytes)
    path.chmod(0o444)
    before = path.stat().st_mtime_ns
    read(path, Limits())
    assert path.read_bytes() == pdf_bytes
    assert path.stat().st_mtime_ns == before
