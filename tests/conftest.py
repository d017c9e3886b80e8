"""What every test shares."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine.service import Library


@pytest.fixture(autouse=True)
def no_library_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep tests away from the library of whoever runs them."""
    monkeypatch.setenv("CHUMOKU_LIBRARY", str(tmp_path / "default library"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator["Library"]:
    """An empty library with the pack that ships."""
    from engine.service import Library

    with Library.open(tmp_path / "library") as opened:
        yield opened
