"""ONNX Runtime sessions as this program runs them."""

import os
from collections.abc import Mapping
from typing import Any

import psutil

from engine.errors import PackError


def thread_count() -> int:
    """Physical cores for this process, less one for the window where there are over two."""
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):
        cores = min(cores, len(process.cpu_affinity()))
    return cores - 1 if cores > 2 else max(cores, 1)


def open_sessions(parts: Mapping[str, bytes]) -> dict[str, Any]:
    """Open an inference session for each ONNX part, by the part's name without its suffix.

    A call of a session runs on the thread that makes it; several threads may call one session.

    Raises:
        PackError: ``pack_broken``: a part is not one that ONNX Runtime can run.
    """
    # Imported late: it must come before Qt on Windows, and most of the program runs without it.
    import onnxruntime

    sessions = {}
    for name, data in parts.items():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.use_deterministic_compute = True
        # Shapes change from call to call, so a remembered allocation pattern would only grow.
        options.enable_mem_pattern = False
        try:
            session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise PackError("pack_broken", path=name, reason=str(error)) from error
        sessions[name.removesuffix(".onnx")] = session
    return sessions
