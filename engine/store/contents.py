"""Texts of revisions and where each piece of them stands."""

import json
from typing import Any

from engine.errors import StoreError
from engine.records import Document, Page, RevisionId, Unit
from engine.store import codec
from engine.store.base import Part
from engine.store.keys import from_column


class Contents(Part):
    """The part of :class:`engine.store.Store` about contents."""

    def content(self, revision_id: RevisionId) -> Document:
        """The document as it was read.

        Raises:
            StoreError: ``document_unknown``, ``store_broken``.
        """
        row = self._one(
            """SELECT r.kind, r.title, r.sha256, r.size, r.metadata, r.warnings,
            c.text, c.layout, c.boxes_header, c.boxes
            FROM revisions r JOIN contents c ON c.revision_id = r.id WHERE r.id = ?""",
            (revision_id,),
        )
        if row is None:
            raise StoreError("document_unknown", revision_id=revision_id)
        with self._decoding(revision_id):
            layout = codec.unpack_json(row[7])
            return Document(
                kind=row[0],
                title=from_column(row[1]),
                text=codec.unpack_text(row[6]),
                pages=tuple(Page(*fields) for fields in layout["pages"]),
                units=tuple(_unit(fields) for fields in layout["units"]),
                char_boxes=None if row[8] is None else codec.unpack_array(row[8], row[9]),
                sha256=row[2],
                size=row[3],
                metadata=json.loads(row[4]),
                warnings=tuple(json.loads(row[5])),
            )

    def text(self, revision_id: RevisionId) -> str:
        """The text alone.

        Raises:
            StoreError: ``document_unknown``, ``store_broken``.
        """
        row = self._one("SELECT text FROM contents WHERE revision_id = ?", (revision_id,))
        if row is None:
            raise StoreError("document_unknown", revision_id=revision_id)
        with self._decoding(revision_id):
            return codec.unpack_text(row[0])


def content_columns(document: Document) -> tuple[bytes, bytes, str | None, bytes | None]:
    """What was read, as the columns of ``contents`` after the revision."""
    layout = {"pages": document.pages, "units": document.units}
    header, boxes = None, None
    if document.char_boxes is not None:
        header, boxes = codec.pack_array(document.char_boxes)
    return codec.pack_text(document.text), codec.pack_json(layout, _fields), header, boxes


def _fields(record: Page | Unit) -> list[Any]:
    if isinstance(record, Page):
        p = record
        return [p.number, p.start, p.end, p.width, p.height, p.name]
    u = record
    return [u.start, u.end, u.kind, u.page, u.box, u.level, u.sheet, u.cell, u.cells, u.entity,
            u.layer]  # fmt: skip


def _unit(fields: list[Any]) -> Unit:
    fields[4] = None if fields[4] is None else tuple(fields[4])
    fields[8] = tuple(tuple(cell) for cell in fields[8])
    return Unit(*fields)
