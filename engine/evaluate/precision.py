"""What int8 costs.

The same questions are asked of a pack and of the float32 weights that it was made from. What is
stored (int8 token vectors, float16 passage vectors, queries, keys and values) is rounded for both,
so that the difference is that of the quantised weights and of their inputs.
"""

from collections.abc import Sequence
from dataclasses import replace

from engine.evaluate.evaluation import SPEARMAN, SetResult, evaluate
from engine.evaluate.figures import Figure
from engine.evaluate.retrieval import difference
from engine.evaluate.sets import EvaluationSet
from engine.evaluate.ways import ATTENTION, DENSE, FUSED
from engine.model.encoder import Encoder
from engine.progress import CancelToken, Job
from engine.training.float_parts import float_models
from engine.training.weights import TrainedWeights

# What int8 may lose, as a share.
ALLOWED = 0.005
WAYS = (DENSE, ATTENTION, FUSED)


def exact_encoder(encoder: Encoder, checkpoint: TrainedWeights) -> Encoder:
    """The encoder of a pack with float32 weights in place of the pack's. Needs ``onnx``.

    Args:
        encoder: The pack's.
        checkpoint: The weights that the pack was made from.
    """
    parts = {
        f"{name}.onnx": model.SerializeToString()
        for name, model in float_models(checkpoint).items()
    }
    contents = {**encoder.pack.contents, **parts}
    return Encoder.load(replace(encoder.pack, contents=contents), encoder.threads)


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
    found: EvaluationSet,
    encoder: Encoder,
    exact: Encoder,
    most: int | None,
    cancel: CancelToken,
) -> Job[list[Figure]]:
    """Losses on a set, at most ``most`` questions of each kind.

    Args:
        found: The set.
        encoder: The pack's encoder.
        exact: The same in float32, from :func:`exact_encoder`.
        most: None for all questions.
        cancel: Stops the work.
    """
    quantised = yield from evaluate(found, encoder, cancel, most=most)
    return losses(quantised, (yield from evaluate(found, exact, cancel, most=most)))
