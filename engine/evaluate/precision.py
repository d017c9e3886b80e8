"""What int8 costs.

``python -m engine.evaluate.precision --checkpoint DIR --pack DIR --out FILE.json SET...`` asks the
same questions of a pack and of the float32 weights that it was made from. What is stored (int8
token vectors, float16 passage vectors) is rounded for both, so that the difference is that of the
quantised weights. The figures go into the report by its option ``--figures``.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.cli_progress import run_with_progress
from engine.cli_text import error_text
from engine.errors import Cancelled, ChumokuError, QueryError
from engine.evaluate.collection import block_means
from engine.evaluate.evaluation import SPEARMAN, SetResult, evaluate
from engine.evaluate.figures import Figure, markdown
from engine.evaluate.retrieval import difference
from engine.evaluate.sets import EvaluationSet, find_sets
from engine.evaluate.ways import ATTENTION, DENSE, FUSED
from engine.model.encoder import Encoder
from engine.model.pack import Pack, load_pack
from engine.model.tokenizer import Tokenizer, token_ranges
from engine.progress import CancelToken, Job, Progress
from engine.records import Encoding, Fidelity, QueryEncoding, Span
from engine.training import oracle
from engine.training.weights import TrainedWeights, load_weights

# What int8 may lose, as a share.
ALLOWED = 0.005
MOST_QUESTIONS = 400
WAYS = (DENSE, ATTENTION, FUSED)


class ExactEncoder:
    """A pack's encoder from its float32 weights, in NumPy: slow, for short texts.

    Args:
        pack: The pack, for its fusion and lexicon.
        checkpoint: The weights that it was made from.
    """

    def __init__(self, pack: Pack, checkpoint: TrainedWeights) -> None:
        self.pack = pack
        self._checkpoint = checkpoint
        self._tokenizer = Tokenizer(checkpoint.tokenizer)

    def encode(
        self,
        text: str,
        spans: Sequence[Span],
        sentences: Sequence[Span],
        *,
        cancel: CancelToken,
        fidelity_sample: int,
    ) -> Job[Encoding]:
        """See :meth:`engine.model.encoder.Encoder.encode`; fidelity is not measured."""
        cancel.check()
        began = time.perf_counter()
        tokens = self._tokenizer.tokenize(text)
        config = self.pack.config
        block = config.pattern.block
        if len(tokens.ids):
            found = oracle.encode(self._checkpoint, tokens.ids, np.float32)
            states, vectors = found.states, np.rint(found.token_vectors * 127.0).astype(np.int8)
        else:
            states = np.zeros((0, config.width), np.float32)
            vectors = np.zeros((0, config.token_width), np.int8)
        yield Progress("encode", 1, 1)
        ranges = token_ranges(tokens.spans, [*spans, *sentences]).tolist()
        pooled = oracle.passage_vectors(self._checkpoint, states, ranges).astype(np.float16)
        nothing = np.zeros((config.layers, 0, config.pattern.slots))
        return Encoding(
            self.pack.pack_hash,
            block,
            tokens.spans,
            vectors,
            block_means(vectors, block),
            pooled[: len(spans)],
            pooled[len(spans) :],
            nothing.astype(np.int32),
            nothing.astype(np.float16),
            Fidelity(1.0, 1.0, 0.0, 0, 1.0),
            time.perf_counter() - began,
        )

    def encode_query(self, text: str) -> QueryEncoding:
        """See :meth:`engine.model.encoder.Encoder.encode_query`."""
        tokens = self._tokenizer.tokenize(text)
        if not len(tokens.ids):
            raise QueryError("query_empty")
        found = oracle.encode(self._checkpoint, tokens.ids, np.float32)
        whole = [(0, len(tokens.ids))]
        vector = oracle.passage_vectors(self._checkpoint, found.states, whole)[0]
        counts, pointers, shares = oracle.question(self._checkpoint, found.states)
        return QueryEncoding(
            text, tokens.spans, found.token_vectors, vector, counts, pointers, shares
        )


def losses(quantised: SetResult, exact: SetResult) -> list[Figure]:
    """What int8 has over float32 on a set, question by question where there are ranks."""
    name = f"int8 less float32, {quantised.name}"
    if not quantised.ranks:
        gain = (
            quantised.group().ways[DENSE][SPEARMAN].mean - exact.group().ways[DENSE][SPEARMAN].mean
        )
        count = quantised.group().questions
        return [Figure(f"{name}: {DENSE}, {SPEARMAN}", gain, n=count, target=-ALLOWED)]
    figures = []
    for way in WAYS:
        if way not in quantised.group().ways:
            continue
        first, second = ([ranks[way] for _, ranks in one.ranks] for one in (quantised, exact))
        for depth in (1, 10):
            found = difference(_within(first, depth), _within(second, depth))
            label = f"{name}: {way}, recall@{depth}"
            figures.append(Figure.of(label, found, target=-ALLOWED))
    return figures


def _within(ranks: Sequence[int | None], depth: int) -> list[float]:
    return [float(rank is not None and rank <= depth) for rank in ranks]


def measure(
    sets: Sequence[EvaluationSet],
    encoder: Encoder,
    checkpoint: TrainedWeights,
    cancel: CancelToken,
    most: int = MOST_QUESTIONS,
) -> Job[list[Figure]]:
    """Losses on sets, at most ``most`` questions of each kind."""
    exact = ExactEncoder(encoder.pack, checkpoint)
    figures = []
    for one in sets:
        quantised = yield from evaluate(one, encoder, cancel, most=most)
        figures += losses(quantised, (yield from evaluate(one, exact, cancel, most=most)))
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table; exit status 1 if int8 loses more than it may."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.evaluate.precision", description=__doc__
    )
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="files or folders")
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--pack", type=Path, required=True, help="folder of the pack")
    parser.add_argument("--most", type=int, default=MOST_QUESTIONS, help="most questions of a kind")
    parser.add_argument("--out", type=Path, help="JSON file of the figures")
    options = parser.parse_args(arguments)
    try:
        sets = find_sets(options.sets)
        encoder = Encoder.load(load_pack(options.pack))
        checkpoint = load_weights(options.checkpoint)
        figures = run_with_progress(
            lambda cancel: measure(sets, encoder, checkpoint, cancel, options.most)
        )
    except ChumokuError as error:
        sys.stderr.write(f"{error_text(error)}\n")
        return 1
    except (Cancelled, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
        return 130
    sys.stdout.write(markdown(figures))
    if options.out:
        rows = [one.as_json() for one in figures]
        options.out.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0 if all(one.met for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
