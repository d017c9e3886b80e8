"""Texts of a drawing's layout, each with its place."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ezdxf.lldxf.const import DXFError
from ezdxf.tools.text import fast_plain_mtext

from engine.reading.drawing_dimension import dimension_text
from engine.records import UnitKind

# Advance of a character in text heights, which in drawings are those of capitals.
_WIDE, _NARROW = 1.25, 0.8
_DESCENT = 0.25
_LINE_PITCH = 5 / 3
_MAX_DEPTH = 8
_CODED = re.compile(r"\\U\+([0-9A-Fa-f]{4})|\\M\+1([0-9A-Fa-f]{4})|%%(\d{3})")
_PLAIN_TAG = re.compile(r"(?:att|attr|tag|text|field)?[\d_]*", re.IGNORECASE)
_FEATURE_CONTROL = {
    "a": "∠", "b": "⊥", "c": "⏥", "d": "⌓", "e": "○", "f": "∥", "g": "⌭", "h": "↗", "i": "⌯",
    "j": "⌖", "k": "⌒", "l": "Ⓛ", "m": "Ⓜ", "n": "φ", "p": "Ⓟ", "r": "◎", "s": "Ⓢ", "t": "⌰",
    "u": "⏤",
}  # fmt: skip
_FEATURE_CODE = re.compile(r"\{\\F[gG][dD][tT];([^}]*)\}")


@dataclass(slots=True)
class Item:
    """A text in a layout.

    Attributes:
        text: Plain; lines parted by line feeds.
        kind: Kind of unit.
        x: Abscissa of the start of its first base line, in drawing units.
        y: Ordinate of it.
        height: Text height in drawing units.
        angle: Of its base line, radians.
        widths: Advance of each character, ``[len(text)]``, drawing units.
        handle: Of its entity, or of the block reference it comes from.
        layer: Its layer.
        lead: Characters at the start that are not drawn, such as the tag of an attribute.
        tag: Tag of an attribute, else ``""``.
    """

    text: str
    kind: UnitKind
    x: float
    y: float
    height: float
    angle: float
    widths: np.ndarray
    handle: str | None
    layer: str
    lead: int = 0
    tag: str = ""

    def boxes(self) -> np.ndarray:
        """Approximate box of each character in drawing units, ``[len(text), 4]``."""
        left = np.empty(len(self.text))
        base = np.empty(len(self.text))
        along, line = 0.0, 0
        for index, char in enumerate(self.text):
            left[index], base[index] = along, -line * self.height * _LINE_PITCH
            along += self.widths[index]
            if char == "\n":
                along, line = 0.0, line + 1
        low, high = base - _DESCENT * self.height, base + self.height
        right = left + self.widths
        corners = np.stack(
            [np.stack(p, axis=-1) for p in ((left, low), (right, low), (right, high), (left, high))]
        )  # [4, n, 2]
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        x = self.x + corners[..., 0] * cosine - corners[..., 1] * sine
        y = self.y + corners[..., 0] * sine + corners[..., 1] * cosine
        boxes = np.stack([x.min(0), y.min(0), x.max(0), y.max(0)], axis=1)
        hidden = np.array([char == "\n" for char in self.text], bool)
        hidden[: self.lead] = True
        boxes[hidden] = np.nan
        return boxes


class Extents:
    """The rectangle around what a layout shows."""

    def __init__(self) -> None:
        self.low = np.array([np.inf, np.inf])
        self.high = -self.low

    def add(self, points: Iterable[Any]) -> None:
        """Take in points with ``x`` and ``y``."""
        for point in points:
            place = np.array([point[0], point[1]], float)
            if np.all(np.abs(place) < 1e9):
                self.low = np.minimum(self.low, place)
                self.high = np.maximum(self.high, place)


def collect(layout: Any, extents: Extents, hidden_layers: frozenset[str]) -> Iterator[Item]:
    """Collect the texts of a layout, those of inserted blocks included.

    Args:
        layout: An ezdxf layout.
        extents: Takes in lines and circles met on the way.
        hidden_layers: Lower-case names of layers that are off or frozen.
    """
    yield from _walk(layout, extents, hidden_layers, None, 0)


def _walk(
    entities: Iterable[Any],
    extents: Extents,
    hidden: frozenset[str],
    parent: str | None,
    depth: int,
) -> Iterator[Item]:
    for entity in entities:
        layer = str(entity.dxf.get("layer", "0"))
        if layer.lower() in hidden or entity.dxf.get("invisible", 0):
            continue
        handle = parent or entity.dxf.get("handle")
        try:
            yield from _entity(entity, extents, hidden, handle, layer, depth)
        except (DXFError, ValueError, TypeError, AttributeError, ArithmeticError, KeyError):
            # One damaged entity must not cost the rest of the drawing.
            continue


def _entity(
    entity: Any,
    extents: Extents,
    hidden: frozenset[str],
    handle: str | None,
    layer: str,
    depth: int,
) -> Iterator[Item]:
    kind = entity.dxftype()
    if kind in ("TEXT", "ATTRIB", "ATTDEF"):
        # A definition inside a block is only the pattern of the attributes of its references.
        if not (kind == "ATTDEF" and depth):
            yield from _single(entity, handle, layer)
    elif kind == "MTEXT":
        yield from _multi(entity, entity.plain_text(), handle, layer)
    elif kind == "DIMENSION":
        yield from _dimension(entity, handle, layer)
    elif kind in ("MULTILEADER", "MLEADER"):
        context = entity.context.mtext
        if context is not None:
            text = str(fast_plain_mtext(context.default_content, split=False))
            angle = float(context.rotation or 0.0)
            height = float(entity.context.char_height or 1.0)
            yield from _item(text, "note", context.insert, height, angle, handle, layer)
    elif kind == "TOLERANCE":
        text = _feature_control(entity.dxf.get("content", ""))
        yield from _item(text, "dimension", entity.dxf.insert, 2.5, 0.0, handle, layer)
    elif kind == "INSERT":
        for reference in entity.multi_insert() if entity.mcount > 1 else (entity,):
            for attribute in reference.attribs:
                yield from _walk([attribute], extents, hidden, attribute.dxf.get("handle"), depth)
            if depth < _MAX_DEPTH:
                yield from _walk(reference.virtual_entities(), extents, hidden, handle, depth + 1)
    elif kind == "ACAD_TABLE":
        block = entity.doc.blocks.get(entity.dxf.get("geometry", "")) if entity.doc else None
        for cell in block or ():
            if cell.dxftype() == "MTEXT":
                shifted = cell.copy().translate(*entity.dxf.insert)
                yield from _multi(shifted, shifted.plain_text(), handle, layer)
    elif kind == "LINE":
        extents.add((entity.dxf.start, entity.dxf.end))
    elif kind == "LWPOLYLINE":
        extents.add(entity.vertices_in_wcs())
    elif kind in ("CIRCLE", "ARC"):
        centre, radius = entity.ocs().to_wcs(entity.dxf.center), entity.dxf.radius
        extents.add(
            ((centre.x - radius, centre.y - radius), (centre.x + radius, centre.y + radius))
        )


def _single(entity: Any, handle: str | None, layer: str) -> Iterator[Item]:
    kind = entity.dxftype()
    multi = getattr(entity, "_embedded_mtext", None)
    text = entity.virtual_mtext_entity().plain_text() if multi else entity.plain_text()
    text = _decoded(text).strip()
    if not text and kind == "ATTDEF":
        return
    dxf = entity.dxf
    horizontal, vertical = dxf.get("halign", 0), dxf.get("valign", 0)
    anchor = dxf.get("align_point") if (horizontal or vertical) else None
    angle = math.radians(dxf.get("rotation", 0.0))
    ocs = entity.ocs()
    place = ocs.to_wcs(dxf.insert if anchor is None or horizontal in (3, 5) else anchor)
    if ocs.transform:
        direction = ocs.to_wcs((math.cos(angle), math.sin(angle), 0))
        angle = math.atan2(direction.y, direction.x)
    factor = float(dxf.get("width", 1.0) or 1.0)
    tag = str(dxf.get("tag", "") or "") if kind != "TEXT" else ""
    lead = f"{tag}: " if tag and not _PLAIN_TAG.fullmatch(tag) else ""
    across = {1: 0.5, 2: 1.0, 4: 0.5}.get(horizontal, 0.0)
    up = {1: -_DESCENT, 2: 0.5, 3: 1.0}.get(vertical, 0.5 if horizontal == 4 else 0.0)
    unit: UnitKind = "attribute" if kind != "TEXT" else "note"
    if text:
        yield _placed(
            lead + text, unit, place, dxf.height, angle, handle, layer, across, up, factor,
            lead=len(lead), tag=tag,
        )  # fmt: skip


def _multi(entity: Any, text: str, handle: str | None, layer: str) -> Iterator[Item]:
    dxf = entity.dxf
    angle = math.radians(entity.get_rotation())
    attachment = int(dxf.get("attachment_point", 1)) - 1
    text = _decoded(str(text)).strip("\n ")
    lines = text.count("\n") + 1
    depth = ((lines - 1) * _LINE_PITCH + 1) * dxf.char_height
    up = (1.0, 1 - 0.5 * depth / dxf.char_height, 1 - depth / dxf.char_height)[attachment // 3]
    if text.strip():
        yield _placed(
            text, "note", dxf.insert, dxf.char_height, angle, handle, layer,
            (0.0, 0.5, 1.0)[attachment % 3], up,
        )  # fmt: skip


def _dimension(entity: Any, handle: str | None, layer: str) -> Iterator[Item]:
    text = _decoded(dimension_text(entity)).strip()
    if not text:
        return
    block = entity.get_geometry_block()
    drawn = next((e for e in block or () if e.dxftype() == "MTEXT"), None)
    if drawn is not None:
        angle, height = math.radians(drawn.get_rotation()), drawn.dxf.char_height
        place = drawn.dxf.insert
    else:
        style = entity.override()
        place = entity.dxf.get("text_midpoint") or entity.dxf.defpoint
        height = float(style.get("dimtxt", 2.5) or 2.5) * float(style.get("dimscale", 1.0) or 1.0)
        angle = math.radians(entity.dxf.get("angle", 0.0) or entity.dxf.get("text_rotation", 0.0))
    yield _placed(text, "dimension", place, height, angle, handle, layer, 0.5, 0.5)


def _item(
    text: str,
    kind: UnitKind,
    place: Any,
    height: float,
    angle: float,
    handle: str | None,
    layer: str,
) -> Iterator[Item]:
    text = _decoded(text).strip()
    if text:
        yield _placed(text, kind, place, height, angle, handle, layer, 0.0, 1.0)


def _placed(
    text: str,
    kind: UnitKind,
    place: Any,
    height: float,
    angle: float,
    handle: str | None,
    layer: str,
    across: float,
    up: float,
    factor: float = 1.0,
    *,
    lead: int = 0,
    tag: str = "",
) -> Item:
    """Make an item from the point that its text is aligned to.

    ``across`` is the share of the width left of that point, ``up`` the heights between the first
    base line and it.
    """
    height = abs(float(height)) or 1.0
    advance = [(_WIDE if char >= "\u2e80" else _NARROW) * factor * height for char in text]
    widths = np.array(
        [0.0 if char == "\n" else width for char, width in zip(text, advance, strict=True)]
    )
    widths[:lead] = 0.0
    drawn = text[lead:]
    longest = max(drawn.split("\n"), key=len)
    start = lead + drawn.index(longest)
    span = float(widths[start : start + len(longest)].sum())
    cosine, sine = math.cos(angle), math.sin(angle)
    along, above = -across * span, -up * height
    x = float(place[0]) + along * cosine - above * sine
    y = float(place[1]) + along * sine + above * cosine
    return Item(text, kind, x, y, height, angle, widths, handle, layer, lead, tag)


def _decoded(text: str) -> str:
    def _character(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        if match[3]:
            return bytes([int(match[3]) & 0xFF]).decode("cp1252", "replace")
        return bytes.fromhex(match[2]).decode("cp932", "replace")

    text = _CODED.sub(_character, text)
    if any("\udc80" <= char <= "\udcff" for char in text):
        raw = text.encode("utf-8", "surrogateescape")
        text = raw.decode("cp932", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _feature_control(content: str) -> str:
    text = _FEATURE_CODE.sub(lambda match: _FEATURE_CONTROL.get(match[1], match[1]), content)
    text = text.replace("%%v", " ").replace("^J", "\n").replace("%%c", "φ").replace("%%C", "φ")
    return re.sub(r"[ \t]+", " ", text)
