"""What the user chose about the window, kept in one JSON file."""

import json
import logging
import tempfile
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

log = logging.getLogger(__name__)

VERSION = 1
HISTORY_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices of the user.

    Attributes:
        language: ``system``, ``ja`` or ``en``.
        theme: ``system``, ``light`` or ``dark``.
        top: Number of hits to show.
        queries: Latest questions, newest first.
        geometry: Window geometry, base64.
        panes: Sizes of the panes, base64.
        export_folder: Folder of the last export.
    """

    language: str = "system"
    theme: str = "system"
    top: int = 10
    queries: tuple[str, ...] = ()
    geometry: str = ""
    panes: str = ""
    export_folder: str = ""


def settings_path() -> Path:
    """Return where the settings of this user are kept."""
    return user_config_path("Chumoku", appauthor=False) / "settings.json"


class SettingsFile:
    """Loads and saves the settings; a damaged file gives the defaults.

    Attributes:
        current: The settings as they are now.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or settings_path()
        self.current = _load(self._path)

    def change(self, **values: Any) -> Settings:
        """Change some settings and save all of them."""
        self.current = replace(self.current, **values)
        try:
            _save(self._path, self.current)
        except OSError as error:
            log.warning("settings not saved: %s", error)
        return self.current

    def remember_query(self, query: str) -> None:
        """Put a question at the head of the history."""
        others = tuple(item for item in self.current.queries if item != query)
        self.change(queries=(query, *others)[:HISTORY_LIMIT])


def _load(path: Path) -> Settings:
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        log.warning("settings not read: %s", error)
        return Settings()
    if not isinstance(values, dict):
        return Settings()
    known = {}
    for item in fields(Settings):
        value = values.get(item.name)
        if item.name == "queries" and isinstance(value, list):
            known["queries"] = tuple(str(query) for query in value)[:HISTORY_LIMIT]
        elif value is not None and type(value) is type(item.default):
            known[item.name] = value
    return Settings(**known)


def _save(path: Path, settings: Settings) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"version": VERSION, **asdict(settings)}, ensure_ascii=False, indent=1)
    # A settings file half written by a power cut would lose every choice: write beside, rename.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False
    ) as file:
        file.write(text)
    Path(file.name).replace(path)
