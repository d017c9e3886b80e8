"""What an export needs to know about a file that evidence rests on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.records import Document, Passage, SourceFile

Language = Literal["ja", "en"]


@dataclass(frozen=True, slots=True)
class ExportSource:
    """A revision as the library keeps it.

    Attributes:
        document: Its text and where each piece of it stands.
        file: The stored copy of the original file.
        info: Path, revision and hash that evidence names.
        passages: Its passages, where at hand.
    """

    document: Document
    file: Path
    info: SourceFile
    passages: tuple[Passage, ...] = ()
