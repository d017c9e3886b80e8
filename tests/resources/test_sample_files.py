import json
import subprocess
import sys
from pathlib import Path

import docx
import ezdxf
import openpyxl
import pymupdf
from ezdxf.entities.insert import Insert

from resources.samples import sample_paths

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "tests" / "data" / "questions.jsonl"


def sample(suffix: str, word: str = "") -> Path:
    return next(p for p in sample_paths() if p.suffix == suffix and word in p.name)


def content(path: Path) -> list:
    if path.suffix == ".pdf":
        with pymupdf.open(path) as pdf:
            return [page.get_text() for page in pdf]
    if path.suffix == ".docx":
        return [paragraph.text for paragraph in docx.Document(str(path)).paragraphs]
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        return [(sheet.title, *sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
    drawing = ezdxf.readfile(path)  # pyright: ignore[reportPrivateImportUsage]
    entities = drawing.modelspace().query("TEXT MTEXT DIMENSION INSERT")
    return [str(sorted(entity.dxfattribs().items(), key=str)) for entity in entities]


def test_script_writes_the_committed_documents_again(tmp_path: Path):
    command = [sys.executable, "-m", "resources.samples.builder", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in sample_paths()}
    for path in sample_paths():
        again = tmp_path / path.name
        # Bytes of the others depend on the versions of zlib, MuPDF and ezdxf, the content not.
        if path.suffix in {".csv", ".txt"}:
            assert again.read_bytes() == path.read_bytes()
        else:
            assert content(again) == content(path)


def test_samples_stay_small():
    assert sum(path.stat().st_size for path in sample_paths()) < 3_000_000


def test_procedure_has_more_than_sixty_different_pages():
    with pymupdf.open(sample(".pdf", "WP-HV-112")) as pdf:
        bodies = [str(page.get_text(clip=pymupdf.Rect(0, 85, 595, 790))) for page in pdf]
        assert pdf.page_count >= 60
        assert len(pdf.get_toc()) > 80
    assert len(set(bodies)) == len(bodies)
    sentences = [s for body in bodies for s in "".join(body.split()).split("。") if len(s) > 25]
    assert len(set(sentences)) > 0.97 * len(sentences)


def test_workbook_has_merged_headers_and_no_formula():
    book = openpyxl.load_workbook(sample(".xlsx"))
    assert len(book.worksheets) == 5
    assert "C1:E1" in {str(merged) for merged in book["内部漏れ"].merged_cells.ranges}
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]


def test_measurements_and_report_are_cp932():
    for suffix in (".csv", ".txt"):
        data = sample(suffix).read_bytes()
        assert data.decode("cp932").encode("cp932") == data
        assert b"\r\n" in data


def test_drawings_have_attributes_dimensions_and_turned_text():
    drawing = ezdxf.readfile(sample(".dxf"))  # pyright: ignore[reportPrivateImportUsage]
    space = drawing.modelspace()
    reference = space.query("INSERT[name=='TITLE_BLOCK']").first
    assert isinstance(reference, Insert)
    assert reference.get_attrib_text("DRAWING_NO") == "HV-2041-01"
    assert len(space.query("DIMENSION")) == 5
    assert not drawing.audit().errors
    with pymupdf.open(sample(".pdf", "HV-2041-02")) as pdf:
        page: dict = json.loads(str(pdf[0].get_text("json")))
    lines = [line for block in page["blocks"] for line in block.get("lines", ())]
    directions = {tuple(round(part, 1) for part in line["dir"]) for line in lines}
    assert (0.0, -1.0) in directions
    assert len(directions) >= 3


def test_questions_name_existing_documents_and_cover_every_kind():
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    names = {path.name for path in sample_paths()}
    assert len(questions) >= 40
    assert {question["document"] for question in questions} == names
    assert {question["kind"] for question in questions} == {
        "two_char", "part_number_fullwidth", "tolerance", "paraphrase", "english_to_japanese",
        "japanese_to_english", "identifier", "sheet_row", "drawing",
    }  # fmt: skip
    assert len({question["query"] for question in questions}) == len(questions)
