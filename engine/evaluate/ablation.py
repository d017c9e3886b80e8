"""What each part of the sparse attention is worth, and what other patterns would cost and give.

The same int8 weights read long documents in every way of :mod:`engine.evaluate.variants`. Each is
held against the dense twin of the pack (every block read), in time, memory, fidelity and in what
questions find. ``chumoku ablate`` measures documents of one's own;
``python -m engine.evaluate.ablation --corpus DIR --config FILE`` held-out documents of the corpus.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from engine.cli_progress import run_with_progress
from engine.evaluate import variants
from engine.evaluate.ablation_output import Outputs
from engine.evaluate.ablation_table import Ablation, Row, markdown
from engine.evaluate.cost import Cost, pass_cost
from engine.evaluate.joined_documents import LongDocument, long_documents
from engine.evaluate.judge import Answers, Judge, overlaps, passage_cosines
from engine.evaluate.retrieval import difference, estimate
from engine.evaluate.variants import Variant
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.progress import CancelToken, Job, Progress, run
from engine.records import Encoding, Fidelity
from engine.training.config import load_config
from engine.training.splits import read_split
from kernels.block_sparse.pattern import BlockPattern, block_count

TOKENS = 32_768
DOCUMENTS = 2
REPEATS = 3
# Query blocks of each layer that are also computed densely.
SAMPLE = 16


@dataclass(slots=True)
class _Found:
    """What a variant did, document by document."""

    fidelity: list[Fidelity] = field(default_factory=list)
    cosines: list[float] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)
    vectors: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)
    shares: list[np.ndarray] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    def take(self, made: Encoding, dense: Encoding, answers: Answers, twin: Answers) -> None:
        """Take in an encoding and its answers beside those of the dense twin."""
        self.fidelity.append(made.fidelity)
        self.cosines += passage_cosines(made, dense)
        self.overlaps += overlaps(answers, twin)
        self.vectors += answers.vectors
        self.tokens += answers.tokens


def part_shares(encoding: Encoding, pattern: BlockPattern) -> np.ndarray:
    """Share of each layer's attention that falls on ``variants.PARTS``, float64 ``[L, 3]``.

    Attention is what the pass computed, all heads and query blocks alike; the rest of it stays
    within the query block.
    """
    kept, mass = encoding.kept_blocks, encoding.kept_mass.astype(np.float64)
    distance = np.abs(kept - np.arange(kept.shape[1])[None, :, None])
    near, leading = distance <= pattern.near, kept < pattern.global_blocks
    parts = (near & (distance > 0), ~near & leading, ~near & ~leading)
    shares = [np.where((kept >= 0) & part, mass, 0.0).sum(axis=2).mean(axis=1) for part in parts]
    return np.stack(shares, axis=1)


def measure(
    encoder: Encoder,
    documents: Sequence[LongDocument],
    cancel: CancelToken,
    *,
    repeats: int = REPEATS,
    blocks: Sequence[int] = variants.BLOCKS,
) -> Job[Ablation]:
    """Read documents in every way and ask their questions.

    Args:
        encoder: A pack, loaded.
        documents: From :mod:`engine.evaluate.joined_documents`, at least one; it is the first
            that is timed.
        cancel: Stops the work.
        repeats: Timed passes of each variant but the dense twin, which is timed once; the variants
            take turns. 0 for no times and no memory.
        blocks: Other sizes of blocks. They are left out, as is selection per head, where the
            package ``onnx`` is not installed.

    Raises:
        OSError: A timed pass failed.
        engine.errors.Cancelled: ``cancel`` was set.
    """
    pack, pattern = encoder.pack, encoder.pack.config.pattern
    lengths = [len(encoder.tokenizer.tokenize(one.text).ids) for one in documents]
    dense = variants.dense_twin(pattern, block_count(max(lengths), pattern.block))
    patterns = [dense, *variants.pattern_variants(pattern, blocks)]
    left_out: list[Variant] = []
    if not variants.can_make_graphs():
        left_out = [one for one in patterns if variants.needs_graphs(one, pack)]
        patterns = [one for one in patterns if one not in left_out]
    found = {one: _Found() for one in (*patterns, *variants.layer_variants(pack.config))}
    turns = [one for turn in range(repeats) for one in patterns if one != dense or turn == 0]
    total, done = len(found) * len(documents) + len(turns), 0
    for document in documents:
        judge = Judge(document, encoder)
        twin: tuple[Encoding, Answers] | None = None
        for variant, held in found.items():
            yield Progress("evaluate", done, total, variant.name)
            opened = variants.open_variant(
                variants.variant_pack(pack, variant), variant, encoder.threads
            )
            sample = 0 if variant == dense else SAMPLE
            made = run(
                opened.encode(
                    document.text, document.spans, (), cancel=cancel, fidelity_sample=sample
                )
            )
            answers = judge.ask(made)
            twin = twin or (made, answers)
            held.take(made, twin[0], answers, twin[1])
            if variant == variants.shipped(pattern):
                held.shares.append(part_shares(made, pattern))
            done += 1
    for variant in turns:
        yield Progress("evaluate", done, total, f"time of {variant.name}")
        altered = variants.variant_pack(pack, variant)
        cost = pass_cost(altered, variant, documents[0], encoder.threads, cancel)
        found[variant].costs.append(cost)
        done += 1
    yield Progress("evaluate", total, total, pack.name)
    own = found[variants.shipped(pattern)]
    shares = np.mean(own.shares, axis=0)
    return Ablation(
        pack.name,
        pack.revision,
        pack.pack_hash,
        pattern,
        encoder.threads,
        tuple(lengths),
        len(own.tokens),
        repeats,
        tuple(_row(variant, held, own, shares) for variant, held in found.items()),
        tuple(f"{one.kind}: {one.name}" for one in left_out),
    )


def _row(variant: Variant, held: _Found, own: _Found, shares: np.ndarray) -> Row:
    share = None
    if variant.without:
        column = shares[:, variants.PARTS.index(variant.without)]
        share = float(column.mean() if variant.layer is None else column[variant.layer])
    return Row(
        kind=variant.kind,
        name=variant.name,
        selects=variant.pattern.k_max > 0,
        density=_mean([one.density for one in held.fidelity]),
        seconds=median(one.seconds for one in held.costs) if held.costs else None,
        memory=max(one.memory for one in held.costs) if held.costs else None,
        recall=_mean([one.recall_mean for one in held.fidelity]),
        recall_p5=_mean([one.recall_p5 for one in held.fidelity]),
        output_error=_mean([one.output_error for one in held.fidelity]),
        cosine=_mean(held.cosines),
        top10=_mean(held.overlaps),
        vectors=estimate(held.vectors),
        tokens=estimate(held.tokens),
        change=difference(held.tokens, own.tokens),
        share=share,
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a pack on held-out documents of the corpus; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m engine.evaluate.ablation", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the training corpus")
    parser.add_argument("--config", type=Path, required=True, help="the training's settings (TOML)")
    parser.add_argument("--pack", type=Path, help="folder of the pack; else the installed one")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="tokens of a document")
    parser.add_argument("--count", type=int, default=DOCUMENTS, help="most documents")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="timed passes of each variant")
    parser.add_argument("--json", type=Path, help="JSON file of the table")
    parser.add_argument("--csv", type=Path, help="CSV file of the table")
    parser.add_argument("--plot", type=Path, help="picture of the table (.svg, .png or .pdf)")
    options = parser.parse_args(arguments)
    outputs = Outputs(options.json, options.csv, options.plot)
    try:
        outputs.check()
    except ValueError as error:
        parser.error(str(error))
    encoder = Encoder.load(load_pack(options.pack or default_pack()))
    config = load_config(options.config)
    split = read_split(options.corpus, config.pairs, config.split, config.seed)
    documents = long_documents(split, encoder.tokenizer, options.tokens, options.count)
    if not documents:
        parser.error(f"no held-out documents make {options.tokens} tokens")
    found = run_with_progress(
        lambda cancel: measure(encoder, documents, cancel, repeats=options.repeats)
    )
    outputs.write(found)
    sys.stdout.write(markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
