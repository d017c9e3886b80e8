"""The passages that may answer a question, and what each part says of each: the fusion's input.

Words, meaning and attention each propose candidates; every candidate is then scored by all three.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.notation.folding import fold
from engine.notation.identifiers import identifiers
from engine.progress import CancelToken
from engine.records import Identifier, PassageId, QueryEncoding, SearchSettings
from engine.search import attention, dense, lexical
from engine.search.attention import Attended
from engine.search.fusion_features import RawParts
from engine.search.index import Index
from engine.search.lexical_query import QueryTerm, RequiredPhrase
from engine.search.lexical_terms import identifier_terms
from engine.search.names import name_identifiers, readable
from engine.search.query import is_contents, scripts

LEXICAL_CANDIDATES = 100
DENSE_CANDIDATES = 100
# A passage with fewer letters and digits answers nothing; only its very words find it.
SHORTEST_ANSWER = 6
# Revisions whose tokens are read for one question.
MOST_SURVEYED = 24

_NUMBER = re.compile(r"(?<!\d)\d{3,}(?!\d)")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows worth scoring and their raw scores; the input of the fusion.

    Attributes:
        rows: Ascending, int64 ``[N]``.
        raw: Raw parts of each.
        foreign: Whether each is in another language than the question, bool ``[N]``.
        contents: Whether each is a piece of a table of contents, bool ``[N]``.
        attended: By position of the revision.
        relaxed: Whether nothing in the scope holds what the question puts in quotes, so that the
            quotes were ignored.
        called: Whether the question is the name of a file in the scope.
    """

    rows: np.ndarray
    raw: RawParts
    foreign: np.ndarray
    contents: np.ndarray
    attended: Mapping[int, Attended]
    relaxed: bool = False
    called: bool = False


def gather(
    query: str,
    settings: SearchSettings,
    index: Index,
    postings: lexical.Postings,
    query_encoding: QueryEncoding | None,
    cancel: CancelToken,
    asked: lexical.QueryTerms | None = None,
) -> Candidates:
    """Collect candidates from every part and score each by every part.

    ``asked`` is the question taken apart, with its translations; without it there are none.
    """
    asked = asked or lexical.query_terms(query)
    relaxed = bool(asked.required) and not _holding(asked, asked.required, index, postings)
    if relaxed:
        # Quotes also name titles and terms; an answer elsewhere is better than none.
        asked = replace(asked, required=())
    by_meaning = settings.use_dense and query_encoding is not None
    # Whoever asks for words alone wants those of the question.
    asked = asked if by_meaning else replace(asked, associations=())
    words = _words(asked, index, postings) if settings.use_lexical else {}
    cancel.check()
    proposed = sorted(words, key=lambda row: (-sum(words[row]), row))[:LEXICAL_CANDIDATES]
    rows = set(proposed)
    cosines = None
    if by_meaning and query_encoding is not None:
        cosines = dense.cosines(query_encoding.vector, index)
        rows.update(dense.best_rows(cosines, DENSE_CANDIDATES).tolist())
        cancel.check()
    attended: dict[int, Attended] = {}
    attends = settings.use_attention and query_encoding is not None
    if attends and query_encoding is not None:
        for position in _surveyed(index, rows):
            cancel.check()
            seen = attention.survey(query_encoding, index, position)
            if seen is not None:
                rows.update(seen[0].tolist())
                attended[position] = seen[1]

    called = index.names.called(query)
    rows = {row for row in rows if row in words or _answers(index.passage_text(row))}
    ordered = np.array(sorted(_admitted(asked, index, postings, rows)), np.int64)
    absent = np.full(len(ordered), np.nan)
    held = np.array([words.get(row, (0.0, 0.0)) for row in ordered.tolist()]).reshape(-1, 2)
    raw = RawParts(
        lexical=held[:, 0] if settings.use_lexical else absent,
        associated=held[:, 1],
        exact=_called(called, index, ordered) if called else _exact(query, index, ordered),
        dense=absent if cosines is None else cosines[ordered].astype(np.float64),
        attention=attention.score_rows(query_encoding, index, ordered, cancel)
        if attends and query_encoding is not None
        else absent,
        answer=absent,
    )
    contents = [
        is_contents(index.passage_text(row), index.passage(row).heading_path)
        for row in ordered.tolist()
    ]
    return Candidates(
        ordered,
        raw,
        _foreign(query, index, ordered),
        np.array(contents, bool),
        attended,
        relaxed,
        bool(called),
    )


def _words(
    asked: lexical.QueryTerms, index: Index, postings: lexical.Postings
) -> dict[int, tuple[float, float]]:
    """What each row earns by words and by their associations."""
    found = {}
    for hit in lexical.rank(asked, postings, names=index.names):
        row = index.row(hit.passage_id)
        if row is not None:
            found[row] = (round(hit.score, 6), round(hit.associated, 6))
    return found


def _answers(text: str) -> bool:
    return sum(map(str.isalnum, text)) >= SHORTEST_ANSWER


def _admitted(
    asked: lexical.QueryTerms, index: Index, postings: lexical.Postings, rows: set[int]
) -> set[int]:
    """Rows that hold what the question puts in quotes and nothing that it excludes."""
    if asked.required:
        rows = rows & _holding(asked, asked.required, index, postings)
    for phrase in asked.excluded:
        rows = rows - _holding(asked, (phrase,), index, postings)
    return rows


def _holding(
    asked: lexical.QueryTerms,
    phrases: tuple[RequiredPhrase, ...],
    index: Index,
    postings: lexical.Postings,
) -> set[int]:
    terms = tuple(
        QueryTerm(forms, 1.0) for phrase in phrases for segment in phrase for forms in segment
    )
    only = replace(
        asked, terms=terms, phrases=(), required=phrases, excluded=(), concepts=(), associations=()
    )
    found = (index.row(hit.passage_id) for hit in lexical.rank(only, postings, names=index.names))
    return {row for row in found if row is not None}


def _surveyed(index: Index, rows: set[int]) -> list[int]:
    """Revisions worth attending to: all of a small scope, else those with most candidates."""
    if len(index.revisions) <= MOST_SURVEYED:
        return list(range(len(index.revisions)))
    counts = np.bincount([index.revision_of(row) for row in rows], minlength=len(index.revisions))
    best = np.lexsort((np.arange(len(counts)), -counts))[:MOST_SURVEYED]
    return sorted(int(position) for position in best)


def _exact(query: str, index: Index, rows: np.ndarray) -> np.ndarray:
    """Share of the question's identifiers and long numbers that stand in each passage or its file's
    name, or, where it has none, whether the whole question stands there unbroken."""
    named = identifiers(query)
    wanted = {identifier_terms(found)[0] for found in named} | _numbers(query, named)
    whole = _squeezed(query)
    exact = np.zeros(len(rows))
    names: dict[int, set[str]] = {}
    for at, row in enumerate(rows.tolist()):
        text = index.passage_text(row)
        if wanted:
            position = index.revision_of(row)
            if position not in names:
                path = index.revisions[position].path
                names[position] = _naming(readable(path)) | name_identifiers(path)
            exact[at] = len(wanted & (names[position] | _naming(text))) / len(wanted)
        elif whole:
            exact[at] = float(whole in _squeezed(text))
    return exact


def _called(firsts: Collection[PassageId], index: Index, rows: np.ndarray) -> np.ndarray:
    """Whether each passage is of the files that the question names, by their first passages."""
    named = {index.revision_of(row) for first in firsts if (row := index.row(first)) is not None}
    return np.array([float(index.revision_of(row) in named) for row in rows.tolist()])


def _naming(text: str) -> set[str]:
    """What names something in a text: its identifiers in all their forms, and long numbers."""
    # A tolerance also stands where its unit is written behind it.
    found = identifiers(text)
    return {term for one in found for term in identifier_terms(one)} | _numbers(text, found)


def _numbers(text: str, named: Sequence[Identifier]) -> set[str]:
    """Numbers outside identifiers that are long enough to name something, such as a serial."""
    rest = list(text)
    for found in named:
        rest[found.start : found.end] = " " * (found.end - found.start)
    return set(_NUMBER.findall(fold("".join(rest)).text))


def _squeezed(text: str) -> str:
    return "".join(fold(text).text.split()).rstrip("。.?!")


def _foreign(query: str, index: Index, rows: np.ndarray) -> np.ndarray:
    japanese, latin = scripts(query)
    foreign = np.zeros(len(rows), bool)
    if japanese == latin:
        return foreign
    for at, row in enumerate(rows.tolist()):
        # Japanese text full of English names is Japanese.
        foreign[at] = scripts(index.passage_text(row))[0] != japanese
    return foreign
