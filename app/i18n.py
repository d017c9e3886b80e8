"""Words of the window: keys and codes in, Japanese or English out.

The engine speaks in codes (``file_encrypted``, stage ``encode``); here they become sentences.
The tables are ``resources/translations/*.json`` and hold the same keys.
"""

import json
import logging
from collections.abc import Mapping
from importlib import resources
from pathlib import PurePath
from typing import Any

from PySide6.QtCore import QLocale, QObject, Signal

from engine.errors import ChumokuError

log = logging.getLogger(__name__)

LANGUAGES = ("ja", "en")


def load_table(language: str) -> dict[str, str]:
    """Return the words of one language by key."""
    file = resources.files("resources").joinpath("translations", f"{language}.json")
    return json.loads(file.read_text("utf-8"))


def system_language() -> str:
    """Return ``ja`` on a Japanese system, else ``en``."""
    japanese = QLocale.system().language() == QLocale.Language.Japanese
    return "ja" if japanese else "en"


class _Values(dict[str, Any]):
    """Values of a sentence; one that is absent leaves its place empty."""

    def __missing__(self, key: str) -> str:
        return ""


class Words(QObject):
    """The words in the language chosen now.

    Signals:
        changed: Another language was chosen; views write their words again.
    """

    changed = Signal()

    def __init__(self, language: str = "system") -> None:
        super().__init__()
        self.language = ""
        self._table: dict[str, str] = {}
        self.choose(language)

    def choose(self, language: str) -> None:
        """Use ``ja``, ``en`` or the language of the system."""
        wanted = language if language in LANGUAGES else system_language()
        if wanted != self.language:
            self.language = wanted
            self._table = load_table(wanted)
            self.changed.emit()

    def __call__(self, key: str, **values: Any) -> str:
        """Return the words of a key with values put in their places."""
        text = self._table.get(key)
        if text is None:
            log.warning("no words for %s", key)
            return key
        return text.format_map(_Values(values)) if "{" in text else text

    def has(self, key: str) -> bool:
        """Return whether there are words for a key."""
        return key in self._table

    def code(self, code: str | None, details: Mapping[str, Any] | None = None) -> str:
        """Return the words of an error code of the engine.

        Args:
            code: Such as ``file_encrypted``.
            details: Values of the message; a path is shortened to its file name.
        """
        key = f"error.{code}"
        if not code or key not in self._table:
            return self("error.unknown", code=code or "")
        values = dict(details or {})
        if "path" in values:
            values["name"] = PurePath(str(values["path"])).name
        return self(key, **values).strip()

    def error(self, error: Exception) -> str:
        """Return the words of an exception; a defect of ours is called one."""
        if isinstance(error, ChumokuError):
            return self.code(error.code, error.details)
        return self("error.internal", kind=type(error).__name__, text=str(error))

    def stage(self, stage: str) -> str:
        """Return the words of a stage of work."""
        key = f"stage.{stage}"
        return self(key) if key in self._table else self("stage.work")

    def change_code(self, code: str) -> str:
        """Return the words of one ``Replay.changes`` code, such as ``file_changed:PATH``."""
        name, _, path = code.partition(":")
        return self(f"change.{name}", name=PurePath(path).name, path=path)

    def warning(self, code: str) -> str:
        """Return the words of one ``Document.warnings`` code, such as ``page_without_text:12``."""
        name, _, value = code.partition(":")
        key = f"warning.{name}"
        return self(key, value=value) if key in self._table else code
