"""The summary of one document: sentences that lead back to where they stand."""

from PySide6.QtCore import QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.i18n import Words
from app.models.results import place_words
from app.theme import Theme
from app.views.bars import Bar
from app.views.empty_state import EmptyState
from app.views.named import named
from engine.records import Summary, SummarySentence

LONGEST = 30


class SummaryView(QWidget):
    """Asks for a summary and shows it.

    Signals:
        summary_requested: (str, int), an optional question and the number of sentences.
        cancel_requested: The running summary should stop.
        sentence_chosen: (SummarySentence), its place should be shown.
    """

    summary_requested = Signal(str, int)
    cancel_requested = Signal()
    sentence_chosen = Signal(object)

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._summary: Summary | None = None
        self._busy = False
        self._has_document = False
        self._error = ""
        self._document = named(QLabel(), "title")
        self._document.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.query = QLineEdit()
        self.query.setAcceptDrops(False)
        self.query.returnPressed.connect(self._on_asked)
        self._length_label = named(QLabel(), "muted")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, LONGEST)
        self.slider.setValue(7)
        self.slider.setPageStep(5)
        self.slider.valueChanged.connect(self._on_length_changed)
        self._length = QLabel()
        self.button = named(QPushButton(), "primary")
        self.button.clicked.connect(self._on_pressed)
        self._progress = QProgressBar()
        self._progress.setRange(0, 0)
        self._progress.hide()
        self._coverage = Bar(theme, "good", 130)
        self.list = QListWidget()
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setItemDelegate(_SentenceDelegate(words, theme, self.list))
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        # A scroll bar that appears makes the lines shorter, and some sentences need one more.
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setAcceptDrops(False)
        self.list.currentItemChanged.connect(self._on_current_changed)
        self.list.itemActivated.connect(self._on_current_changed)
        self._copy = QPushButton()
        self._copy.clicked.connect(self._on_copy)
        self._note = named(QLabel(), "muted")
        self._note.setWordWrap(True)
        self._empty = EmptyState(theme, "text")
        self._build()
        words.changed.connect(self.retranslate)
        self.retranslate()

    def set_document(self, name: str) -> None:
        """Say which document will be summarised; empty for none."""
        self._has_document = bool(name)
        self._document.setText(name or self._words("summary.no_document"))
        self._show_state()

    def set_busy(self, busy: bool) -> None:
        """Show whether a summary is being made; the button then stops it."""
        self._busy = busy
        self._progress.setVisible(busy)
        if busy:
            self._error = ""
        self.retranslate()

    def show_summary(self, summary: Summary | None) -> None:
        """Show a summary, or none."""
        self._summary = summary
        self._error = ""
        self.list.clear()
        if summary is not None:
            for sentence in summary.sentences:
                item = QListWidgetItem(sentence.text)
                item.setData(Qt.ItemDataRole.UserRole, sentence)
                item.setToolTip(self._words("summary.go"))
                self.list.addItem(item)
        self.retranslate()

    def show_error(self, text: str) -> None:
        """Say why there is no summary."""
        self._summary = None
        self.list.clear()
        self._error = text
        self.retranslate()

    @property
    def summary(self) -> Summary | None:
        """The summary shown."""
        return self._summary

    def retranslate(self) -> None:
        """Write all words again."""
        words = self._words
        if not self._has_document:
            self._document.setText(words("summary.no_document"))
        self.query.setPlaceholderText(words("summary.query"))
        self.query.setAccessibleName(words("summary.query"))
        self._length_label.setText(words("summary.length"))
        self.slider.setAccessibleName(words("summary.length"))
        self.button.setText(words("summary.stop" if self._busy else "summary.button"))
        self._copy.setText(words("summary.copy"))
        self.list.setAccessibleName(words("summary.sentences"))
        self._note.setText(words("summary.note"))
        if self._error:
            self._empty.say(words("summary.failed_title"), self._error, icon="warning")
        else:
            self._empty.say(words("summary.empty_title"), words("summary.empty_text"), icon="text")
        if self._summary is not None:
            coverage = self._summary.coverage
            self._coverage.show_value(words("summary.coverage"), coverage, f"{coverage:.0%}")
            self._coverage.setToolTip(words("summary.coverage_tip"))
        self._on_length_changed()
        self._show_state()

    def _build(self) -> None:
        card = QFrame()
        grid = QGridLayout(card)
        grid.setContentsMargins(12, 8, 12, 8)
        grid.addWidget(self._document, 0, 0, 1, 4)
        grid.addWidget(self.query, 1, 0, 1, 4)
        grid.addWidget(self._length_label, 2, 0)
        grid.addWidget(self.slider, 2, 1)
        grid.addWidget(self._length, 2, 2)
        grid.addWidget(self.button, 2, 3)
        grid.addWidget(self._progress, 3, 0, 1, 4)
        grid.setColumnStretch(1, 1)
        result = QWidget()
        inner = QVBoxLayout(result)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self.list, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 6, 12, 2)
        foot.setSpacing(14)
        foot.addWidget(self._coverage, 1)
        foot.addWidget(self._copy)
        inner.addLayout(foot)
        note = QHBoxLayout()
        note.setContentsMargins(12, 0, 12, 8)
        note.addWidget(self._note)
        inner.addLayout(note)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(result)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(card)
        layout.addWidget(self._stack, 1)

    def _show_state(self) -> None:
        self.button.setEnabled(self._has_document or self._busy)
        self._stack.setCurrentIndex(1 if self._summary is not None else 0)

    def _on_pressed(self) -> None:
        if self._busy:
            self.cancel_requested.emit()
        else:
            self._on_asked()

    def _on_asked(self) -> None:
        if self._has_document and not self._busy:
            self.summary_requested.emit(self.query.text().strip(), self.slider.value())

    def _on_length_changed(self, _value: int = 0) -> None:
        self._length.setText(self._words("summary.count", count=self.slider.value()))

    def _on_current_changed(self, item: QListWidgetItem | None, *_previous: object) -> None:
        if item is not None:
            sentence: SummarySentence = item.data(Qt.ItemDataRole.UserRole)
            self.sentence_chosen.emit(sentence)

    def _on_copy(self) -> None:
        if self._summary is not None:
            lines = [sentence.text.strip() for sentence in self._summary.sentences]
            QGuiApplication.clipboard().setText("\n".join(lines))


class _SentenceDelegate(QStyledItemDelegate):
    """Draws a sentence over as many lines as it needs, and its place."""

    def __init__(self, words: Words, theme: Theme, view: QListWidget) -> None:
        super().__init__(view)
        self._words = words
        self._theme = theme
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index) -> QSize:
        width = max(120, self._view.viewport().width())
        layout = self._laid_out(index, option, width - 28)
        line = QFontMetrics(option.font).height()
        return QSize(width, round(layout.boundingRect().height()) + line + 22)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index) -> None:
        painter.save()
        rect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self._theme.colour("accent", 0.12))
            bar = QRect(rect.topLeft(), QSize(3, rect.height()))
            painter.fillRect(bar, self._theme.colour("accent"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, self._theme.colour("raised"))
        painter.setPen(self._theme.colour("text"))
        layout = self._laid_out(index, option, rect.width() - 28)
        layout.draw(painter, QPointF(rect.left() + 14, rect.top() + 9))
        sentence: SummarySentence = index.data(Qt.ItemDataRole.UserRole)
        top = rect.top() + 12 + round(layout.boundingRect().height())
        line = QRect(rect.left() + 14, top, rect.width() - 28, QFontMetrics(option.font).height())
        painter.setPen(self._theme.colour("accent"))
        painter.drawText(line, 0, place_words(self._words, sentence.place))
        painter.restore()

    def _laid_out(self, index, option: QStyleOptionViewItem, width: float) -> QTextLayout:
        text = " ".join(index.data(Qt.ItemDataRole.DisplayRole).split())
        layout = QTextLayout(text, option.font)
        wrap = QTextOption()
        wrap.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(wrap)
        layout.beginLayout()
        y = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            line.setPosition(QPointF(0, y))
            y += line.height() * 1.12
        layout.endLayout()
        return layout
