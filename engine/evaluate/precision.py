"""What int8 costs.

The same questions are asked of a pack and of the float32 weights that it was made from. What is
stored (int8 token vectors, float16 passage vectors) is rounded for both, so that the difference is
that of the quantised weights.
"""

import time
from collections.abc import Sequence

import numpy as np

from engine.errors import QueryError
from engine.evaluate.evaluation import SPEARMAN, SetResult, evaluate
from engine.evaluate.figures import Figure
from engine.evaluate.retrieval import difference
from engine.evaluate.sets import EvaluationSet
from engine.evaluate.ways import ATTENTION, DENSE, FUSED
from engine.model.encoder import Encoder, block_summaries
from engine.model.pack import Pack
from engine.model.tokenizer import Tokenizer, token_ranges
from engine.progress import CancelToken, Job, Progress
from engine.records import Encoding, Fidelity, QueryEncoding, Span
from engine.training import oracle
from engine.training.weights import TrainedWeights

# What int8 may lose, as a share.
ALLOWED = 0.005
WAYS = (DENSE, ATTENTION, FUSED)


class ExactEncoder:
    """A pack's encoder from its float32 weights, in NumPy: slow, for short texts.

    Args:
        pack: The pack, for its fusion and lexicon.
        checkpoint: The weights that it was made from.
    """

    def __init__(self, pack: Pack, checkpoint: TrainedWeights) -> None:
        self.pack = pack
        self._checkpoint = checkpoint
        self._tokenizer = Tokenizer(checkpoint.tokenizer)

    def encode(
        self,
        text: str,
        spans: Sequence[Span],
        sentences: Sequence[Span],
        *,
        cancel: CancelToken,
        fidelity_sample: int,
    ) -> Job[Encoding]:
        """See :meth:`engine.model.encoder.Encoder.encode`; fidelity is not measured."""
        cancel.check()
        began = time.perf_counter()
        tokens = self._tokenizer.tokenize(text)
        config = self.pack.config
        block = config.pattern.block
        if len(tokens.ids):
            found = oracle.encode(self._checkpoint, tokens.ids, np.float32)
            states, vectors = found.states, np.rint(found.token_vectors * 127.0).astype(np.int8)
        else:
            states = np.zeros((0, config.width), np.float32)
            vectors = np.zeros((0, config.token_width), np.int8)
        yield Progress("encode", 1, 1)
        ranges = token_ranges(tokens.spans, [*spans, *sentences]).tolist()
        pooled = oracle.passage_vectors(self._checkpoint, states, ranges).astype(np.float16)
        nothing = np.zeros((config.layers, 0, config.pattern.slots))
        return Encoding(
            self.pack.encoder_hash,
            block,
            tokens.spans,
            vectors,
            block_summaries(vectors / np.float32(127.0), block),
            pooled[: len(spans)],
            pooled[len(spans) :],
            nothing.astype(np.int32),
            nothing.astype(np.float16),
            Fidelity(1.0, 1.0, 0.0, 0, 1.0),
            time.perf_counter() - began,
        )

    def encode_query(self, text: str) -> QueryEncoding:
        """See :meth:`engine.model.encoder.Encoder.encode_query`."""
        tokens = self._tokenizer.tokenize(text)
        if not len(tokens.ids):
            raise QueryError("query_empty")
        found = oracle.encode(self._checkpoint, tokens.ids, np.float32)
        whole = [(0, len(tokens.ids))]
        vector = oracle.passage_vectors(self._checkpoint, found.states, whole)[0]
        counts, pointers, shares = oracle.question(self._checkpoint, found.states)
        return QueryEncoding(
            text, tokens.spans, found.token_vectors, vector, counts, pointers, shares
        )


def losses(quantised: SetResult, exact: SetResult) -> list[Figure]:
    """What int8 has over float32 on a set, question by question where there are ranks."""
    name = f"int8 less float32, {quantised.name}"
    if not quantised.ranks:
        gain = (
            quantised.group().ways[DENSE][SPEARMAN].mean - exact.group().ways[DENSE][SPEARMAN].mean
        )
        count = quantised.group().questions
        return [Figure(f"{name}: {DENSE}, {SPEARMAN}", gain, n=count, target=-ALLOWED)]
    figures = []
    for way in WAYS:
        if way not in quantised.group().ways:
            continue
        first, second = ([ranks[way] for _, ranks in one.ranks] for one in (quantised, exact))
        for depth in (1, 10):
            found = difference(_within(first, depth), _within(second, depth))
            label = f"{name}: {way}, recall@{depth}"
            figures.append(Figure.of(label, found, target=-ALLOWED))
    return figures


def _within(ranks: Sequence[int | None], depth: int) -> list[float]:
    return [float(rank is not None and rank <= depth) for rank in ranks]


def measure(
    found: EvaluationSet,
    encoder: Encoder,
    checkpoint: TrainedWeights,
    most: int,
    cancel: CancelToken,
) -> Job[list[Figure]]:
    """Losses on a set, at most ``most`` questions of each kind."""
    quantised = yield from evaluate(found, encoder, cancel, most=most)
    exact = ExactEncoder(encoder.pack, checkpoint)
    return losses(quantised, (yield from evaluate(found, exact, cancel, most=most)))
