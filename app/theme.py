"""Colours, fonts and icons, light and dark."""

from dataclasses import dataclass
from importlib import resources

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

FONT_FAMILIES = [
    "Yu Gothic UI",
    "Meiryo UI",
    "Meiryo",
    "Hiragino Sans",
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "Segoe UI",
    "DejaVu Sans",
]


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of one theme.

    Attributes:
        dark: Whether it is the dark one.
        window: Behind everything.
        surface: Behind lists and fields.
        raised: Behind cards and hovered rows.
        line: Separators.
        text: Words.
        muted: Words of less weight.
        accent: Selection and links.
        on_accent: Words on the accent.
        mark: What was attended to.
        on_mark: Words on a mark.
        lexical: The part of a score from exact words.
        dense: The part from meaning.
        attention: The part from attention.
        good: Success.
        warn: Caution.
        bad: Failure.
    """

    dark: bool
    window: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    mark: str
    on_mark: str
    lexical: str
    dense: str
    attention: str
    good: str
    warn: str
    bad: str


LIGHT = Colours(
    dark=False, window="#f3f4f7", surface="#ffffff", raised="#eef0f6", line="#d5d9e2",
    text="#1c2230", muted="#5d6678", accent="#3552c8", on_accent="#ffffff",
    mark="#ffb300", on_mark="#1c1400", lexical="#2f7d5b", dense="#3552c8", attention="#d98200",
    good="#217a47", warn="#9a5b00", bad="#b3261e",
)  # fmt: skip
DARK = Colours(
    dark=True, window="#1b1e26", surface="#22262f", raised="#2c313d", line="#3b4150",
    text="#e6e9f0", muted="#a3abbd", accent="#8ea4ff", on_accent="#10131c",
    mark="#ffc233", on_mark="#1c1400", lexical="#62c796", dense="#8ea4ff", attention="#ffb84d",
    good="#6fd39b", warn="#f0b35a", bad="#ff8a80",
)  # fmt: skip


class Theme(QObject):
    """The theme in use; follows the system unless one is chosen.

    Signals:
        changed: The colours are other ones now.
    """

    changed = Signal()

    def __init__(self, choice: str = "system") -> None:
        super().__init__()
        self._choice = choice
        self.colours = LIGHT
        self._icons: dict[tuple[str, str, int], QIcon] = {}
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)

    def choose(self, choice: str) -> None:
        """Use ``light``, ``dark`` or what the system says, and apply it."""
        self._choice = choice
        self.apply()

    def apply(self) -> None:
        """Give the application its palette, font and style sheet."""
        scheme = QGuiApplication.styleHints().colorScheme()
        dark = scheme == Qt.ColorScheme.Dark if self._choice == "system" else self._choice == "dark"
        self.colours = DARK if dark else LIGHT
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.setStyle("Fusion")
        font = QFont(application.font())
        font.setFamilies(FONT_FAMILIES)
        if font.pointSizeF() < 9.5:
            font.setPointSizeF(9.5)
        application.setFont(font)
        application.setPalette(_palette(self.colours))
        application.setStyleSheet(_style_sheet(self.colours))
        self.changed.emit()

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        """Return a colour by its name in :class:`Colours`, with an opacity in 0..1."""
        colour = QColor(getattr(self.colours, name))
        colour.setAlphaF(alpha)
        return colour

    def icon(self, name: str, colour: str = "text", size: int = 20) -> QIcon:
        """Return an icon of ``resources/icons`` drawn in a colour of the theme."""
        shade = getattr(self.colours, colour)
        key = (name, shade, size)
        if key not in self._icons:
            self._icons[key] = _draw_icon(name, shade, size)
        return self._icons[key]

    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self.apply()


def _draw_icon(name: str, shade: str, size: int) -> QIcon:
    text = resources.files("resources").joinpath("icons", f"{name}.svg").read_text("utf-8")
    renderer = QSvgRenderer(QByteArray(text.replace("currentColor", shade).encode()))
    icon = QIcon()
    for ratio in (1, 2, 3):
        image = QImage(QSize(size, size) * ratio, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        image.setDevicePixelRatio(ratio)
        icon.addPixmap(QPixmap.fromImage(image))
    return icon


def _palette(colours: Colours) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for group_role, name in (
        (role.Window, "window"),
        (role.WindowText, "text"),
        (role.Base, "surface"),
        (role.AlternateBase, "raised"),
        (role.Text, "text"),
        (role.Button, "raised"),
        (role.ButtonText, "text"),
        (role.BrightText, "bad"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on_accent"),
        (role.Link, "accent"),
        (role.LinkVisited, "accent"),
        (role.ToolTipBase, "raised"),
        (role.ToolTipText, "text"),
        (role.PlaceholderText, "muted"),
        (role.Accent, "accent"),
        (role.Light, "raised"),
        (role.Midlight, "raised"),
        (role.Mid, "line"),
        (role.Dark, "line"),
    ):
        palette.setColor(group_role, QColor(getattr(colours, name)))
    for disabled in (role.WindowText, role.Text, role.ButtonText):
        shade = QColor(colours.muted)
        shade.setAlphaF(0.6)
        palette.setColor(QPalette.ColorGroup.Disabled, disabled, shade)
    return palette


def _style_sheet(colours: Colours) -> str:
    accent = QColor(colours.accent)
    tint = f"rgba({accent.red()}, {accent.green()}, {accent.blue()}, 48)"
    return f"""
QSplitter::handle:horizontal {{ background: {colours.window};
    border-left: 1px solid {colours.line}; }}
QSplitter::handle:vertical {{ background: {colours.window}; border-top: 1px solid {colours.line}; }}
QToolTip {{ color: {colours.text}; background: {colours.raised};
    border: 1px solid {colours.line}; padding: 4px; }}
QTableView, QListView, QTreeView, QAbstractScrollArea#original {{ border: none; }}
QLineEdit {{ border: 1px solid {colours.line}; border-radius: 6px; padding: 4px 8px;
    background: {colours.surface}; }}
QLineEdit#search {{ padding: 7px 10px; }}
QLineEdit:focus {{ border: 1px solid {colours.accent}; }}
QPushButton {{ border: 1px solid {colours.line}; border-radius: 6px; padding: 5px 12px;
    background: {colours.surface}; }}
QPushButton:hover {{ background: {colours.raised}; }}
QPushButton:focus, QToolButton:focus {{ border: 1px solid {colours.accent}; }}
QPushButton:pressed {{ background: {colours.line}; }}
QPushButton:disabled {{ color: {colours.muted}; background: transparent; }}
QPushButton#primary {{ background: {colours.accent}; color: {colours.on_accent};
    border-color: {colours.accent}; }}
QPushButton#primary:disabled {{ background: {colours.line}; color: {colours.muted};
    border-color: {colours.line}; }}
QToolButton {{ border: 1px solid transparent; border-radius: 6px; padding: 4px; }}
QToolButton:hover {{ background: {colours.raised}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {colours.line}; }}
QTabBar::tab {{ padding: 7px 14px; border: none; border-bottom: 2px solid transparent;
    color: {colours.muted}; background: transparent; }}
QTabBar::tab:selected {{ color: {colours.text}; border-bottom-color: {colours.accent}; }}
QTabBar::tab:hover {{ color: {colours.text}; }}
QTabBar:focus::tab:selected {{ border-bottom-color: {colours.mark}; }}
QHeaderView::section {{ background: {colours.window}; color: {colours.muted}; border: none;
    border-bottom: 1px solid {colours.line}; border-right: 1px solid {colours.line};
    padding: 4px 6px; }}
QStatusBar {{ border-top: 1px solid {colours.line}; }}
QStatusBar::item {{ border: none; }}
QTableView {{ selection-background-color: {tint}; selection-color: {colours.text}; }}
QScrollBar {{ background: transparent; border: none; margin: 0; }}
QScrollBar:vertical {{ width: 12px; }}
QScrollBar:horizontal {{ height: 12px; }}
QScrollBar::handle {{ background: {colours.line}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {colours.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{ border: none; border-radius: 3px; background: {colours.line}; max-height: 6px; }}
QProgressBar::chunk {{ border-radius: 3px; background: {colours.accent}; }}
QLabel#muted {{ color: {colours.muted}; }}
QLabel#title {{ font-weight: 600; }}
QFrame#card {{ background: {colours.surface}; border: 1px solid {colours.line};
    border-radius: 8px; }}
QFrame#header {{ border-bottom: 1px solid {colours.line}; }}
QMenu {{ border: 1px solid {colours.line}; background: {colours.surface}; padding: 4px; }}
QMenu::item {{ padding: 5px 24px 5px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {colours.accent}; color: {colours.on_accent}; }}
QMenu::separator {{ height: 1px; background: {colours.line}; margin: 4px 8px; }}
"""
