"""What shows where a kernel reads and whether it writes all that it gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def poison_empty(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and arrays of ``np.empty`` hold NaN or the highest integer from then on."""

    def poisoned(make: Any) -> Any:
        def wrapped(*arguments, **options) -> np.ndarray:
            made = make(*arguments, **options)
            if made.dtype.kind == "f":
                made.fill(np.nan)
            elif made.dtype.kind == "i":
                made.fill(np.iinfo(made.dtype).max)
            return made

        return wrapped

    def poison() -> None:
        for name in ("empty", "empty_like"):
            monkeypatch.setattr(np, name, poisoned(getattr(np, name)))

    return poison


class Loads:
    """Addresses that interpreted Triton kernels have read."""

    def __init__(self) -> None:
        self.addresses: list[np.ndarray] = []

    def of(self, tensor: Any) -> np.ndarray:
        """How often each element of a contiguous tensor was read, in its shape."""
        every = np.concatenate(self.addresses).astype(np.int64)
        place = (every - tensor.data_ptr()) // tensor.element_size()
        place = place[(place >= 0) & (place < tensor.numel())]
        return np.bincount(place, minlength=tensor.numel()).reshape(tensor.shape)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """Records loads; results cannot tell whether what is masked afterwards was read."""
    interpreter = pytest.importorskip("triton.runtime.interpreter")
    loads, load = Loads(), interpreter.InterpreterBuilder.create_masked_load

    def recorded(builder: Any, pointers: Any, mask: Any, *rest) -> Any:
        loads.addresses.append(pointers.data[mask.data])
        return load(builder, pointers, mask, *rest)

    monkeypatch.setattr(interpreter.InterpreterBuilder, "create_masked_load", recorded)
    return loads
