"""What the score of a phrase as an answer is made of.

A phrase is described by what the model attended to in and around it, by how far it repeats the
question (echo) and how near it stands to what does, by its form beside the kind of thing asked for,
and by its neighbours. Features are sparse and named; their weights are fitted by
``engine/evaluate/fit_highlights.py``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.records import QueryEncoding, Span
from engine.search.asking import Asked
from engine.search.phrases import Phrase
from engine.search.query import span_weights, token_weights

TEMPERATURE = 0.05
# Query tokens whose characters weigh more carry what the question is about.
CONTENT = 0.8
# Characters over which the nearness of an echo fades to a third; longer echoes count as this long.
REACHES = (4, 12, 40)
LONGEST_ECHO = 5
_NEAR = ("near4", "near12", "near40", "clause_before", "clause_after")
_CLAUSE_ENDS = frozenset("、。，．,;；\n")
_LEAST = 1e-3

_CONTENT = re.compile(r"[ァ-ヺー]+|[\u3400-\u9fff々]+|[A-Za-z0-9０-９.,]+")
_AFTER = frozenset("はがをにでのともや、。(（」へかだな\n.,;")
_BEFORE = frozenset("はがをにでのともや、。(（「『.,;")
_TELLING = frozenset("はがをにでの、と(（")
_NAMED = ("という", "と呼", "と称", "といい", " called", " named")
_BEING = re.compile(r"である|であっ|だ[。っ]|でし|です")
_PLACE = re.compile(
    r"(?:市|県|国|島|州|区|町|村|川|山|都|府|駅|城|寺|湖|海|大学|半島|地方|学校|病院|会場|館|園|港|宮|郡|諸島|大陸"
    r"|工場|倉庫|室)$"
)
_PERSON = re.compile(r"(?:氏|博士|教授|監督|王|世|夫人|夫妻|公|伯|卿|子|郎|人|者|長|員)$")
_TITLE = re.compile(r"^[はがにのとをも]?(?:氏|博士|教授|監督|王|皇帝|選手|大統領|首相|社長|牧師)")


@dataclass(frozen=True, slots=True)
class PassageTokens:
    """A passage as the model holds it.

    Attributes:
        text: Its text.
        sentences: Spans of its sentences, into ``text``.
        spans: Spans of its N tokens, into ``text``, int ``[N, 2]``.
        vectors: Their unit vectors times 127, int8 ``[N, D]``.
        echoes: Spans of ``text`` that repeat words of the question.
    """

    text: str
    sentences: tuple[Span, ...]
    spans: np.ndarray
    vectors: np.ndarray
    echoes: tuple[Span, ...]


def features(
    query: QueryEncoding, asked: Asked, passage: PassageTokens, found: Sequence[Phrase]
) -> list[dict[str, float]]:
    """What the score of each phrase is made of, by name."""
    attention = _Attention.of(query, asked, passage)
    echo = _Echo.of(query.text, passage)
    sentences = _sentence_features(query, passage, attention)
    within, around = _nesting(found)
    near = echo.nearness(found)
    rows = []
    for at, phrase in enumerate(found):
        row = _form_features(phrase, asked, passage.text)
        row |= {"within": within[at], "around": around[at]}
        row |= _neighbour_features(phrase, asked, passage.text)
        row |= echo.features(phrase, asked)
        row |= dict(zip(_NEAR, near[at].tolist(), strict=True))
        row |= attention.features(phrase)
        row |= sentences[_sentence_of(phrase, passage.sentences)]
        rows.append({name: float(value) for name, value in row.items() if value})
    return rows


def _nesting(found: Sequence[Phrase]) -> tuple[list[float], list[float]]:
    """Whether each phrase stands in a longer one, and whether it holds a shorter one."""
    spans = np.array([(one.start, one.end) for one in found])
    plain = np.array([one.form not in ("clause", "joined", "tail") for one in found])
    inside = (spans[:, None, 0] >= spans[None, :, 0]) & (spans[:, None, 1] <= spans[None, :, 1])
    np.fill_diagonal(inside, False)
    within = (inside & plain[None, :]).any(axis=1)
    around = (inside & plain[:, None]).any(axis=0)
    return within.astype(float).tolist(), around.astype(float).tolist()


def _form_features(phrase: Phrase, asked: Asked, text: str) -> dict[str, float]:
    start, end, kind = phrase.start, phrase.end, asked.kind
    body = text[start:end]
    long = float(np.log(end - start))
    row = {
        f"form:{phrase.form}": 1.0,
        f"{kind}|form:{phrase.form}": 1.0,
        "length": long,
        "length2": long * long,
        "place_in_text": start / len(text),
        "hiragana": sum("ぁ" <= one <= "ん" for one in body) / (end - start),
        "repeated": float(text.count(body) > 1),
        "bracketed": float(text.rfind("(", 0, start) > text.rfind(")", 0, start)),
    }
    if kind in ("reason", "manner"):
        row[f"{kind}|length"] = long
    if asked.counted:
        counted = re.escape(asked.counted)
        row["counted_end"] = float(body.endswith(asked.counted))
        row["counted_in"] = float(asked.counted in body) - row["counted_end"]
        row["counted_number"] = float(
            re.search(rf"[0-9０-９一二三四五六七八九十数](?:万|億|千|百)?{counted}", body)
            is not None
        )
    if asked.head:
        row["head_end"] = float(body.endswith(asked.head[-1]))
        row["head_whole"] = float(body.endswith(asked.head))
    if _PLACE.search(body):
        row[f"{kind}|place"] = 1.0
    if _PERSON.search(body) or _TITLE.match(text[end : end + 4]):
        row[f"{kind}|person"] = 1.0
    return row


def _neighbour_features(phrase: Phrase, asked: Asked, text: str) -> dict[str, float]:
    before = text[phrase.start - 1] if phrase.start else "^"
    after = text[phrase.end] if phrase.end < len(text) else "。"
    following = text[phrase.end : phrase.end + 7]
    row = {
        f"after:{_class(after, _AFTER)}": 1.0,
        f"before:{_class(before, _BEFORE)}": 1.0,
        "being": float(_BEING.match(following) is not None),
    }
    if after in _TELLING:
        row[f"{asked.kind}|after:{after}"] = 1.0
    if following.startswith(_NAMED):
        row["named"] = row[f"{asked.kind}|named"] = 1.0
    return row


def _class(character: str, known: frozenset[str]) -> str:
    if character in known or character == "^":
        return character
    return "hiragana" if "ぁ" <= character <= "ん" else "other"


@dataclass(frozen=True, slots=True)
class _Echo:
    """What of a passage the question says itself."""

    query: str
    text: str
    pairs: set[str]
    spans: tuple[Span, ...]
    counts: np.ndarray

    @classmethod
    def of(cls, query: str, passage: PassageTokens) -> "_Echo":
        cells = np.zeros(len(passage.text), np.int64)
        for start, end in passage.echoes:
            cells[start:end] = 1
        counts = np.concatenate([[0], np.cumsum(cells)])
        return cls(query, passage.text, _pairs(query), passage.echoes, counts)

    def nearness(self, found: Sequence[Phrase]) -> np.ndarray:
        """How much echo stands near each phrase, in the columns of ``_NEAR``: ``[N, 5]``.

        That is within each of ``REACHES``, and before and after it in the same clause.
        """
        if not self.spans:
            return np.zeros((len(found), len(_NEAR)))
        spans = np.array([(one.start, one.end) for one in found])
        echoes = np.array(self.spans)
        gap = np.maximum(spans[:, None, 0] - echoes[:, 1], echoes[:, 0] - spans[:, None, 1])
        size = np.minimum(echoes[:, 1] - echoes[:, 0], LONGEST_ECHO) * (gap >= 0)
        fading = np.exp(-np.maximum(gap, 0)[:, :, None] / np.array(REACHES, float))
        near = (size[:, :, None] * fading).sum(axis=1)
        clause = np.cumsum([one in _CLAUSE_ENDS for one in self.text])
        same = size * fading[:, :, 1] * (clause[spans[:, None, 0]] == clause[echoes[:, 0]])
        first = echoes[:, 0] < spans[:, None, 0]
        beside = [(same * first).sum(axis=1), (same * ~first).sum(axis=1)]
        return np.log1p(np.concatenate([near, np.stack(beside, axis=1)], axis=1))

    def features(self, phrase: Phrase, asked: Asked) -> dict[str, float]:
        body = self.text[phrase.start : phrase.end]
        share = float(self.counts[phrase.end] - self.counts[phrase.start]) / len(body)
        pairs = _pairs(body)
        row = {
            "echo": share,
            "echo_any": float(share > 0),
            "echo_whole": float(share > 0.9),
            "in_question": float(body in self.query),
            "pairs_in_question": len(pairs & self.pairs) / max(len(pairs), 1),
        }
        if asked.kind == "choice":
            # What one of several named things is, the question does say.
            row["choice|echo"] = share
            row["choice|in_question"] = row["in_question"]
        return row


@dataclass(frozen=True, slots=True)
class _Attention:
    """Attention of a question's tokens to those of a passage (Q and N tokens)."""

    spans: np.ndarray
    shares: tuple[tuple[str, np.ndarray], ...]
    cosines: tuple[tuple[str, np.ndarray], ...]
    content: np.ndarray

    @classmethod
    def of(cls, query: QueryEncoding, asked: Asked, passage: PassageTokens) -> "_Attention":
        vectors = passage.vectors.astype(np.float32) / 127.0
        cosines = query.token_vectors @ vectors.T
        spread = _softmax(cosines / TEMPERATURE)
        weights = token_weights(query)
        found = weights * np.maximum(cosines.max(axis=1), 0.0) ** 2
        total = float(found.sum())
        drawn = (found / total) @ spread if total > 0 else spread.mean(axis=0)
        words = np.array(
            [
                any(start < last and end > first for first, last in asked.words)
                for start, end in query.token_spans
            ],
            bool,
        )
        content = span_weights(query.text, query.token_spans) > CONTENT
        if not content.any():
            content = weights >= weights.max()
        asking = cosines[words] if words.any() else cosines
        shares = [
            ("attention", drawn),
            ("asking", spread[words].mean(axis=0) if words.any() else spread.mean(axis=0)),
            ("pointed", pointer_attention(query, vectors)),
        ]
        return cls(
            passage.spans,
            tuple((name, share * len(vectors)) for name, share in shares),
            (
                ("asking_cosine", asking.max(axis=0)),
                ("content_cosine", cosines[content].max(axis=0)),
                ("mean_cosine", cosines.mean(axis=0)),
            ),
            cosines[content],
        )

    def range(self, start: int, end: int) -> tuple[int, int]:
        """Tokens of a span, at least one."""
        first = int(np.searchsorted(self.spans[:, 1], start, side="right"))
        last = int(np.searchsorted(self.spans[:, 0], end, side="left"))
        first = min(first, len(self.spans) - 1)
        return first, max(last, first + 1)

    def features(self, phrase: Phrase) -> dict[str, float]:
        first, last = self.range(phrase.start, phrase.end)
        row: dict[str, float] = {}
        for name, share in self.shares:
            row[name] = _log(share[first:last].mean())
            row[f"{name}_most"] = _log(share[first:last].max())
        for name, cosine in self.cosines:
            row[name] = float(cosine[first:last].mean())
            row[f"{name}_most"] = float(cosine[first:last].max())
        drawn = self.shares[0][1]
        inside = drawn[first:last].sum()
        for reach in (4, 12, 30):
            begin, stop = max(0, first - reach), min(len(drawn), last + reach)
            around = stop - begin - (last - first)
            rest = float(drawn[begin:stop].sum() - inside) / max(around, 1)
            row[f"around{reach}"] = float(np.log(max(rest, 1e-2)))
        return row


def pointer_attention(query: QueryEncoding, vectors: np.ndarray) -> np.ndarray:
    """What the question's pointers attend to in a passage, ``[N]``."""
    return query.pointer_weights @ _softmax(query.pointer_vectors @ vectors.T / TEMPERATURE)


def _sentence_features(
    query: QueryEncoding, passage: PassageTokens, attention: _Attention
) -> list[dict[str, float]]:
    asked = {
        piece
        for match in _CONTENT.finditer(query.text)
        for piece in (_pairs(match.group()) if len(match.group()) > 1 else {match.group()})
    }
    words, meant = [], []
    for start, end in passage.sentences:
        body = passage.text[start:end]
        words.append(len(asked & (_pairs(body) | set(body))) / max(len(asked), 1))
        first, last = attention.range(start, end)
        meant.append(float(attention.content[:, first:last].max(axis=1).mean()))
    return [
        {
            "sentence_words": word,
            "sentence_words_less": max(words) - word,
            "sentence_meaning": value,
            "sentence_meaning_less": max(meant) - value,
            "words_before": words[at - 1] if at else 0.0,
        }
        for at, (word, value) in enumerate(zip(words, meant, strict=True))
    ]


def _sentence_of(phrase: Phrase, sentences: Sequence[Span]) -> int:
    shared = [min(phrase.end, end) - max(phrase.start, start) for start, end in sentences]
    return int(np.argmax(shared))


def _pairs(text: str) -> set[str]:
    return {text[at : at + 2] for at in range(len(text) - 1)}


def _softmax(logits: np.ndarray) -> np.ndarray:
    spread = np.exp(logits - logits.max(axis=1, keepdims=True))
    return spread / spread.sum(axis=1, keepdims=True)


def _log(value: float) -> float:
    return float(np.log(max(value, _LEAST)))
