"""Writes every sample document: ``python -m resources.samples.builder [FOLDER]``."""

import sys
from pathlib import Path

from resources.samples.builder.cleaning import write_cleaning
from resources.samples.builder.drawings import write_body_drawing, write_spool_drawing
from resources.samples.builder.procedure import write_procedure
from resources.samples.builder.quality import write_quality_manual
from resources.samples.builder.records import write_inspection_record, write_measurements

CONTENT = Path(__file__).with_name("content")


def write_nonconformity(path: Path) -> None:
    """Write the 8D report as a text file in cp932 with Windows line ends."""
    text = (CONTENT / "nonconformity.txt").read_text(encoding="utf-8")
    path.write_bytes(text.replace("\n", "\r\n").encode("cp932"))


DOCUMENTS = {
    "WP-HV-112_組立検査作業手順書.pdf": write_procedure,
    "MP-CL-034_超音波洗浄機点検手順.docx": write_cleaning,
    "QR-0417_検査記録_25-0421.xlsx": write_inspection_record,
    "AM-330_内径測定_25-0421.csv": write_measurements,
    "HV-2041-01_本体.dxf": write_body_drawing,
    "HV-2041-02_スプール.pdf": write_spool_drawing,
    "QM-001_quality_manual.pdf": write_quality_manual,
    "NC-2025-018_不適合報告書.txt": write_nonconformity,
}


def write_all(folder: Path) -> list[Path]:
    """Write all sample documents into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, write in DOCUMENTS.items():
        write(folder / name)
        paths.append(folder / name)
    return paths


if __name__ == "__main__":
    write_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "files")
