"""Why a passage was found: the score taken apart, what was read, the tests that can be run."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.i18n import Words
from app.models.history import local_time
from app.models.results import file_name, place_words
from app.theme import Theme
from app.views.bars import Bar
from app.views.empty_state import EmptyState
from app.views.named import named
from app.views.why_parts import Card, RevisionCard, TokenChips, query_tokens
from engine.records import Deletion, Evidence, Hit, Replay

PARTS = ("lexical", "dense", "attention")
# Share of a score from which headings and file name alone explain it.
_BY_HEADINGS = 0.8


class WhyView(QWidget):
    """Shows the evidence of one hit.

    Signals:
        deletion_requested: (int), the deletion test of the hit of this rank.
        replay_requested: The answer should be computed again.
        cancel_requested: What is being computed should stop.
    """

    deletion_requested = Signal(int)
    replay_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, words: Words, theme: Theme) -> None:
        super().__init__()
        self._words = words
        self._theme = theme
        self._evidence: Evidence | None = None
        self._hit: Hit | None = None
        self._replay_result: Replay | None = None
        self._working = ""
        self._build_cards()
        self._empty = EmptyState(theme, "question")
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(10)
        for card in (self._score, self._tokens, self._reading, self._deletion, self._record):
            layout.addWidget(card)
        layout.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(scroll)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        words.changed.connect(self.retranslate)
        theme.changed.connect(self.retranslate)
        self.retranslate()

    def show_hit(self, evidence: Evidence | None, hit: Hit | None) -> None:
        """Show the evidence of one hit; of a summary if there is no hit."""
        if evidence is None or (
            self._evidence and evidence.evidence_id != self._evidence.evidence_id
        ):
            self._replay_result = None
        self._evidence = evidence
        self._hit = hit
        self.retranslate()

    def show_deletion(self, rank: int, deletion: Deletion) -> None:
        """Show the result of a deletion test."""
        if self._hit is not None and self._hit.rank == rank:
            self._show_deletion(deletion)

    def show_replay(self, replay: Replay) -> None:
        """Show whether computing the answer again gave the same."""
        self._replay_result = replay
        self._show_verdict()

    def show_working(self, what: str) -> None:
        """Show that ``deletion`` or ``replay`` is being computed, or nothing."""
        self._working = what
        self._name_buttons()
        if what == "replay":
            self._verdict.setText(self._words("why.replaying"))
            self._verdict.setStyleSheet("")
        elif what == "deletion":
            self._deletion_text.setText(self._words("why.deleting"))

    def show_trouble(self, what: str, text: str) -> None:
        """Say why ``deletion`` or ``replay`` failed."""
        label = self._verdict if what == "replay" else self._deletion_text
        label.setText(text)
        label.setStyleSheet(f"color: {self._theme.colours.bad}")

    def retranslate(self) -> None:
        """Write everything again."""
        words = self._words
        self._empty.say(words("why.empty_title"), words("why.empty_text"))
        self._name_buttons()
        evidence, hit = self._evidence, self._hit
        self._stack.setCurrentIndex(1 if evidence is not None else 0)
        if evidence is None:
            return
        self._score.setVisible(hit is not None)
        self._deletion.setVisible(hit is not None)
        if hit is not None:
            self._show_score(hit)
        revision = hit.revision_id if hit else evidence.sources[0].revision_id
        tokens = query_tokens(evidence, revision)
        self._tokens.title.setText(words("why.tokens"))
        self._tokens.setVisible(bool(tokens))
        self._chips.show_tokens(tokens)
        source = next((item for item in evidence.sources if item.revision_id == revision), None)
        self._reading.setVisible(source is not None)
        if source is not None:
            self._reading.show_source(evidence, source)
        self._deletion.title.setText(words("why.deletion"))
        deletion = evidence.deletion.get(hit.rank) if hit else None
        self._show_deletion(deletion)
        self._show_record(evidence)
        self._show_verdict()

    def _build_cards(self) -> None:
        theme = self._theme
        self._score = Card()
        self._where = _note()
        self._score.body.addWidget(self._where)
        self._total = Bar(theme, "accent", 150)
        self._score.body.addWidget(self._total)
        self._parts = {part: Bar(theme, part, 150) for part in PARTS}
        # Only what was read for an answer has a share of one.
        self._answer = Bar(theme, "mark", 150)
        for bar in (*self._parts.values(), self._answer):
            self._score.body.addWidget(bar)
        self._named = _note()
        self._score.body.addWidget(self._named)
        self._related = _note()
        self._score.body.addWidget(self._related)
        self._score_note = _note()
        self._score.body.addWidget(self._score_note)
        self._tokens = Card()
        self._chips = TokenChips(theme)
        self._tokens.body.addWidget(self._chips)
        self._reading = RevisionCard(self._words, theme)
        self._deletion = Card()
        self._before = Bar(theme, "attention", 190)
        self._after = Bar(theme, "bad", 190)
        self._control = Bar(theme, "muted", 190)
        self._headings = Bar(theme, "muted", 190)
        for bar in (self._before, self._after, self._control, self._headings):
            self._deletion.body.addWidget(bar)
        self._deletion_text = _note()
        self._deletion.body.addWidget(self._deletion_text)
        self.deletion_button = QPushButton()
        self.deletion_button.clicked.connect(self._on_deletion_pressed)
        self._deletion.body.addLayout(_left(self.deletion_button))
        self._record = Card()
        self._facts = _note()
        self._facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._record.body.addWidget(self._facts)
        self.replay_button = QPushButton()
        self.replay_button.clicked.connect(self._on_replay_pressed)
        self._record.body.addLayout(_left(self.replay_button))
        self._verdict = QLabel()
        self._verdict.setWordWrap(True)
        self._record.body.addWidget(self._verdict)

    def _show_score(self, hit: Hit) -> None:
        words = self._words
        self._score.title.setText(words("why.score", rank=hit.rank, name=file_name(hit.path)))
        place = place_words(words, hit.place)
        headings = " › ".join(hit.heading_path)
        self._where.setText("   ".join(part for part in (place, headings) if part))
        self._total.show_value(words("why.total"), hit.score)
        for part, bar in self._parts.items():
            bar.show_value(words(f"why.{part}"), getattr(hit.parts, part))
            bar.setToolTip(words(f"why.{part}_tip"))
        self._answer.setVisible(hit.parts.answer is not None)
        self._answer.show_value(words("why.answer"), hit.parts.answer)
        self._answer.setToolTip(words("why.answer_tip"))
        self._named.setVisible(bool(hit.named))
        self._named.setText(words("why.named", words="・".join(hit.named)))
        self._related.setVisible(bool(hit.related_words))
        self._related.setText(words("why.related", words="・".join(hit.related_words)))
        absent = [words(f"why.{part}") for part in PARTS if getattr(hit.parts, part) is None]
        names = "・".join(absent)
        note = words("why.absent", parts=names) if absent else words("why.score_note")
        self._score_note.setText(note)

    def _show_deletion(self, deletion: Deletion | None) -> None:
        words = self._words
        self._deletion_text.setStyleSheet("")
        for bar in (self._before, self._after, self._control):
            bar.setVisible(deletion is not None)
        self._headings.setVisible(deletion is not None and bool(deletion.headings))
        if deletion is None:
            self._deletion_text.setText(words("why.deletion_text"))
            return
        count = deletion.removed
        self._before.show_value(words("why.before"), deletion.before)
        self._after.show_value(words("why.after", count=count), deletion.after)
        self._control.show_value(words("why.control", count=count), deletion.control)
        self._headings.show_value(words("why.headings_alone"), deletion.headings)
        fall = deletion.before - deletion.after
        fall_control = deletion.before - deletion.control
        if fall > 0 and fall > 1.5 * max(0.0, fall_control):
            verdict = "why.mattered"
        elif (deletion.headings or 0.0) > _BY_HEADINGS * deletion.before:
            verdict = "why.by_headings"
        else:
            verdict = "why.not_mattered"
        self._deletion_text.setText(words(verdict))

    def _show_record(self, evidence: Evidence) -> None:
        words = self._words
        self._record.title.setText(words("why.record", id=evidence.evidence_id))
        pack = evidence.pack_hash[:16] if evidence.pack_hash else words("why.no_pack")
        lines = [
            words("why.created", time=local_time(evidence.created)),
            words("why.pack", pack=pack),
            words("why.version", version=evidence.version),
            words("why.scope", count=len(evidence.scope)),
        ]
        self._facts.setText("\n".join(lines))
        self._facts.setToolTip(evidence.pack_hash or "")

    def _show_verdict(self) -> None:
        replay, words = self._replay_result, self._words
        if replay is None:
            self._verdict.setText("")
            return
        shade = self._theme.colours.good if replay.same else self._theme.colours.warn
        lines = [words("why.same" if replay.same else "why.changed")]
        lines += [f"・{words.change_code(code)}" for code in replay.changes]
        self._verdict.setText("\n".join(lines))
        self._verdict.setStyleSheet(f"color: {shade}")

    def _name_buttons(self) -> None:
        for name, button in (("deletion", self.deletion_button), ("replay", self.replay_button)):
            running = self._working == name
            button.setText(self._words("search.stop" if running else f"why.{name}_button"))
            button.setEnabled(running or not self._working)

    def _on_deletion_pressed(self) -> None:
        if self._working:
            self.cancel_requested.emit()
        elif self._hit is not None:
            self.deletion_requested.emit(self._hit.rank)

    def _on_replay_pressed(self) -> None:
        if self._working:
            self.cancel_requested.emit()
        else:
            self.replay_requested.emit()


def _note() -> QLabel:
    label = named(QLabel(), "muted")
    label.setWordWrap(True)
    return label


def _left(button: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(button)
    row.addStretch()
    return row
