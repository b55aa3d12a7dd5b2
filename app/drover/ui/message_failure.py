"""What a message says when its run did not end well: the card of a failure, and the quiet line of a stop."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from drover.domain.run import Failure, FailureKind
from drover.errors import SENTENCE_ENDS
from drover.ui import formats
from drover.ui.code_view import height_of, make_wrapped
from drover.ui.controls import QUIET_PADDING, Button, Label, QuietButton
from drover.ui.markdown_text import OwnerSelects
from drover.ui.theme import draw_frame, draw_icon, rounded_path, theme

if TYPE_CHECKING:
    from drover.domain.attempts import NextAttempt

_PAD_X, _PAD_Y, _ICON, _ICON_GAP, _RADIUS = 13, 10, 16, 10, 6
_TOLD_BY_DATE_S = 12 * 3600
_MOST_LINES = 14
"""Longer details scroll inside the card."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("failure", text)


def actions_for(failure: Failure, *, upcoming: NextAttempt | None = None) -> list[tuple[str, str, str]]:
    """(action, words, icon) of the buttons that help, the most helpful first.

    With another try `upcoming` nothing else is offered than to have it now, if it is waited for, or never.
    """
    if upcoming is not None:
        now = [("retry_now", _tr("Try now"), "regenerate")] if upcoming.due_s is not None else []
        return [*now, ("stop_retry", _tr("Stop"), "stop")]
    retry = ("retry", _tr("Retry"), "regenerate")
    edit = ("edit_endpoint", _tr("Edit endpoint…"), "")
    match failure.kind:
        case FailureKind.KEY:
            return [("set_key", _tr("Set key…"), "key"), retry]
        case FailureKind.REQUEST if failure.instead:
            return [("send_without", _tr("Send as {0}").format(failure.instead), ""), retry]
        case FailureKind.REQUEST if failure.parameter:
            return [("send_without", _tr("Send without {0}").format(failure.parameter), ""), retry]
        case FailureKind.CONNECTION | FailureKind.PROTOCOL:
            return [retry, edit]
        case FailureKind.CONFIGURATION | FailureKind.NOT_FOUND:
            return [edit, retry]
        case _:
            return [retry]


class FailureCard(QWidget):
    """A failure in words, with what to do next.

    Signals:
        action_requested(str): one of the actions of `actions_for`
        height_changed(): the details were opened or closed
    """

    action_requested = Signal(str)
    height_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[Failure, tuple[int, bool] | None] | None = None
        self._headline = self._quoted = ""
        self._share: float | None = None
        self._title = Label("", weight=600, parent=self)
        self._sentence = Label("", token="text-2", parent=self)
        for label in (self._title, self._sentence):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons: list[Button] = []
        self._details = QuietButton(self.tr("Details"), parent=self)
        self._details.setCheckable(True)
        self._details.toggled.connect(self._toggle_details)
        self._detail = _Detail(self)
        self._detail.hide()

    def display(self, failure: Failure, *, free_at: datetime | None = None, now: datetime) -> None:
        """Shows how a run has ended; until `free_at` the server wants to be left alone."""
        self._show(failure, None)
        self._share = None
        if free_at is not None:
            self._say(self._pause_words((free_at - now).total_seconds(), free_at))

    def _pause_words(self, left_s: float, free_at: datetime) -> str:
        if left_s <= 0:
            return self.tr("The pause that it asked for is over.")
        wait = formats.duration(math.ceil(left_s), tenths_below_s=0)
        at = free_at.astimezone()
        if left_s > _TOLD_BY_DATE_S:
            return self.tr("It asked for a pause until {0}.").format(f"{at:%Y-%m-%d %H:%M}")
        return self.tr("Retry in {0}, at {1}.").format(wait, f"{at:%H:%M:%S}")

    def display_next(self, upcoming: NextAttempt, *, now_s: float) -> None:
        """Shows why there is another try and, while it is waited for, how long it still is."""
        self._show(upcoming.failure, upcoming)
        counted = self.tr("{0} of {1}").format(upcoming.number, upcoming.most)
        self._share = None
        if upcoming.due_s is None:
            words = self.tr("Trying again ({0}): {1}").format(counted, self._headline)
        else:
            left_s = max(0.0, upcoming.due_s - now_s)
            wait = formats.duration(max(1, math.ceil(left_s)), tenths_below_s=0)
            words = self.tr("Trying again in {0} ({1}): {2}").format(wait, counted, self._headline)
            self._share = min(1.0, left_s / max(upcoming.wait_s, 0.001))
        self._title.setText(words)
        self.update()

    def _show(self, failure: Failure, upcoming: NextAttempt | None) -> None:
        shown = (failure, None if upcoming is None else (upcoming.number, upcoming.due_s is None))
        if shown == self._shown:
            return
        self._shown = shown
        title, _, quoted = failure.message.partition(": “")
        words = self.tr("The server said “{0}").format(quoted.rstrip(".")) if quoted else ""
        if words and not words.endswith(SENTENCE_ENDS):
            words += "."
        self._headline = title if quoted else title.rstrip(".")
        self._title.setText(self._headline)
        self._quoted = words
        self._say(self._hint(failure, upcoming))
        self._detail.setPlainText(failure.detail)
        self._details.setVisible(bool(failure.detail))
        self.setAccessibleName(self._headline)
        self._make_buttons(actions_for(failure, upcoming=upcoming))

    def _say(self, hint: str) -> None:
        """The server's words, and what to do next."""
        sentence = " ".join(filter(None, (self._quoted, hint)))
        self._sentence.setText(sentence)
        self.setAccessibleDescription(sentence)

    def _hint(self, failure: Failure, upcoming: NextAttempt | None) -> str:
        """What to do next; while it is done by itself, how long the server wants to be left alone."""
        if upcoming is None:
            return failure.hint
        if failure.retry_after_s is None:
            return ""
        wait = formats.duration(failure.retry_after_s, tenths_below_s=0)
        return self.tr("It asked for a pause of {0}.").format(wait)

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale = theme().px
        left = _PAD_X + scale(_ICON) + scale(_ICON_GAP)
        room = max(80, width - left - _PAD_X)
        y = scale(_PAD_Y)
        for label in (self._title, self._sentence):
            if not label.text():
                label.setGeometry(left, y, room, 0)
                continue
            height = max(scale(20), label.heightForWidth(room))
            label.setGeometry(left, y, room, height)
            y += height + scale(2)
        y += scale(8)
        y = self._place_buttons(left, y, width)
        if self._details.isChecked():
            y += scale(8)
            height = self._detail.lay_out(room)
            self._detail.setGeometry(left, y, room, height)
            y += height
        return y + scale(_PAD_Y + 2) + (2 if self._share is not None else 0)

    def _place_buttons(self, left: int, y: int, width: int) -> int:
        scale, x, height = theme().px, left, theme().px(28)
        details = self._details.sizeHint().width() if self._shown is not None and self._shown[0].detail else 0
        for button in self._buttons:
            needed = button.sizeHint().width()
            if x > left and x + needed > width - _PAD_X - details:
                x, y = left, y + height + 8
            button.setGeometry(x, y, min(needed, width - x - 4), height)
            x += needed + scale(8)
        self._details.setGeometry(width - _PAD_X + QUIET_PADDING - details, y, details, height)
        return y + height

    def _make_buttons(self, actions: list[tuple[str, str, str]]) -> None:
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons = []
        for action, words, icon in actions:
            button = Button(words, icon=icon, parent=self)
            button.setProperty("action", action)
            button.clicked.connect(self._act)
            button.show()
            button.stackUnder(self._details)
            self._buttons.append(button)

    def _act(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.action_requested.emit(str(sender.property("action")))

    def _toggle_details(self, is_open: bool) -> None:
        self._detail.setVisible(is_open)
        self.height_changed.emit()

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The card, its icon and the countdown along its foot."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        draw_frame(
            painter, rect, _RADIUS, fill=theme().color("caution-bg"), edge=theme().color("caution-line")
        )
        side = theme().px(_ICON)
        draw_icon(
            painter, QRectF(_PAD_X, theme().px(_PAD_Y + 2), side, side), "warning", theme().color("caution")
        )
        if self._share is not None:
            painter.setClipPath(rounded_path(rect, _RADIUS))
            for token, share in (("caution-line", 1.0), ("caution", self._share)):
                foot = QRectF(0, rect.height() - 2, rect.width() * share, 2)
                painter.fillRect(foot, theme().color(token))
        painter.end()


class _Detail(OwnerSelects, QPlainTextEdit):
    """The server's own words, in full."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        make_wrapped(self)
        self.setAccessibleName(self.tr("Details of the failure"))
        theme().changed.connect(self._restyle)
        self._restyle()

    def lay_out(self, width: int) -> int:
        """The height it takes at this width: that of all its lines, if they are not too many."""
        policies = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policies.ScrollBarAlwaysOff)
        self.resize(width, self.height())
        lines = int(self.document().size().height())  # which this kind of editor counts in lines
        if lines > _MOST_LINES:
            self.setVerticalScrollBarPolicy(policies.ScrollBarAlwaysOn)
        return height_of(self, min(_MOST_LINES, lines))

    def _restyle(self) -> None:
        self.setFont(theme().font("wire"))


class OutcomeLine(QWidget):
    """One quiet sentence below the text, and a few buttons: beside it, or below it where there is no room.

    Signals:
        action_requested(str)
    """

    action_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._has_icon = False
        self._label = Label("", token="text-2", parent=self)
        self._label.setWordWrap(True)
        self._buttons: list[Button] = []

    def display(self, sentence: str, *offers: tuple[str, str], has_icon: bool = False) -> None:
        """Shows a sentence and a button for each offer: (action, words)."""
        self._has_icon = has_icon
        self._label.setText(sentence)
        self._label.set_look(token="text" if has_icon else "text-2")
        while len(self._buttons) > len(offers):
            spare = self._buttons.pop()
            spare.hide()
            spare.deleteLater()
        while len(self._buttons) < len(offers):
            button = Button("", parent=self)
            button.clicked.connect(self._act)
            button.show()
            self._buttons.append(button)
        for button, (action, words) in zip(self._buttons, offers, strict=True):
            button.setProperty("action", action)
            button.setText(words)
        self.update()

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale, height = theme().px, theme().px(28)
        left = scale(_ICON) + scale(7) if self._has_icon else 0
        sizes = [button.sizeHint().width() for button in self._buttons]
        together = sum(sizes) + 8 * max(0, len(sizes) - 1)
        is_beside = width - left - together - 12 >= min(scale(200), width // 2)
        room = max(80, width - left - (together + 12 if sizes and is_beside else 0))
        text = self._label.heightForWidth(room)
        top = max(0, (height - theme().line_height("ui")) // 2)  # the first line stands beside the icon
        needed = max(height, text + 2 * top)
        self._label.setGeometry(left, top, room, needed - 2 * top)
        x, y = (width - together, 0) if is_beside else (0, needed + 8)
        for button, size in zip(self._buttons, sizes, strict=True):
            if not is_beside and x and x + size > width:
                x, y = 0, y + height + 8
            button.setGeometry(x, y, min(size, width), height)
            x += size + 8
        return needed if is_beside or not sizes else y + height

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The icon of a warning."""
        if self._has_icon:
            painter = QPainter(self)
            side = theme().px(_ICON)
            top = (theme().px(28) - side) / 2
            draw_icon(painter, QRectF(0, top, side, side), "warning", theme().color("caution"))
            painter.end()

    def _act(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.action_requested.emit(str(sender.property("action")))
