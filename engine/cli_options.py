"""Arguments and options that several commands of measuring have in common."""

from pathlib import Path
from typing import Annotated

import typer

SetsArgument = Annotated[
    list[Path], typer.Argument(help="Evaluation sets, or folders of them.", metavar="SET...")
]
DocumentsOption = Annotated[
    Path | None, typer.Option(help="Folder of the documents that a list of questions is about.")
]
PackOption = Annotated[
    Path | None, typer.Option(help="Folder of the model pack; else the one that is installed.")
]
