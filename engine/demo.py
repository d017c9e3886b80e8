"""The demonstration: the bundled samples, one question, one marked PDF."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from engine import cli_text
from engine.cli_progress import run_with_progress
from engine.records import SearchSettings
from engine.service import Library
from resources.samples import sample_paths

QUESTION = "エンドカバーのボルトは何 N·m で締めるか"


def run_demo(library_folder: Path | None, target_folder: Path) -> int:
    """Analyse the samples, ask a question, print the passages, write a marked PDF.

    Args:
        library_folder: Where the analyses stay; a temporary folder if None.
        target_folder: Where ``chumoku-demo.pdf`` is written.

    Returns:
        The exit status: 0 if every sample was analysed and the question found passages.
    """
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    with ExitStack() as stack:
        if library_folder is None:
            library_folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="chumoku-demo-"))
            )
        library = stack.enter_context(Library.open(library_folder))
        results = run_with_progress(lambda cancel: library.add(sample_paths(), cancel))
        for result in results:
            console.print(cli_text.add_line(result), markup=False)
        found = library.search(QUESTION, SearchSettings(top=5))
        console.print(f"\n{QUESTION}\n", style="bold", markup=False)
        cli_text.show_search(found)
        target = library.export(found.evidence_id, target_folder / "chumoku-demo.pdf")
        console.print(f"\nThe marked passages are in {target}", markup=False)
    return 0 if found.hits and all(result.status != "failed" for result in results) else 1
