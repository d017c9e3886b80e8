"""Pictures by matplotlib (extra ``bench``): which can be made, and how one is written."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

SUFFIXES = (".svg", ".png", ".pdf")


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def check(path: Path) -> None:
    """Look whether a picture can be made, before anything is measured.

    Raises:
        ValueError: Its folder or the package is missing, or its kind is unknown.
    """
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent}")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path.name}: a picture ends in {', '.join(SUFFIXES)}")
    if not can_draw():
        raise ValueError("a picture needs the package matplotlib (extra bench)")


def save(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib, whole or not at all; a file that is there is replaced.

    Args:
        figure: The figure.
        path: Its name ends in one of ``SUFFIXES``.

    Raises:
        OSError: The file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    figure.savefig(part, format=path.suffix.lower().removeprefix("."))
    part.replace(path)
