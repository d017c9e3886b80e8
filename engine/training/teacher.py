"""The teacher, all-MiniLM-L6-v2, and the cache of its sentence vectors."""

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from engine.training.config import ConfigError, TeacherConfig
from engine.training.runlog import RunLog

WIDTH = 384

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def teacher_folder(carrier: str) -> Path:
    """Folder of the teacher's weights inside an installed Python package."""
    found = importlib.util.find_spec(carrier)
    if found is None or not found.submodule_search_locations:
        raise ConfigError("training.teacher_missing", package=carrier)
    return Path(found.submodule_search_locations[0]) / "model"


class MiniLm(nn.Module):
    """BERT encoder with mean pooling, loaded from a Hugging Face ``model.safetensors``.

    Source:
        Devlin et al. 2019 (BERT); Reimers and Gurevych 2019 (mean pooling, unit norm).
    """

    def __init__(self, folder: Path):
        super().__init__()
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.layers = int(settings["num_hidden_layers"])
        self.heads = int(settings["num_attention_heads"])
        self.eps = float(settings["layer_norm_eps"])
        weights = load_file(folder / "model.safetensors")
        for name, value in weights.items():
            if value.is_floating_point():
                self.register_buffer(name.replace(".", "_"), value.float())

    def _weight(self, name: str) -> Tensor:
        return self.get_buffer(name.replace(".", "_"))

    def _linear(self, x: Tensor, name: str) -> Tensor:
        # A plain product with a constant matrix is what ONNX Runtime quantises.
        return x @ self._weight(f"{name}.weight").T + self._weight(f"{name}.bias")

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight = self._weight(f"{name}.LayerNorm.weight")
        bias = self._weight(f"{name}.LayerNorm.bias")
        return functional.layer_norm(x, weight.shape, weight, bias, self.eps)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Sentence vectors of ``ids`` ``[N, T]`` int64 with ``mask`` ``[N, T]`` float32.

        Returns:
            Unit vectors, ``[N, 384]`` float32.
        """
        count, length = ids.shape[0], ids.shape[1]
        words = functional.embedding(ids, self._weight("embeddings.word_embeddings.weight"))
        places = self._weight("embeddings.position_embeddings.weight")[:length]
        kind = self._weight("embeddings.token_type_embeddings.weight")[0]
        x = self._norm(words + places + kind, "embeddings")
        bias = (1.0 - mask)[:, None, None, :] * -1e4
        for layer in range(self.layers):
            prefix = f"encoder.layer.{layer}"
            parts = [
                self._linear(x, f"{prefix}.attention.self.{part}")
                .reshape(count, length, self.heads, -1)
                .permute(0, 2, 1, 3)
                for part in ("query", "key", "value")
            ]
            scores = parts[0] @ parts[1].transpose(-1, -2) / parts[0].shape[-1] ** 0.5 + bias
            mixed = (scores.softmax(-1) @ parts[2]).permute(0, 2, 1, 3).reshape(count, length, -1)
            mixed = self._linear(mixed, f"{prefix}.attention.output.dense")
            x = self._norm(x + mixed, f"{prefix}.attention.output")
            wide = functional.gelu(self._linear(x, f"{prefix}.intermediate.dense"))
            x = self._norm(x + self._linear(wide, f"{prefix}.output.dense"), f"{prefix}.output")
        pooled = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return functional.normalize(pooled, dim=-1)


def export_int8(model: MiniLm, folder: Path) -> Path:
    """Write the teacher as an int8 ONNX file.

    Args:
        model: The teacher.
        folder: Where the file goes; made if it is not there.

    Returns:
        The file; inputs ``ids`` int64 and ``mask`` float32 ``[N, T]``, output unit ``vectors``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain, quantised = folder / "teacher.onnx", folder / "teacher_int8.onnx"
    example = (torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8))
    torch.onnx.export(
        model,
        example,
        str(plain),
        input_names=["ids", "mask"],
        output_names=["vectors"],
        dynamic_axes={"ids": {0: "n", 1: "t"}, "mask": {0: "n", 1: "t"}},
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(plain, quantised, weight_type=QuantType.QInt8, per_channel=True)
    return quantised


def load_teacher(config: TeacherConfig, folder: Path, device: torch.device) -> Embed:
    """Load the teacher.

    Args:
        config: Where it is and how it runs.
        folder: Where the int8 ONNX file is made when ``config.int8`` is set.
        device: Where it runs when ``config.int8`` is not set.

    Returns:
        A function from sentences to unit vectors ``[N, 384]`` float32.

    Raises:
        ConfigError: The teacher's package is not installed.
    """
    home = teacher_folder(config.carrier)
    tokenizer = Tokenizer.from_file(str(home / "tokenizer.json"))
    tokenizer.enable_truncation(config.max_tokens)
    tokenizer.enable_padding()
    model = MiniLm(home).eval()
    session = None
    if not config.int8:
        model.to(device)
    else:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            str(export_int8(model, folder)), options, providers=["CPUExecutionProvider"]
        )

    def embed(sentences: Sequence[str]) -> NDArray[np.float32]:
        rows = tokenizer.encode_batch(list(sentences))
        ids = np.array([row.ids for row in rows], dtype=np.int64)
        mask = np.array([row.attention_mask for row in rows], dtype=np.float32)
        if session is not None:
            return np.asarray(session.run(None, {"ids": ids, "mask": mask})[0])
        with torch.inference_mode():
            shown = (torch.from_numpy(part).to(device) for part in (ids, mask))
            return model(*shown).cpu().numpy()

    return embed


def vectors_digest(sentences: Sequence[str], config: TeacherConfig) -> str:
    """SHA-256, in hexadecimal, of what decides a cache: the sentences in order, the settings."""
    digest = sha256(json.dumps(asdict(config), sort_keys=True).encode())
    for sentence in sentences:
        data = sentence.encode()
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


class VectorCache:
    """Teacher vectors on disk, filled from the front, readable while it is being filled.

    The file ``count`` holds the number of vectors and the digest of what they are of; it is
    replaced as one, so that who follows never counts vectors of other sentences.

    Args:
        folder: Where its files are.
        digest: See :func:`vectors_digest`; vectors of another one count as not there.
    """

    def __init__(self, folder: Path, digest: str):
        self._vectors = folder / "vectors.f16"
        self._count = folder / "count"
        self._digest = digest

    def _counted(self) -> tuple[int, str]:
        try:
            count, _, digest = self._count.read_text(encoding="utf-8").partition(" ")
        except FileNotFoundError:
            return 0, ""
        return int(count), digest

    def create(self, rows: int) -> bool:
        """Make room for ``rows`` vectors; a cache of that size and digest goes on where it stopped.

        Returns:
            Whether vectors of other sentences or settings, or of unknown ones, were dropped.
        """
        self._vectors.parent.mkdir(parents=True, exist_ok=True)
        count, digest = self._counted()
        size = rows * WIDTH * 2
        fits = self._vectors.exists() and self._vectors.stat().st_size == size
        if fits and digest == self._digest:
            return False
        self._count.unlink(missing_ok=True)
        with self._vectors.open("wb") as file:
            file.truncate(size)
        return count > 0

    @property
    def ready(self) -> int:
        """Vectors filled so far."""
        count, digest = self._counted()
        return count if self._digest == digest else 0

    @property
    def of_others(self) -> bool:
        """Whether there are vectors, but of other sentences or settings."""
        return self._counted()[0] > 0 and self.ready == 0

    def require(self, rows: int) -> None:
        """Make sure that ``rows`` vectors are there.

        Raises:
            ConfigError: There are fewer, or they are of other sentences or settings.
        """
        path = str(self._vectors)
        if self.of_others:
            raise ConfigError("training.other_vectors", path=path)
        if self.ready < rows:
            raise ConfigError("training.few_vectors", path=path, ready=self.ready, needed=rows)

    def write(self, start: int, vectors: NDArray[np.float16]) -> None:
        """Store ``vectors`` ``[N, 384]`` from row ``start`` on."""
        with self._vectors.open("r+b") as file:
            file.seek(start * WIDTH * 2)
            file.write(vectors.astype(np.float16).tobytes())
        temporary = self._count.with_suffix(".new")
        temporary.write_text(f"{start + len(vectors)} {self._digest}", encoding="utf-8")
        temporary.replace(self._count)

    def read(self, start: int, stop: int) -> NDArray[np.float16]:
        """Vectors of rows ``start`` to ``stop``, ``[N, 384]``."""
        flat = np.fromfile(
            self._vectors, np.float16, (stop - start) * WIDTH, offset=start * WIDTH * 2
        )
        return flat.reshape(-1, WIDTH)


def fill_cache(
    sentences: Sequence[str],
    embed: Embed,
    folder: Path,
    config: TeacherConfig,
    log: RunLog,
) -> VectorCache:
    """Fill the cache with the vectors of ``sentences``, from where it stopped.

    A cache of other sentences or settings is filled from the start, and the log says so.

    Args:
        sentences: All sentences, in the order of the run.
        embed: The teacher.
        folder: The cache's folder.
        config: The teacher's settings, of which chunk and batch sizes are used here.
        log: Gets the vectors done and in all after each chunk.

    Returns:
        The cache, full.
    """
    cache = VectorCache(folder, vectors_digest(sentences, config))
    if cache.create(len(sentences)):
        log.write("refill", reason="the cache was of other sentences or teacher settings")
    for start in range(cache.ready, len(sentences), config.chunk):
        chunk = sentences[start : start + config.chunk]
        order = sorted(range(len(chunk)), key=lambda index: len(chunk[index]))
        vectors = np.empty((len(chunk), WIDTH), np.float16)
        for first in range(0, len(order), config.batch):
            rows = order[first : first + config.batch]
            vectors[rows] = embed([chunk[row] for row in rows])
        cache.write(start, vectors)
        log.write("vectors", done=cache.ready, total=len(sentences))
    return cache
