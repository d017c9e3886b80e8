"""Names by which the style sheet knows widgets."""

from typing import TypeVar

from PySide6.QtWidgets import QWidget

W = TypeVar("W", bound=QWidget)


def named(widget: W, name: str) -> W:
    """Give a widget a name of the style sheet, such as ``muted`` or ``primary``."""
    widget.setObjectName(name)
    return widget
