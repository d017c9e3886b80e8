"""The command line: a thin layer over :class:`engine.service.Library`.

Results go to standard output, progress and errors to standard error. The exit status is 0 when all
went well, 1 when something failed, 2 when the command itself was wrong, 130 when it was stopped.
"""

import io
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import cli_ablate, cli_bench, cli_evaluate, cli_text, cli_words, json_output
from engine.cli_progress import run_with_progress
from engine.errors import Cancelled, ChumokuError, QueryError
from engine.records import AddResult, DocumentId, EvidenceId, SearchSettings
from engine.service import Library, preload

app = typer.Typer(
    name="chumoku",
    help="Reads whole documents on this machine and shows what it paid attention to.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_LARGEST_ID = 2**63 - 1

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
LibraryOption = Annotated[
    Path | None, typer.Option("--library", help="Folder of the library.", show_default=False)
]
DocumentArgument = Annotated[int, typer.Argument(min=1, max=_LARGEST_ID, show_default=False)]
EvidenceArgument = Annotated[int, typer.Argument(min=1, max=_LARGEST_ID, show_default=False)]
OpenWindow = Callable[[Path | None], int]


class _Session:
    """What the options before the command say."""

    library: Path | None = None
    open_window: OpenWindow | None = None


def _open(library: Path | None) -> Library:
    return Library.open(library or _Session.library)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _print_json(value: Any) -> None:
    _print(json_output.dumps(value))


def _note(text: str) -> None:
    sys.stderr.write(f"chumoku: {text}\n")


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    library: Annotated[
        Path | None,
        typer.Option(help="Folder of the library.", envvar="CHUMOKU_LIBRARY", show_default=False),
    ] = None,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Open the window when no command is given."""
    if show_version:
        _print(f"chumoku {version('chumoku')}")
        raise typer.Exit(0)
    _Session.library = library
    if context.invoked_subcommand is None:
        if _Session.open_window is None:
            _print(context.get_help())
            raise typer.Exit(2)
        raise typer.Exit(_Session.open_window(library))


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.", metavar="PATH...")],
    as_json: JsonFlag = False,
    library: LibraryOption = None,
) -> None:
    """Read and analyse files; folders are walked. With --json, one object a line."""
    failed = False
    seen: set[DocumentId | None] = set()

    def show(result: AddResult) -> None:
        nonlocal failed
        # A document that could not be analysed now still waits: it is not told of twice.
        if result.document_id in seen and result.reason:
            return
        seen.add(result.document_id)
        failed = failed or result.reason is not None
        if as_json:
            _print_json(json_output.add_json(result))
        else:
            _print(cli_text.add_line(result))

    with _open(library) as opened:
        run_with_progress(lambda cancel: opened.add(paths, cancel, on_result=show))
        run_with_progress(lambda cancel: opened.resume(cancel, on_result=show))
    if not seen:
        _note("no files found: " + ", ".join(cli_words.shown(str(path)) for path in paths))
    raise typer.Exit(1 if failed else 0)


@app.command("list")
def list_documents(as_json: JsonFlag = False, library: LibraryOption = None) -> None:
    """List the documents of the library."""
    with _open(library) as opened:
        documents = opened.documents()
    if as_json:
        _print_json([json_output.document_json(info) for info in documents])
    else:
        cli_text.show_documents(documents)


@app.command()
def search(
    query: Annotated[str | None, typer.Argument(help="Words or a question.")] = None,
    top: Annotated[int, typer.Option(min=1, max=1000, help="Passages to return.")] = 10,
    within: Annotated[
        list[int] | None, typer.Option("--in", help="Only this document; may be repeated.")
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="File with one question a line; prints one JSON object a line."),
    ] = None,
    as_json: JsonFlag = False,
    library: LibraryOption = None,
) -> None:
    """Find passages and print them, best first."""
    if (query is None) == (queries is None):
        raise typer.BadParameter("give either a QUERY or --queries FILE")
    settings = SearchSettings(top=top, documents=tuple(DocumentId(i) for i in within or ()))
    if queries is not None:
        questions = _questions(queries)
        with _open(library) as opened:
            raise typer.Exit(_ask_all(opened, questions, settings))
    with _open(library) as opened:
        assert query is not None
        result = opened.search(query, settings)
    if as_json:
        _print_json(json_output.search_json(result))
    else:
        cli_text.show_search(result)


def _questions(file: Path) -> list[tuple[int, str]]:
    """The questions of a file, each with the number of its line."""
    name = cli_words.shown(str(file))
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{name} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise typer.BadParameter(f"{name} cannot be read: {error.strerror}") from error
    # str.splitlines would also break a question at form feeds and Unicode's own separators.
    lines = enumerate(text.split("\n"), start=1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def _ask_all(library: Library, questions: list[tuple[int, str]], settings: SearchSettings) -> int:
    status = 0
    for number, question in questions:
        try:
            _print_json(json_output.search_json(library.search(question, settings)))
        except QueryError as error:
            _note(f"line {number}: {cli_words.error_text(error)}")
            status = 1
    return status


@app.command()
def summarize(
    document_id: DocumentArgument,
    query: Annotated[str | None, typer.Option(help="Focus on this question.")] = None,
    sentences: Annotated[int | None, typer.Option(min=1, help="Sentences to choose.")] = None,
    as_json: JsonFlag = False,
    library: LibraryOption = None,
) -> None:
    """Summarise a document in its own sentences."""
    with _open(library) as opened:
        summary = opened.summarize(DocumentId(document_id), query, sentences)
    if as_json:
        _print_json(json_output.summary_json(summary))
    else:
        cli_text.show_summary(summary)


@app.command()
def evidence(
    evidence_id: Annotated[
        int | None, typer.Argument(min=1, max=_LARGEST_ID, show_default=False)
    ] = None,
    as_json: JsonFlag = False,
    library: LibraryOption = None,
) -> None:
    """Show an evidence record, or list all of them."""
    with _open(library) as opened:
        if evidence_id is None:
            history = opened.history(limit=None)
            if as_json:
                _print_json([json_output.evidence_info_json(info) for info in history])
            else:
                cli_text.show_history(history)
            return
        record = opened.evidence(EvidenceId(evidence_id))
    if as_json:
        _print_json(json_output.evidence_json(record))
    else:
        cli_text.show_evidence(record)


@app.command()
def replay(
    evidence_id: EvidenceArgument, as_json: JsonFlag = False, library: LibraryOption = None
) -> None:
    """Compute an answer again and say whether it is the same; exit status 1 if it is not."""
    with _open(library) as opened:
        result = opened.replay(EvidenceId(evidence_id))
    if as_json:
        _print_json(json_output.replay_json(result))
    else:
        _print(cli_text.replay_text(result))
    raise typer.Exit(0 if result.same else 1)


@app.command()
def export(
    evidence_id: EvidenceArgument,
    to: Annotated[Path, typer.Option(help="FILE.pdf, .docx, .html or .json")],
    library: LibraryOption = None,
) -> None:
    """Write an answer with its marked passages to a file."""
    with _open(library) as opened:
        _print(cli_words.shown(str(opened.export(EvidenceId(evidence_id), to))))


@app.command()
def remove(
    document_id: DocumentArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    library: LibraryOption = None,
) -> None:
    """Take a document out of the library; evidence that rests on it stays readable."""
    with _open(library) as opened:
        info = opened.document(DocumentId(document_id))
        question = f"Remove {cli_words.shown(info.path)}?"
        if not yes and not (sys.stdin.isatty() and typer.confirm(question, err=True)):
            raise typer.BadParameter("nothing removed; add --yes to confirm")
        opened.remove(DocumentId(document_id))
    _print(f"removed {document_id}")


@app.command()
def check(
    rebuild: Annotated[bool, typer.Option(help="Rebuild the search index from the text.")] = False,
    as_json: JsonFlag = False,
    library: LibraryOption = None,
) -> None:
    """Check the library and, if asked, rebuild its search index."""
    with _open(library) as opened:
        report = run_with_progress(lambda cancel: opened.check(rebuild=rebuild, cancel=cancel))
    if as_json:
        _print_json(json_output.check_json(report))
    else:
        _print(cli_text.check_text(report))
    raise typer.Exit(0 if report.ok else 1)


app.command()(cli_evaluate.evaluate)
app.command()(cli_ablate.ablate)
app.command()(cli_bench.bench)


@app.command()
def demo(library: LibraryOption = None) -> None:
    """Analyse the bundled samples, ask a question and write a marked PDF into this folder."""
    from engine.demo import run_demo

    raise typer.Exit(run_demo(library or _Session.library, Path.cwd()))


def main(open_window: OpenWindow | None = None) -> int:
    """Run the command line.

    Args:
        open_window: Opens the window on a library folder and returns an exit status; called when
            no command is given.

    Returns:
        The exit status.
    """
    # A pipe on Windows would otherwise be written in the code page of the system.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # File names need not be valid Unicode, and terminals need not know every character.
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
    _Session.open_window = open_window
    preload()
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except ChumokuError as error:
        _note(cli_words.error_text(error))
        return 1
    except (Cancelled, KeyboardInterrupt):
        _note("stopped")
        return 130
    except BrokenPipeError:
        # The reader of our output went away; silence the flush at exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        _note(str(error))
        return 1
    return 0
