"""Which encoding a text file is in: a byte order mark, UTF-8, else the likelier Japanese one."""

import codecs
import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

from engine.reading.source import Source

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 200_000
_COMMON = re.compile(r"[ぁ-んァ-ヶー一-龠々、。・「」]")
_HALF_WIDTH_KANA = re.compile(r"[｡-ﾟ]")
# Rows 1 to 8 of JIS X 0208 that office texts hardly use, private use and vendor rows.
_RARE = re.compile("[\u0370-\u04ff\u2500-\u257f\ue000-\uf8ff\ufffd]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text file's content.

    Attributes:
        text: Without byte order mark; line ends as in the file.
        encoding: Python's name of its encoding.
        is_damaged: Whether bytes had to be replaced.
    """

    text: str
    encoding: str
    is_damaged: bool = False


def decode(source: Source) -> Decoded:
    """Decode a text file.

    Raises:
        ReadingError: ``file_broken`` where it is no text.
    """
    data = source.data
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data.decode(encoding), encoding)
            except UnicodeDecodeError:
                return Decoded(data.decode(encoding, "replace"), encoding, True)
    unmarked = _unmarked_utf16(data)
    if unmarked is not None:
        return unmarked
    if b"\x00" in data[:_SAMPLE]:
        raise source.broken("binary data")
    if b"\x1b$" in data or b"\x1b(" in data:
        # Seven-bit JIS is valid UTF-8 too, as gibberish.
        try:
            return Decoded(data.decode("iso2022_jp_ext"), "iso2022_jp")
        except UnicodeDecodeError:
            pass
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        damaged_utf8 = error
    candidates = []
    for encoding in ("cp932", "euc_jp"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        candidates.append((_japanese_score(text[:_SAMPLE]), encoding, text))
    if candidates:
        score, encoding, text = max(candidates)
        if score > 0:
            return Decoded(text, encoding)
    return _guess(source, damaged_utf8)


def _japanese_score(text: str) -> float:
    """Likelihood that a text was meant: usual Japanese minus what wrong decoding brings forth."""
    foreign = sum(char > "\x7f" for char in text)
    if not foreign:
        return 0.0
    common = len(_COMMON.findall(text))
    # EUC-JP read as cp932 turns into half-width kana throughout.
    narrow = len(_HALF_WIDTH_KANA.findall(text))
    rare = len(_RARE.findall(text))
    kana = len(re.findall("[ぁ-んァ-ヶー]", text))
    return (common + 0.3 * kana - 0.6 * narrow - 3 * rare) / foreign + 1e-6


def _unmarked_utf16(data: bytes) -> Decoded | None:
    sample = data[:4096]
    if len(data) % 2 or sample.count(0) * 8 <= len(sample):
        return None
    encoding = "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else Decoded(text, encoding)


def _guess(source: Source, error: UnicodeDecodeError) -> Decoded:
    """Last resorts: another encoding, or a Japanese one with a few broken bytes in it."""
    data = source.data
    best = min(
        (
            (text.count("\ufffd"), encoding, text)
            for encoding in ("utf-8", "cp932", "euc_jp")
            for text in [data.decode(encoding, "replace")]
        ),
        key=lambda item: item[0],
    )
    if best[0] <= max(2, 0.01 * len(best[2])):
        return Decoded(best[2], best[1], True)
    match = from_bytes(data[:_SAMPLE]).best()
    if match is not None and match.encoding:
        try:
            return Decoded(data.decode(match.encoding), match.encoding)
        except (UnicodeDecodeError, LookupError):
            pass
    raise source.broken(error)
