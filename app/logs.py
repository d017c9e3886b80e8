"""Where the program writes down what went wrong, for whoever is asked to help."""

import logging
import sys
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from platformdirs import user_log_path

log = logging.getLogger(__name__)

LARGEST_BYTES = 1_000_000
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def start_log(folder: Path | None = None) -> None:
    """Write warnings and errors to ``window.log`` and, where there is one, to the terminal."""
    handlers: list[logging.Handler] = []
    # A window started by a double-click on Windows has no standard error.
    if sys.stderr is not None:
        handlers.append(logging.StreamHandler())
    folder = folder or user_log_path("Chumoku", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "window.log"
        handlers.append(
            RotatingFileHandler(file, maxBytes=LARGEST_BYTES, backupCount=2, encoding="utf-8")
        )
    except OSError as error:
        log.warning("no log file: %s", error)
    logging.basicConfig(level=logging.WARNING, format=FORMAT, handlers=handlers)


def tell_defects(tell: Callable[[Exception], None]) -> None:
    """Log exceptions that nothing caught, and tell the user about them.

    Args:
        tell: Called on the thread on which the exception came up.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.error("nothing caught this", exc_info=(kind, error, trace))
        if isinstance(error, Exception):
            tell(error)

    sys.excepthook = hook
