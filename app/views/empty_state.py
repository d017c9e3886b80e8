"""What a pane says while it has nothing to show: what to do next."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.theme import Theme
from app.views.named import named


class EmptyState(QWidget):
    """An icon, a line, a sentence and perhaps a button.

    Signals:
        action_requested: The button was pressed.
    """

    action_requested = Signal()

    def __init__(self, theme: Theme, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon_name = icon
        self._icon = QLabel()
        self._title = named(QLabel(), "title")
        self._text = named(QLabel(), "muted")
        self.button = QPushButton()
        self.button.hide()
        self.button.clicked.connect(self.action_requested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(8)
        layout.addStretch(2)
        for label in (self._icon, self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addSpacing(6)
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(3)
        theme.changed.connect(self._draw)
        self._draw()

    def say(self, title: str, text: str, button: str = "", icon: str | None = None) -> None:
        """Show words; an empty ``button`` hides it."""
        if icon is not None and icon != self._icon_name:
            self._icon_name = icon
            self._draw()
        self._title.setText(title)
        self._text.setText(text)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)

    def _draw(self) -> None:
        self._icon.setPixmap(self._theme.icon(self._icon_name, "muted", 40).pixmap(40, 40))
