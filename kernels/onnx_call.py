"""Runs an ONNX Runtime session into arrays that stand ready."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def run_into(
    session: Any, feeds: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> None:
    """Run a session so that it writes its outputs where they belong.

    ``session.run`` would copy each output into an array of its own, and keep the interpreter's lock
    meanwhile.

    Args:
        session: An inference session on a CPU.
        feeds: Inputs by name.
        outputs: Arrays to write to by name, C-contiguous, of the shapes and types that the graph
            gives. One may be the memory of an input if the graph no longer reads that input when it
            writes.

    Raises:
        ValueError: An output is not contiguous.
        RuntimeError: A shape or type is another one; nothing was written.
    """
    binding = session.io_binding()
    for name, array in feeds.items():
        binding.bind_cpu_input(name, array)
    for name, array in outputs.items():
        if not array.flags.c_contiguous:
            raise ValueError(f"output {name} is not contiguous")
        binding.bind_output(
            name,
            element_type=array.dtype.type,
            shape=array.shape,
            buffer_ptr=array.ctypes.data,
        )
    session.run_with_iobinding(binding)
