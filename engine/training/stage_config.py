"""Configuration of the stages that change weights: their data, their losses, their optimiser."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OptimConfig:
    """Optimisation of a stage: AdamW with warm-up and linear decay to zero.

    Attributes:
        vector_factor: Rate of norms and biases, in multiples of ``rate``.
    """

    steps: int = 2000
    embedding_rate: float = 6e-3
    rate: float = 1.5e-3
    vector_factor: float = 1.0
    warmup: int = 200
    weight_decay: float = 0.01
    clip: float = 1.0
    log_every: int = 20
    checkpoint_every: int = 200
    evaluate_every: int = 400


@dataclass(frozen=True, slots=True)
class DistillConfig:
    """Distillation: cosine to the teacher plus in-batch contrast.

    Attributes:
        batch: Pairs in one step.
        chunk: Pairs that are sorted by length together.
        max_tokens: Sentences are cut here; at most two blocks.
        contrast_weight: Weight of the in-batch cross-entropy of the two languages.
        scale: Inverse temperature of the cross-entropies.
        token_weight: Weight of the late-interaction cross-entropy.
        token_pairs: Pairs of a batch that take part in the late interaction.
    """

    batch: int = 192
    chunk: int = 12_288
    max_tokens: int = 96
    contrast_weight: float = 0.1
    scale: float = 20.0
    token_weight: float = 0.05
    token_pairs: int = 48
    optim: OptimConfig = field(default_factory=OptimConfig)


@dataclass(frozen=True, slots=True)
class RetrieveConfig:
    """Retrieval: questions and headings to passages inside longer contexts.

    Attributes:
        context_tokens: Length of a packed context; at most ``dense_blocks`` blocks.
        contexts: Packed contexts in one step.
        passage_tokens: Longest passage; longer ones are cut.
        japanese: Most characters of a Japanese passage.
        english: Most characters of an English passage.
        query_tokens: Longest query.
        queries: Most queries in one step.
        isolated: Share of steps whose passages do not read each other.
        run: Most neighbouring passages of a document in a row.
        cross: Chance that a passage with a query in the other language is asked in it.
        pseudo: Chance that a passage with queries is asked in words of its own all the same.
        heading: Chance that a heading stands before its passage, outside the span.
        mine_every: Steps between two searches for hard negatives; the first is at step 0.
        mined: Hard negatives kept for a question.
        negatives: Most hard negatives drawn beside a passage.
        scale: Inverse temperature of the pooled contrast.
        token_scale: Inverse temperature of the late-interaction contrast.
        width_weight: Weight of the contrast of each short width of the passage vectors.
        token_weight: Weight of the late-interaction contrast.
        agree_weight: Weight of the pooled scores' agreement with late interaction.
        pointer_weight: Weight of pointing to the answer.
        pointer_scale: Inverse temperature of pointing.
        parallel: Parallel pairs in a step that has them, to keep the languages aligned.
        parallel_every: Steps between two with parallel pairs.
        parallel_weight: Weight of the parallel terms.
        similarity: Judged sentence pairs in a step that has them.
        similarity_every: Steps between two with judged pairs.
        similarity_weight: Weight of the similarity term.
        documents: Most documents of sections per language.
    """

    context_tokens: int = 384
    contexts: int = 20
    passage_tokens: int = 320
    japanese: int = 480
    english: int = 1000
    query_tokens: int = 48
    queries: int = 72
    isolated: float = 0.5
    run: int = 6
    cross: float = 0.5
    pseudo: float = 0.15
    heading: float = 0.25
    mine_every: int = 500
    mined: int = 6
    negatives: int = 3
    scale: float = 25.0
    token_scale: float = 30.0
    width_weight: float = 0.2
    token_weight: float = 1.0
    agree_weight: float = 1.0
    pointer_weight: float = 0.2
    pointer_scale: float = 20.0
    parallel: int = 64
    parallel_every: int = 2
    parallel_weight: float = 1.5
    similarity: int = 64
    similarity_every: int = 4
    similarity_weight: float = 1.0
    documents: int = 20_000
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(embedding_rate=1e-3, rate=4e-4, warmup=50)
    )


@dataclass(frozen=True, slots=True)
class TuneConfig:
    """Further training on lessons, beside everything that was learned before.

    Attributes:
        start: The stage whose weights it starts from.
        held: The last of each so many lessons is held out for judging.
        share: Share of the drawn documents that are lessons.
        contexts: Packed contexts in one step; all else is as in the retrieval stage.
        parallel: Parallel pairs in a step, by turns of the lessons and of the corpus.
        similarity_every: Steps between two with judged pairs.
        optim: Optimisation.
    """

    start: str = "retrieve"
    held: int = 10
    share: float = 0.5
    contexts: int = 12
    parallel: int = 64
    similarity_every: int = 4
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(
            steps=700,
            embedding_rate=1e-3,
            rate=3e-4,
            warmup=30,
            log_every=10,
            checkpoint_every=50,
            evaluate_every=700,
        )
    )


@dataclass(frozen=True, slots=True)
class BlendConfig:
    """The mean of stages' weights that becomes the pack.

    Attributes:
        stages: Whose weights; one that is named twice counts twice.
        deepen: How much deeper every window becomes, in nats (``window.py``).
    """

    stages: tuple[str, ...] = ("tune", "tune", "long")
    deepen: float = 0.4


@dataclass(frozen=True, slots=True)
class LongConfig:
    """Long documents: sparse attention learns from its dense twin.

    Attributes:
        start: The stage whose weights it starts from.
        shortest: Fewest tokens of a context.
        longest: Most tokens of a context that is trained through all its layers.
        deepest: Most tokens of a context whose attention mass alone is trained, layer by layer.
        deep_every: Steps between two of those.
        blocks: Query blocks of a context that are compared with dense attention.
        rows: Queries of each.
        enough: Attention mass on the blocks that are read from which on nothing more is asked.
        mass_weight: Weight of the mass that falls elsewhere.
        rank_weight: Weight of the pooled scores' divergence from the dense mass.
        twin_tokens: Longest context that is also encoded densely.
        twin_every: Steps between two of those.
        twin_weight: Weight of the token states' distance to the dense ones.
        queries: Most queries of a context.
        retrieval_weight: Weight of finding its passages.
        rehearsal_contexts: Packed contexts of the retrieval stage in each step, 0 for none.
        parallel_every: Steps between two with parallel pairs.
        similarity_every: Steps between two with judged pairs.
        optim: Optimisation.
    """

    start: str = "retrieve"
    shortest: int = 2048
    longest: int = 8192
    deepest: int = 32768
    deep_every: int = 2
    blocks: int = 8
    rows: int = 16
    enough: float = 0.98
    mass_weight: float = 10.0
    rank_weight: float = 0.02
    twin_tokens: int = 4096
    twin_every: int = 6
    twin_weight: float = 1.0
    queries: int = 24
    retrieval_weight: float = 0.5
    rehearsal_contexts: int = 8
    parallel_every: int = 2
    similarity_every: int = 4
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(
            steps=600,
            embedding_rate=4e-4,
            rate=2e-4,
            vector_factor=5.0,
            warmup=20,
            log_every=10,
            checkpoint_every=50,
            evaluate_every=600,
        )
    )
