"""What the encoder is to show, out of the rows of one run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from engine.evaluate.figures import Figure

from .table import Row

Rows = Mapping[tuple[str, int], Row]
OURS, ON_GPU = "ours-int8", "gpu-ours"
K8, K32, K128, K200 = 8192, 32768, 131072, 200000
GIBIBYTE_MB = 1024.0
# Lengths that are measured along with a shorter one, because they are compared to it.
BESIDE = {(OURS, K200): K8}


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is asked for.

    Attributes:
        name: What it says.
        rows: The rows it is made of.
        figure: Makes it of their values.
        bound: What it is to reach, or None where it only stands beside another.
        at_most: Whether ``bound`` is an upper bound.
    """

    name: str
    rows: tuple[tuple[str, int], ...]
    figure: Callable[..., float]
    bound: float | None = None
    at_most: bool = False


def _times_faster(line: str, length: int, bound: float | None, ours: str = OURS) -> Target:
    def figure(mine: Row, other: Row) -> float:
        return float(other["seconds"]) / float(mine["seconds"])

    return Target(
        f"{ours} at {length}, times as fast as {line}",
        ((ours, length), (line, length)),
        figure,
        bound,
    )


def _rate(line: str, unit: str, bound: float | None) -> Target:
    def figure(mine: Row, other: Row) -> float:
        return float(mine[f"{unit}_per_s"]) / float(other[f"{unit}_per_s"])

    name = f"{OURS} at {K32}, {unit}/s over those of {line}"
    return Target(name, ((OURS, K32), (line, K32)), figure, bound)


def _choosing(line: str, length: int) -> Target:
    return Target(
        f"{line}, share of choosing blocks at {length}",
        ((line, length),),
        lambda row: float(row["selection"]),
        0.10,
        at_most=True,
    )


def targets() -> Iterator[Target]:
    """All that is asked for, each beside what a reader would hold against it."""
    yield _times_faster("dense-torch", K32, 25.0)
    yield _times_faster("dense-onnx", K32, None)
    yield _times_faster("dense-torch", K128, 80.0)
    yield _times_faster("dense-onnx", K128, None)
    yield _rate("minilm-torch", "tokens", 4.0)
    yield _rate("minilm-torch", "characters", None)
    yield _rate("minilm-int8", "tokens", 1.5)
    yield _rate("minilm-int8", "characters", None)
    yield _times_faster("longformer", K32, None)
    yield _times_faster("bigbird", K8, None)
    yield Target(
        f"{OURS}, time per token at {K200} over that at {K8}",
        ((OURS, K200), (OURS, K8)),
        lambda long, short: float(long["us_per_token"]) / float(short["us_per_token"]),
        1.15,
        at_most=True,
    )
    yield Target(
        f"{OURS}, peak memory of the process at {K200}, MiB",
        ((OURS, K200),),
        lambda row: float(row["peak_mb"]),
        GIBIBYTE_MB,
        at_most=True,
    )
    for length in (512, 2048, K8, K32, K128, K200):
        yield _choosing(OURS, length)
    for length, bound in ((512, 1.0), (2048, 1.0), (K8, 1.5), (K32, 6.0), (K128, 20.0)):
        yield _times_faster("gpu-sdpa", length, bound, ON_GPU)
        yield _times_faster("gpu-flex", length, 1.2, ON_GPU)
        yield _choosing(ON_GPU, length)


def figures(rows: Rows) -> tuple[list[Figure], list[str]]:
    """Figures whose rows are all there, and what is lacking for the others."""
    found, missing = [], []
    for target in targets():
        lacking = [
            f"{line} at {length}" for line, length in target.rows if (line, length) not in rows
        ]
        if lacking:
            missing.append(f"{target.name}: no {', no '.join(lacking)}")
            continue
        value = target.figure(*(rows[key] for key in target.rows))
        found.append(Figure(target.name, value, target=target.bound, at_most=target.at_most))
    return found, missing
