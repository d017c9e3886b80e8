"""Asks the questions of a long document of its encodings, however they were made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluate.bm25 import bigrams
from engine.evaluate.joined_documents import LongDocument
from engine.evaluate.retrieval import ndcg_at
from engine.model.encoder import Encoder
from engine.model.tokenizer import token_ranges
from engine.records import Encoding, QueryEncoding
from engine.search.attention import late_interaction

# Questions asked of a document, spread over it.
QUESTIONS = 200


@dataclass(frozen=True, slots=True)
class Answers:
    """What an encoding answered, question by question in the order of the document's.

    Attributes:
        vectors: nDCG@10 of passages by the cosine of their vectors.
        tokens: nDCG@10 of passages by late interaction.
        tops: The first ten passages by the cosine of their vectors.
    """

    vectors: tuple[float, ...]
    tokens: tuple[float, ...]
    tops: tuple[frozenset[int], ...]


class Judge:
    """A document's questions, encoded once by the pack as it is shipped.

    Attributes:
        document: The document.
        elsewhere: Whether most of a question's pairs of characters stand in the document but not
            in a passage that answers it.
    """

    def __init__(self, document: LongDocument, encoder: Encoder) -> None:
        self.document = document
        asked = document.questions[:: max(1, len(document.questions) // QUESTIONS)]
        self._queries: list[QueryEncoding] = [encoder.encode_query(text) for text, _ in asked]
        self._wanted = [wanted for _, wanted in asked]
        everywhere = set(bigrams(document.text))
        grams = [set(bigrams(document.text[start:stop])) for start, stop in document.spans]
        self.elsewhere = []
        for text, wanted in asked:
            near = set().union(*(grams[one] for one in wanted))
            said = set(bigrams(text))
            self.elsewhere.append(2 * len((said & everywhere) - near) > len(said))

    def ask(self, encoding: Encoding) -> Answers:
        """Ask all questions of an encoding of the document, its passages those of the document."""
        ranges = token_ranges(encoding.token_spans, list(self.document.spans))
        passages = encoding.passage_vectors.astype(np.float32)
        vectors, tokens, tops = [], [], []
        for query, wanted in zip(self._queries, self._wanted, strict=True):
            order = _order(passages @ query.vector)
            tops.append(frozenset(order[:10]))
            vectors.append(ndcg_at(order, wanted))
            order = _order(late_interaction(query, encoding.token_vectors, ranges))
            tokens.append(ndcg_at(order, wanted))
        return Answers(tuple(vectors), tuple(tokens), tuple(tops))


def overlaps(one: Answers, other: Answers) -> list[float]:
    """Share of the other's first ten passages that are among one's, question by question."""
    return [
        len(mine & theirs) / len(theirs)
        for mine, theirs in zip(one.tops, other.tops, strict=True)
        if theirs
    ]


def passage_cosines(one: Encoding, other: Encoding) -> list[float]:
    """Cosine of the two vectors of every passage that has tokens."""
    first, second = (made.passage_vectors.astype(np.float32) for made in (one, other))
    both = (first * second).sum(axis=1)
    return both[np.abs(second).max(axis=1, initial=0.0) > 0].tolist()


def _order(scores: np.ndarray) -> Sequence[int]:
    return np.argsort(-scores, kind="stable").tolist()
