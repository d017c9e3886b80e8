"""Rows for tests of the encoder's benchmark."""

from typing import Any

from encoder_bench.table import MEASURED, PACKAGES

SHARED: dict[str, str | int | float] = {
    "threads": 2,
    "repeats_asked": 3,
    "processor": "a processor",
    "simd": "X86_V3",
    "cores": 2,
    "ram_gb": 8.0,
    "system": "Linux 1",
    "python": "3.11",
    **dict.fromkeys(PACKAGES, "1.0"),
    "commit": "abc",
}


def measured(line: str, length: int, seconds: float = 1.0, **changed: float) -> dict[str, Any]:
    """A row as a child process gives it; ``seconds`` for all of the text."""
    values = {
        **dict.fromkeys(MEASURED, 0),
        "line": line,
        "length": length,
        "tokens": length,
        "seconds": seconds,
        "tokens_per_s": length / seconds,
        "characters_per_s": 2 * length / seconds,
        "us_per_token": 1e6 * seconds / length,
        "peak_mb": 300.0,
        "selection": "",
        "note": "",
    }
    return {**values, **changed}
