"""Takes published weights as the start of further training.

The weights come from ``resources/weights`` or from an earlier run's checkpoint; the later stages
find them where the retrieval stage would have left its own. Their passage vectors are turned copies
of the teacher's (``rotation.py``); the turn is recovered from both models' vectors of the same
sentences.
"""

import shutil
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.config import TrainingConfig
from engine.training.corpus import read_pairs
from engine.training.distill import text_vectors
from engine.training.run_record import RECORD
from engine.training.runlog import RunLog
from engine.training.teacher import VectorCache, vectors_digest

_FEWEST = 1000
_MOST = 8000


def recovered_rotation(teacher: Tensor, turned: Tensor) -> Tensor:
    """The rotation ``R`` ``[D, D]`` for which ``teacher @ R.T`` comes closest to ``turned``.

    Args:
        teacher: The teacher's unit vectors, ``[N, D]``.
        turned: The model's vectors of the same texts, ``[N, D]``.

    Source:
        Schönemann 1966, A generalized solution of the orthogonal Procrustes problem, equation 9.
    """
    left, _, right = torch.linalg.svd((turned.T @ teacher).double())
    return (left @ right).float().contiguous()


def adopt(config: TrainingConfig, corpus: Path, work: Path, weights: Path) -> None:
    """Write the tokenizer, ``retrieve/checkpoint`` and ``retrieve/rotation.npy`` into a run.

    Args:
        config: Settings of the run.
        corpus: Folder of the corpus.
        work: Folder of the run; its cache of the teacher's vectors must have been begun.
        weights: A checkpoint's folder.

    Raises:
        ConfigError: The weights are of another architecture, or fewer than 1,000 of the teacher's
            vectors of this corpus are there.
        OSError: A file cannot be read or written.
    """
    log = RunLog(work / "curves.jsonl", "adopt")
    encoder = load_checkpoint(weights).eval()
    work.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights / "tokenizer.json", work / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    dev, train = read_pairs(corpus, config.pairs, config.seed)
    english = [pair.english for pair in dev + train]
    cache = VectorCache(work / "teacher", vectors_digest(english, config.teacher))
    cache.require(_FEWEST)
    rows = min(cache.ready, _MOST)
    vectors = text_vectors(encoder, tokenizer, english[:rows], config.distill.max_tokens)
    teacher = torch.from_numpy(cache.read(0, rows)).float()
    rotation = recovered_rotation(teacher, vectors)
    # What stands there now is no longer what an earlier run of the stage left.
    (work / "retrieve" / RECORD).unlink(missing_ok=True)
    save_checkpoint(encoder, work / "tokenizer.json", work / "retrieve" / "checkpoint")
    np.save(work / "retrieve" / "rotation.npy", rotation.numpy())
    cosine = float((vectors * (teacher @ rotation.T)).sum(-1).mean())
    log.write("done", sentences=rows, cosine=cosine)
