"""Evidence records: built from an answer, kept as JSON, read back without loss."""

import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from engine import records
from engine.records import Evidence, SearchSettings

FORMAT = 1
_SURROGATES = re.compile("[\ud800-\udfff]")
# Beyond this the record of one revision would outgrow its text.
MOST_TOKENS = 400
MOST_BLOCKS = 256


def attended_record(
    query_tokens: Sequence[tuple[int, int, float]],
    token_spans: np.ndarray,
    token_weights: np.ndarray,
    kept: Sequence[tuple[int, int, int, float]],
    dropped: int,
) -> dict[str, Any]:
    """The ``attended`` entry of one revision, in plain values.

    Args:
        query_tokens: ``(start, end, weight)`` of each token of the question.
        token_spans: Attended tokens, int ``[N, 2]``.
        token_weights: Their weights, ``[N]``; the strongest ``MOST_TOKENS`` are kept.
        kept: ``(block, start, end, score)`` of the blocks attended to, best first.
        dropped: Blocks that were not.

    Returns:
        ``query_tokens``, ``tokens`` in order of the text, and ``blocks``.
    """
    weights = [float(weight) for weight in token_weights]
    strongest = np.sort(np.argsort(-np.array(weights), kind="stable")[:MOST_TOKENS])
    return {
        "query_tokens": [
            [int(start), int(end), _rounded(weight)] for start, end, weight in query_tokens
        ],
        "tokens": [
            [int(token_spans[row, 0]), int(token_spans[row, 1]), _rounded(weights[row])]
            for row in strongest.tolist()
        ],
        "blocks": {
            "kept": [
                [int(block), int(start), int(end), _rounded(score)]
                for block, start, end, score in kept[:MOST_BLOCKS]
            ],
            "dropped": int(dropped) + max(len(kept) - MOST_BLOCKS, 0),
        },
    }


def settings_record(settings: SearchSettings) -> dict[str, Any]:
    """Search settings as plain values."""
    return _plain(settings)


def search_settings(record: Mapping[str, Any]) -> SearchSettings:
    """Search settings from plain values; unknown keys are ignored."""
    return _builder(SearchSettings)(record)


def to_json(evidence: Evidence) -> str:
    """Write evidence as compact JSON.

    Raises:
        ValueError: A number is not finite.
        TypeError: A value is none that JSON can hold.
    """
    text = json.dumps(
        {"format": FORMAT, **_plain(evidence)},
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    )
    # File names need not be valid Unicode; UTF-8 cannot hold their lone surrogates.
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def from_json(text: str) -> Evidence:
    """Read evidence back.

    Raises:
        ValueError: It is no evidence, or of a newer format.
    """
    record = json.loads(text)
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise ValueError("not an evidence record of this format")
    return _builder(Evidence)(record)


def plain(value: Any) -> Any:
    """Records, tuples, NumPy arrays and scalars as values JSON can hold."""
    return _plain(value)


def _rounded(value: float) -> float:
    return round(float(value), 6)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@cache
def _builder(kind: Any) -> Callable[[Any], Any]:
    """What rebuilds a value of a declared type from plain ones; None stays None."""
    build = _build_present(kind)
    return lambda value: None if value is None else build(value)


def _build_present(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, typing.NewType):
        return _builder(kind.__supertype__)
    if isinstance(kind, str):
        return _builder(getattr(records, kind))
    if isinstance(kind, type) and is_dataclass(kind):
        parts = {name: _builder(hint) for name, hint in typing.get_type_hints(kind).items()}
        return lambda value: kind(
            **{name: build(value[name]) for name, build in parts.items() if name in value}
        )
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _builder(next(part for part in arguments if part is not type(None)))
    if origin is tuple:
        builds = [_builder(part) for part in arguments if part is not Ellipsis]
        if len(builds) < len(arguments):
            return lambda value: tuple(map(builds[0], value))
        return lambda value: tuple(b(item) for b, item in zip(builds, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, item = map(_builder, arguments)
        return lambda value: {key(name): item(entry) for name, entry in value.items()}
    return kind if kind in (int, float) else lambda value: value
