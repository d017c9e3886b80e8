"""How close sparse attention comes to its dense twin on held-out documents."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training.attention import block_attention
from engine.training.batches import Ids, encode_texts
from engine.training.model import Encoder, EncoderLayer
from engine.training.sparse_twin import draw_sample, far_keys, kept_blocks, log_mass, twin_scores
from engine.training.splits import Split

_BLOCKS = 12
_ROWS = 16


def held_out_tokens(split: Split, tokenizer: Tokenizer, most: int) -> dict[str, Ids]:
    """Held-out Japanese contexts and sections, and English sections, ``most`` tokens of each."""
    contexts = dict.fromkeys(item.context for item in split.dev_questions)
    english = [section for item, _ in split.dev_documents for section in item]
    japanese = [section for _, item in split.dev_documents for section in item]
    texts = {
        "questions_ja": list(contexts),
        "sections_ja": [f"{section.heading}\n{section.text}" for section in japanese],
        "sections_en": [f"{section.heading}\n{section.text}" for section in english],
    }
    found = {}
    for name, parts in texts.items():
        ids: Ids = []
        for row in encode_texts(tokenizer, parts, most):
            ids += row
            if len(ids) >= most:
                break
        found[name] = ids[:most]
    return found


@torch.no_grad()
def mass_recalls(encoder: Encoder, ids: Ids, blocks: int, rows: int, seed: int) -> Tensor:
    """Share of dense attention on the blocks that are read, float32 ``[L, S, H]``.

    Args:
        encoder: The model.
        ids: A document; its last tokens are left out where they do not fill a block.
        blocks: Query blocks that are sampled.
        rows: Queries of each.
        seed: Of the sample.
    """
    config = encoder.config
    device = encoder.device
    tokens = torch.tensor(ids[: len(ids) // config.block * config.block], device=device)
    real = torch.ones(len(tokens), dtype=torch.bool, device=device)
    generator = torch.Generator().manual_seed(seed)
    rows = min(rows, config.block)
    sample = draw_sample(len(tokens) // config.block, blocks, rows, config.block, generator)
    sample = sample.to(device)
    x = encoder.embedding(tokens)[None]
    found = []
    for layer in encoder.layers:
        assert isinstance(layer, EncoderLayer)
        q, k, v = layer.project(x)
        far = far_keys(k[0], config)
        kept = kept_blocks(q[0], far, real, sample, config)
        inside, _ = log_mass(twin_scores(q[0], k[0], far, real, sample, config), kept)
        found.append(inside.exp().mean(-1))
        x = layer.finish(x, block_attention(q, k, v, real[None], config))
    return torch.stack(found)


def fidelity_figures(
    encoder: Encoder, documents: dict[str, Ids], lengths: Sequence[int]
) -> dict[str, float]:
    """Mean and 5th percentile of the mass recall of each length over heads, blocks and layers."""
    figures = {}
    for length in lengths:
        found = [
            mass_recalls(encoder, ids[:length], _BLOCKS, _ROWS, place).flatten()
            for place, ids in enumerate(documents.values())
            if len(ids) >= length
        ]
        if found:
            every = torch.cat(found)
            figures[f"recall_{length}"] = float(every.mean())
            figures[f"recall_{length}_p5"] = float(every.quantile(0.05))
    return figures
