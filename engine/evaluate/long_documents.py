"""Long documents, the sparse pass against its dense twin.

The same int8 parts encode documents of held-out data four times: as shipped, with every block read
(the dense twin), with near and global blocks alone, and with near blocks alone. Questions, and
headings in the other language, look for their passage among those of their document.

The words of a question count as elsewhere when most of its pairs of characters stand in the
document but not in the passage that answers it: such questions need the rest of the document.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.evaluate import variants
from engine.evaluate.figures import Figure
from engine.evaluate.joined_documents import LongDocument, long_documents
from engine.evaluate.judge import Answers, Judge, overlaps, passage_cosines
from engine.evaluate.retrieval import difference, estimate
from engine.model.encoder import Encoder
from engine.progress import CancelToken, Job, Progress, run
from engine.records import Encoding
from engine.training.splits import Split
from kernels.block_sparse.pattern import BlockPattern, block_count

SPARSE, TWIN, FIXED, NEAR = "sparse", "dense twin", "near and global", "near"
WAYS = (SPARSE, TWIN, FIXED, NEAR)
TOKENS = 32_768
# Documents by default: the dense twin of one takes a minute and more.
DOCUMENTS = 3
# What the sparse pass may lose, as a share.
ALLOWED = 0.005
SAMPLE = 16


def ways(pattern: BlockPattern, blocks: int) -> dict[str, variants.Variant]:
    """How a document of at most ``blocks`` blocks is read."""
    return {
        SPARSE: variants.shipped(pattern),
        TWIN: variants.dense_twin(pattern, blocks),
        FIXED: variants.local_and_global(pattern),
        NEAR: variants.local_only(pattern),
    }


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
        self.cosines += passage_cosines(sparse, twin)
        self.recalls.append(sparse.fidelity.recall_mean)
        self.low_recalls.append(sparse.fidelity.recall_p5)
        self.densities.append(sparse.fidelity.density)
        if sparse.fidelity.passage_cosine is not None:
            self.sampled_cosines.append(sparse.fidelity.passage_cosine)
        if sparse.fidelity.top10_overlap is not None:
            self.sampled_overlaps.append(sparse.fidelity.top10_overlap)

    def take(self, answers: Mapping[str, Answers], elsewhere: Iterable[bool]) -> None:
        """Take in what the ways answered to a document's questions."""
        self.elsewhere += elsewhere
        for way, held in answers.items():
            self.vectors[way] += held.vectors
            self.tokens[way] += held.tokens
        self.overlaps += overlaps(answers[SPARSE], answers[TWIN])

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
    pack, total = encoder.pack, len(WAYS) * len(documents)
    pattern = pack.config.pattern
    for place, document in enumerate(documents):
        judge = Judge(document, encoder)
        tokens = len(encoder.tokenizer.tokenize(document.text).ids)
        made: dict[str, Encoding] = {}
        for way, variant in ways(pattern, block_count(tokens, pattern.block)).items():
            yield Progress("evaluate", len(WAYS) * place + len(made), total, "long documents")
            reader = variants.open_variant(
                variants.variant_pack(pack, variant), variant, encoder.threads
            )
            sample = SAMPLE if way == SPARSE else 0
            made[way] = run(
                reader.encode(
                    document.text, document.spans, (), cancel=cancel, fidelity_sample=sample
                )
            )
        found.compare(made[SPARSE], made[TWIN])
        found.take({way: judge.ask(held) for way, held in made.items()}, judge.elsewhere)
    yield Progress("evaluate", total, total, "long documents")
    return found.figures()


def report(
    encoder: Encoder, split: Split, *, most: int | None, cancel: CancelToken
) -> Job[list[Figure]]:
    """The figures of the report; ``most`` questions or documents for a quick look."""
    count = DOCUMENTS if most is None else max(1, min(most, DOCUMENTS))
    documents = long_documents(split, encoder.tokenizer, TOKENS, count)
    return (yield from measure(encoder, documents, cancel))
