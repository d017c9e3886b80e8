"""Answers over real files, as the library would hand them to an export."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pymupdf
import pytest

from engine.explain.locate import locate
from engine.export import ExportSource, export
from engine.reading.limits import Limits
from engine.reading.registry import read
from engine.records import (
    Document,
    DocumentId,
    Evidence,
    EvidenceId,
    Hit,
    Parts,
    RevisionId,
    SourceFile,
    Summary,
    SummarySentence,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PACK = "5f" * 32


@dataclass
class Answers:
    """Files that were read, and answers made of their words."""

    folder: Path
    sources: dict[RevisionId, ExportSource]

    def add(self, name: str, data: bytes) -> RevisionId:
        """Keep a file and read it."""
        path = self.folder / name
        path.write_bytes(data)
        document = read(path, Limits())
        number = len(self.sources) + 1
        revision_id = RevisionId(100 + number)
        info = SourceFile(
            DocumentId(number), revision_id, 3, f"C:\\文書\\{name}", document.sha256,
            document.title, document.kind,
        )  # fmt: skip
        self.sources[revision_id] = ExportSource(document, path, info)
        return revision_id

    def document(self, revision_id: RevisionId) -> Document:
        return self.sources[revision_id].document

    def hit(
        self, rank: int, revision_id: RevisionId, passage: str, weights: dict[str, float]
    ) -> Hit:
        document = self.document(revision_id)
        start = document.text.index(passage)
        end = start + len(passage)
        marks = []
        for words, weight in weights.items():
            at = document.text.index(words, start, end)
            marks.append((at, at + len(words), weight))
        return Hit(
            rank, self.sources[revision_id].info.document_id, revision_id,
            self.sources[revision_id].info.path, start, end, passage, ("6 組立", "6.9 本締め"),
            locate(document, start, end), 0.875, Parts(0.5, 0.25, None), tuple(marks),
            ((start, start + 2),),
        )  # fmt: skip

    def search(self, hits: Sequence[Hit], query: str = "本締めトルクはいくつか") -> Evidence:
        used = dict.fromkeys(hit.revision_id for hit in hits)
        return Evidence(
            EvidenceId(4711), "search", query, "2026-11-22T09:30:00+09:00", "0.1.0", {"top": 10},
            PACK, tuple(self.sources[one].info for one in used), tuple(used), tuple(hits), None,
            {}, {},
        )  # fmt: skip

    def summary(self, revision_id: RevisionId, sentences: Sequence[str]) -> Evidence:
        document, info = self.document(revision_id), self.sources[revision_id].info
        chosen = []
        for text in sentences:
            start = document.text.index(text)
            end = start + len(text)
            chosen.append(SummarySentence(start, end, text, locate(document, start, end), 0.5))
        summary = Summary(
            EvidenceId(4712), info.document_id, revision_id, None, tuple(chosen), 0.42, 0.1
        )
        return Evidence(
            EvidenceId(4712), "summary", None, "2026-11-22T09:30:00+09:00", "0.1.0", {}, PACK,
            (info,), (revision_id,), (), summary, {}, {},
        )  # fmt: skip

    def export(self, evidence: Evidence, target: Path, **options) -> Path:
        return export(evidence, self.sources.__getitem__, target, **{"now": NOW, **options})


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    folder = tmp_path / "originals"
    folder.mkdir()
    return Answers(folder, {})


@pytest.fixture
def make_pdf() -> Callable[..., bytes]:
    """Makes a PDF: a list of lines for each page, and a rotation of all pages."""

    def make(pages: Sequence[Sequence[str]], rotation: int = 0) -> bytes:
        pdf = pymupdf.open()
        for lines in pages:
            page = pdf.new_page(width=595, height=842)
            writer = pymupdf.TextWriter(page.rect)
            for number, line in enumerate(lines):
                font = pymupdf.Font("japan")
                writer.append((72, 100 + 30 * number), line, font=font, fontsize=11)
            writer.write_text(page)
            page.set_rotation(rotation)
        pdf.set_toc([[1, lines[0], number] for number, lines in enumerate(pages, 1)])
        pdf.subset_fonts()
        return pdf.tobytes(garbage=3, deflate=True)

    return make
