"""The passages that may answer a question, and what each part says of each: the fusion's input.

Words, meaning and attention each propose candidates; every candidate is then scored by all three.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engine.progress import CancelToken
from engine.records import SearchSettings
from engine.search import attention, dense, lexical
from engine.search.asides import setbacks
from engine.search.attention import Attended
from engine.search.designations import designated
from engine.search.exact import called_by_name, exact_share
from engine.search.fusion_features import RawParts
from engine.search.index import Index
from engine.search.lexical_query import QueryTerm, RequiredPhrase
from engine.search.query import scripts
from engine.search.question import Question

LEXICAL_CANDIDATES = 100
DENSE_CANDIDATES = 100
# A passage with fewer letters and digits answers nothing; only its very words find it.
SHORTEST_ANSWER = 6
# Revisions whose tokens are read for one question.
MOST_SURVEYED = 24


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows worth scoring and their raw scores; the input of the fusion.

    Attributes:
        rows: Ascending, int64 ``[N]``.
        raw: Raw parts of each.
        foreign: Whether each is in another language than the question, bool ``[N]``.
        setback: Log-odds that each loses for being beside the matter, ``[N]``.
        attended: By position of the revision.
        relaxed: Whether nothing in the scope holds what the question puts in quotes, so that the
            quotes were ignored.
        called: Whether the question is the name of a file in the scope.
        topic: Raw parts by the question's topic, NaN where a passage is of nothing that goes by the
            question's numbers; None if none is.
        designated: Numbers of the question, each with the candidates of what goes by it, bool
            ``[N]``.
    """

    rows: np.ndarray
    raw: RawParts
    foreign: np.ndarray
    setback: np.ndarray
    attended: Mapping[int, Attended]
    relaxed: bool = False
    called: bool = False
    topic: RawParts | None = None
    designated: Mapping[str, np.ndarray] = field(default_factory=dict)


def gather(
    question: Question,
    settings: SearchSettings,
    index: Index,
    postings: lexical.Postings,
    cancel: CancelToken,
) -> Candidates:
    """Collect candidates from every part and score each by every part."""
    asked = question.asked
    relaxed = bool(asked.required) and not _holding(asked, asked.required, index, postings)
    if relaxed:
        # Quotes also name titles and terms; an answer elsewhere is better than none.
        asked = replace(asked, required=())
    whole = _Search(replace(question, asked=asked), settings, index, postings, cancel)
    rows = whole.propose(cancel)
    topic, named = None, {}
    if question.topic is not None:
        named = designated(question.designations, index, postings)
    if question.topic is not None and named:
        meant = np.any(list(named.values()), axis=0)
        topic = _Search(question.topic, settings, index, postings, cancel, meant)
        rows |= topic.propose(cancel)

    called = index.names.called(question.text)
    words = whole.words.keys() | (topic.words.keys() if topic else ())
    rows = {row for row in rows if row in words or _answers(index.passage_text(row))}
    ordered = np.array(sorted(_admitted(asked, index, postings, rows)), np.int64)
    if called:
        exact = called_by_name(called, index, ordered)
    else:
        exact = exact_share(question.text, index, ordered)
    return Candidates(
        ordered,
        whole.parts(ordered, exact, cancel),
        _foreign(question.text, index, ordered),
        setbacks(question.text, index, ordered),
        {**topic.attended, **whole.attended} if topic else whole.attended,
        relaxed,
        bool(called),
        topic.parts(ordered, np.ones(len(ordered)), cancel) if topic else None,
        {number: rows[ordered] for number, rows in named.items()},
    )


class _Search:
    """A question put to a scope, or to some of its documents, by every part that can run.

    Attributes:
        words: What each row earns by words and by their associations.
        attended: By position of the revision, once candidates were proposed.
    """

    def __init__(
        self,
        question: Question,
        settings: SearchSettings,
        index: Index,
        postings: lexical.Postings,
        cancel: CancelToken,
        within: np.ndarray | None = None,
    ) -> None:
        """Look for words and meaning; ``within`` are the rows that count, bool, None for all."""
        encoding = question.encoding
        by_meaning = settings.use_dense and encoding is not None
        # Whoever asks for words alone wants those of the question.
        asked = question.asked if by_meaning else replace(question.asked, associations=())
        self._index, self._lexical, self._within = index, settings.use_lexical, within
        self.words = _words(asked, index, postings) if settings.use_lexical else {}
        if within is not None:
            self.words = {row: held for row, held in self.words.items() if within[row]}
        self.attended: dict[int, Attended] = {}
        cancel.check()
        self._cosines = None
        if by_meaning and encoding is not None:
            self._cosines = dense.cosines(encoding.vector, index)
            cancel.check()
        self._encoding = encoding if settings.use_attention else None

    def propose(self, cancel: CancelToken) -> set[int]:
        """Rows worth scoring."""
        words, index = self.words, self._index
        best = sorted(words, key=lambda row: (-sum(words[row]), row))
        rows = set(best[:LEXICAL_CANDIDATES])
        if self._cosines is not None:
            near = self._cosines
            if self._within is not None:
                near = np.where(self._within, near, np.nan)
            rows.update(dense.best_rows(near, DENSE_CANDIDATES).tolist())
        if self._encoding is not None:
            for position in _surveyed(index, rows, self._within):
                cancel.check()
                seen = attention.survey(self._encoding, index, position)
                if seen is not None:
                    rows.update(seen[0].tolist())
                    self.attended[position] = seen[1]
        return rows if self._within is None else {row for row in rows if self._within[row]}

    def parts(self, rows: np.ndarray, exact: np.ndarray, cancel: CancelToken) -> RawParts:
        """Raw parts of some rows, NaN where one is absent or a row does not count."""
        absent = np.full(len(rows), np.nan)
        held = np.array([self.words.get(row, (0.0, 0.0)) for row in rows.tolist()]).reshape(-1, 2)
        made = RawParts(
            lexical=held[:, 0] if self._lexical else absent,
            associated=held[:, 1],
            exact=exact,
            dense=absent if self._cosines is None else self._cosines[rows].astype(np.float64),
            attention=absent
            if self._encoding is None
            else attention.score_rows(self._encoding, self._index, rows, cancel),
            answer=absent,
        )
        return made if self._within is None else made.where(self._within[rows])


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


def _surveyed(index: Index, rows: set[int], within: np.ndarray | None) -> list[int]:
    """Revisions worth attending to: all of few, else those with most candidates."""
    allowed = np.arange(len(index.revisions))
    if within is not None:
        allowed = np.unique(index.revisions_of(np.flatnonzero(within)))
    if len(allowed) > MOST_SURVEYED:
        of_rows = index.revisions_of(np.array(sorted(rows), np.int64))
        counts = np.bincount(of_rows, minlength=len(index.revisions))[allowed]
        allowed = allowed[np.lexsort((allowed, -counts))[:MOST_SURVEYED]]
    return sorted(allowed.tolist())


def _foreign(query: str, index: Index, rows: np.ndarray) -> np.ndarray:
    japanese, latin = scripts(query)
    foreign = np.zeros(len(rows), bool)
    if japanese == latin:
        return foreign
    for at, row in enumerate(rows.tolist()):
        # Japanese text full of English names is Japanese.
        foreign[at] = scripts(index.passage_text(row))[0] != japanese
    return foreign
