"""What every stage that changes weights begins with, and where it finds what earlier ones left."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training.batches import load_tokenizer
from engine.training.config import ConfigError, PairsConfig, SplitConfig, TrainingConfig
from engine.training.corpus import FileStates, absent_files, file_states
from engine.training.device import training_device
from engine.training.model import Encoder
from engine.training.run_record import claim_run, run_digests
from engine.training.runlog import RunLog
from engine.training.splits import Split, read_split
from engine.training.teacher import VectorCache, vectors_digest


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a run that has begun or goes on.

    Attributes:
        config: Settings of the run.
        work: Folder of the run.
        folder: Folder of the stage in it.
        log: Where the curves go.
        device: Where the weights are.
        tokenizer_file: The run's tokenizer.
        tokenizer: The same, loaded.
        split: The split corpus.
        cache: The teacher's vectors of the run; those of another split or teacher do not count.
    """

    config: TrainingConfig
    work: Path
    folder: Path
    log: RunLog
    device: torch.device
    tokenizer_file: Path
    tokenizer: Tokenizer
    split: Split
    cache: VectorCache

    def rotation(self) -> Tensor:
        """The turn of passage vectors that the retrieval stage found, ``[384, 384]`` on the CPU."""
        return torch.from_numpy(np.load(_rotation_file(self.work)))

    def place(self, encoder: Encoder) -> Encoder:
        """Put an encoder where the run trains, and let PyTorch compile it if settings say so."""
        encoder = encoder.to(self.device)
        if self.config.compiled:
            # What an earlier stage of the process compiled counts against PyTorch's limit.
            torch.compiler.reset()
            for layer in encoder.layers:
                layer.compile(dynamic=True)
        return encoder


# What each stage may start from.
_STARTS: dict[str, tuple[str | None, ...]] = {
    "distill": (None,),
    "retrieve": ("distill",),
    "long": ("retrieve", "tune"),
    "tune": ("retrieve", "long"),
}


def require_start(stage: str, start: str | None) -> None:
    """Make sure that a stage may start from the weights of another, or from none.

    Raises:
        ConfigError: It may not.
    """
    if start not in _STARTS[stage]:
        raise ConfigError("training.wrong_start", stage=stage, start=str(start))


def _rotation_file(work: Path) -> Path:
    return work / "retrieve" / "rotation.npy"


def checkpoint_folder(work: Path, stage: str) -> Path:
    """Where a stage of a run left its weights.

    Raises:
        ConfigError: It has left none yet.
    """
    folder = work / stage / "checkpoint"
    if not (folder / "model.safetensors").is_file():
        raise ConfigError("training.no_checkpoint", path=str(folder), stage=stage)
    return folder


@lru_cache(maxsize=1)
def _read_once(
    corpus: Path, files: FileStates, pairs: PairsConfig, split: SplitConfig, seed: int
) -> Split:
    """The split, read once for all stages of a process as long as the ``files`` are the same."""
    return read_split(corpus, pairs, split, seed)


def split_of(config: TrainingConfig, corpus: Path) -> Split:
    """The split corpus of a run.

    Raises:
        ConfigError: A file of the corpus is missing or broken.
        OSError: A file cannot be read.
    """
    states = file_states(corpus)
    return _read_once(corpus, states, config.pairs, config.split, config.seed)


def begin(
    config: TrainingConfig, corpus: Path, work: Path, name: str, start: str | None = None
) -> Stage:
    """Begin a stage, or go on with it.

    Args:
        config: Settings of the run.
        corpus: Folder of the corpus.
        work: Folder of the run.
        name: The stage.
        start: The stage whose weights it starts from, if any.

    Raises:
        ConfigError: The stage cannot start from that one, the folder holds a run of other settings
            or other weights to start from, or what it needs is not there.
        OSError: A file cannot be read or written.
    """
    require_start(name, start)
    device = training_device(config.device)
    tokenizer_file = work / "tokenizer.json"
    tokenizer = load_tokenizer(tokenizer_file)
    inputs = {"tokenizer": tokenizer_file}
    if start is not None:
        inputs["start"] = checkpoint_folder(work, start) / "model.safetensors"
    if name in ("long", "tune"):
        inputs["rotation"] = _rotation_file(work)
    log = RunLog(work / "curves.jsonl", name)
    torch.manual_seed(config.seed)
    absent = ", ".join(absent_files(corpus))
    log.write("reading", device=str(device), **({"absent": absent} if absent else {}))
    split = split_of(config, corpus)
    digests = run_digests(config, name, split, inputs)
    claim_run(work / name, digests, None if start is None else work / start)
    sentences = [pair.english for pair in split.dev_pairs + split.pairs]
    cache = VectorCache(work / "teacher", vectors_digest(sentences, config.teacher))
    return Stage(config, work, work / name, log, device, tokenizer_file, tokenizer, split, cache)
