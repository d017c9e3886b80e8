"""Files that an ablation writes."""

import json
from dataclasses import dataclass
from pathlib import Path

from engine.evaluate import picture
from engine.evaluate.ablation_plot import draw
from engine.evaluate.ablation_table import Ablation, as_csv, as_json


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the table goes besides the terminal; None for nowhere."""

    json: Path | None = None
    csv: Path | None = None
    plot: Path | None = None

    def check(self) -> None:
        """Look whether the files can be written, before anything is measured.

        Raises:
            ValueError: A folder or the package for pictures is missing, or the kind of picture
                is unknown.
        """
        for path in (self.json, self.csv):
            if path is not None and not path.parent.is_dir():
                raise ValueError(f"there is no folder {path.parent}")
        if self.plot is not None:
            picture.check(self.plot)

    def write(self, found: Ablation) -> None:
        """Write the files, each whole or not at all.

        Raises:
            OSError: A file cannot be written.
        """
        if self.json is not None:
            text = json.dumps(as_json(found), ensure_ascii=False, indent=1) + "\n"
            _write(self.json, text)
        if self.csv is not None:
            _write(self.csv, as_csv(found))
        if self.plot is not None:
            draw(found, self.plot)


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="")
    part.replace(path)
