"""The command ``evaluate``: how well a model pack finds things on sets of known answers."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli_options import DocumentsOption, PackOption, SetsArgument
from engine.cli_progress import run_with_progress
from engine.cli_text import print_table
from engine.cli_words import shown
from engine.progress import CancelToken, Job

if TYPE_CHECKING:
    from engine.evaluate.results import Group, SetResult
    from engine.evaluate.retrieval import Estimate
    from engine.evaluate.sets import EvaluationSet
    from engine.model.encoder import Encoder

STANDARD_OUTPUT = Path("-")


def evaluate(
    sets: SetsArgument,
    documents: DocumentsOption = None,
    pack: PackOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file; - prints them.")
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=1, help="Ask at most so many questions of each kind.")
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Encode all parts of a document in one pass.")
    ] = False,
) -> None:
    """Measure search, highlights and summaries on sets of questions whose answers are known."""
    # Imported late, for most commands need none of this.
    from engine.evaluate.results import result_json
    from engine.evaluate.sets import find_sets
    from engine.model.encoder import Encoder
    from engine.model.pack import load_pack
    from engine.models import default_pack

    quiet = json_file == STANDARD_OUTPUT
    if json_file and not quiet and not json_file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {shown(str(json_file.parent))}")
    found = find_sets(sets, documents)
    encoder = Encoder.load(load_pack(pack or default_pack()))
    results = run_with_progress(
        lambda cancel: _evaluate_all(found, encoder, cancel, most, together, quiet)
    )
    if json_file is None:
        return
    held = {"pack": encoder.pack.pack_hash, "sets": [result_json(result) for result in results]}
    text = json.dumps(held, ensure_ascii=False, indent=1) + "\n"
    if quiet:
        sys.stdout.write(text)
        return
    part = json_file.with_name(json_file.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(json_file)


def _evaluate_all(
    sets: "Sequence[EvaluationSet]",
    encoder: "Encoder",
    cancel: CancelToken,
    most: int | None,
    together: bool,
    quiet: bool,
) -> "Job[list[SetResult]]":
    from engine.evaluate.evaluation import evaluate as evaluate_set

    results = []
    for one in sets:
        result = yield from evaluate_set(one, encoder, cancel, most=most, together=together)
        results.append(result)
        if not quiet:
            show_result(result)
    return results


def show_result(result: "SetResult") -> None:
    """Print the figures of a set as tables, with their 95 % intervals."""
    from engine.evaluate.set_rows import SUMMARY

    what = "summarised, of {} sentences" if result.kind == SUMMARY else "asked, among {}"
    sys.stdout.write(
        f"{shown(result.name)}: {result.groups[0].questions} {what.format(result.passages)}, "
        f"{result.seconds:.0f} s\n"
    )
    for group in result.groups:
        if group.name:
            sys.stdout.write(f"\n{shown(group.name)}: {group.questions} asked\n")
        _show_group(group)
    sys.stdout.write("\n")
    sys.stdout.flush()


def _show_group(group: "Group") -> None:
    names = list(next(iter(group.ways.values())))
    rows = [
        [way, *(estimate_text(held[name]) for name in names), _over_bm25(group.gains.get(way, {}))]
        for way, held in group.ways.items()
    ]
    print_table(["way", *names, "recall@1 over bm25" if group.gains else ""], rows)
    if group.marks:
        sys.stdout.write("\n")
        marks = [
            [way, estimate_text(held), str(held.questions)] for way, held in group.marks.items()
        ]
        print_table(["marked", "highlight f1", "asked"], marks)


def estimate_text(held: "Estimate") -> str:
    """A mean with its interval."""
    return f"{held.mean:.3f} [{held.low:.3f}, {held.high:.3f}]"


def _over_bm25(gains: "Mapping[str, Estimate]") -> str:
    held = gains.get("recall@1")
    return f"{held.mean:+.3f} [{held.low:+.3f}, {held.high:+.3f}]" if held else ""
