"""Reads DXF drawings."""

import io
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from ezdxf import recover
from ezdxf.document import Drawing
from ezdxf.lldxf.const import DXFError
from ezdxf.lldxf.tagger import binary_tags_loader

from engine.reading.builder import CharacterLimit, DocumentBuilder
from engine.reading.drawing_texts import Extents, Item, collect
from engine.reading.limits import Limits
from engine.reading.source import Source
from engine.records import Document

# A3, the sheet that most drawings are printed on.
_LONG_SIDE = 1190.55
_MARGIN = 0.03
_NEAR_GAP, _WORD_GAP = 6.0, 1.0
_LABELS = {
    "drawing_number": r"図番|図面番号|図面no\.?|(?:dwg|drawing)[\s._]*(?:no\.?|number)",
    "drawing_title": r"図名|名称|品名|件名|部品名|title|part\s*name|description",
    "scale": r"尺度|縮尺|scale",
    "material": r"材質|材料|material",
    "revision": r"改訂|改定|版数?|rev\.?|revision",
    "drawn_by": r"製図|作図|作成|drawn(?:\s*by)?",
    "designed_by": r"設計|designed(?:\s*by)?",
    "checked_by": r"検図|照査|checked(?:\s*by)?",
    "approved_by": r"承認|approved(?:\s*by)?",
    "date": r"日付|年月日|作成日|date",
    "other": r"投影法|第三角法|数量|個数|質量|重量|単位|表面処理|熱処理|公差|会社名"
    r"|sheet|qty|weight|unit",
}
_LABEL_PATTERNS = {name: re.compile(pattern, re.I) for name, pattern in _LABELS.items()}


def read(source: Source, limits: Limits, report: Callable[[int, int | None], None]) -> Document:
    """Read a DXF drawing: each text is a unit with handle, layer and approximate boxes.

    A page is a layout. ``metadata["page1_mapping"]`` holds ``"scale x y"``: drawing coordinates
    ``(a, b)`` stand at ``((a - x) * scale, (y - b) * scale)`` points on the page.

    Raises:
        ReadingError: ``file_broken`` or ``file_no_text``.
    """
    drawing = _load(source)
    builder = DocumentBuilder(limits.characters, boxes=True)
    hidden = frozenset(
        layer.dxf.name.lower() for layer in drawing.layers if layer.is_off() or layer.is_frozen()
    )
    metadata: dict[str, str] = {"dxf_version": drawing.acad_release}
    layouts = [drawing.modelspace(), *(drawing.paperspace(name) for name in _paper(drawing))]
    left = limits.entities
    try:
        for index, layout in enumerate(layouts):
            extents = Extents()
            items: list[Item] = []
            for item in collect(layout, extents, hidden):
                if len(items) >= left:
                    builder.warnings.append(f"texts_left_out:{layout.name}")
                    break
                items.append(item)
                if len(items) % 500 == 0:
                    report(index, len(layouts))
            left -= len(items)
            if items:
                _write_layout(builder, layout.name, items, extents, metadata)
            report(index + 1, len(layouts))
    except CharacterLimit:
        builder.warnings.append("text_cut")
    if any(layer.dxf.name.lower() in hidden for layer in drawing.layers):
        builder.warnings.append("layers_hidden")
    title = metadata.get("drawing_title")
    return builder.finish("dxf", source, title=title or source.stem, metadata=metadata)


def _load(source: Source) -> Any:
    try:
        if source.data.startswith(b"AutoCAD Binary DXF"):
            return Drawing.load(binary_tags_loader(source.data, errors="surrogateescape"))
        return recover.read(io.BytesIO(_with_codepage(source.data)))[0]
    except (
        DXFError, OSError, ValueError, KeyError, IndexError, AttributeError, TypeError,
    ) as error:  # fmt: skip
        raise source.broken(error) from error


def _with_codepage(data: bytes) -> bytes:
    """Name the code page of an older drawing whose header names none or a Western one.

    Japanese programs often leave it out, and the texts would turn into gibberish.
    """
    version = re.search(rb"\$ACADVER\s+1\s+(AC\d{4})", data[:20_000])
    if data.isascii() or (version is not None and version[1] >= b"AC1021"):
        return data
    named = re.search(rb"\$DWGCODEPAGE\s+3\s+(\S+)", data[:50_000])
    if named is not None and named[1].upper() not in (b"ANSI_1252", b"ASCII", b"DOS850"):
        return data
    try:
        data = data.decode("utf-8").encode("cp932", "replace")
    except UnicodeDecodeError:
        try:
            data.decode("cp932")
        except UnicodeDecodeError:
            return data
    if named is not None:
        return data[: named.start(1)] + b"ANSI_932" + data[named.end(1) :]
    variable = b"  9\n$DWGCODEPAGE\n  3\nANSI_932\n"
    header = re.search(rb"\s+2\s+HEADER\r?\n", data[:2_000])
    if header is not None:
        return data[: header.end()] + variable + data[header.end() :]
    return b"  0\nSECTION\n  2\nHEADER\n" + variable + b"  0\nENDSEC\n" + data


def _paper(drawing: Any) -> list[str]:
    return [name for name in drawing.layouts.names_in_taborder() if name.lower() != "model"]


def _write_layout(
    builder: DocumentBuilder,
    name: str,
    items: list[Item],
    extents: Extents,
    metadata: dict[str, str],
) -> None:
    boxes = {id(item): item.boxes() for item in items}
    for item in items:
        known = boxes[id(item)][~np.isnan(boxes[id(item)][:, 0])]
        extents.add((*known[:, :2], *known[:, 2:]))
    size = np.maximum(extents.high - extents.low, 1e-6)
    margin = _MARGIN * size.max()
    scale = _LONG_SIDE / float(size.max() + 2 * margin)
    x, y = float(extents.low[0] - margin), float(extents.high[1] + margin)
    width, height = ((size + 2 * margin) * scale).tolist()
    builder.begin_page(width, height, name)
    metadata[f"page{builder.page}_mapping"] = f"{scale:.9g} {x:.9g} {y:.9g}"
    plain, title = _part_title(items, extents)
    _read_title(items, title, metadata)
    for group, is_title in ((plain, False), (title, True)):
        for row in _rows(group, is_title):
            for index, item in enumerate(row):
                if index:
                    builder.gap(" " if _gap(row[index - 1], item) < _WORD_GAP else "\t")
                elif not builder.at_page_start:
                    builder.gap("\n")
                drawn = boxes[id(item)]
                placed = np.stack(
                    [drawn[:, 0] - x, y - drawn[:, 3], drawn[:, 2] - x, y - drawn[:, 1]], axis=1
                )
                kind = "title" if is_title and item.kind == "note" else item.kind
                builder.add(
                    item.text, kind, char_boxes=placed * scale, entity=item.handle, layer=item.layer
                )


def _is_level(item: Item) -> bool:
    return abs(np.sin(item.angle)) < 0.05 and np.cos(item.angle) > 0


def _end(item: Item) -> float:
    return item.x + float(item.widths.sum())


def _gap(before: Item, item: Item) -> float:
    return (item.x - _end(before)) / max(before.height, item.height)


def _rows(items: list[Item], is_title: bool) -> list[list[Item]]:
    """Texts from top to bottom; neighbours of one height on one line make up a row."""
    ordered = sorted(items, key=lambda item: (-item.y - item.height / 2, item.x))
    bands: list[list[Item]] = []
    for item in ordered:
        first = bands[-1][0] if bands else None
        centre = item.y + item.height / 2
        joins = (
            first is not None
            and _is_level(item)
            and _is_level(first)
            and "\n" not in item.text + first.text
            and abs(first.y + first.height / 2 - centre) < 0.5 * min(first.height, item.height)
        )
        if joins:
            bands[-1].append(item)
        else:
            bands.append([item])
    rows: list[list[Item]] = []
    for band in bands:
        band.sort(key=lambda item: item.x)
        rows.append([band[0]])
        for before, item in pairwise(band):
            alike = 0.6 < item.height / before.height < 1.7
            if is_title or (alike and _gap(before, item) < _NEAR_GAP):
                rows[-1].append(item)
            else:
                rows.append([item])
    return rows


def _label(item: Item) -> str | None:
    text = unicodedata.normalize("NFKC", item.tag or item.text).strip(" :：\n")
    text = re.sub(r"\s+", " " if text.isascii() else "", text)
    return next((name for name, form in _LABEL_PATTERNS.items() if form.fullmatch(text)), None)


def _part_title(items: list[Item], extents: Extents) -> tuple[list[Item], list[Item]]:
    """Part the title block, in the lower right corner, from the rest."""
    middle = (extents.low + extents.high) / 2
    labels = [item for item in items if item.x > middle[0] and item.y < middle[1] and _label(item)]
    if len(labels) < 3:
        return items, []
    reach = 4 * max(item.height for item in labels)
    left = min(item.x for item in labels) - reach / 2
    top = max(item.y for item in labels) + reach / 2
    bottom = min(item.y for item in labels) - reach
    title = [item for item in items if item.x >= left and bottom <= item.y <= top]
    chosen = set(map(id, title))
    return [item for item in items if id(item) not in chosen], title


def _read_title(items: list[Item], title: list[Item], metadata: dict[str, str]) -> None:
    """Pair the labels of a title block with their values, to the right or below."""
    for item in items:
        name = _label(item) if item.tag else None
        if name and name != "other":
            metadata.setdefault(name, item.text[item.lead :].strip())
    values = [item for item in title if item.tag or not _label(item)]
    for item in title:
        name = None if item.tag else _label(item)
        if name is None or name == "other":
            continue
        near = [(distance, other) for other in values if (distance := _distance(item, other))]
        if near:
            other = min(near, key=lambda pair: pair[0])[1]
            metadata.setdefault(name, other.text[other.lead :].strip())


def _distance(label: Item, value: Item) -> float | None:
    height = max(label.height, value.height)
    right, below = value.x - _end(label), label.y - value.y
    if abs(below) < 0.8 * height and -0.5 * height < right < 20 * height:
        return right + height
    if 0 < below < 5 * height and abs(value.x - label.x) < 6 * height:
        return 2 * below + abs(value.x - label.x)
    return None
