import unicodedata
from pathlib import Path

import pytest

from engine.store import path_key

NFC = "が工程.txt"
NFD = unicodedata.normalize("NFD", NFC)


@pytest.mark.parametrize(
    "paths",
    [
        (r"C:\図面\A-01.PDF", r"c:\図面\a-01.pdf", "C:/図面/A-01.pdf", r"\\?\C:\図面\A-01.pdf"),
        (r"\\Server\共有\手順.docx", r"\\server\共有\手順.docx", "//SERVER/共有/手順.docx",
         r"\\?\UNC\server\共有\手順.docx", r"\\?\unc\server\共有\手順.docx"),
        (rf"C:\{NFC}", rf"C:\{NFD}"),
        (r"C:\ＡＢ.txt", r"C:\ａｂ.txt"),
        (r"C:\a\b", "C:\\a\\\\b", "C:\\a\\b\\"),
    ],
)  # fmt: skip
def test_one_file_of_windows(paths):
    assert len({path_key(path, windows=True) for path in paths}) == 1


@pytest.mark.parametrize(
    "paths",
    [
        (r"C:\a.txt", r"D:\a.txt", r"\\server\c\a.txt", r"C:a.txt"),
        (r"C:\straße", r"C:\strasse"),
        (r"C:\AB.txt", r"C:\ＡＢ.txt"),
        (r"C:\ハ.txt", r"C:\バ.txt", r"C:\パ.txt"),
        (r"C:\か.txt", r"C:\カ.txt"),
    ],
)
def test_different_files_of_windows(paths):
    assert len({path_key(path, windows=True) for path in paths}) == len(paths)


def test_elsewhere_case_and_backslash_count():
    assert path_key("/a/B", windows=False) != path_key("/a/b", windows=False)
    assert path_key("/a\\b", windows=False) != path_key("/a/b", windows=False)
    assert path_key("/" + NFC, windows=False) == path_key("/" + NFD, windows=False)


def test_a_name_written_two_ways_is_one_document(store, add, tmp_path):
    first = add(store, NFC, "一")
    second = add(store, NFD, "二")
    assert (second[0], second[2]) == (first[0], "updated")
    known = store.known(Path(str(tmp_path / NFC)))
    assert known is not None and known.revision_id == second[1]
    dotted = store.known(tmp_path / "x" / ".." / NFC)
    assert dotted is not None and dotted.document_id == first[0]
