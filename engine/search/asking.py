"""What a question asks for: a time, a person, a place, a number, a name, a reason."""

import re
from dataclasses import dataclass

from engine.search.query import shape

# The kind of a question that no word says.
NONE = "none"
# From here on a query is a bare word or number rather than a question.
BARE = 0.5

_COUNTERS = (
    "人|個|回|冊|隻|台|枚|本|度|歳|才|キロ|メートル|ミリ|万|億|千|百|%|パーセント|割|倍|種|位|番|件|校|機|匹|頭|羽|点|つ"
    "|円|ドル|km|m|cm|mm|kg|g|名|社|年間|日間|ヶ月|か月|カ月|時間|分|秒|階|号|代|軒|曲|作|基|両|世"
)
_KINDS = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("choice", r"どちら|どっち|いずれ|のうち|の中で|\bwhich of\b"),
        (
            "time",
            r"いつ|何[年月日時](?!間)|何世紀|何曜|時期|年代は|日付|西暦|\bwhen\b"
            r"|\bwhat (?:year|day|time|date)\b",
        ),
        (
            "person",
            r"誰|だれ|何者|何人(?:が|に|の|で|と|を|は|か|[?？])|人物|人は|\bwho(?:m|se)?\b",
        ),
        (
            "place",
            r"どこ|何処|場所|どの(?:国|県|市|都市|州|町|地|島)|何(?:県|市|州|国|町|村|区|島|地方|川)|\bwhere\b",
        ),
        (
            "number",
            rf"いくつ|いくら|どれ(?:く|ぐ|ほ|だけ)|どの(?:く|ぐ)らい|どれほど|何(?:{_COUNTERS})"
            r"|\bhow (?:many|much|long|far|old|often|big|large|tall|high)\b",
        ),
        (
            "name",
            r"何(?:という|て|と|って)|なんと|名前|名称|呼び|呼ば|称|名は|\bnames?\b|\bcalled\b",
        ),
        ("reason", r"なぜ|理由|どうして|原因|何故|\bwhy\b"),
        ("manner", r"どのよう|どう|どんな|\bhow\b"),
        ("which", r"どの|どれ|何の|\bwhich\b"),
        ("thing", r"何|なに|\bwhat\b"),
    )
)
_PROCEDURE = re.compile(
    r"方法|手順|やり方|仕方|どうやっ|どうすれ|どうすると|対処"
    r"|\bhow (?:to|do|does|can|should|is|are)\b",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"何\S?|誰|だれ|どこ|いつ|どの|どれ|どちら|いくら|いくつ|なぜ|どう|どんな|なに"
    r"|\b(?:what|who|whom|whose|when|where|which|why|how)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"何([\u3400-\u9fff々ァ-ヺー]{1,4})")
_HEAD = re.compile(r"(?:どの|何の|どんな|どういう|どのような)([\u3400-\u9fff々ァ-ヺー]{1,6})")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for.

    Attributes:
        kind: Such as ``time`` or ``person``; ``NONE`` where no word says it.
        words: Spans of its question words.
        counted: What stands behind 何, such as 年, or empty.
        head: Noun of which kind the answer is, such as 国 in どの国, or empty.
    """

    kind: str
    words: tuple[tuple[int, int], ...]
    counted: str
    head: str


def asked_for(query: str) -> Asked | None:
    """What a question asks for; None for bare words and for procedures.

    A procedure is told in whole sentences, and a bare word asks for places where it stands.
    """
    if shape(query).short >= BARE or _PROCEDURE.search(query):
        return None
    kind = next((name for name, pattern in _KINDS if pattern.search(query)), NONE)
    counted, head = _COUNTED.search(query), _HEAD.search(query)
    return Asked(
        kind,
        tuple(match.span() for match in _WORDS.finditer(query)),
        counted.group(1) if counted else "",
        head.group(1) if head else "",
    )
