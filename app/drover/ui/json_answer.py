"""An answer that was asked for as JSON: whether it is that, and the choice between its tree and its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from drover.domain.json_verdict import JsonVerdict
from drover.ui.controls import Label, Segments
from drover.ui.json_checking import JsonCheck, words_of
from drover.ui.json_tree import JsonTree
from drover.ui.theme import draw_frame, draw_icon, theme

_BAR, _ICON, _GAP, _PAD = 24, 14, 8, 6
_FENCED = re.compile(r"\s*```[\w-]*\n(.*?)\n?```\s*", re.DOTALL)


class JsonAnswer(QWidget):
    """The bar above an answer, and its tree below that while it is chosen. Its owner lays it out.

    Signals:
        height_changed(): lay out again; whether the text is shown may have changed too
    """

    height_changed = Signal()

    def __init__(self, schema: Mapping[str, Any] | bool | None, parent: QWidget) -> None:
        super().__init__(parent)
        self._schema = schema
        self._is_fenced = False
        self._asked: str | None = None
        self._is_claimed = self._may_turn = False
        self._verdict: JsonVerdict | None = None
        self._tree: JsonTree | None = None
        self._choice = Segments(self.tr("Show the answer as"), compact=True, parent=self)
        self._choice.addItem(self.tr("Tree"), "tree")
        self._choice.addItem(self.tr("Text"), "text")
        self._choice.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._choice.setCurrentIndex(1)
        self._choice.setEnabled(False)
        self._choice.activated.connect(self._choose)
        self._label = Label(self.tr("JSON is arriving"), role="small", token="text-2", parent=self)
        self._label.setWordWrap(True)

    @property
    def shows_tree(self) -> bool:
        """Whether the text gives way to the tree."""
        return self._tree is not None and bool(self._choice.currentData() == "tree")

    @property
    def chosen(self) -> bool | None:
        """Whether a person has chosen the tree; None if nothing was chosen."""
        return self.shows_tree if self._is_claimed else None

    def choose(self, is_tree: bool) -> None:
        """Takes up what was chosen before this was made anew."""
        self._is_claimed = True
        self._may_turn = is_tree

    def show_text(self) -> None:
        """Shows the text, in which something was found."""
        if self.shows_tree:
            self._choice.setCurrentIndex(1)
            self._show_choice()

    def judge(self, text: str, *, may_turn: bool) -> None:
        """Has the whole answer checked. The tree takes the place of the text by itself only if it may."""
        if text == self._asked:
            return
        self._asked = text
        if self._tree is not None:  # of another reading of the reply
            self._tree.hide()
            self._tree.deleteLater()
            self._tree = None
        if not self._is_claimed:
            self._may_turn = may_turn
        fenced = _FENCED.fullmatch(text)
        self._is_fenced = fenced is not None
        check = JsonCheck(self)
        check.judged.connect(self._take)
        self._label.setText(self.tr("JSON is being checked"))
        check.ask(fenced[1] if fenced is not None else text, self._schema)

    def _take(self, verdict: JsonVerdict) -> None:
        self._verdict = verdict
        self._label.setText(_sentence(verdict, is_fenced=self._is_fenced))
        self._label.set_look(token="text-2" if verdict.is_good else "caution")
        self._choice.setEnabled(verdict.is_json)
        if verdict.is_json and self._may_turn:
            self._choice.setCurrentIndex(0)
        self._show_choice()

    def _choose(self) -> None:
        self._is_claimed = True
        self._show_choice()

    def _show_choice(self) -> None:
        is_tree = self._choice.currentData() == "tree"
        if is_tree and self._tree is None and self._verdict is not None and self._verdict.is_json:
            self._tree = JsonTree(self._verdict.value, self.tr("Answer as a tree"), self)
            self._tree.height_changed.connect(self.height_changed)
        if self._tree is not None:
            self._tree.setVisible(is_tree)
        self.height_changed.emit()

    def restyle(self) -> None:
        """Colours or text size have changed."""
        if self._tree is not None:
            self._tree.restyle()

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale = theme().px
        bar, line = scale(_BAR), theme().line_height("small")
        choice = self._choice.sizeHint().width()
        self._choice.setGeometry(0, 0, choice, bar)
        left = choice + scale(12) + self._sign_width()
        room = max(40, width - left)
        height = max(line, self._label.heightForWidth(room))
        top = (bar - line) // 2
        self._label.setGeometry(left, top, room, height)
        y = max(bar, top + height) + scale(_GAP)
        if self.shows_tree and self._tree is not None:
            height = self._tree.lay_out(width - 2 - 2 * _PAD)
            self._tree.setGeometry(1 + _PAD, y + _PAD, width - 2 - 2 * _PAD, height)
            y += height + 2 * _PAD + 2
        return y

    def _sign_width(self) -> int:
        return theme().px(_ICON) + theme().px(6) if self._verdict is not None else 0

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The sign of the verdict, and a frame around the tree."""
        painter = QPainter(self)
        side = theme().px(_ICON)
        if self._verdict is not None:
            icon, token = ("check", "text-2") if self._verdict.is_good else ("warning", "caution")
            left = self._label.x() - self._sign_width()
            place = QRectF(left, (theme().px(_BAR) - side) / 2, side, side)
            draw_icon(painter, place, icon, theme().color(token))
        if self.shows_tree and self._tree is not None:
            frame = QRectF(self._tree.geometry()).adjusted(-_PAD - 1, -_PAD - 1, _PAD + 1, _PAD + 1)
            draw_frame(painter, frame, 6, fill=theme().color("code"), edge=theme().color("line"))
        painter.end()


def _sentence(verdict: JsonVerdict, *, is_fenced: bool) -> str:
    wrong = words_of(verdict)
    if not verdict.is_json:
        return "\n".join(wrong)
    if not wrong:
        words = _tr("Valid JSON, matches the schema") if verdict.has_schema else _tr("Valid JSON")
        return words + (_tr(", in a block of code") if is_fenced else "")
    if len(wrong) == 1:
        return _tr("1 problem: {0}").format(wrong[0])
    count = _tr("at least {0}") if verdict.has_more_problems else "{0}"
    head = _tr("Valid JSON with {0} problems:").format(count.format(len(wrong)))
    return "\n".join((head, *wrong))


def _tr(text: str) -> str:
    return QCoreApplication.translate("json_answer", text)
