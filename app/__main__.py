"""Starts the window: ``python -m app [--library DIR] [paths...]``."""

import argparse
import multiprocessing
import sys
from pathlib import Path

from app.platform_check import desktop_problem, import_problem


def main(arguments: list[str] | None = None) -> int:
    """Open the window and run until it is closed.

    Returns:
        Exit status: 0, or 3 where the desktop lacks something that Qt needs.
    """
    multiprocessing.freeze_support()
    parser = argparse.ArgumentParser(prog="chumoku-window", description="Open the window.")
    parser.add_argument("--library", type=Path, metavar="DIR", help="folder of the library")
    parser.add_argument("paths", nargs="*", type=Path, help="files and folders to add")
    options = parser.parse_args(arguments)
    problem = desktop_problem()
    if problem is None:
        try:
            # Before Qt: on Windows onnxruntime's DLLs do not load once Qt has loaded its own.
            from engine.service import preload

            preload()
            from app.bootstrap import run
        except ImportError as error:
            problem = import_problem(error)
        else:
            return run(options.library, options.paths)
    if sys.stderr is not None:
        sys.stderr.write(problem + "\n")
    return 3


if __name__ == "__main__":
    sys.exit(main())
