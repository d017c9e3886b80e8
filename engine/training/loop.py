"""The training loop that the stages share: schedule, clipping, curves, checkpoints, resume."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from engine.training.checkpoint import load_state, save_checkpoint, save_state
from engine.training.model import Encoder, parameter_groups
from engine.training.stage import Stage
from engine.training.stage_config import OptimConfig

Losses = dict[str, Tensor]


def rate_factor(step: int, config: OptimConfig) -> float:
    """Share of the full learning rate at a step: linear warm-up, then linear decay to zero."""
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    left = (config.steps - step) / max(1, config.steps - config.warmup)
    return min(warm, max(0.0, left))


def train_loop(
    encoder: Encoder,
    config: OptimConfig,
    losses: Callable[[int], tuple[Losses, int]],
    evaluate: Callable[[], dict[str, float]],
    stage: Stage,
    stop_after: int | None = None,
) -> None:
    """Run a stage from its last state to its last step.

    Args:
        encoder: The model, trained in place.
        config: Optimisation settings.
        losses: Weighted losses of a step (their sum is minimised) and its number of tokens. It
            must depend on nothing but the step, so that a resumed run repeats it.
        evaluate: Development figures.
        stage: ``state.pt`` and the folder ``checkpoint`` go into its folder, curves into its log.
        stop_after: Stop at this step with its state saved, as if the run had been cut off.
    """
    folder, log = stage.folder, stage.log
    groups = parameter_groups(encoder, config.embedding_rate, config.rate, config.weight_decay)
    full_rates = [config.embedding_rate, config.rate, config.vector_factor * config.rate]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8, fused=True)
    first = load_state(folder / "state.pt", encoder, optimiser)
    last = config.steps if stop_after is None else min(stop_after, config.steps)
    seen: dict[str, list[Tensor]] = {}
    tokens, started = 0, time.monotonic()
    began = started
    for step in range(first, last):
        encoder.train()
        parts, count = losses(step)
        total = torch.stack(list(parts.values())).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(encoder.parameters(), config.clip)
        factor = rate_factor(step, config)
        for group, rate in zip(optimiser.param_groups, full_rates, strict=True):
            group["lr"] = rate * factor
        optimiser.step()
        tokens += count
        for name, value in {**parts, "norm": norm}.items():
            seen.setdefault(name, []).append(value.detach())
        done = step + 1
        if done % config.log_every == 0:
            speed = tokens / max(1e-9, time.monotonic() - started)
            # A term that not every step has is averaged over those that have it.
            means = {name: float(torch.stack(values).mean()) for name, values in seen.items()}
            left_s = (config.steps - done) * (time.monotonic() - began) / (done - first)
            place = {"step": done, "steps": config.steps, "left_s": round(left_s)}
            log.write("train", **place, factor=factor, tokens_per_s=speed, **means)
            seen, tokens, started = {}, 0, time.monotonic()
        # Before the state is saved: figures that were cut off are measured once more.
        if done % config.evaluate_every == 0 or done == config.steps:
            encoder.eval()
            log.write("dev", step=done, **evaluate())
            started, tokens = time.monotonic(), 0
        if done % config.checkpoint_every == 0 or done == last:
            save_state(folder / "state.pt", encoder, optimiser, done)
            save_checkpoint(encoder, stage.tokenizer_file, folder / "checkpoint")
