"""What a dimension says: measured value, override, tolerance."""

import re
from typing import Any

from ezdxf.tools.text import fast_plain_mtext

_DIAMETER, _RADIUS = 3, 4
_ANGULAR = (2, 5)
_X_ORDINATE = 64
_SUPPRESS_TRAILING = 8
_MAX_DECIMALS = 8


def dimension_text(dimension: Any) -> str:
    """Write a dimension as its drawing shows it.

    Args:
        dimension: An ezdxf ``Dimension``.

    Returns:
        Its text; where a written text replaces the measured value and does not contain it, the
        measured value follows in square brackets. ``""`` where the text is suppressed.
    """
    written = dimension.dxf.get("text", "") or ""
    if written == " ":
        return ""
    style = dimension.override()
    measured = _measured(dimension, style)
    if written in ("", "<>"):
        return measured
    plain = fast_plain_mtext(written, split=False)
    text = str(plain)
    if "<>" in text:
        return text.replace("<>", measured)
    value = _value(dimension, style)
    if value is None or _says(text, abs(value), float(style.get("dimlfac", 1.0) or 1.0)):
        return text
    return f"{text} [{_number(abs(value), style, 'dimdec')}]"


def _says(text: str, value: float, factor: float) -> bool:
    """Whether a written text names the measured value, in the units of the drawing or scaled."""
    written = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]
    close = 0.005 * max(1.0, value)
    return any(abs(w - value) < close or abs(w * factor - value) < close for w in written)


def _measured(dimension: Any, style: Any) -> str:
    value = _value(dimension, style)
    if value is None:
        return ""
    kind = dimension.dimtype
    text = _number(abs(value), style, "dimdec")
    text = {_DIAMETER: "φ", _RADIUS: "R"}.get(kind, "") + text
    if kind in _ANGULAR:
        text += "°"
    pattern = str(style.get("dimpost", "") or "")
    if pattern:
        text = pattern.replace("<>", text) if "<>" in pattern else text + pattern
    return text + _tolerance(abs(value), style)


def _value(dimension: Any, style: Any) -> float | None:
    try:
        measured = dimension.get_measurement()
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        measured = dimension.dxf.get("actual_measurement")
    if measured is None:
        return None
    if not isinstance(measured, int | float):
        # Ordinate: a vector from the origin of the coordinates.
        is_x = dimension.dxf.get("dimtype", 0) & _X_ORDINATE
        measured = measured.x if is_x else measured.y
    if dimension.dimtype in _ANGULAR:
        return float(measured)
    return float(measured) * float(style.get("dimlfac", 1.0) or 1.0)


def _tolerance(value: float, style: Any) -> str:
    upper = float(style.get("dimtp", 0.0) or 0.0)
    lower = float(style.get("dimtm", 0.0) or 0.0)
    if style.get("dimlim", 0):
        limits = (_number(limit, style, "dimdec") for limit in (value + upper, value - lower))
        return f" ({'/'.join(limits)})"
    if not style.get("dimtol", 0) or not (upper or lower):
        return ""
    if upper == lower:
        return f"±{_number(upper, style, 'dimtdec')}"
    return f" {_signed(upper, style)}/{_signed(-lower, style)}"


def _signed(value: float, style: Any) -> str:
    sign = "+" if value > 0 else "-" if value < 0 else ""
    return sign + _number(abs(value), style, "dimtdec")


def _number(value: float, style: Any, decimals: str) -> str:
    places = style.get(decimals)
    places = 2 if places is None else max(0, min(_MAX_DECIMALS, int(places)))
    text = f"{value:.{places}f}"
    zeros = style.get("dimzin" if decimals == "dimdec" else "dimtzin", 0) or 0
    if "." in text and int(zeros) & _SUPPRESS_TRAILING:
        text = text.rstrip("0").rstrip(".")
    return text
