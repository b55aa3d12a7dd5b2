"""A recorded reply as it comes once more: read-only, without the network, with the verdict at the end."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QTextEdit, QVBoxLayout, QWidget

from drover.domain.run import LiveRun
from drover.ui import formats
from drover.ui.controls import Button, ElidedLabel, Label
from drover.ui.framed_dialog import Verdict
from drover.ui.theme import theme

_MARGIN: Final = 16


class ReplayView(QWidget):
    """Follows one replay; what was thought stands before the answer, in a quieter colour.

    Signals:
        close_requested(): its button; ends a replay that is still going on
    """

    close_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live: LiveRun | None = None
        self._cursors = (0, 0)
        self._title = Label("", weight=600)
        self._state = ElidedLabel("", token="text-2")
        self._verdict = Verdict()
        self._close = Button(self.tr("Stop"), compact=True)
        self._close.setAccessibleName(self.tr("End the replay"))
        self._close.clicked.connect(self.close_requested)
        self._text = QTextEdit()
        self._text.setReadOnly(True)
        self._text.setUndoRedoEnabled(False)
        self._text.setTabChangesFocus(True)
        self._text.setAccessibleName(self.tr("Replayed message"))
        self._text.setProperty("bare", True)
        self._text.setFrameShape(QFrame.Shape.NoFrame)
        self._text.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._text.document().setDocumentMargin(0)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title)
        head.addWidget(self._state, 1)
        head.addWidget(self._close)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, 0, _MARGIN, 8)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._verdict)
        column.addWidget(self._text, 1)
        theme().changed.connect(self._restyle)
        self._restyle()

    def begin(self, live: LiveRun, speed: float) -> None:
        """Shows the beginning of a replay at this speed; 0 is at once."""
        self._live, self._cursors = live, (0, 0)
        self._text.clear()
        self._verdict.display("")
        speed_words = self.tr("at once") if not speed else self.tr("at {0}×").format(formats.decimal(speed))
        self._title.setText(self.tr("Replaying {0}, offline").format(speed_words))
        self._state.setText("")
        self._close.setText(self.tr("Stop"))

    def advance(self) -> None:
        """Takes what is new."""
        if self._live is None:
            return
        builder = self._live.builder
        reasoning, thought = builder.read_reasoning(self._cursors[0])
        answer, answered = builder.read_answer(self._cursors[1])
        if reasoning:
            self._append(reasoning, "text-2")
        if answer:
            is_first = self._cursors[1] == 0 and bool(thought)
            self._append(("\n\n" if is_first else "") + answer, "text")
        self._cursors = (thought, answered)
        if builder.last_token_s is not None:
            self._state.setText(
                self.tr("{0}, {1}").format(
                    formats.duration(builder.last_token_s), formats.tokens(builder.delta_count)
                )
            )

    def finish(self, verdict: str, *, is_identical: bool) -> None:
        """Shows how it compares with what is stored."""
        self.advance()
        self._live = None
        self._title.setText(self.tr("Replayed"))
        self._verdict.display(verdict, is_warning=not is_identical, is_good=is_identical)
        self._close.setText(self.tr("Close"))

    def _append(self, text: str, token: str) -> None:
        form = QTextCharFormat()
        form.setForeground(theme().color(token))
        cursor = QTextCursor(self._text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text, form)

    def _restyle(self) -> None:
        self._text.setFont(theme().font("column"))
