"""What stands in the place of an editor whose parameter a server refused: when, why, and Forget."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from drover.domain.endpoint import FactOutcome, ParameterFact
from drover.ui import formats
from drover.ui.controls import Button, ElidedLabel, IconButton, Label
from drover.ui.theme import draw_frame, rounded_region, theme

_NOTE_WIDTH_PX = 288
_RADIUS = 6


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
            note.open_below(self._info)


class _RejectionNote(QFrame):
    """A small popup: the server's words, what follows from them, and Forget."""

    forget_requested = Signal()

    def __init__(self, fact: ParameterFact, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(self.tr("Rejected parameter"))
        self.setFixedWidth(theme().px(_NOTE_WIDTH_PX))
        words = Label(fact_in_words(fact), parent=self)
        follows = Label(
            self.tr("It is left out of requests to this model until you forget this."),
            role="small", token="text-2", parent=self,
        )  # fmt: skip
        for label in (words, follows):
            label.setWordWrap(True)
        forget = Button(self.tr("Forget"), compact=True, parent=self)
        forget.setAccessibleName(self.tr("Forget the rejection of {name}").format(name=fact.name))
        forget.clicked.connect(self._forget)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addWidget(words)
        column.addWidget(follows)
        column.addWidget(forget, 0, Qt.AlignmentFlag.AlignLeft)
        self._forget_button = forget

    def open_below(self, anchor: QWidget) -> None:
        """Opens with its right end under that of the anchor, inside the screen, with the keyboard."""
        layout = self.layout()
        height = layout.totalHeightForWidth(self.width()) if layout is not None else self.sizeHint().height()
        self.resize(self.width(), height)
        place = anchor.mapToGlobal(QPoint(anchor.width() - self.width(), anchor.height() + 4))
        screen = anchor.screen().availableGeometry()
        if place.y() + height > screen.bottom():
            place.setY(anchor.mapToGlobal(QPoint(0, -4)).y() - height)
        place.setX(max(screen.left() + 4, place.x()))
        self.move(place)
        self.show()
        self._forget_button.setFocus(Qt.FocusReason.PopupFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A raised surface with an edge."""
        painter = QPainter(self)
        frame = QRectF(self.rect())
        draw_frame(painter, frame, _RADIUS, fill=theme().color("raised"), edge=theme().color("border"))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow the size."""
        super().resizeEvent(event)
        self.setMask(rounded_region(self.rect(), _RADIUS))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes; Return does what the button says."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
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
