"""Text out of the XML of a Word file."""

from collections.abc import Iterator
from typing import Any

from docx.oxml.ns import qn

# Deleted or moved text, field codes, phonetic guides; text boxes are read apart, and the
# fallback repeats what the choice before it says.
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_LEFT_OUT = frozenset(
    [
        *map(qn, ("w:del", "w:moveFrom", "w:instrText", "w:delText", "w:rt")),
        *map(qn, ("w:txbxContent", "w:pPr", "w:rPr")),
        _FALLBACK,
    ]
)
_TEXTS = frozenset([qn("w:t"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"])
_FIXED = {
    qn("w:tab"): "\t",
    qn("w:br"): "\n",
    qn("w:cr"): "\n",
    qn("w:noBreakHyphen"): "-",
    qn("w:ptab"): "\t",
}
_WRAPPERS = frozenset([qn("w:sdt"), qn("w:sdtContent"), qn("w:customXml"), qn("w:ins")])


def paragraph_text(paragraph: Any) -> str:
    """Text of a ``w:p`` as it is shown, without its number and its text boxes."""
    return "".join(_runs(paragraph)).strip("\n")


def _runs(element: Any) -> Iterator[str]:
    for child in element:
        tag = child.tag
        if tag in _LEFT_OUT or not isinstance(tag, str):
            continue
        if tag in _TEXTS:
            yield child.text or ""
        elif tag in _FIXED:
            yield "" if child.get(qn("w:type")) in ("page", "column") else _FIXED[tag]
        elif tag == qn("w:sym"):
            code = int(child.get(qn("w:char"), "0"), 16)
            # Symbol fonts live in the private use area, 0xF000 above their own code.
            yield chr(code) if not 0xE000 <= code <= 0xF8FF else " "
        else:
            yield from _runs(child)


def blocks(container: Any) -> Iterator[Any]:
    """Paragraphs and tables directly in a body, a cell, a header or the like."""
    for child in container:
        if child.tag in (qn("w:p"), qn("w:tbl")):
            yield child
        elif child.tag in _WRAPPERS:
            yield from blocks(child)


def text_boxes(paragraph: Any) -> Iterator[str]:
    """Texts of the text boxes anchored in a paragraph."""
    for box in paragraph.iter(qn("w:txbxContent")):
        if not any(parent.tag == _FALLBACK for parent in box.iterancestors()):
            text = container_text(box)
            if text:
                yield text


def container_text(container: Any, between: str = "\n") -> str:
    """Text of all paragraphs in a container, nested tables included."""
    texts = (paragraph_text(p) for p in container.iter(qn("w:p")) if _is_own(p, container))
    return between.join(text for text in texts if text.strip())


def _is_own(paragraph: Any, container: Any) -> bool:
    for parent in paragraph.iterancestors():
        if parent is container:
            return True
        if parent.tag == qn("w:txbxContent") or parent.tag == _FALLBACK:
            return False
    return False


def note_ids(element: Any) -> list[tuple[str, str]]:
    """``("footnote" or "endnote", id)`` of each note that an element refers to, in order."""
    kinds = {qn("w:footnoteReference"): "footnote", qn("w:endnoteReference"): "endnote"}
    return [
        (kinds[child.tag], child.get(qn("w:id"), ""))
        for child in element.iter(*kinds)
        if child.get(qn("w:id"))
    ]
