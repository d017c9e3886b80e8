"""The command ``chumoku``: the window when alone, the command line otherwise."""

from pathlib import Path


def main() -> int:
    """Run the command line, which opens the window when no command is given."""
    try:
        # Imports take a moment in which Ctrl+C must not end in a traceback.
        from engine import cli
    except KeyboardInterrupt:
        return 130
    return cli.main(open_window=_open_window)


def _open_window(library: Path | None) -> int:
    # Qt is imported only here, so that the command line works where Qt cannot start.
    from app.__main__ import main as window

    return window(["--library", str(library)] if library else [])
