"""Sample documents of an invented company, written by ``python -m resources.samples.builder``."""

from importlib.resources import files
from pathlib import Path


def sample_paths() -> list[Path]:
    """Return the sample documents, sorted by name."""
    return sorted(Path(str(files(__name__) / "files")).iterdir())
