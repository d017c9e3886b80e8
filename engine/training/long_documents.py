"""Batches of the long stage: whole documents one after the other in a single long context."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from tokenizers import Tokenizer

from engine.training.batches import Ids, encode_texts
from engine.training.contexts import Document, Passage
from engine.training.packing import RetrievalBatch, Span
from engine.training.sentences import Range, encode_sentences
from engine.training.stage_config import LongConfig, RetrieveConfig

# Share of the draws that come from each kind of document.
_KINDS = {"qa_ja": 0.35, "qa_en": 0.1, "sections_ja": 0.3, "sections_en": 0.25}
# Tokens of a heading that stands before its passage.
_HEADING = 32
# Passages that are tokenised together.
_AT_ONCE = 32


class LongPacker:
    """Draws long contexts; a step's context depends on nothing but the seed and the step.

    Args:
        documents: Training documents by kind, in an order in which neighbours may stand together.
        tokenizer: Of the run.
        config: Lengths.
        retrieve: Lengths of passages and queries, chance of questions in the other language.
        seed: Of the run.
        block: Tokens per block; a context is a whole number of blocks.
    """

    def __init__(
        self,
        documents: Mapping[str, Sequence[Document]],
        tokenizer: Tokenizer,
        config: LongConfig,
        retrieve: RetrieveConfig,
        seed: int,
        block: int,
    ):
        self._documents = {kind: made for kind, made in documents.items() if made}
        self._tokenizer = tokenizer
        self._config = config
        self._retrieve = retrieve
        self._seed = seed
        self._block = block

    def batch(self, step: int) -> RetrievalBatch:
        """One context of ``shortest`` to ``longest`` tokens with its passages and their queries."""
        chosen = random.Random(f"{self._seed}-long-{step}")
        length = self._length(chosen, self._config.shortest, self._config.longest)
        ids, spans, passages = self._fill(chosen, length)
        return self._ask(ids, spans, passages, chosen)

    def tokens(self, step: int) -> Ids:
        """One context of ``longest`` to ``deepest`` tokens."""
        chosen = random.Random(f"{self._seed}-deep-{step}")
        length = self._length(chosen, self._config.longest, self._config.deepest)
        return self._fill(chosen, length)[0]

    def _length(self, chosen: random.Random, shortest: int, longest: int) -> int:
        """A whole number of blocks; every doubling is as likely as any other."""
        drawn = math.exp(chosen.uniform(math.log(shortest), math.log(longest)))
        return max(1, round(drawn / self._block)) * self._block

    def _fill(self, chosen: random.Random, length: int) -> tuple[Ids, list[Span], list[Passage]]:
        """Documents in order from a random one on, until ``length`` tokens are full."""
        kinds = list(self._documents)
        kind = chosen.choices(kinds, [_KINDS[name] for name in kinds])[0]
        documents = self._documents[kind]
        first = chosen.randrange(len(documents))
        ids: Ids = []
        spans: list[Span] = []
        passages: list[Passage] = []
        for passage, row, sentences, heading in self._rows(documents, first):
            ids += heading
            start = len(ids)
            ids += row
            if len(ids) > length:
                break
            spans.append(Span(0, start, len(ids), tuple(sentences)))
            passages.append(passage)
        return ids[:length], spans, passages

    def _rows(
        self, documents: Sequence[Document], first: int
    ) -> Iterator[tuple[Passage, Ids, list[Range], Ids]]:
        """Passages with their tokens, sentences and heading's tokens, without end."""
        for number in count(first):
            document = documents[number % len(documents)]
            # A manual of a thousand passages is not read to its end for a short context.
            for start in range(0, len(document), _AT_ONCE):
                part = document[start : start + _AT_ONCE]
                rows, sentences = encode_sentences(
                    self._tokenizer,
                    [passage.text for passage in part],
                    self._retrieve.passage_tokens,
                )
                headings = encode_texts(
                    self._tokenizer, [passage.heading for passage in part], _HEADING
                )
                for passage, row, ranges, heading in zip(
                    part, rows, sentences, headings, strict=True
                ):
                    yield passage, row, ranges, heading if passage.heading else []

    def _query(self, passage: Passage, chosen: random.Random) -> str | None:
        if passage.cross and chosen.random() < self._retrieve.cross:
            return chosen.choice(passage.cross)
        return chosen.choice(passage.queries) if passage.queries else None

    def _ask(
        self, ids: Ids, spans: list[Span], passages: list[Passage], chosen: random.Random
    ) -> RetrievalBatch:
        asked: dict[str, int] = {}
        groups: set[str] = set()
        for index, passage in enumerate(passages):
            query = self._query(passage, chosen)
            # The same words asked twice, or a passage that came twice, would be a wrong answer.
            if query is not None and query not in asked and passage.group not in groups:
                asked[query] = index
                groups.add(passage.group)
        some = chosen.sample(sorted(asked), min(len(asked), self._config.queries))
        return RetrievalBatch(
            [ids],
            [[1] * len(ids)],
            spans,
            [passage.group for passage in passages],
            encode_texts(self._tokenizer, some, self._retrieve.query_tokens) if some else [],
            [asked[query] for query in some],
            [[] for _ in some],
        )
