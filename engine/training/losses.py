"""Losses of the retrieval stage."""

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.batches import Ids, pad
from engine.training.device import precision
from engine.training.loop import Losses
from engine.training.model import Encoder, maxsim, mean_pool
from engine.training.packing import RetrievalBatch
from engine.training.sentences import best_sentences, pool_ranges
from engine.training.stage_config import RetrieveConfig


def span_states(states: Tensor, batch: RetrievalBatch) -> tuple[Tensor, Tensor]:
    """Token states of each passage, cut out of its context.

    Args:
        states: Token states of the contexts, ``[C, T, W]``.
        batch: Where the passages lie.

    Returns:
        Padded states ``[P, L, W]`` and which are not padding ``[P, L]`` bool.
    """
    device = states.device
    origins = [span.context * states.shape[1] + span.start for span in batch.spans]
    counts = [span.stop - span.start for span in batch.spans]
    starts, lengths = torch.tensor(origins, device=device), torch.tensor(counts, device=device)
    steps = torch.arange(max(counts), device=device)
    real = steps[None, :] < lengths[:, None]
    rows = (starts[:, None] + steps[None, :]).masked_fill(~real, 0)
    return states.flatten(0, 1)[rows], real


def sentence_vectors(
    encoder: Encoder, states: Tensor, batch: RetrievalBatch
) -> tuple[Tensor, Tensor]:
    """Vectors of the sentences of a batch.

    Args:
        encoder: The model.
        states: Token states of the contexts, ``[C, T, W]``.
        batch: Where passages and sentences lie.

    Returns:
        Unit vectors ``[S, 384]`` and the passage of each ``[S]`` int64.
    """
    ranges, owners = [], []
    for number, span in enumerate(batch.spans):
        origin = span.context * states.shape[1] + span.start
        ranges += [(origin + first, origin + stop) for first, stop in span.sentences]
        owners += [number] * len(span.sentences)
    pooled = pool_ranges(states.flatten(0, 1), ranges)
    return encoder.passage_vectors(pooled), torch.tensor(owners, device=states.device)


def wrong_answers(
    groups: list[str], targets: list[int], device: torch.device | None = None
) -> Tensor:
    """Which passages may count as wrong for each query, ``[Q, P]`` bool (the right one too).

    Other pieces of the right passage's group, and copies of it, are left out.
    """
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    columns = torch.tensor([numbers[group] for group in groups])
    right = torch.tensor(targets)
    allowed = columns[right][:, None] != columns[None, :]
    allowed[torch.arange(len(targets)), right] = True
    return allowed.to(device)


def contrast(scores: Tensor, allowed: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of queries over passages and, with less weight, of passages over queries."""
    scores = scores.masked_fill(~allowed, -torch.inf)
    forth = functional.cross_entropy(scores, targets)
    # Back: each asked passage among the queries of the batch; its other queries are no mistakes.
    columns = scores[:, targets].T
    places = torch.arange(len(targets), device=targets.device)
    twice = (targets[:, None] == targets) & (places[:, None] != places)
    columns = columns.masked_fill(twice, -torch.inf)
    return 0.7 * forth + 0.3 * functional.cross_entropy(columns, places)


def pointer_loss(
    vectors: Tensor,
    gates: Tensor,
    query_real: Tensor,
    passage: Tensor,
    answers: Tensor,
    scale: float,
) -> Tensor:
    """Negative log of the attention that falls on the answers' tokens.

    Args:
        vectors: Unit pointer vectors of N questions, ``[N, I, D]``.
        gates: Logits of their tokens' shares, ``[N, I]``.
        query_real: Which of them are not padding, ``[N, I]`` bool.
        passage: Unit token vectors of each question's own passage, zero for padding, ``[N, J, D]``.
        answers: Which of those tokens answer it, at least one, ``[N, J]`` bool.
        scale: Inverse temperature.
    """
    logits = scale * torch.einsum("nid,njd->nij", vectors, passage)
    padding = (passage == 0).all(-1)[:, None]
    logits = logits.masked_fill(padding, -1e30).log_softmax(-1)
    found = logits.masked_fill(~answers[:, None], -1e30).logsumexp(-1)
    shares = gates.masked_fill(~query_real, -1e30).log_softmax(-1)
    return -(shares + found).logsumexp(-1).mean()


def similarity_loss(cosines: Tensor, scores: Tensor) -> Tensor:
    """One minus the correlation of cosines with people's scores, both ``[N]``."""
    cosines, scores = cosines - cosines.mean(), scores - scores.mean()
    return 1 - functional.cosine_similarity(cosines, scores, dim=0, eps=1e-6)


class RetrievalLoss:
    """Contrast of pooled vectors and of late interaction, and pointing to answers."""

    def __init__(self, encoder: Encoder, config: RetrieveConfig):
        self._encoder = encoder
        self._config = config

    def __call__(self, batch: RetrievalBatch) -> tuple[Losses, int]:
        """Weighted losses and the number of tokens."""
        config, encoder = self._config, self._encoder
        device = encoder.device
        ids, _ = pad(batch.contexts, config.context_tokens, device)
        segments, _ = pad(batch.segments, config.context_tokens, device)
        query_ids, query_real = pad(batch.queries, device=device)
        with precision(device):
            contexts = encoder(ids, segments)
            sentences, owners = sentence_vectors(encoder, contexts, batch)
            states, passage_real = span_states(contexts, batch)
            query_states = encoder(query_ids, query_real)
            queries = encoder.passage_vectors(mean_pool(query_states, query_real))
            tokens = encoder.token_vectors(states)
            query_tokens = encoder.token_vectors(query_states)
            weights = encoder.token_weights(query_states) * query_real
            late = maxsim(query_tokens, weights, tokens, passage_real)
        targets = torch.tensor(batch.targets, device=device)
        allowed = wrong_answers(batch.groups, batch.targets, device)
        found: Losses = {
            "token": config.token_weight * contrast(config.token_scale * late, allowed, targets)
        }
        dense = best_sentences(queries @ sentences.T, owners, len(batch.spans))
        found["dense"] = contrast(config.scale * dense, allowed, targets) + self._short(
            queries, sentences, owners, allowed, targets
        )
        teacher = (config.token_scale * late.detach()).masked_fill(~allowed, -1e30).softmax(-1)
        pupil = (config.scale * dense).masked_fill(~allowed, -1e30)
        agree = functional.kl_div(pupil.log_softmax(-1), teacher, reduction="batchmean")
        found["agree"] = config.agree_weight * agree
        if any(batch.answers):
            found["pointer"] = config.pointer_weight * self._pointing(
                batch, query_states, query_real, tokens, passage_real
            )
        return found, sum(map(len, batch.contexts + batch.queries))

    def _short(
        self,
        queries: Tensor,
        sentences: Tensor,
        owners: Tensor,
        allowed: Tensor,
        targets: Tensor,
    ) -> Tensor:
        """Contrast of the shorter widths; Kusupati et al. 2022 (Matryoshka), equation 1."""
        config = self._config
        total = queries.new_zeros(())
        for width in self._encoder.config.passage_widths:
            short = functional.normalize(queries[:, :width], dim=-1)
            other = functional.normalize(sentences[:, :width], dim=-1)
            scores = best_sentences(short @ other.T, owners, allowed.shape[1])
            total = total + contrast(config.scale * scores, allowed, targets)
        return config.width_weight * total

    def _pointing(
        self,
        batch: RetrievalBatch,
        query_states: Tensor,
        query_real: Tensor,
        tokens: Tensor,
        passage_real: Tensor,
    ) -> Tensor:
        rows = [row for row, places in enumerate(batch.answers) if places]
        columns = torch.tensor([batch.targets[row] for row in rows])
        answers = torch.zeros(len(rows), tokens.shape[1], dtype=torch.bool)
        for place, row in enumerate(rows):
            answers[place, batch.answers[row]] = True
        answers = answers.to(tokens.device)
        with precision(query_states.device):
            vectors, gates = self._encoder.pointers(query_states[rows])
        passage = tokens[columns] * passage_real[columns][:, :, None]
        return pointer_loss(
            vectors, gates, query_real[rows], passage, answers, self._config.pointer_scale
        )


class SimilarityLoss:
    """Cosines of judged sentence pairs against people's scores."""

    def __init__(self, encoder: Encoder, config: RetrieveConfig):
        self._encoder = encoder
        self._config = config

    def __call__(
        self, first: list[Ids], second: list[Ids], scores: list[float]
    ) -> tuple[Losses, int]:
        """The weighted loss and the number of tokens."""
        ids, real = pad(first + second, device=self._encoder.device)
        with precision(ids.device):
            pooled = mean_pool(self._encoder(ids, real), real)
            vectors = self._encoder.passage_vectors(pooled)
        cosines = (vectors[: len(first)] * vectors[len(first) :]).sum(-1)
        loss = similarity_loss(cosines, torch.tensor(scores, device=cosines.device))
        return {"similarity": self._config.similarity_weight * loss}, sum(map(len, first + second))
