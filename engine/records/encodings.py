"""What the encoder makes of documents and questions."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How close the sparse pass came to dense attention, on sampled query blocks.

    Tokens of the sampled blocks went through all layers densely, over the keys and values of the
    sparse pass (see :mod:`engine.model.fidelity`).

    Attributes:
        recall_mean: Mean share of dense attention mass that fell on the kept blocks.
        recall_p5: Its 5th percentile over sampled blocks, layers and heads.
        output_error: Relative L2 error of the attention output of all layers, with what the
            errors of earlier layers add to it.
        sampled: Number of (layer, query block) pairs computed densely.
        density: Key blocks read per query block, as a share of all blocks.
        passage_cosine: Mean cosine of the passage vectors that the sparse and the dense states of
            the same sampled tokens of a block pool to; a passage of more tokens comes closer.
            None in an analysis that did not measure it.
        top10_overlap: Share of the document's ten passages nearest to the sparse vector of a
            sampled block that are also the ten nearest to its dense vector, mean over the blocks;
            the passages' vectors are those of the sparse pass. None if it was not measured or
            the document has no more than ten passages.
    """

    recall_mean: float
    recall_p5: float
    output_error: float
    sampled: int
    density: float
    passage_cosine: float | None = None
    top10_overlap: float | None = None


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the encoder made of a document in one pass (T tokens, NB blocks, L layers).

    Attributes:
        encoder_hash: Identity of the encoder (:class:`engine.model.pack.Pack`).
        block: Tokens per block.
        token_spans: Spans into the text, int32 ``[T, 2]``.
        token_vectors: Late-interaction vectors times 127, int8 ``[T, 64]``.
        block_summaries: Mean token vector of each block, float16 ``[NB, 64]``.
        passage_vectors: Unit vectors, float16 ``[P, 384]``.
        sentence_vectors: Unit vectors, float16 ``[S, 384]``, in the order of the sentences.
        kept_blocks: Key blocks read by each query block, int32 ``[L, NB, K]``, -1 where unused.
        kept_mass: Attention mass of each, float16 ``[L, NB, K]``.
        fidelity: Sampled fidelity to dense attention.
        seconds: Wall time of the pass.
        heading_vectors: Late-interaction vectors times 127 of the tokens of its headings, one
            heading after the other, int8 ``[N, 64]``; see :mod:`engine.model.outline`.
        heading_starts: Where the tokens of each of its G headings begin, int32 ``[G + 1]``.
    """

    encoder_hash: str
    block: int
    token_spans: np.ndarray
    token_vectors: np.ndarray
    block_summaries: np.ndarray
    passage_vectors: np.ndarray
    sentence_vectors: np.ndarray
    kept_blocks: np.ndarray
    kept_mass: np.ndarray
    fidelity: Fidelity
    seconds: float
    heading_vectors: np.ndarray = field(default_factory=lambda: np.zeros((0, 64), np.int8))
    heading_starts: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int32))


@dataclass(frozen=True, slots=True)
class QueryEncoding:
    """A question as the encoder sees it.

    Attributes:
        text: The question.
        token_spans: Spans into ``text``, int32 ``[Q, 2]``.
        token_vectors: Unit vectors, float32 ``[Q, 64]``.
        vector: Unit vector, float32 ``[384]``.
        token_weights: How much each token counts, positive float32 ``[Q]``.
        pointer_vectors: Where each token looks for the answer, unit vectors to be compared with a
            document's token vectors, float32 ``[Q, 64]``.
        pointer_weights: Share of each token in that, float32 ``[Q]``, summing to 1.
    """

    text: str
    token_spans: np.ndarray
    token_vectors: np.ndarray
    vector: np.ndarray
    token_weights: np.ndarray
    pointer_vectors: np.ndarray
    pointer_weights: np.ndarray
