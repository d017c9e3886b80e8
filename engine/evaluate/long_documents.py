"""Long documents, the sparse pass against its dense twin.

The same int8 parts encode documents of held-out data four times: as shipped, with every block read
(the dense twin), with near and global blocks alone, and with near blocks alone. Questions, and
headings in the other language, look for their passage among those of their document.

The words of a question count as elsewhere when most of its pairs of characters stand in the
document but not in the passage that answers it: such questions need the rest of the document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.evaluate.bm25 import bigrams
from engine.evaluate.figures import Figure
from engine.evaluate.joined_documents import LongDocument, long_documents
from engine.evaluate.retrieval import difference, estimate, ndcg_at
from engine.model.encoder import Encoder
from engine.model.tokenizer import token_ranges
from engine.progress import CancelToken, Job, Progress, run
from engine.records import Encoding
from engine.search.attention import late_interaction
from engine.training.splits import Split
from kernels.block_sparse.pattern import BlockPattern

SPARSE, TWIN, FIXED, NEAR = "sparse", "dense twin", "near and global", "near"
WAYS = (SPARSE, TWIN, FIXED, NEAR)
TOKENS = 32_768
# Documents by default: the dense twin of one takes a minute and more.
DOCUMENTS = 3
# What the sparse pass may lose, as a share.
ALLOWED = 0.005
# Questions asked of a document, spread over it.
QUESTIONS = 200
SAMPLE = 16


def pattern_of(way: str, pattern: BlockPattern, blocks: int) -> BlockPattern:
    """How a document of at most ``blocks`` blocks is read."""
    fixed = replace(pattern, k_min=0, k_max=0)
    return {
        SPARSE: pattern,
        TWIN: replace(pattern, k_max=max(blocks, pattern.k_max)),
        FIXED: fixed,
        NEAR: replace(fixed, global_blocks=0),
    }[way]


def with_pattern(encoder: Encoder, pattern: BlockPattern) -> Encoder:
    """The same weights that read blocks by another pattern."""
    config = replace(encoder.pack.config, pattern=pattern)
    return Encoder.load(replace(encoder.pack, config=config), encoder.threads)


@dataclass(slots=True)
class _Found:
    """What was found, question by question in the same order for every way of reading."""

    vectors: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    tokens: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    elsewhere: list[bool] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)
    cosines: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    low_recalls: list[float] = field(default_factory=list)
    densities: list[float] = field(default_factory=list)
    # What a pass says of itself without its twin.
    sampled_cosines: list[float] = field(default_factory=list)
    sampled_overlaps: list[float] = field(default_factory=list)

    def compare(self, sparse: Encoding, twin: Encoding) -> None:
        """Take in how close the two encodings of a document are."""
        both = sparse.passage_vectors.astype(np.float32) * twin.passage_vectors.astype(np.float32)
        self.cosines += both.sum(axis=1).tolist()
        self.recalls.append(sparse.fidelity.recall_mean)
        self.low_recalls.append(sparse.fidelity.recall_p5)
        self.densities.append(sparse.fidelity.density)
        if sparse.fidelity.passage_cosine is not None:
            self.sampled_cosines.append(sparse.fidelity.passage_cosine)
        if sparse.fidelity.top10_overlap is not None:
            self.sampled_overlaps.append(sparse.fidelity.top10_overlap)

    def ask(self, encoder: Encoder, document: LongDocument, made: Mapping[str, Encoding]) -> None:
        """Ask a document's questions of its encodings."""
        everywhere = set(bigrams(document.text))
        grams = [set(bigrams(document.text[start:stop])) for start, stop in document.spans]
        ranges = token_ranges(made[SPARSE].token_spans, list(document.spans))
        for text, target in document.questions[:: max(1, len(document.questions) // QUESTIONS)]:
            query, wanted = encoder.encode_query(text), frozenset((target,))
            asked = set(bigrams(text))
            self.elsewhere.append(2 * len(asked & everywhere - grams[target]) > len(asked))
            tops: dict[str, set[int]] = {}
            for way, encoding in made.items():
                order = _order(encoding.passage_vectors.astype(np.float32) @ query.vector)
                tops[way] = set(order[:10])
                self.vectors[way].append(ndcg_at(order, wanted))
                order = _order(late_interaction(query, encoding.token_vectors, ranges))
                self.tokens[way].append(ndcg_at(order, wanted))
            self.overlaps.append(len(tops[SPARSE] & tops[TWIN]) / len(tops[TWIN]))

    def figures(self) -> list[Figure]:
        """The figures with their intervals and targets."""
        made = _retrieval_figures("passage vectors", self.vectors, self.elsewhere)
        made += _retrieval_figures("late interaction", self.tokens, self.elsewhere)
        for name, values, sampled, target, at_most in (
            ("cosine to the dense twin", self.cosines, self.sampled_cosines, 0.99, False),
            ("top 10 as the dense twin", self.overlaps, self.sampled_overlaps, 0.95, False),
            ("attention-mass recall", self.recalls, [], 0.95, False),
            ("attention-mass recall, 5th percentile", self.low_recalls, [], 0.90, False),
            ("density", self.densities, [], 0.10, True),
        ):
            beside = {"sampled, without the twin": float(np.mean(sampled))} if sampled else {}
            figure = Figure.of(
                f"long documents: {name}", estimate(values), target=target, beside=beside
            )
            made.append(replace(figure, at_most=at_most))
        return made


def _order(scores: np.ndarray) -> list[int]:
    return np.argsort(-scores, kind="stable").tolist()


def _means(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {way: float(np.mean(held)) if held else 0.0 for way, held in values.items()}


def _retrieval_figures(
    kind: str, values: Mapping[str, list[float]], elsewhere: Sequence[bool]
) -> list[Figure]:
    means = _means(values)
    picked = {
        way: [value for value, away in zip(held, elsewhere, strict=True) if away]
        for way, held in values.items()
    }
    name = f"long documents: nDCG@10 of {kind}"
    return [
        Figure.of(
            name,
            estimate(values[SPARSE]),
            target=means[TWIN] - ALLOWED,
            beside={way: mean for way, mean in means.items() if way != SPARSE},
        ),
        Figure.of(
            f"{name}, sparse less dense twin",
            difference(values[SPARSE], values[TWIN]),
            target=-ALLOWED,
        ),
        Figure.of(f"{name}, sparse less near", difference(values[SPARSE], values[NEAR])),
        Figure.of(
            f"{name}, words elsewhere, sparse less near",
            difference(picked[SPARSE], picked[NEAR]),
            beside=_means(picked),
        ),
    ]


def measure(
    encoder: Encoder, documents: Sequence[LongDocument], cancel: CancelToken
) -> Job[list[Figure]]:
    """Encode documents in every way and ask their questions.

    Args:
        encoder: A pack, loaded.
        documents: From :func:`engine.evaluate.joined_documents.long_documents`.
        cancel: Checked before every chunk.
    """
    found = _Found()
    pattern = encoder.pack.config.pattern
    for place, document in enumerate(documents):
        blocks = len(encoder.tokenizer.tokenize(document.text).ids) // pattern.block + 1
        made: dict[str, Encoding] = {}
        for way in WAYS:
            yield Progress("evaluate", 4 * place + len(made), 4 * len(documents), "long documents")
            reader = with_pattern(encoder, pattern_of(way, pattern, blocks))
            sample = SAMPLE if way == SPARSE else 0
            made[way] = run(
                reader.encode(
                    document.text, document.spans, (), cancel=cancel, fidelity_sample=sample
                )
            )
        found.compare(made[SPARSE], made[TWIN])
        found.ask(encoder, document, made)
    yield Progress("evaluate", 4 * len(documents), 4 * len(documents), "long documents")
    return found.figures()


def report(
    encoder: Encoder, split: Split, *, most: int | None, cancel: CancelToken
) -> Job[list[Figure]]:
    """The figures of the report; ``most`` questions or documents for a quick look."""
    count = DOCUMENTS if most is None else max(1, min(most, DOCUMENTS))
    documents = long_documents(split, encoder.tokenizer, TOKENS, count)
    return (yield from measure(encoder, documents, cancel))
