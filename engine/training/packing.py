"""Batches of the retrieval stage: passages packed into long contexts, and their queries."""

import random
from dataclasses import dataclass

from tokenizers import Tokenizer

from engine.training.batches import Ids, encode_texts
from engine.training.config import RetrieveConfig
from engine.training.contexts import Document, Passage

# Share of the contexts that come from each kind of document.
_KINDS = {"qa_ja": 0.32, "qa_en": 0.1, "sections_ja": 0.34, "sections_en": 0.24}


@dataclass(frozen=True, slots=True)
class Span:
    """Where a passage lies: context number and half-open token range in it."""

    context: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class RetrievalBatch:
    """One step of the retrieval stage.

    Attributes:
        contexts: Token numbers of each context.
        spans: Passages in them.
        groups: Group of each passage.
        queries: Token numbers of the queries.
        targets: Passage that each query belongs to.
    """

    contexts: list[Ids]
    spans: list[Span]
    groups: list[str]
    queries: list[Ids]
    targets: list[int]


class ContextPacker:
    """Draws batches; a step's batch depends on nothing but the seed and the step."""

    def __init__(
        self,
        documents: dict[str, list[Document]],
        tokenizer: Tokenizer,
        config: RetrieveConfig,
        seed: int,
        block: int,
    ):
        self._documents = {kind: made for kind, made in documents.items() if made}
        self._tokenizer = tokenizer
        self._config = config
        self._seed = seed
        self._alone_tokens = 2 * block

    def batch(self, step: int) -> RetrievalBatch:
        """The batch of a step."""
        chosen = random.Random(f"{self._seed}-{step}")
        if chosen.random() < self._config.alone:
            return self._alone(chosen)
        return self._packed(chosen)

    def _document(self, chosen: random.Random) -> Document:
        kinds = list(self._documents)
        kind = chosen.choices(kinds, [_KINDS[name] for name in kinds])[0]
        return chosen.choice(self._documents[kind])

    def _query(self, passage: Passage, chosen: random.Random) -> str | None:
        if passage.cross and chosen.random() < self._config.cross:
            return chosen.choice(passage.cross)
        return chosen.choice(passage.queries) if passage.queries else None

    def _finish(
        self,
        contexts: list[Ids],
        spans: list[Span],
        passages: list[Passage],
        chosen: random.Random,
    ) -> RetrievalBatch:
        asked: list[tuple[int, str]] = []
        seen: set[str] = set()
        for index, passage in enumerate(passages):
            query = self._query(passage, chosen)
            # A passage drawn twice, or the same words asked twice, would be its own wrong answer.
            if query is not None and query not in seen and passage.group not in seen:
                seen.update((query, passage.group))
                asked.append((index, query))
        if len(asked) > self._config.queries:
            asked = chosen.sample(asked, self._config.queries)
        texts = [query for _, query in asked]
        return RetrievalBatch(
            contexts,
            spans,
            [passage.group for passage in passages],
            encode_texts(self._tokenizer, texts, self._config.query_tokens) if texts else [],
            [index for index, _ in asked],
        )

    def _alone(self, chosen: random.Random) -> RetrievalBatch:
        passages: list[Passage] = []
        for _ in range(4 * self._config.queries):
            document = self._document(chosen)
            asked = [passage for passage in document if passage.queries]
            if asked:
                passages.append(chosen.choice(asked))
            if len(passages) == self._config.queries:
                break
        longest = min(self._alone_tokens, self._config.passage_tokens)
        rows = encode_texts(self._tokenizer, [passage.text for passage in passages], longest)
        spans = [Span(index, 0, len(row)) for index, row in enumerate(rows)]
        return self._finish(rows, spans, passages, chosen)

    def _packed(self, chosen: random.Random) -> RetrievalBatch:
        config = self._config
        contexts: list[Ids] = []
        spans: list[Span] = []
        passages: list[Passage] = []
        for number in range(config.contexts):
            unrelated = chosen.random() < config.unrelated
            tokens: Ids = []
            while len(tokens) < config.context_tokens - self._alone_tokens // 4:
                document = self._document(chosen)
                first = chosen.randrange(len(document))
                run = document[first : first + 1] if unrelated else document[first : first + 8]
                rows = encode_texts(
                    self._tokenizer, [passage.text for passage in run], config.passage_tokens
                )
                for passage, row in zip(run, rows, strict=True):
                    # The product reads a heading before its text, outside the passage's span.
                    if passage.heading and chosen.random() < config.heading:
                        heading = encode_texts(self._tokenizer, [passage.heading], 32)[0]
                        tokens += heading
                    row = row[: max(0, config.context_tokens - len(tokens))]
                    if len(row) < 12:
                        tokens += row
                        continue
                    spans.append(Span(number, len(tokens), len(tokens) + len(row)))
                    passages.append(passage)
                    tokens += row
                    if len(tokens) >= config.context_tokens:
                        break
            contexts.append(tokens[: config.context_tokens])
        return self._finish(contexts, spans, passages, chosen)
