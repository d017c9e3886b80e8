"""The part of the library that is searched, as arrays in memory.

A passage is looked for by the vectors of its sentences and of itself; those of the whole scope
stand in one matrix. Token vectors are far larger (64 bytes a token), so they are loaded per
revision when a question reaches it and kept up to a budget.
"""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.records import DocumentId, Passage, PassageId, RevisionId
from engine.search.names import Names

CACHE_BYTES = 192 * 2**20
CACHED_TEXTS = 64


@dataclass(frozen=True, slots=True)
class TokenArrays:
    """What a query attends to in one revision (T tokens, NB blocks).

    Attributes:
        spans: Spans into the text, int32 ``[T, 2]``, in order.
        vectors: Unit token vectors times 127, int8 ``[T, D]``.
        summaries: Mean token vector of each block, float16 ``[NB, D]``.
        block: Tokens per block.
        headings: Token vectors of each heading by its words, likewise int8 ``[n, D]``.
    """

    spans: np.ndarray
    vectors: np.ndarray
    summaries: np.ndarray
    block: int
    headings: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes the arrays take."""
        held = (self.spans, self.vectors, self.summaries, *self.headings.values())
        return sum(one.nbytes for one in held)


def by_heading(
    headings: Sequence[str], vectors: np.ndarray, starts: np.ndarray
) -> dict[str, np.ndarray]:
    """``TokenArrays.headings`` from what the encoder made of distinct headings.

    Args:
        headings: G headings, as they were given to the encoder.
        vectors: ``Encoding.heading_vectors``.
        starts: ``Encoding.heading_starts``.
    """
    return dict(zip(headings, np.split(vectors, starts[1:-1]), strict=True)) if headings else {}


@dataclass(frozen=True, slots=True)
class MeaningVectors:
    """Unit vectors of one revision.

    Attributes:
        sentences: Of every sentence, passage by passage, ``[S, D]``.
        passages: Of every passage, ``[P, D]``.
    """

    sentences: np.ndarray
    passages: np.ndarray


@dataclass(frozen=True, slots=True)
class IndexedRevision:
    """A revision as search sees it.

    Attributes:
        path: Of the file, whose name is searched, too; empty for none.
        passages: In order of the text.
        passage_ids: Id of each passage.
        vectors: Of its sentences, passage by passage, and of its passages; None while the model
            has not analysed it.
        load_text: Returns ``Document.text``.
        load_tokens: Returns the token arrays; None while the model has not analysed it.
    """

    document_id: DocumentId
    revision_id: RevisionId
    path: str
    passages: tuple[Passage, ...]
    passage_ids: tuple[PassageId, ...]
    vectors: MeaningVectors | None
    load_text: Callable[[], str]
    load_tokens: Callable[[], TokenArrays] | None


class Index:
    """Passages of a scope by row number.

    Rows are numbered by revision id, then by position, so that comparing rows breaks ties the
    same way every time. Safe to use from several threads.

    Attributes:
        revisions: By revision id.
        starts: First row of each revision, int64 ``[R + 1]``.
        vectors: Unit vectors, float16 ``[V, D]``, row by row.
        vector_starts: First vector of each row, int64 ``[N + 1]``; a row may have none.
        names: The names of its files.
    """

    def __init__(
        self, revisions: Iterable[IndexedRevision], *, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.revisions = tuple(sorted(revisions, key=lambda revision: revision.revision_id))
        sizes = [len(revision.passages) for revision in self.revisions]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._starts: list[int] = self.starts.tolist()
        self.vectors, self.vector_starts = _stack(self.revisions)
        self._rows = {
            passage_id: int(start) + position
            for revision, start in zip(self.revisions, self.starts[:-1], strict=True)
            for position, passage_id in enumerate(revision.passage_ids)
        }
        self._cache_bytes = cache_bytes
        self._tokens: OrderedDict[int, TokenArrays] = OrderedDict()
        self._texts: OrderedDict[int, str] = OrderedDict()
        self._paths: dict[int, tuple[list[tuple[str, ...]], np.ndarray]] = {}
        self.names = Names((one.path, one.passage_ids) for one in self.revisions)
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return int(self.starts[-1])

    def row(self, passage_id: PassageId) -> int | None:
        """Row of a passage, or None if it is not in the scope."""
        return self._rows.get(passage_id)

    def revision_of(self, row: int) -> int:
        """Position in ``revisions`` of the revision that a row belongs to."""
        return bisect_right(self._starts, row) - 1

    def revisions_of(self, rows: np.ndarray) -> np.ndarray:
        """Positions in ``revisions`` of the revisions that rows belong to, int64 ``[N]``."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def passage(self, row: int) -> Passage:
        """The passage of a row."""
        position = self.revision_of(row)
        return self.revisions[position].passages[row - int(self.starts[position])]

    def passage_id(self, row: int) -> PassageId:
        """The id of a row's passage."""
        position = self.revision_of(row)
        return self.revisions[position].passage_ids[row - int(self.starts[position])]

    def text(self, position: int) -> str:
        """The text of a revision, by its position in ``revisions``."""
        with self._lock:
            text = self._texts.get(position)
            if text is None:
                text = self._texts[position] = self.revisions[position].load_text()
                while len(self._texts) > CACHED_TEXTS:
                    self._texts.popitem(last=False)
            else:
                self._texts.move_to_end(position)
            return text

    def passage_text(self, row: int) -> str:
        """The text of a row's passage."""
        passage = self.passage(row)
        return self.text(self.revision_of(row))[passage.start : passage.end]

    def paths(self, position: int) -> tuple[list[tuple[str, ...]], np.ndarray]:
        """The heading paths of a revision, each once, and that of each passage, int64 ``[P]``."""
        with self._lock:
            found = self._paths.get(position)
            if found is None:
                every = [passage.heading_path for passage in self.revisions[position].passages]
                distinct = {path: number for number, path in enumerate(dict.fromkeys(every))}
                numbers = np.array([distinct[path] for path in every], np.int64)
                found = self._paths[position] = list(distinct), numbers
            return found

    def tokens(self, position: int) -> TokenArrays | None:
        """The token arrays of a revision, by its position; None if it has none."""
        load = self.revisions[position].load_tokens
        if load is None:
            return None
        with self._lock:
            arrays = self._tokens.get(position)
            if arrays is None:
                arrays = self._tokens[position] = load()
                used = sum(held.nbytes for held in self._tokens.values())
                while used > self._cache_bytes and len(self._tokens) > 1:
                    used -= self._tokens.popitem(last=False)[1].nbytes
            else:
                self._tokens.move_to_end(position)
            return arrays


def _stack(revisions: tuple[IndexedRevision, ...]) -> tuple[np.ndarray, np.ndarray]:
    counts: list[np.ndarray] = []
    held: list[np.ndarray] = []
    for revision in revisions:
        sentences = np.array([len(passage.sentences) for passage in revision.passages], np.int64)
        if revision.vectors is None:
            counts.append(np.zeros_like(sentences))
            continue
        # A passage of one sentence has that sentence's vector.
        longer = np.flatnonzero(sentences != 1)
        owners = np.concatenate([np.repeat(np.arange(len(sentences)), sentences), longer])
        vectors = np.concatenate([revision.vectors.sentences, revision.vectors.passages[longer]])
        held.append(vectors[np.argsort(owners, kind="stable")].astype(np.float16))
        counts.append(sentences + (sentences != 1))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))]) if counts else np.zeros(1)
    vectors = np.concatenate(held) if held else np.zeros((0, 0), np.float16)
    return vectors, starts.astype(np.int64)
