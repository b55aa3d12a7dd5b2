"""A question in the composer that wants an answer before something is sent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from drover.ui.controls import Button
from drover.ui.framed_dialog import words_label
from drover.ui.theme import draw_frame, draw_icon, theme

_MARGIN, _PAD, _ICON = 8, 10, 16


class ComposerQuestion(QWidget):
    """Words and a button for each choice; Escape leaves all as it is.

    Signals:
        answered(str): the id of a choice
    """

    answered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words_label()
        self._words.setAccessibleName(self.tr("Question"))
        self._choices = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._choices.setSpacing(8)
        self._choices.addStretch(1)
        self._buttons: list[Button] = []
        column = QVBoxLayout(self)
        left = _MARGIN + _PAD + theme().px(_ICON) + 8
        column.setContentsMargins(left, _PAD, _MARGIN + _PAD, _PAD)
        column.setSpacing(10)
        column.addWidget(self._words)
        column.addLayout(self._choices)

    def display(self, words: str, choices: Sequence[tuple[str, str]]) -> None:
        """Asks; without choices there is nothing to ask."""
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons = []
        self._words.setText(words)
        for index, (choice_id, label) in enumerate(choices):
            button = Button(label)
            button.setAccessibleName(label)
            button.clicked.connect(partial(self.answered.emit, choice_id))
            self._choices.insertWidget(index, button)
            self._buttons.append(button)
        self._fit()
        self.setVisible(bool(choices))
        if choices:
            self._buttons[0].setFocus(Qt.FocusReason.OtherFocusReason)
            if QAccessible.isActive():
                QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, words))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The choices stand below each other where there is no room beside each other."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        layout = self.layout()
        assert layout is not None
        room = self.width() - layout.contentsMargins().left() - layout.contentsMargins().right()
        needed = sum(button.sizeHint().width() + 8 for button in self._buttons) - 8
        is_narrow = needed > room
        directions = QBoxLayout.Direction
        self._choices.setDirection(directions.TopToBottom if is_narrow else directions.LeftToRight)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape answers nothing."""
        if event.key() == Qt.Key.Key_Escape:
            self.answered.emit("")
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame of a caution."""
        painter = QPainter(self)
        frame = QRectF(self.rect()).adjusted(_MARGIN, 0, -_MARGIN, 0)
        fill, edge = theme().color("caution-bg"), theme().color("caution-line")
        draw_frame(painter, frame, 6, fill=fill, edge=edge)
        side = theme().px(_ICON)
        line = theme().line_height("ui")
        place = QRectF(frame.left() + _PAD, _PAD + (line - side) / 2, side, side)
        draw_icon(painter, place, "warning", theme().color("caution"))
        painter.end()
