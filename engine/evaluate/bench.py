"""How fast the installed pack encodes on this PC, behind a gate of correctness.

Needs nothing that the installed program does not have.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluate.long_text import LongText, long_text
from engine.evaluate.machine import MEBIBYTE, peak_memory
from engine.model.encoder import Encoder
from engine.model.layers import LayerStack, LayerState
from engine.model.pack import Pack, part_names
from engine.model.runtime import open_sessions, thread_count
from engine.model.tokenizer import Tokenizer
from engine.model.workers import Workers
from engine.progress import CancelToken, Job, Progress
from engine.records import Document, Encoding
from kernels.block_sparse.pattern import BlockLists

STAGE = "bench"
DEFAULT_TOKENS = (512, 2048, 8192, 32768)
COLUMNS = (
    "tokens", "characters", "seconds", "fastest", "slowest", "repeats", "tokens_per_s",
    "characters_per_s", "selection", "density", "peak_mb",
)  # fmt: skip
# A pass shorter than this is repeated until so many seconds are filled.
_LEAST_S = 1.0
# No repetition is begun once a length has taken this long.
_ENOUGH_S = 45.0
_MOST_REPEATS = 50
# Only rounding is between the two, but where it falls otherwise to int8, that goes through layers.
_OUTPUT_ERROR = 2e-3
_RECALL = 0.9999
_MASS = 5e-3  # Masses are kept in float16.
# Weights that are in the wrong place, or integer products that overflow, leave 0.1 of it.
_MARGIN = 0.3
_TRANSLATIONS = (
    ("会議は来週の月曜日に延期された。", "The meeting was postponed to next Monday."),
    (
        "パスワードを忘れた場合は管理者に連絡してください。",
        "If you forget your password, contact the administrator.",
    ),
    ("猫は窓のそばで眠っている。", "The cat is sleeping by the window."),
    ("ファイルを保存できませんでした。", "The file could not be saved."),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One point of a correctness gate.

    Attributes:
        name: What is held against what.
        value: The figure.
        bound: What it has to reach, or must not pass.
        at_most: Whether ``bound`` is an upper bound.
    """

    name: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def passed(self) -> bool:
        """Whether it holds; a figure that is not a number never does."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of a piece of work that was done several times.

    Attributes:
        seconds: Median.
        fastest: Least.
        slowest: Most.
        repeats: How many times.
    """

    seconds: float
    fastest: float
    slowest: float
    repeats: int

    @classmethod
    def of(cls, times: Sequence[float]) -> "Timing":
        """From the seconds of each time."""
        return cls(float(np.median(times)), min(times), max(times), len(times))


@dataclass(frozen=True, slots=True)
class Row:
    """How one length was encoded.

    Attributes:
        tokens: Tokens of the text.
        characters: Code points of the text.
        timing: From text to vectors, fidelity not measured.
        selection: Share of the time that went into choosing blocks.
        density: Key blocks read by a query block, as a share of all.
        peak_mb: Most memory of the process up to the end of this length, in MiB.
    """

    tokens: int
    characters: int
    timing: Timing
    selection: float
    density: float
    peak_mb: float

    @property
    def tokens_per_s(self) -> float:
        """Tokens a second."""
        return self.tokens / self.timing.seconds

    def as_json(self) -> dict[str, float | int]:
        """The row as plain values."""
        values = (
            self.tokens,
            self.characters,
            round(self.timing.seconds, 4),
            round(self.timing.fastest, 4),
            round(self.timing.slowest, 4),
            self.timing.repeats,
            round(self.tokens_per_s, 1),
            round(self.characters / self.timing.seconds, 1),
            round(self.selection, 4),
            round(self.density, 4),
            round(self.peak_mb, 1),
        )
        return dict(zip(COLUMNS, values, strict=True))


class TimedStack(LayerStack):
    """A stack that sums up the seconds spent on choosing blocks in ``selecting``."""

    selecting = 0.0

    def select(self, state: LayerState, pieces: list[BlockLists]) -> Iterator[int]:
        """See :meth:`engine.model.layers.LayerStack.select`."""
        steps = super().select(state, pieces)
        while True:
            began = time.perf_counter()
            count = next(steps, None)
            self.selecting += time.perf_counter() - began
            if count is None:
                return
            yield count


class TimedEncoder:
    """A pack's encoder whose choosing of blocks is timed.

    Args:
        pack: A verified pack.
        threads: Threads that share the work; None for as many as the product uses.
        parts: Other ONNX parts to run in place of the pack's, by file name.
    """

    def __init__(
        self, pack: Pack, threads: int | None = None, parts: dict[str, bytes] | None = None
    ) -> None:
        threads = threads or thread_count()
        parts = parts or {name: pack.contents[name] for name in part_names(pack.config.layers)}
        self.stack = TimedStack(pack.config, open_sessions(parts), Workers(threads))
        tokenizer = Tokenizer(pack.contents["tokenizer.json"])
        self.encoder = Encoder(pack, tokenizer, self.stack, threads)

    def encode(
        self, text: LongText, cancel: CancelToken, fidelity_sample: int = 0
    ) -> Job[Encoding]:
        """Encode a text with its passages and sentences, as the product does."""
        return self.encoder.encode(
            text.text,
            text.passages,
            text.sentences,
            cancel=cancel,
            fidelity_sample=fidelity_sample,
        )


def gate(
    timed: TimedEncoder, documents: Sequence[Document], cancel: CancelToken
) -> Job[list[Check]]:
    """Check the encoder on a text that it reads whole, one with a padded tail and a long one.

    Attention that reads every block must give what :class:`engine.model.fidelity.FidelityProbe`
    computes densely in NumPy; masses of the blocks that are read must sum to 1; another run must
    give the same; and a sentence must be far closer to its translation than to other sentences.
    """
    pattern = timed.encoder.pack.config.pattern
    whole = pattern.slots * pattern.block
    checks = [_translations(timed.encoder)]
    for tokens in (whole, whole - pattern.block // 2, 4 * whole):
        text = long_text(documents, timed.encoder.tokenizer, tokens)
        found = yield from timed.encode(text, cancel, fidelity_sample=pattern.slots)
        name = f"{text.tokens} tokens"
        if tokens <= whole:
            error, recall = found.fidelity.output_error, found.fidelity.recall_mean
            checks.append(Check(f"{name}: error against dense", error, _OUTPUT_ERROR, True))
            checks.append(Check(f"{name}: dense mass on read blocks", recall, _RECALL))
        mass = np.abs(found.kept_mass.astype(np.float32).sum(axis=2) - 1.0).max()
        checks.append(
            Check(f"{name}: masses of a block sum to 1, off by", float(mass), _MASS, True)
        )
        lengths = np.linalg.norm(found.passage_vectors.astype(np.float32), axis=1)
        shortest = float(lengths.min())
        checks.append(Check(f"{name}: shortest passage vector", shortest, 0.99))
        again = yield from timed.encode(text, cancel)
        same = np.array_equal(found.token_vectors, again.token_vectors)
        same = same and np.array_equal(found.passage_vectors, again.passage_vectors)
        checks.append(Check(f"{name}: another run is the same", float(same), 1.0))
    return checks


def _translations(encoder: Encoder) -> Check:
    first, second = (
        np.stack([encoder.encode_query(pair[side]).vector for pair in _TRANSLATIONS])
        for side in (0, 1)
    )
    cosines = first @ second.T
    own = np.eye(len(cosines), dtype=bool)
    margin = float(cosines[own].min() - cosines[~own].max())
    return Check("translations: least margin of cosine over other sentences", margin, _MARGIN)


def measure(timed: TimedEncoder, text: LongText, repeats: int, cancel: CancelToken) -> Job[Row]:
    """Time the encoding of a text.

    Short passes are repeated until a second is filled, long ones no more once they have taken
    three quarters of a minute.

    Args:
        timed: The encoder.
        text: What to encode.
        repeats: Times to encode it, at least.
        cancel: Stops the work.

    Raises:
        Cancelled: ``cancel`` was set.
    """
    times: list[float] = []
    timed.stack.selecting, density = 0.0, 0.0
    while wants_another(times, repeats):
        yield Progress(STAGE, len(times), max(repeats, len(times)), f"{text.tokens} tokens")
        began = time.perf_counter()
        encoding = yield from timed.encode(text, cancel)
        times.append(time.perf_counter() - began)
        density = encoding.fidelity.density
    return Row(
        tokens=text.tokens,
        characters=len(text.text),
        timing=Timing.of(times),
        selection=timed.stack.selecting / sum(times),
        density=density,
        peak_mb=peak_memory() / MEBIBYTE,
    )


def wants_another(times: Sequence[float], repeats: int) -> bool:
    """Whether work that took these seconds so far is to be done once more."""
    if not times:
        return True
    spent = sum(times)
    if spent >= _ENOUGH_S or len(times) >= max(repeats, _MOST_REPEATS):
        return False
    return len(times) < repeats or (repeats > 1 and spent < _LEAST_S)
