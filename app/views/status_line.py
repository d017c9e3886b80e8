"""The line at the foot of the window: what goes on, with cancel, and what was done."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QSizePolicy, QStatusBar, QToolButton

from app.i18n import Words
from app.theme import Theme
from app.views.named import named


class StatusLine(QStatusBar):
    """Progress of the long work, and the last result with a link.

    Signals:
        cancel_requested: The long work should stop.
    """

    cancel_requested = Signal()

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._link_action: Callable[[], None] | None = None
        self.setSizeGripEnabled(False)
        self._text = QLabel()
        self._text.setContentsMargins(10, 0, 0, 0)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.link = QToolButton()
        self.link.clicked.connect(self._on_link_pressed)
        self.link.hide()
        self._work = named(QLabel(), "muted")
        self._bar = QProgressBar()
        self._bar.setFixedWidth(140)
        self._bar.setTextVisible(False)
        self.cancel = QToolButton()
        self.cancel.clicked.connect(self.cancel_requested)
        self._pack = named(QLabel(), "muted")
        self._pack.setContentsMargins(10, 0, 10, 0)
        self.addWidget(self._text, 1)
        self.addWidget(self.link)
        for widget in (self._work, self._bar, self.cancel, self._pack):
            self.addPermanentWidget(widget)
        self.stop_work()
        words.changed.connect(self.retranslate)
        theme.changed.connect(self._draw_icons)
        self.retranslate()
        self._draw_icons()

    def say(self, text: str, link: str = "", action: Callable[[], None] | None = None) -> None:
        """Show what was done, with a link to go on from there."""
        self._text.setText(text)
        self._text.setToolTip(text)
        self.link.setText(link)
        self.link.setVisible(bool(link))
        self._link_action = action

    @property
    def text(self) -> str:
        """What was said last."""
        return self._text.text()

    def show_work(self, text: str, fraction: float | None) -> None:
        """Show how far the long work is."""
        self._work.setText(text)
        self._bar.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self._bar.setValue(round(1000 * fraction))
        for widget in (self._work, self._bar, self.cancel):
            widget.show()

    def stop_work(self) -> None:
        """Show that no long work runs."""
        for widget in (self._work, self._bar, self.cancel):
            widget.hide()

    def show_pack(self, text: str, tip: str) -> None:
        """Show which model pack is in use."""
        self._pack.setText(text)
        self._pack.setToolTip(tip)

    def retranslate(self) -> None:
        """Write all words again."""
        self.cancel.setToolTip(self._words("work.cancel"))
        self.cancel.setAccessibleName(self._words("work.cancel"))
        self._bar.setAccessibleName(self._words("work.name"))

    def _draw_icons(self) -> None:
        self.cancel.setIcon(self._theme.icon("close", "muted"))

    def _on_link_pressed(self) -> None:
        if self._link_action is not None:
            self._link_action()
