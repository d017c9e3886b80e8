"""The table of an ablation as Markdown, JSON and CSV."""

import csv
import io
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from engine.evaluate.retrieval import Estimate
from engine.evaluate.variants import BLOCK, DENSE, LAYER, SELECTION
from kernels.block_sparse.pattern import BlockPattern

# What a pattern must keep of its dense twin: shares, a cosine, and what nDCG@10 may lose.
LEAST = {"recall": 0.95, "recall_p5": 0.90, "cosine": 0.99, "top10": 0.95}
ALLOWED = 0.005


@dataclass(frozen=True, slots=True)
class Row:
    """One variant.

    Attributes:
        kind: What it varies.
        name: What it is called.
        selects: Whether it reads blocks that are chosen by content.
        density: Share of the key blocks that a query block reads, a mean over layers.
        seconds: Median wall time of a pass over the first document; None if it was not timed.
        memory: Bytes by which the process grew at most in such a pass; None likewise.
        recall: Share of dense attention that falls on the blocks that are read, mean over heads,
            sampled query blocks and layers; dense attention is that of the variant's own blocks.
        recall_p5: Its 5th percentile, mean over documents.
        output_error: Relative error of attention's output, root of the mean square.
        cosine: Mean cosine of the passage vectors to those of the pack's dense twin.
        top10: Share of the dense twin's first ten passages among the first ten.
        vectors: nDCG@10 of passages by their vectors.
        tokens: nDCG@10 of passages by late interaction.
        change: The latter less that of the pack's own pattern, on the same questions.
        share: Share of attention that the part which is left out held; None for others.
    """

    kind: str
    name: str
    selects: bool
    density: float
    seconds: float | None
    memory: int | None
    recall: float
    recall_p5: float
    output_error: float
    cosine: float
    top10: float
    vectors: Estimate
    tokens: Estimate
    change: Estimate
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Ablation:
    """A table with what it was measured on.

    Attributes:
        pack: Name of the pack.
        revision: Of the pack.
        pack_hash: Of the pack.
        pattern: The pack's own pattern.
        threads: Threads of the linear algebra.
        lengths: Tokens of each document; the first one was timed.
        questions: Questions asked of them.
        repeats: Timed passes of each variant but the dense twin.
        rows: The dense twin first.
        left_out: Variants that could not be measured here.
    """

    pack: str
    revision: str
    pack_hash: str
    pattern: BlockPattern
    threads: int
    lengths: tuple[int, ...]
    questions: int
    repeats: int
    rows: tuple[Row, ...]
    left_out: tuple[str, ...] = ()

    @property
    def patterns(self) -> list[Row]:
        """The rows of whole patterns."""
        return [row for row in self.rows if row.kind != LAYER]

    def fastest(self) -> Row | None:
        """The fastest pattern that stays within ``LEAST`` and ``ALLOWED``; None if none does."""
        return self._fastest(self.patterns)

    def argued_for(self) -> Row | None:
        """The fastest of those that select by content: the default pattern.

        What a document says elsewhere is read through selected blocks alone, and evidence of it
        rests on them; a pattern without them may be within the limits on documents whose questions
        do not need it.
        """
        return self._fastest([row for row in self.patterns if row.selects])

    def _fastest(self, rows: list[Row]) -> Row | None:
        """Where nothing was timed, the one that reads least.

        Attention head by head only serves to compare ways of selecting and is no candidate.
        """
        dense = self.rows[0]
        fit = [
            row
            for row in rows
            if row.kind not in (DENSE, SELECTION)
            and all(getattr(row, name) >= least for name, least in LEAST.items())
            and row.tokens.mean >= dense.tokens.mean - ALLOWED
        ]
        return min(fit, key=lambda row: (row.seconds or 0.0, row.density), default=None)


def markdown(found: Ablation) -> str:
    """The patterns, what each layer's parts are worth, and what the figures mean."""
    lines = [
        "| Varies | Variant | Density | Seconds | MB | Mass recall | 5th percentile "
        "| Passage cosine | Top 10 | nDCG@10 vectors | nDCG@10 late | Change | 95 % |",
        "|---" * 13 + "|",
    ]
    for row in found.patterns:
        seconds = "" if row.seconds is None else f"{row.seconds:.2f}"
        memory = "" if row.memory is None else f"{row.memory / 1e6:.0f}"
        lines.append(
            f"| {row.kind} | {row.name} | {row.density:.3f} | {seconds} | {memory} "
            f"| {row.recall:.4f} | {row.recall_p5:.4f} | {row.cosine:.4f} | {row.top10:.3f} "
            f"| {row.vectors.mean:.4f} | {row.tokens.mean:.4f} | {_change(row)} |"
        )
    lines += [
        "",
        "| Left out | Share of attention | Passage cosine | Top 10 | nDCG@10 vectors "
        "| nDCG@10 late | Change | 95 % |",
        "|---" * 8 + "|",
    ]
    lines += [
        f"| {row.name} | {row.share or 0.0:.4f} | {row.cosine:.4f} | {row.top10:.3f} "
        f"| {row.vectors.mean:.4f} | {row.tokens.mean:.4f} | {_change(row)} |"
        for row in found.rows
        if row.kind == LAYER
    ]
    return "\n".join([*lines, "", *_notes(found)]) + "\n"


def _change(row: Row) -> str:
    change = row.change
    return f"{change.mean:+.4f} | {change.low:+.4f} to {change.high:+.4f}"


def _notes(found: Ablation) -> Iterator[str]:
    lengths = ", ".join(f"{length:,}" for length in found.lengths)
    yield (
        f"{found.pack} {found.revision}, int8, {found.threads} threads; documents of {lengths} "
        f"tokens, {found.questions} questions. Cosine and top 10 are to the dense twin of the "
        "pack, changes to its own pattern, with paired bootstrap intervals."
    )
    if found.repeats:
        yield (
            f"Seconds: median of {found.repeats} passes over the first document, the variants in "
            "turn, each in a process of its own; the dense twin once, with the same kernel. MB: "
            "growth of the process in the pass at its peak."
        )
    if any(row.kind == BLOCK for row in found.rows):
        yield (
            f"The weights were trained with blocks of {found.pattern.block}; other sizes show "
            "what these weights do with them, not what weights trained for them would do."
        )
    if found.left_out:
        yield (
            "Not measured, for the package onnx (extra train) is not installed: "
            f"{'; '.join(found.left_out)}."
        )
    limits = ", ".join(f"{name} {least:g}" for name, least in LEAST.items())
    yield (
        f"Least allowed: {limits}, nDCG@10 late {ALLOWED:g} below the dense twin. The fastest "
        f"within: {_named(found.fastest())}. The fastest that selects by content: "
        f"{_named(found.argued_for())}."
    )


def _named(row: Row | None) -> str:
    return "none" if row is None else f"{row.kind}, {row.name}"


def as_json(found: Ablation) -> dict[str, Any]:
    """The table as plain values, with the machine and versions."""
    fastest, chosen = found.fastest(), found.argued_for()
    return {
        **asdict(found),
        "fastest": None if fastest is None else fastest.name,
        "argued_for": None if chosen is None else chosen.name,
        "machine": {
            "system": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "onnxruntime": version("onnxruntime"),
        },
        "table": markdown(found),
    }


def as_csv(found: Ablation) -> str:
    """One line for each row; estimates as their mean with ``_low`` and ``_high``."""
    lines = [_flat(row) for row in found.rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _flat(row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in asdict(row).items():
        if isinstance(value, dict):
            flat |= {
                name: value["mean"],
                f"{name}_low": value["low"],
                f"{name}_high": value["high"],
            }
        else:
            flat[name] = value
    return flat
