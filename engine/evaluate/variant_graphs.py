"""Graphs that a pack does not hold: other sizes of blocks, a single head. Needs ``onnx``."""

import numpy as np
import onnx
from onnx import numpy_helper

from engine.model.pack import Pack
from kernels.block_sparse.onnx_graph import attention_model
from kernels.block_sparse.pattern import BlockPattern
from kernels.block_sparse.reference import rotary_angles


def attention_parts(pattern: BlockPattern, heads: int, width: int) -> dict[str, bytes]:
    """The ``attend`` parts for a pattern, by file name."""
    return {
        f"{name}.onnx": attention_model(pattern, heads, width, tail=tail).SerializeToString()
        for name, tail in (("attend", False), ("attend_tail", True))
    }


def reblocked_projections(pack: Pack, pattern: BlockPattern) -> dict[str, bytes]:
    """The ``project`` parts of a pack for blocks of another size, by file name.

    The weights stay as they are; what depends on the block is the shape of the blocks and the
    rotation of queries and keys by their offset in it.

    Raises:
        ValueError: A part is not built as :func:`engine.training.onnx_parts.project_model` builds
            it.
    """
    names = [f"layer_{layer:02d}_project.onnx" for layer in range(pack.config.layers)]
    return {name: _reblocked(name, pack, pattern) for name in names}


def _reblocked(name: str, pack: Pack, pattern: BlockPattern) -> bytes:
    config, old = pack.config, pack.config.pattern
    before = _block_constants(old, config.heads, config.head_width)
    after = _block_constants(pattern, config.heads, config.head_width)
    model = onnx.load_from_string(pack.contents[name])
    found = set()
    for constant in model.graph.initializer:
        value = numpy_helper.to_array(constant)
        for kind, known in before.items():
            if kind not in found and value.dtype == known.dtype and np.array_equal(value, known):
                constant.CopyFrom(numpy_helper.from_array(after[kind], constant.name))
                found.add(kind)
                break
    missing = sorted(set(before) - found)
    if missing:
        raise ValueError(f"{name} holds no {missing[0]} for blocks of {old.block}")
    for output in model.graph.output:
        shape = output.type.tensor_type.shape.dim
        if len(shape) == 4:
            shape[2].dim_value = pattern.block
    return model.SerializeToString()


def _block_constants(pattern: BlockPattern, heads: int, width: int) -> dict[str, np.ndarray]:
    """What a ``project`` part holds that depends on the size of the blocks."""
    offsets = np.arange(pattern.block)
    query = rotary_angles(offsets, width, pattern.rotary_base)
    key = rotary_angles(offsets - pattern.far_offset, width, pattern.rotary_base)
    return {
        "shape": np.array([-1, pattern.block, heads, width], np.int64),
        "shape before the heads are split": np.array([-1, pattern.block, heads * width], np.int64),
        "cosine of queries": np.cos(query).astype(np.float32),
        "sine of queries": np.sin(query).astype(np.float32),
        "cosine of keys": np.cos(key).astype(np.float32),
        "sine of keys": np.sin(key).astype(np.float32),
    }
