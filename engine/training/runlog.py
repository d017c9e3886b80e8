"""Curves of a run: one JSON object a line, flushed, appended when a run goes on."""

import json
import logging
import time
from pathlib import Path

logger = logging.getLogger("engine.training")


class RunLog:
    """Writes the curves of a stage and echoes them to the logger."""

    def __init__(self, path: Path, stage: str):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._stage = stage
        self._started = time.monotonic()

    def write(self, event: str, **values: float | int | str) -> None:
        """Append one line: the stage, the event, seconds since the start and ``values``."""
        rounded = {
            name: round(value, 5) if isinstance(value, float) else value
            for name, value in values.items()
        }
        elapsed_s = round(time.monotonic() - self._started, 1)
        line = {"stage": self._stage, "event": event, "elapsed_s": elapsed_s, **rounded}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        logger.info("%s", " ".join(f"{name}={value}" for name, value in line.items()))
