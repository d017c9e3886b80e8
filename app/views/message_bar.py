"""One line above the panes that says what happened, in place of a dialog."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QPalette, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton

from app.i18n import Words
from app.theme import Theme

STAY_MS = 10_000


class MessageBar(QFrame):
    """Shows one message at a time, with at most one action."""

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("message")
        self._words = words
        self._theme = theme
        self._tone = "info"
        self._action: Callable[[], None] | None = None
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._button = QPushButton()
        self._button.hide()
        self._button.clicked.connect(self._on_pressed)
        self._close = QToolButton()
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.addWidget(self._icon)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._button)
        layout.addWidget(self._close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        shortcut = QShortcut(QKeySequence("Esc"), self, self.hide)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        theme.changed.connect(self._draw)
        words.changed.connect(self._on_words_changed)
        self._on_words_changed()

    def say(
        self,
        text: str,
        tone: str = "info",
        button: str = "",
        action: Callable[[], None] | None = None,
    ) -> None:
        """Show a message.

        Args:
            text: What happened.
            tone: ``info`` and ``good`` go by themselves; ``warn`` and ``bad`` stay.
            button: Words of the action, empty for none.
            action: What the button does.
        """
        self._tone = tone
        self._action = action
        self._text.setText(text)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self.setAccessibleName(text)
        self._draw()
        self.show()
        if tone in ("info", "good") and not button:
            self._timer.start(STAY_MS)
        else:
            self._timer.stop()
        if button:
            self._button.setFocus()

    @property
    def text(self) -> str:
        """The message shown last."""
        return self._text.text()

    @property
    def button(self) -> QPushButton:
        """The button of the action."""
        return self._button

    def _on_words_changed(self) -> None:
        # What was said is in the other language now.
        self.hide()
        self._close.setAccessibleName(self._words("message.close"))
        self._close.setToolTip(self._words("message.close"))

    def _on_pressed(self) -> None:
        action = self._action
        self.hide()
        if action is not None:
            action()

    def _draw(self) -> None:
        shade = {"info": "accent", "good": "good", "warn": "warn", "bad": "bad"}[self._tone]
        icon = {"info": "info", "good": "good", "warn": "warning", "bad": "error"}[self._tone]
        self._icon.setPixmap(self._theme.icon(icon, shade).pixmap(20, 20))
        self._close.setIcon(self._theme.icon("close", "muted"))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, self._theme.colour(shade, 0.13))
        self.setPalette(palette)
        self.setAutoFillBackground(True)
