"""What stands in the place of an editor whose parameter a server refused: when, why, and Forget."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from drover.domain.endpoint import FactOutcome, ParameterFact
from drover.ui import formats
from drover.ui.controls import Button, ElidedLabel, IconButton, Label
from drover.ui.note_popup import NotePopup


class RejectedMark(QWidget):
    """ "rejected on 3 Nov" and an icon that opens the server's own words.

    Signals:
        forget_requested: a person wants the parameter to be sent again.
    """

    forget_requested = Signal()

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._fact: ParameterFact | None = None
        self._label = ElidedLabel("", role="small", token="text-3", parent=self)
        self._label.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._info = IconButton(
            "info", self.tr("Why {name} was rejected").format(name=name), compact=True, parent=self
        )
        self._info.clicked.connect(self._open_note)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(self._label, 1)
        line.addWidget(self._info)

    @property
    def button(self) -> QWidget:
        """What takes the keyboard."""
        return self._info

    @property
    def words(self) -> str:
        """The whole story in one sentence or two."""
        return "" if self._fact is None else fact_in_words(self._fact)

    def display(self, fact: ParameterFact) -> None:
        """Shows a rejection."""
        self._fact = fact
        day = formats.day(fact.noted_at, now=datetime.now(UTC))
        self._label.setText(self.tr("rejected on {day}").format(day=day))
        self._info.setToolTip(self.words + "\n" + self.tr("A click offers to forget it."))
        self._info.setAccessibleDescription(self.words)

    def _open_note(self) -> None:
        if self._fact is not None:
            note = _RejectionNote(self._fact, self)
            note.forget_requested.connect(self.forget_requested)
            note.open_beside(self._info)


class _RejectionNote(NotePopup):
    """The server's words, what follows from them, and Forget."""

    forget_requested = Signal()

    def __init__(self, fact: ParameterFact, parent: QWidget) -> None:
        super().__init__(self.tr("Rejected parameter"), parent)
        words = Label(fact_in_words(fact))
        follows = Label(
            self.tr("It is left out of requests to this model until you forget this."),
            role="small", token="text-2",
        )  # fmt: skip
        for label in (words, follows):
            label.setWordWrap(True)
            self.column.addWidget(label)
        forget = Button(self.tr("Forget"), compact=True)
        forget.setAccessibleName(self.tr("Forget the rejection of {name}").format(name=fact.name))
        forget.clicked.connect(self._forget)
        self.column.addWidget(forget, 0, Qt.AlignmentFlag.AlignLeft)
        self.set_first(forget)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return does what the button says."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._forget()
        else:
            super().keyPressEvent(event)

    def _forget(self) -> None:
        self.close()
        self.forget_requested.emit()


def fact_in_words(fact: ParameterFact) -> str:
    """What a server did with a parameter and when: "Rejected on 3 Nov: “Unsupported parameter”."."""
    day = formats.day(fact.noted_at, now=datetime.now(UTC))
    sentences = {
        FactOutcome.REJECTED: _t("Rejected by the server on {day}"),
        FactOutcome.NO_EFFECT: _t("Had no visible effect on {day}"),
        FactOutcome.ACCEPTED: _t("Accepted by the server on {day}"),
        FactOutcome.UNKNOWN: "",
    }
    sentence = sentences[fact.outcome].format(day=day)
    if fact.outcome is FactOutcome.REJECTED and fact.renamed_to:
        sentence = _t("Sent as {name}, as the server asked on {day}").format(name=fact.renamed_to, day=day)
    if not sentence:
        return ""
    is_quoted = fact.outcome is FactOutcome.REJECTED and fact.words
    return f"{sentence}: “{fact.words}”" if is_quoted else f"{sentence}."


def _t(text: str) -> str:
    return QCoreApplication.translate("rejected_mark", text)
