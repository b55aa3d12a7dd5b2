"""The calls of one reply below its text: a card for each, and the button that sends what a person wrote."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QWidget

from drover.domain.stream import CallPiece
from drover.ui import formats
from drover.ui.call_card import CallCard
from drover.ui.controls import Button, Label, QuietButton
from drover.ui.shown_calls import CallStage, ShownCall
from drover.ui.theme import theme

_PAGE: Final = 20
"""As many cards are made at once; further ones when they are asked for."""
_GAP = 8


class CallBlock(QWidget):
    """Cards of the calls in order. Its owner lays it out.

    Signals:
        height_changed(): lay out again
        decided(int, str): the index of a call, and one of `run`, `run_always`, `decline`, `stop`
        results_given(dict[int, str]): what a person wrote as results, by the index of the call
        results_edited(): a person writes
    """

    height_changed = Signal()
    decided = Signal(int, str)
    results_given = Signal(object)
    results_edited = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._cards: list[CallCard] = []
        self._pieces: dict[int, list[str]] = {}
        self._names: dict[int, str] = {}
        self._calls: Sequence[ShownCall] = ()
        self._most = _PAGE
        self._written: dict[int, str] = {}
        self._more: QuietButton | None = None
        self._send: Button | None = None
        self._hint: Label | None = None

    @property
    def calls(self) -> Sequence[ShownCall]:
        """What is shown; empty while the calls arrive."""
        return self._calls

    @property
    def written(self) -> Mapping[int, str]:
        """What a person has written and not sent yet, by the index of the call."""
        found = {index: card.answer for index, card in enumerate(self._cards) if card.answer}
        return self._written | found if self._calls else {}

    @property
    def counts(self) -> bool:
        """Whether a program runs, so that words change with the time."""
        return any(card.counts for card in self._cards)

    def feed(self, pieces: Sequence[CallPiece]) -> None:
        """Takes what came to calls that are still arriving."""
        for place, name, arguments in pieces:
            if place >= self._most:
                self._pieces.setdefault(place, []).append(arguments)
                self._names[place] = name
                continue
            while len(self._cards) <= place:
                self._add_card()
            self._cards[place].feed(name, arguments)
        self._show_more()

    def display(self, calls: Sequence[ShownCall]) -> None:
        """Shows the calls of a reply that has ended, and how far each is."""
        self._pieces.clear()
        if calls == self._calls:
            return
        self._calls = calls
        while len(self._cards) > len(calls):
            gone = self._cards.pop()
            gone.hide()
            gone.deleteLater()
        while len(self._cards) < min(len(calls), self._most):
            self._add_card()
        for index, card in enumerate(self._cards):
            card.display(calls[index])
            if card.is_waiting:
                card.set_answer(self._written.pop(index, ""))
        self._show_more()
        self._show_sending()

    def restore(self, written: Mapping[int, str]) -> None:
        """Brings back what a person had written before this was made anew."""
        self._written = dict(written)
        for index, card in enumerate(self._cards):
            if card.is_waiting:
                card.set_answer(self._written.pop(index, ""))
        self._show_sending()

    def count_on(self) -> None:
        """A second has passed."""
        for card in self._cards:
            card.count_on()

    def restyle(self) -> None:
        """Colours or text size have changed."""
        for card in self._cards:
            card.restyle()

    def text(self, most_chars: int = sys.maxsize) -> str:
        """Calls and results as assistive technology is told of them; little more than so many characters."""
        pieces: list[str] = []
        length = 0
        for shown in self._calls:
            pieces.append(self.tr("Tool call {0}: {1}").format(shown.call.name, shown.call.arguments))
            if shown.result is not None:
                pieces.append(self.tr("Result: {0}").format(shown.result.text))
            length += len(shown.call.arguments) + (len(shown.result.text) if shown.result is not None else 0)
            if length > most_chars or len(pieces) > most_chars:
                break
        return "\n".join(pieces)[:most_chars]

    def _add_card(self) -> None:
        index = len(self._cards)
        card = CallCard(self)
        card.height_changed.connect(self.height_changed)
        card.decided.connect(partial(self.decided.emit, index))
        card.answer_edited.connect(self._take_edit)
        card.answer_submitted.connect(self._give_if_whole)
        card.show()
        self._cards.append(card)
        for part in (self._more, self._hint, self._send):
            if part is not None:
                part.raise_()  # reading order

    # More than a page of calls

    @property
    def _count(self) -> int:
        return len(self._calls) or len(self._cards) + len(self._pieces)

    def _show_more(self) -> None:
        left = self._count - len(self._cards)
        if left <= 0:
            if self._more is not None:
                self._more.hide()
            return
        if self._more is None:
            self._more = QuietButton("", parent=self)
            self._more.clicked.connect(self._make_more)
        self._more.setText(self.tr("Show {0} more calls").format(formats.whole(left)))
        self._more.show()

    def _make_more(self) -> None:
        self._most += _PAGE
        if self._calls:
            calls, self._calls = self._calls, ()
            self.display(calls)
        else:
            for place in sorted(self._pieces)[:_PAGE]:
                while len(self._cards) <= place:
                    self._add_card()
                self._cards[place].feed(self._names.pop(place), "".join(self._pieces.pop(place)))
            self._show_more()
        self.height_changed.emit()

    # Sending what a person wrote

    def _by_hand(self) -> list[int]:
        return [index for index, card in enumerate(self._cards) if card.takes_answer]

    @property
    def _is_ready(self) -> bool:
        """Whether every call has its result, and they were not sent by themselves."""
        return bool(self._calls) and all(call.is_kept for call in self._calls)

    def _take_edit(self) -> None:
        self.results_edited.emit()
        if self._show_sending():
            self.height_changed.emit()

    def _show_sending(self) -> bool:
        """Shows whether what is written can be sent; whether that takes another height."""
        fields = self._by_hand()
        was_shown = self._send is not None and not self._send.isHidden()
        if self._send is None and (fields or self._is_ready):
            self._send = Button(self.tr("Send results"), icon="send", parent=self)
            self._send.clicked.connect(self._give)
            self._send.setToolTip(self.tr("Ctrl+Return where a result is written"))
            self._hint = Label("", role="small", token="text-3", parent=self)
        if self._send is None or self._hint is None:
            return False
        waiting = [call for call in self._calls if call.stage is CallStage.WAITING]
        words = self.tr("Send result") if len(self._calls) == 1 else self.tr("Send results")
        self._send.setText(words)
        self._send.setAccessibleName(words)
        empty = [index for index in fields if not self._cards[index].answer.strip()]
        self._send.setEnabled(not empty)
        self._send.setVisible(bool(fields) or self._is_ready)
        others = len(waiting) - len(fields)
        hint = ""
        if fields and others > 0:
            one, many = self.tr("1 call waits for your approval"), self.tr("{0} calls wait for your approval")
            hint = one if others == 1 else many.format(others)
        elif len(empty) > 1 or (empty and len(fields) > 1):
            hint = self.tr("Each call needs a result")
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        return was_shown != (bool(fields) or self._is_ready)

    def _give_if_whole(self) -> None:
        if self._send is not None and self._send.isEnabled() and not self._send.isHidden():
            self._give()

    def _give(self) -> None:
        given = {index: self._cards[index].answer for index in self._by_hand()}
        if self._send is not None:
            self._send.setEnabled(False)  # until what became of it is told
            self.results_given.emit(given)

    def take_back(self) -> None:
        """What was given could not be sent: it may be given again."""
        self._show_sending()

    # Layout

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale, y = theme().px, 0
        for card in self._cards:
            y += scale(_GAP) if y else 0
            height = card.lay_out(width)
            card.setGeometry(0, y, width, height)
            y += height
        if self._more is not None and not self._more.isHidden():
            size = self._more.sizeHint()
            self._more.setGeometry(-scale(_GAP), y + scale(4), size.width(), size.height())
            y += scale(4) + size.height()
        if self._send is not None and not self._send.isHidden():
            size = self._send.sizeHint()
            y += scale(_GAP)
            self._send.setGeometry(0, y, size.width(), size.height())
            if self._hint is not None:
                left = size.width() + scale(12)
                self._hint.setGeometry(left, y, max(0, width - left), size.height())
            y += size.height()
        return y

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()
