"""What the words of a table's cells say: values, names of values, remarks, captions, signatures."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

_NUMERIC = re.compile(
    r"[-+±<>≦≧≤≥~約]?\s*[\d.,]+(?:e[-+]?\d+)?\s*(?:%|[a-z°℃µμ·/]{1,6}\d?)?"
    r"|\d{1,4}[-/.年]\d{1,2}(?:[-/.月]\d{1,2}日?)?(?:[ t]\d{1,2}:\d{2}(?::\d{2})?)?"
    r"|\d{1,2}:\d{2}(?::\d{2})?|true|false|ok|ng|[○×△◎✓-]",
    re.IGNORECASE,
)
# Part numbers and revisions are what stands under or beside a label.
_VALUE = re.compile(
    r"[A-Za-z]{1,5}(?:-[A-Za-z]{1,4})*-?\d{2,}[A-Za-z\d-]*(?:\s*第\s*\d+\s*版)?|第\s*\d+\s*版"
)
_CODE = re.compile(r"[A-Za-z]{1,5}-?\d[\w-]*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LABEL_LENGTH = 60
# Endings of what forms call their values: 文書番号, 改訂日, 主管部署.
_NAME = re.compile(
    r"\D*(?:番号?|No\.?|コード|名称?|件名|標題|日付?|日時|年月|期間|期限|時間|者|先|部署|部門|会社|工場"
    r"|区分|種[別類]|版|改訂|号機|機種|[品図型色]番|型式|材[料質]|数量?|[重質]量|力|色|単位|規格|寸法"
    r"|工程|設備|装置|金型|場所|顧客|承認|審査|確認|作成|検査|照査|担当|主管|備考|目的|対象|内容"
    r"|ロット|方法|頻度|結果|判定|所在地|住所|電話)",
    re.IGNORECASE,
)
_NAME_LENGTH = 10
# Heads a column of names, so it never stands beside a value of its own.
_ITEM = re.compile(r".*(?:項目|No\.?|番号)", re.IGNORECASE)
_SIGNATORY = re.compile(
    r"(?:作成|審査|承認|確認|照査|検査|検認|検印|起案|立案|担当|決裁|決定|発行|報告|受付|申請)[者印]?"
    r"|.{0,6}[係課部次室組班職工場所社]長|.{0,8}(?:責任|管理)者"
)
_REMARK = re.compile(r"(?:※|注|備考|特記|→|\*|・|NOTE)", re.IGNORECASE)
_UNIT = re.compile(r"[(\[［（][^()（）\[\]［］]{1,12}[)\]］）]")
_MARK = re.compile(
    r"(?P<sign>[■□◆◇●○▼▲◎])\s*\S|(?P<bracket>【[^】]+】$)|(?P<colon>[^:]{1,12}:$)"
    r"|(?P<table>[表図]\s*\d+)|(?P<number>\(?\d{1,2}(?:\.\d{1,2})*[.)]\s*[^\d\s])"
    r"|(?P<article>第\s*\d+\s*[章節項])"
)
_CAPTION_LENGTH = 60
_LETTER = "[\u3005\u3041-\u30ff\u4e00-\u9fff\uff21-\uff3a]"
_SPACED = re.compile(rf"{_LETTER}(?: {_LETTER})+(?=$| ?[^\w\s])")

_WIDE = re.compile(r"\u3000|\s\s")


def one_line(text: str) -> str:
    """A cell's text on one line, without the spaces that stretch a title such as 検 査 表."""
    line = " ".join(text.split())
    stretched = _SPACED.match(line)
    if stretched is None:
        return line
    word = stretched[0].replace(" ", "")
    if len(word) == 2 and not _WIDE.search(text):
        # As likely a name such as 林 勝.
        return line
    return word + line[stretched.end() :]


@lru_cache(10_000)
def _normal(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip()


@lru_cache(50_000)
def is_label(value: str) -> bool:
    """Whether a cell may be a header or a name: no number, date, part number or long text."""
    normal = _normal(value)
    if _VALUE.fullmatch(normal) and len(normal) > 3:
        return False
    return len(normal) <= _LABEL_LENGTH and not _NUMERIC.fullmatch(normal)


def is_value(value: str) -> bool:
    """Whether a cell holds a number, a date, a code or the like."""
    return not is_label(value) or _CODE.fullmatch(value) is not None


def is_series(values: Sequence[str]) -> bool:
    """Whether numbers or dates rise from cell to cell, as those of months or distances do."""
    numbers = [tuple(map(float, _NUMBER.findall(_normal(value)))) for value in values]
    return len(numbers) > 1 and all(len(a) > 0 and a < b for a, b in pairwise(numbers))


def is_name(value: str) -> bool:
    """Whether a word is what forms put beside a value, such as 品番 or 改訂日."""
    normal = _normal(value).replace(" ", "")
    return len(normal) <= _NAME_LENGTH and _NAME.fullmatch(normal) is not None


def is_item(value: str) -> bool:
    """Whether a word heads a column of names, such as 検査項目."""
    return _ITEM.fullmatch(_normal(value)) is not None


def is_signatory(value: str) -> bool:
    """Whether a cell names who signs below it, such as 承認 or 課長."""
    return _SIGNATORY.fullmatch(_normal(value).replace(" ", "")) is not None


def is_unit(value: str) -> bool:
    """Whether a cell holds a unit in brackets, which belongs to the header above it."""
    return _UNIT.fullmatch(value.strip()) is not None


def is_remark(value: str) -> bool:
    """Whether a cell that stands alone is a remark: by its sign, or as sentences."""
    normal = _normal(value)
    return _REMARK.match(normal) is not None or "。" in normal


def caption_mark(value: str) -> str | None:
    """Kind of sign or number that a caption begins with; None where it has none."""
    match = _MARK.match(_normal(value))
    return match.lastgroup if match is not None else None


def may_be_caption(value: str) -> bool:
    """Whether a text is short enough and neither value nor remark."""
    normal = _normal(value)
    is_short = len(normal) <= _CAPTION_LENGTH and "。" not in normal
    return (
        is_short
        and any(map(str.isalpha, normal))
        and (caption_mark(value) is not None or not is_remark(value))
    )
