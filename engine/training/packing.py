"""Batches of the retrieval stage: passages packed into contexts, and their queries."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from engine.training.batches import Ids, encode_texts
from engine.training.config import ConfigError
from engine.training.contexts import Document, Passage
from engine.training.pseudo import pseudo_query
from engine.training.sentences import Range, encode_sentences
from engine.training.stage_config import RetrieveConfig

# Share of the draws that come from each kind of document.
SHARES = {"qa_ja": 0.42, "qa_en": 0.06, "sections_ja": 0.32, "sections_en": 0.2}
# Fewest tokens of a passage that is cut to fit.
_SHORTEST = 12


@dataclass(frozen=True, slots=True)
class Span:
    """Where a passage lies: context number and half-open token range in it.

    Attributes:
        sentences: Token ranges of its sentences, from its own start; together they hold it.
    """

    context: int
    start: int
    stop: int
    sentences: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class RetrievalBatch:
    """One step of the retrieval stage.

    Attributes:
        contexts: Token numbers of each context.
        segments: Segment of each token of each context, from 1.
        spans: Passages in them.
        groups: Group of each passage.
        queries: Token numbers of the queries.
        targets: Passage that each query belongs to.
        answers: Tokens of the passage, from its start, that answer each query; empty if unknown.
    """

    contexts: list[Ids]
    segments: list[Ids]
    spans: list[Span]
    groups: list[str]
    queries: list[Ids]
    targets: list[int]
    answers: list[list[int]]


def answer_places(offsets: Sequence[tuple[int, int]], text: str, answer: str) -> list[int]:
    """Tokens that overlap an occurrence of the answer, by their offsets in the text."""
    places: set[int] = set()
    at = text.find(answer) if answer else -1
    while at >= 0:
        end = at + len(answer)
        places.update(
            index for index, (first, last) in enumerate(offsets) if first < end and last > at
        )
        at = text.find(answer, end)
    return sorted(places)


class ContextPacker:
    """Draws batches; a step's batch depends on nothing but the seed, the step and the neighbours.

    Args:
        documents: Training documents by kind.
        tokenizer: Of the run.
        config: Settings of the stage.
        seed: Of the run.
        shares: Share of the draws that come from each kind of document.

    Raises:
        ConfigError: There are no documents.
    """

    def __init__(
        self,
        documents: Mapping[str, Sequence[Document]],
        tokenizer: Tokenizer,
        config: RetrieveConfig,
        seed: int,
        shares: Mapping[str, float] = SHARES,
    ):
        self._documents = {kind: made for kind, made in documents.items() if made}
        if not self._documents:
            raise ConfigError("training.no_documents")
        self._index = {
            passage.group: (kind, number, place)
            for kind, made in self._documents.items()
            for number, document in enumerate(made)
            for place, passage in enumerate(document)
        }
        self._tokenizer = tokenizer
        self._config = config
        self._seed = seed
        self._shares = [shares[kind] for kind in self._documents]
        self._neighbours: Mapping[str, Sequence[str]] = {}

    @property
    def documents(self) -> Mapping[str, Sequence[Document]]:
        """The documents that batches are drawn from, by kind."""
        return self._documents

    def use_neighbours(self, neighbours: Mapping[str, Sequence[str]]) -> None:
        """From now on draw hard negatives: groups that a group's questions are mistaken for."""
        self._neighbours = neighbours

    def batch(self, step: int) -> RetrievalBatch:
        """The batch of a step."""
        chosen = random.Random(f"{self._seed}-{step}")
        isolated = chosen.random() < self._config.isolated
        filler = _Filler(self._config.contexts, self._config.context_tokens)
        while not filler.full:
            run = self._run(chosen)
            rows, sentences = encode_sentences(
                self._tokenizer, [passage.text for passage in run], self._config.passage_tokens
            )
            for passage, row, ranges in zip(run, rows, sentences, strict=True):
                heading: Ids = []
                # The product reads a heading before its text, outside the passage's span.
                if passage.heading and not isolated and chosen.random() < self._config.heading:
                    heading = encode_texts(self._tokenizer, [passage.heading], 32)[0]
                filler.add(passage, heading, row, ranges, isolated)
        return self._finish(filler, chosen)

    def _run(self, chosen: random.Random) -> list[Passage]:
        kind = chosen.choices(list(self._documents), self._shares)[0]
        documents = self._documents[kind]
        document = chosen.choice(documents)
        first = chosen.randrange(len(document))
        run = document[first : first + chosen.randint(1, self._config.run)]
        known = [name for name in self._neighbours.get(run[0].group, ()) if name in self._index]
        if known:
            some = chosen.sample(known, min(len(known), self._config.negatives))
            places = [self._index[name] for name in some]
            run = [run[0], *(self._documents[kind][number][at] for kind, number, at in places)]
        return run

    def _query(self, passage: Passage, chosen: random.Random) -> tuple[str, str] | None:
        """A query of the passage and the words that answer it, empty where they are not known."""
        config = self._config
        if passage.cross and chosen.random() < config.cross:
            if passage.told and chosen.random() < 0.4:
                return chosen.choice(passage.told), ""
            return chosen.choice(passage.cross), ""
        if passage.queries and chosen.random() >= config.pseudo:
            place = chosen.randrange(len(passage.queries))
            return passage.queries[place], passage.answers[place] if passage.answers else ""
        if passage.told and chosen.random() < 0.5:
            return chosen.choice(passage.told), ""
        made = pseudo_query(passage.text, passage.language == "ja", chosen)
        return (made, "") if made else None

    def _finish(self, filler: "_Filler", chosen: random.Random) -> RetrievalBatch:
        asked: list[tuple[int, str, str]] = []
        seen: set[str] = set()
        for index, (passage, whole) in enumerate(
            zip(filler.passages, filler.complete, strict=True)
        ):
            # A passage drawn twice, or the same words asked twice, would be its own wrong answer.
            if not whole or passage.group in seen:
                continue
            seen.add(passage.group)
            for _ in range(min(2, max(1, len(passage.queries)))):
                drawn = self._query(passage, chosen)
                if drawn is not None and drawn[0] not in seen:
                    seen.add(drawn[0])
                    asked.append((index, *drawn))
        if len(asked) > self._config.queries:
            asked = sorted(chosen.sample(asked, self._config.queries))
        texts = [query for _, query, _ in asked]
        return RetrievalBatch(
            filler.contexts,
            filler.segments,
            filler.spans,
            [passage.group for passage in filler.passages],
            encode_texts(self._tokenizer, texts, self._config.query_tokens),
            [index for index, _, _ in asked],
            [
                self._places_of(filler.passages[index].text, answer, filler.spans[index])
                # An answer that the question says already teaches nothing.
                if answer and answer not in query
                else []
                for index, query, answer in asked
            ],
        )

    def _places_of(self, text: str, answer: str, span: Span) -> list[int]:
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return answer_places(offsets[: span.stop - span.start], text, answer)


class _Filler:
    """Contexts that are filled one after the other."""

    def __init__(self, count: int, size: int):
        self._count = count
        self._size = size
        self.full = False
        self.contexts: list[Ids] = [[]]
        self.segments: list[Ids] = [[]]
        self.spans: list[Span] = []
        self.passages: list[Passage] = []
        self.complete: list[bool] = []

    def add(
        self, passage: Passage, heading: Ids, row: Ids, sentences: list[Range], isolated: bool
    ) -> None:
        """Put a passage where there is room; what is cut off may not be asked for."""
        free = self._size - len(self.contexts[-1])
        if free < len(heading) + min(len(row), self._size // 4):
            self.full = self.full or len(self.contexts) == self._count
            if self.full:
                return
            self.contexts.append([])
            self.segments.append([])
            free = self._size
        tokens, segments = self.contexts[-1], self.segments[-1]
        kept = row[: free - len(heading)]
        start = len(tokens) + len(heading)
        segment = (segments[-1] if segments else 0) + 1 if isolated else 1
        segments += [segment] * (len(heading) + len(kept))
        tokens += heading + kept
        if len(kept) >= _SHORTEST:
            cut = tuple(
                (first, min(stop, len(kept))) for first, stop in sentences if first < len(kept)
            )
            self.spans.append(Span(len(self.contexts) - 1, start, start + len(kept), cut))
            self.passages.append(passage)
            self.complete.append(len(kept) >= 0.9 * len(row))
