"""The command ``ablate``: what each part of the sparse attention is worth on given documents."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli_options import DocumentsOption, PackOption, SetsArgument
from engine.cli_progress import run_with_progress
from engine.cli_words import shown
from engine.progress import CancelToken, Job

if TYPE_CHECKING:
    from engine.evaluate.ablation_table import Ablation
    from engine.evaluate.sets import EvaluationSet
    from engine.model.encoder import Encoder


def ablate(
    sets: SetsArgument,
    documents: DocumentsOption = None,
    pack: PackOption = None,
    tokens: Annotated[
        int,
        typer.Option(min=1, help="Documents are joined to long ones of so many tokens, or cut."),
    ] = 32_768,
    count: Annotated[int, typer.Option(min=1, help="Most long documents; the first is timed.")] = 2,
    repeats: Annotated[
        int, typer.Option(min=0, help="Timed passes of each variant; 0 for no times.")
    ] = 3,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the table to this file as JSON.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write the table to this file as CSV.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the table into this .svg, .png or .pdf; needs matplotlib."),
    ] = None,
) -> None:
    """Measure other patterns of sparse attention on long documents and print a table.

    Time, memory, fidelity to dense attention and retrieval, in Markdown.
    """
    from engine.evaluate.ablation_output import Outputs
    from engine.evaluate.ablation_table import markdown
    from engine.evaluate.sets import find_sets
    from engine.model.encoder import Encoder
    from engine.model.pack import load_pack
    from engine.models import default_pack

    outputs = Outputs(json_file, csv_file, plot)
    try:
        outputs.check()
    except ValueError as error:
        raise typer.BadParameter(shown(str(error))) from error
    found = find_sets(sets, documents)
    encoder = Encoder.load(load_pack(pack or default_pack()))
    table = run_with_progress(
        lambda cancel: _ablate(found, encoder, cancel, tokens, count, repeats)
    )
    outputs.write(table)
    sys.stdout.write(markdown(table))


def _ablate(
    sets: "list[EvaluationSet]",
    encoder: "Encoder",
    cancel: CancelToken,
    tokens: int,
    count: int,
    repeats: int,
) -> "Job[Ablation]":
    from engine.evaluate.ablation import measure
    from engine.evaluate.joined_documents import joined_sets

    documents = yield from joined_sets(sets, encoder.tokenizer, tokens, count, cancel)
    return (yield from measure(encoder, documents, cancel, repeats=repeats))
