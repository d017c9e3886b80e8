"""Longformer and BigBird of the same width and depth, with random weights."""

from typing import Any

import numpy as np

from engine.model.pack import PackConfig, load_pack
from engine.models import default_pack

from .texts import GATE, WARM_UP, pack_tokenizer, read_text
from .work import Job, Work

# What our query blocks read at most: eight blocks of 64 tokens.
READ = 512
# BigBird attends densely up to 11 blocks.
DENSE_TO = 704
SPARSE_FROM = GATE[-1]


def model(line: str, config: PackConfig, longest: int) -> Any:
    """A model of transformers with random weights, ready to run."""
    import transformers  # pyright: ignore[reportMissingImports]

    shape = {
        "vocab_size": config.vocabulary,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.feed_forward,
        # Longformer counts positions from behind the padding token's number.
        "max_position_embeddings": longest + READ + 2,
    }
    if line == "longformer":
        settings = transformers.LongformerConfig(attention_window=READ, **shape)
        made = transformers.LongformerModel(settings, add_pooling_layer=False)
    else:
        # Three near blocks, two global ones and three random ones.
        settings = transformers.BigBirdConfig(
            attention_type="block_sparse", block_size=64, num_random_blocks=3, **shape
        )
        made = transformers.BigBirdModel(settings, add_pooling_layer=False)
    return made.eval()


def prepare(job: Job) -> Work:
    """Get a line ready."""
    import torch

    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    config = load_pack(default_pack()).config
    made = model(job.line, config, job.tokens)
    tokenize = pack_tokenizer().tokenize

    sparse = job.line == "longformer" or job.tokens > DENSE_TO

    def encode(tokens: int) -> np.ndarray:
        ids = tokenize(read_text(job.folder, tokens).text).ids.astype(np.int64)
        inputs = {"input_ids": torch.from_numpy(ids)[None]}
        if job.line == "longformer":
            inputs["global_attention_mask"] = torch.zeros_like(inputs["input_ids"])
            inputs["global_attention_mask"][:, 0] = 1
        with torch.inference_mode():
            states = made(**inputs).last_hidden_state[0].numpy()
        if job.line == "bigbird" and sparse and made.attention_type != "block_sparse":
            raise RuntimeError("BigBird went over to dense attention")
        return states

    # A short text would make BigBird dense for good.
    short = WARM_UP if job.tokens < SPARSE_FROM else SPARSE_FROM
    return Work(
        run=lambda: encode(job.tokens),
        warm_up=lambda: encode(short),
        tokens=read_text(job.folder, job.tokens).tokens,
        note="random weights" + ("" if sparse else "; dense, as it always is up to 704 tokens"),
    )
