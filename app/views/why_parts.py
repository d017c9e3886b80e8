"""Pieces of the why-panel: the question's tokens and what a revision's analysis rested on."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.i18n import Words
from app.theme import Theme
from app.views.bars import Bar, BlockStrip
from app.views.mark_paint import is_bright, mark_colour
from app.views.named import named
from engine.records import Evidence, Fidelity, RevisionId, SourceFile


class Card(QFrame):
    """A titled frame."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.title = named(QLabel(), "title")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 10, 14, 12)
        self.body.setSpacing(6)
        self.body.addWidget(self.title)


class TokenChips(QWidget):
    """The tokens of a question, each on a mark as strong as its weight."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._tokens: list[tuple[str, float]] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def show_tokens(self, tokens: Sequence[tuple[str, float]]) -> None:
        """Show tokens with their weights in 0..1."""
        self._tokens = [(text, weight) for text, weight in tokens if text.strip()]
        self.setAccessibleName(" ".join(f"{text} {weight:.2f}" for text, weight in self._tokens))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room at the present width."""
        width = max(160, self.width())
        return QSize(width, self.heightForWidth(width))

    def heightForWidth(self, width: int) -> int:
        """Return the height of the chips laid out at a width."""
        return round(self._lay_out(width)[1])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the chips."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for rect, text, weight in self._lay_out(self.width())[0]:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(mark_colour(self._theme, weight))
            painter.drawRoundedRect(rect, 5, 5)
            bright = is_bright(self._theme, weight)
            painter.setPen(self._theme.colour("on_mark" if bright else "text"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def _lay_out(self, width: int) -> tuple[list[tuple[QRectF, str, float]], float]:
        metrics = self.fontMetrics()
        height = metrics.height() + 8
        x = y = 0.0
        placed = []
        for text, weight in self._tokens:
            wide = metrics.horizontalAdvance(text) + 14
            if x and x + wide > width:
                x, y = 0.0, y + height + 4
            placed.append((QRectF(x, y, wide, height), text, weight))
            x += wide + 4
        return placed, (y + height if placed else 0.0)


class RevisionCard(Card):
    """What was read and dropped in one revision, and how close that came to reading all."""

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._strip = BlockStrip(theme)
        self._blocks = named(QLabel(), "muted")
        self._blocks.setWordWrap(True)
        self._recall = Bar(theme, "attention", 150)
        self._cosine = Bar(theme, "attention", 150)
        self._overlap = Bar(theme, "attention", 150)
        self._density = Bar(theme, "dense", 150)
        self._fidelity = named(QLabel(), "muted")
        self._fidelity.setWordWrap(True)
        self._origin = named(QLabel(), "muted")
        self._origin.setWordWrap(True)
        self._origin.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        bars = (self._recall, self._cosine, self._overlap, self._density)
        for widget in (self._strip, self._blocks, *bars, self._fidelity, self._origin):
            self.body.addWidget(widget)

    def show_source(self, evidence: Evidence, source: SourceFile) -> None:
        """Show one source of the evidence."""
        words = self._words
        self.title.setText(words("why.reading"))
        attended = _of_revision(evidence.attended, source.revision_id)
        blocks = (attended or {}).get("blocks") or {}
        kept = [(int(item[0]), float(item[3])) for item in blocks.get("kept", ())]
        total = len(kept) + int(blocks.get("dropped", 0))
        self._strip.setVisible(bool(kept))
        self._strip.show_blocks(kept, total)
        text = words("why.blocks", kept=len(kept), total=total) if kept else words("why.no_blocks")
        self._blocks.setText(text)
        self._strip.setAccessibleName(text)
        self._show_fidelity(_of_revision(evidence.fidelity, source.revision_id))
        self._origin.setText(
            words(
                "why.source",
                path=source.path,
                revision=source.revision,
                hash=source.sha256[:16],
            )
        )
        self._origin.setToolTip(f"{source.path}\nSHA-256 {source.sha256}")

    def _show_fidelity(self, fidelity: Fidelity | None) -> None:
        """Show a bar for each figure that was measured, and the rest as text."""
        words = self._words
        figures = (
            (self._recall, "recall", fidelity and fidelity.recall_mean, ".1%"),
            (self._cosine, "cosine", fidelity and fidelity.passage_cosine, ".3f"),
            (self._overlap, "overlap", fidelity and fidelity.top10_overlap, ".1%"),
            (self._density, "density", fidelity and fidelity.density, ".1%"),
        )
        for bar, name, value, digits in figures:
            bar.setVisible(value is not None)
            if value is not None:
                bar.show_value(words(f"why.{name}"), value, f"{value:{digits}}")
                bar.setToolTip(words(f"why.{name}_tip"))
        if fidelity is None:
            self._fidelity.setText(words("why.no_fidelity"))
        else:
            low, error = f"{fidelity.recall_p5:.1%}", f"{fidelity.output_error:.1%}"
            sampled = fidelity.sampled
            self._fidelity.setText(words("why.fidelity", low=low, error=error, sampled=sampled))


def query_tokens(evidence: Evidence, revision_id: RevisionId) -> list[tuple[str, float]]:
    """Return the tokens of the question with their weights, the strongest 1."""
    attended = _of_revision(evidence.attended, revision_id) or {}
    query = evidence.query or ""
    tokens = [(query[a:b], float(weight)) for a, b, weight in attended.get("query_tokens", ())]
    top = max((weight for _text, weight in tokens), default=0.0) or 1.0
    return [(text, weight / top) for text, weight in tokens]


def _of_revision(mapping, revision_id: RevisionId):
    """Return the entry of a revision; keys read back from JSON may be text."""
    found = mapping.get(revision_id)
    return mapping.get(str(revision_id)) if found is None else found
