"""Part and drawing numbers, standards, threads, tolerances, quantities and dates.

The normal form is the same for every way of writing: full or half width, any hyphen or cross,
``N·m`` / ``N-m`` / ``Nm`` / ``ニュートンメートル``, ``12.50`` / ``12.5``. Fit letters keep their
case (``H7`` is a hole, ``h7`` a shaft), all else is lower case except unit symbols.
"""

import re
from datetime import date
from functools import lru_cache

from engine.notation.folding import fold_width
from engine.notation.units import UNIT_PATTERN, unit_normal
from engine.records import Identifier

_NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,6}(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+)"
_UNIT = rf"(?:[ \u3000]?(?:{UNIT_PATTERN}))"
_SIGNED = rf"[+-][ ]?{_NUMBER}"

_FORMS: tuple[tuple[str, str], ...] = (
    (
        "date",
        r"(?:19|20)\d\d(?:(?P<d1>[-/.])[01]?\d(?P=d1)[0-3]?\d|[ ]?年[ ]?[01]?\d[ ]?月"
        r"(?:[ ]?[0-3]?\d[ ]?日)?)(?!\d)",
    ),
    (
        "standard",
        r"(?:JIS|ISO|IEC|ASTM|DIN|ANSI|ASME|IATF|JASO|JEITA|MIL|SAE|JPCA)(?:/(?:IEC|TS|TR))?[ -]?"
        r"(?:[A-Z]{1,3}[ -]?)?\d{2,6}(?:[-:]\d{1,5}){0,3}(?:-[a-zA-Z]{1,2})?(?![0-9A-Za-z])",
    ),
    (
        "thread",
        r"(?:M\d+(?:\.\d+)?(?:[ ]?[xX][ ]?\d+(?:\.\d+)?){0,2}(?:[ ]?-[ ]?\d[gGhH]\d?[gGhH]?)?"
        r"|(?:Rc|Rp|NPT|PT|PF|PS|G|R)[ ]?\d+(?:-\d+)?/\d+)(?![0-9A-Za-z])(?!-\d)",
    ),
    (
        "diameter",
        rf"φ[ ]?{_NUMBER}(?:[ ]?(?:\([A-Za-z]{{1,2}}\d{{1,2}}\)"
        rf"|[A-Za-z]{{1,2}}\d{{1,2}})(?:/[A-Za-z]\d{{1,2}})?"
        rf"(?!\.?[0-9A-Za-z]))?(?:[ ]?mm(?![A-Za-z]))?",
    ),
    ("roughness", rf"(?:R(?:a|z|max|y|q|t|zJIS)|RZ|RA)[ ]?{_NUMBER}(?![0-9A-Za-z-])"),
    ("tolerance", rf"(?:±|\+/-|\+-)[ ]?{_NUMBER}{_UNIT}?"),
    (
        "deviation",
        rf"(?:{_SIGNED}[ ]?(?:[/^~,\n][ ]?|[ ])(?:[+-][ ]?{_NUMBER}|0(?![\d.]))"
        rf"|0[ ]?[/^\n][ ]?{_SIGNED}){_UNIT}?(?![0-9A-Za-z])",
    ),
    ("range", rf"[+-]?{_NUMBER}{_UNIT}?[ ]?(?:~|から)[ ]?[+-]?{_NUMBER}{_UNIT}"),
    ("dimension", rf"(?:C|R|SR|t){_NUMBER}(?![0-9A-Za-z-])"),
    ("hardness", r"(?:HRC|HRB|HBW?|HV|HS)[ ]?\d{2,3}(?:[ ]?~[ ]?\d{2,3})?(?![0-9A-Za-z-])"),
    ("quantity", rf"[+-]?{_NUMBER}{_UNIT}"),
    (
        "part_number",
        r"(?:(?!\d{1,2}-M\d)(?=[0-9A-Za-z_-]{0,40}\d)(?=[0-9_-]{0,40}[A-Za-z])"
        r"[0-9A-Za-z]{1,24}(?:[-_][0-9A-Za-z]{1,24}){1,8}"
        r"|(?=[\d-]{6})\d{2,12}(?:-\d{1,12}){1,6})(?![0-9A-Za-z])"
        r"|[A-Za-z]{1,6}\d{2,12}[0-9A-Za-z]{0,24}|\d{3,12}[A-Z]{1,4}\d*(?![0-9A-Za-z])",
    ),
)
_ANY = re.compile(
    r"(?=[0-9A-Za-zφ±+\-.])(?<![0-9A-Za-z])(?<![0-9]\.)(?:"
    + "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _FORMS)
    + ")"
)
# Words before a number that make a reference, not a part: "page12", "table10".
_REFERENCE = re.compile(r"(?:p|pp|page|fig|table|no|sec|step|rev|ver|line|sheet)\d+", re.IGNORECASE)
_ERA = re.compile(
    r"(令和|平成|昭和)[ ]?(\d{1,2}|元)[ ]?年[ ]?(\d{1,2})[ ]?月(?:[ ]?(\d{1,2})[ ]?日)?"
)
_ERA_START = {"令和": 2018, "平成": 1988, "昭和": 1925}
_NUMBER_RE = re.compile(_NUMBER)
_UNIT_RE = re.compile(UNIT_PATTERN)


def identifiers(text: str, start: int = 0, end: int | None = None) -> list[Identifier]:
    """Find identifiers in ``text[start:end]``, in order, not overlapping.

    Spans are code points of ``text``.
    """
    folded = fold_width(text[start:end])
    found: list[Identifier] = []
    for match in _ERA.finditer(folded.text):
        normal = _era_date(match)
        if normal:
            first, last = folded.span(*match.span())
            found.append(Identifier(start + first, start + last, "date", normal))
    eras = iter([*((one.start - start, one.end - start) for one in found), (len(text), len(text))])
    era = next(eras)
    last_end = 0
    for match in _ANY.finditer(folded.text):
        kind = match.lastgroup or ""
        if kind == "d1":
            kind = "date"
        normal = _normal(kind, match.group())
        if normal is None:
            continue
        first, last = folded.span(*match.span())
        # Two matches may share one original character, such as the two letters of ㎜.
        if first < last_end:
            continue
        while era[1] <= first:
            era = next(eras)
        if last > era[0]:
            continue
        last_end = last
        found.append(Identifier(start + first, start + last, kind, normal))
    return sorted(found, key=lambda one: one.start)


def parts(identifier: Identifier) -> list[str]:
    """Shorter forms under which an identifier is also found, without its own normal form.

    A part number without hyphens and its runs of groups, a thread without its pitch, a tolerance
    without its unit, the ends of a range.
    """
    normal = identifier.normal
    forms: list[str] = []
    if identifier.kind == "part_number" and "-" in normal:
        groups = normal.split("-")
        count = len(groups)
        for first in range(count):
            for last in range(first + 2, count + 1):
                if count <= 4 or first == 0 or last == count:
                    forms.append("".join(groups[first:last]))
    elif identifier.kind == "standard":
        forms.extend(re.split(r"[:-]", normal)[:1])
    elif identifier.kind == "thread":
        forms.extend(re.split(r"[x-]", normal)[:1])
    elif identifier.kind == "diameter":
        forms.extend(re.findall(r"^φ[\d.]+|[A-Za-z]{1,2}\d{1,2}", normal))
    elif identifier.kind in ("tolerance", "deviation"):
        forms.append(_UNIT_RE.sub("", normal))
    elif identifier.kind in ("range", "hardness") and "~" in normal:
        low, _, high = normal.partition("~")
        unit = _NUMBER_RE.sub("", high).lstrip("+-")
        forms.extend((low + unit, high))
    return [form for form in dict.fromkeys(forms) if form and form != normal]


def _number(text: str) -> str:
    plain = text.replace(",", "")
    if plain.startswith("."):
        plain = "0" + plain
    whole, _, fraction = plain.partition(".")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction}" if fraction else whole


def _numbers(text: str) -> str:
    return _NUMBER_RE.sub(lambda match: _number(match.group()), text)


def _measured(text: str) -> str:
    """Numbers shortened, spaces out, the unit (last in ``text``, after a digit) in normal form."""
    body = text.rstrip()
    last = max(place for place, character in enumerate(body) if character.isdigit())
    head, unit = body[: last + 1], body[last + 1 :].strip()
    # Digits of the unit itself: mm2, m/s2, min-1.
    for match in re.finditer(rf"{_NUMBER}[ ]?(?P<unit>{UNIT_PATTERN})$", body):
        head, unit = body[: match.start("unit")], match.group("unit")
    return _numbers(re.sub(r"[ \n]", "", head)) + (unit_normal(unit) if unit else "")


@lru_cache(maxsize=16384)
def _normal(kind: str, text: str) -> str | None:
    if kind == "date":
        return _western_date(text)
    if kind == "standard":
        return re.sub(r"(?<=[a-z])-(?=[a-z]{0,3}-?\d)", "", re.sub(r"[ /]", "", text.lower()))
    if kind == "thread":
        return _numbers(text.replace(" ", "").lower())
    if kind == "diameter":
        body = re.sub(r"[ ()]", "", text).removesuffix("mm")
        return re.sub(rf"^φ({_NUMBER})", lambda match: "φ" + _number(match.group(1)), body)
    if kind == "hardness":
        scale = re.match("[A-Z]+", text).group()  # type: ignore[union-attr]
        return _numbers(text[len(scale) :].replace(" ", "")) + unit_normal(scale)
    if kind in ("roughness", "dimension"):
        return _numbers(text.replace(" ", "").lower())
    if kind == "tolerance":
        return "±" + _measured(re.sub(r"^(?:±|\+/-|\+-)", "", text))
    if kind == "deviation":
        return _measured(_deviation(text))
    if kind == "range":
        low, high = re.split(r"~|から", text, maxsplit=1)
        return _numbers(re.match(rf"[+-]?{_NUMBER}", low.strip()).group()) + "~" + _measured(high)  # type: ignore[union-attr]
    if kind == "quantity":
        return _measured(text)
    if _REFERENCE.fullmatch(text):
        return None
    return text.lower().replace("_", "-")


def _deviation(text: str) -> str:
    upper = re.match(rf"[+-]?[ ]?{_NUMBER}", text)
    assert upper is not None
    rest = text[upper.end() :].lstrip(" /^~,\n")
    return upper.group() + "/" + rest


def _western_date(text: str) -> str | None:
    year, month, *day = (int(number) for number in re.findall(r"\d+", text))
    return _iso(year, month, day[0] if day else None)


def _era_date(match: re.Match[str]) -> str | None:
    era, year, month, day = match.groups()
    number = 1 if year == "元" else int(year)
    return _iso(_ERA_START[era] + number, int(month), int(day) if day else None)


def _iso(year: int, month: int, day: int | None) -> str | None:
    try:
        moment = date(year, month, day or 1)
    except ValueError:
        return None
    return moment.isoformat() if day else moment.isoformat()[:7]
