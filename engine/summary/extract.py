"""Choosing the sentences of a summary.

Sentences are chosen one by one (choose.py). Each choice takes the sentence that gains most, where
the gain is made of what it newly covers of the document's meaning and of the terms it comes back
to, the attention it draws (graph.py), how far it names what title and headings name, its place,
what it says about the question, the facts it states, and less what the summary says already. What
answers a question need not name what the document is about.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.progress import CancelToken
from engine.records import Encoding, Passage, QueryEncoding
from engine.summary.candidates import facts, listed, shared_words, usable
from engine.summary.choose import Offer, choose
from engine.summary.graph import block_centrality, span_means, token_means
from engine.summary.terms import pieces, subject_shares, subject_weights, term_weights

COVERED = 0.55
FEWEST, MOST = 5, 12
MOST_CANDIDATES = 4000
TEMPERATURE = 0.05
CHUNK = 16384

CENTRALITY_WEIGHT = 0.12
POSITION_WEIGHT = 0.06
FACTS_WEIGHT = 0.04
SUBJECT_WEIGHT = 0.7
LISTED_WEIGHT = 0.08
RELEVANCE_WEIGHT = 1.2
# Of the most relevant sentence's relevance.
NEAR = 0.75
LEAST_FOCUSED = 3
# Passages count by this power of their best sentence's relevance.
FOCUS = 4
# Candidates for each sentence of the answer to a question.
POOL = 2


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sentence chosen for a summary; ``score`` is its worth on its own, 0..1."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Extract:
    """Chosen sentences in the order of the document.

    Attributes:
        sentences: In order of the text.
        coverage: Share of passages whose vector is close to a chosen sentence's, 0..1.
        token_weights: Attention each token drew: of the question's tokens, or else of the
            document's own blocks; float32 ``[T]``, greatest 1.
    """

    sentences: tuple[Chosen, ...]
    coverage: float
    token_weights: np.ndarray


def extract(
    text: str,
    passages: Sequence[Passage],
    encoding: Encoding,
    query: QueryEncoding | None,
    count: int | None,
    ratio: float | None,
    cancel: CancelToken | None = None,
) -> Extract:
    """Choose sentences that stand for a document, or for what it says about a question.

    Args:
        text: The document's text.
        passages: Its passages, in order.
        encoding: Its analysis; sentence vectors in the order of the passages' sentences.
        query: The question, or None for a general summary.
        count: Number of sentences.
        ratio: Share of the document's sentences, if ``count`` is None; None for a default
            that grows slowly with the document, 5 to 12, and for a question is no more than
            what comes near it.
        cancel: Checked between choices.

    Returns:
        At most the wanted number; fewer where the document has fewer usable sentences.

    Raises:
        engine.errors.Cancelled: ``cancel`` was set.
    """
    spans = [span for passage in passages for span in passage.sentences]
    tokens = len(encoding.token_spans)
    if not spans:
        return Extract((), 0.0, np.zeros(tokens, np.float32))
    owners = np.repeat(np.arange(len(passages)), [len(passage.sentences) for passage in passages])
    places = np.array(spans, np.int64)
    vectors = encoding.sentence_vectors.astype(np.float32)
    targets = encoding.passage_vectors.astype(np.float32)

    centrality_of_block = block_centrality(encoding.kept_blocks, encoding.kept_mass)
    centrality = span_means(centrality_of_block, encoding.block, encoding.token_spans, places)
    centrality = _scaled(centrality)
    relevance = None
    if query is None:
        weights = np.repeat(centrality_of_block, encoding.block)[:tokens].astype(np.float32)
    else:
        weights = _attention(encoding, query)
        relevance = _relevance(text, vectors, weights, query, encoding, places)

    able = np.flatnonzero(usable(text, passages, spans, owners, rows=query is not None))
    stated = np.array([facts(text[start:end]) for start, end in places[able]])
    named = [pieces(text[start:end]) for start, end in places[able]]
    prior = (
        CENTRALITY_WEIGHT * centrality[able]
        + POSITION_WEIGHT * _position(able, owners, passages)
        + FACTS_WEIGHT * stated
        + LISTED_WEIGHT * np.array([1.0 - listed(text[start:end]) for start, end in places[able]])
    )
    if relevance is None:
        subject = _scaled(subject_shares(named, subject_weights(passages)))
        prior = prior + SUBJECT_WEIGHT * subject
    else:
        prior = prior + RELEVANCE_WEIGHT * relevance[able]
    if len(able) > MOST_CANDIDATES:
        best = np.sort(np.argsort(-prior, kind="stable")[:MOST_CANDIDATES])
        able, prior, named = able[best], prior[best], [named[row] for row in best]

    share = None if relevance is None else _passage_relevance(relevance, owners, len(passages))
    wanted = min(_count(len(spans), count, ratio), len(able))
    if relevance is not None and len(able):
        kept, near = _near(relevance[able], wanted)
        able, prior, named = able[kept], prior[kept], [named[row] for row in kept]
        if count is None:
            wanted = min(wanted, max(near, LEAST_FOCUSED))
    offer = Offer(
        vectors[able],
        targets,
        _importance(passages, share),
        *_terms(text, passages, named, query is not None),
        prior,
    )
    picked = choose(offer, wanted, cancel or CancelToken())
    chosen = sorted(int(able[position]) for position in picked)
    worth = dict(zip(able.tolist(), _worth(prior, relevance is not None), strict=True))
    return Extract(
        tuple(
            Chosen(int(places[row, 0]), int(places[row, 1]), round(float(worth[row]), 6))
            for row in chosen
        ),
        coverage(vectors[chosen], targets),
        _peak_one(weights),
    )


def coverage(chosen: np.ndarray, targets: np.ndarray) -> float:
    """Share of passages whose cosine with a chosen sentence reaches ``COVERED``.

    Args:
        chosen: Unit vectors of the chosen sentences, ``[C, D]``.
        targets: Unit vectors of the passages, ``[P, D]``.
    """
    if not len(chosen) or not len(targets):
        return 0.0
    nearest = (targets.astype(np.float32) @ chosen.astype(np.float32).T).max(axis=1)
    return round(float((nearest >= COVERED).mean()), 6)


def _count(sentences: int, count: int | None, ratio: float | None) -> int:
    if count is not None:
        return max(count, 1)
    if ratio is not None:
        return max(1, round(sentences * ratio))
    return int(np.clip(round(1.3 * np.log2(sentences + 1)), FEWEST, MOST))


def _attention(encoding: Encoding, query: QueryEncoding) -> np.ndarray:
    """Attention of the question's tokens over all tokens, each summing to its own weight."""
    vectors = encoding.token_vectors
    directions = query.token_vectors.astype(np.float32).T / (127.0 * TEMPERATURE)
    scores = np.empty((len(vectors), directions.shape[1]), np.float32)
    for start in range(0, len(vectors), CHUNK):
        scores[start : start + CHUNK] = (
            vectors[start : start + CHUNK].astype(np.float32) @ directions
        )
    scores -= scores.max(axis=0)
    np.exp(scores, out=scores)
    return scores @ (query.token_weights / scores.sum(axis=0))


def _relevance(
    text: str,
    vectors: np.ndarray,
    weights: np.ndarray,
    query: QueryEncoding,
    encoding: Encoding,
    places: np.ndarray,
) -> np.ndarray:
    meaning = _scaled(np.maximum(vectors @ query.vector.astype(np.float32), 0.0), 100)
    attended = _scaled(np.sqrt(token_means(weights, encoding.token_spans, places)), 100)
    words = shared_words(query.text, [text[start:end] for start, end in places])
    return 0.45 * meaning + 0.25 * attended + 0.3 * words


def _near(held: np.ndarray, wanted: int) -> tuple[np.ndarray, int]:
    """Rows of the sentences that may stand in the answer to a question, and how many come near it.

    A question has as many sentences as the document has to say about it; coverage must not fill
    the rest with others.
    """
    near = int((held >= NEAR * held.max()).sum())
    return np.sort(np.argsort(-held, kind="stable")[: max(near, POOL * wanted)]), near


def _terms(
    text: str,
    passages: Sequence[Passage],
    named: Sequence[frozenset[str]],
    focused: bool,
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Numbers of the terms that each sentence names, and the terms' weights.

    The answer to a question need not name what the document comes back to.
    """
    if focused:
        return (np.zeros(0, np.int64),) * len(named), np.zeros(0)
    held = [pieces(text[passage.start : passage.end]) for passage in passages]
    weights = term_weights(held)
    number = {piece: at for at, piece in enumerate(sorted(weights))}
    rows = tuple(
        np.array(sorted(number[piece] for piece in one if piece in number), np.int64)
        for one in named
    )
    return rows, np.array([weights[piece] for piece in number])


def _passage_relevance(relevance: np.ndarray, owners: np.ndarray, passages: int) -> np.ndarray:
    best = np.zeros(passages)
    np.maximum.at(best, owners, relevance)
    return best


def _importance(passages: Sequence[Passage], relevance: np.ndarray | None) -> np.ndarray:
    length = np.array([passage.end - passage.start for passage in passages], np.float64)
    importance = np.sqrt(length)
    return importance if relevance is None else importance * relevance**FOCUS


def _position(able: np.ndarray, owners: np.ndarray, passages: Sequence[Passage]) -> np.ndarray:
    """The document's opening and the first passage below a heading say what follows."""
    opens = np.array(
        [
            not before or before[-1].heading_path != passage.heading_path
            for passage, before in zip(passages, _before(passages), strict=True)
        ]
    )
    first = np.concatenate([[True], owners[1:] != owners[:-1]])
    return np.where(opens[owners[able]] & first[able], 1.0, 0.0) + np.where(
        owners[able] < max(1, len(passages) // 50), 0.5, 0.0
    )


def _before(passages: Sequence[Passage]) -> list[tuple[Passage, ...]]:
    return [(), *((passage,) for passage in passages[:-1])]


def _scaled(values: np.ndarray, top: float = 98) -> np.ndarray:
    """To 0..1 between the 5th and the ``top`` percentile."""
    if not len(values):
        return values
    low, high = np.percentile(values, [5, top])
    if high <= low:
        return np.zeros(len(values))
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _worth(prior: np.ndarray, focused: bool) -> np.ndarray:
    greatest = CENTRALITY_WEIGHT + 1.5 * POSITION_WEIGHT + FACTS_WEIGHT + SUBJECT_WEIGHT
    greatest += LISTED_WEIGHT
    return prior / (greatest + (RELEVANCE_WEIGHT if focused else 0.0))


def _peak_one(weights: np.ndarray) -> np.ndarray:
    peak = float(weights.max()) if len(weights) else 0.0
    return (weights / peak if peak > 0 else weights).astype(np.float32)
