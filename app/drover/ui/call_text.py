"""The arguments or the result of a call: text in the code font that wraps, folded to its first lines."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QTextCursor, QTextOption, QWheelEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from drover.ui.code_view import height_of, make_wrapped
from drover.ui.highlighting import Highlighter, code_question
from drover.ui.markdown_look import clean_code
from drover.ui.markdown_text import OwnerSelects, rest_cursor
from drover.ui.theme import theme
from drover.ui.typesetting import Question, typesetting

FOLDED_LINES: Final = 10
_MOST_LINES: Final = 400
"""Longer texts scroll inside once they are opened."""
_FOLDED_CHARS: Final = 8000
"""Laid out while the text is folded: more than its lines can hold."""
_LONG_LINE: Final = 2000
"""Qt breaks a longer one at words in quadratic time."""
_MOST_COLORED: Final = 200_000


class CallText(OwnerSelects, QPlainTextEdit):
    """Read-only text that may still grow; its owner lays it out and says whether all of it is shown."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        make_wrapped(self)
        self.setAccessibleName(name)
        self._whole = ""
        self._shown_chars = 0
        self._is_open = False
        self._lines = 0
        self._has_more = False
        self._awaited: Question | None = None
        self._highlighter: Highlighter | None = None
        self.restyle()

    @property
    def text(self) -> str:
        """All of it, also what is folded away."""
        return self._whole

    @property
    def is_open(self) -> bool:
        """Whether all of it is shown."""
        return self._is_open

    @property
    def has_more(self) -> bool:
        """Whether there is more than the folded text shows; known after `lay_out`."""
        return self._has_more

    @property
    def line_count(self) -> int:
        """Lines as they were written."""
        return self._whole.count("\n") + 1

    def append(self, text: str) -> None:
        """Takes the next piece."""
        self._whole += text
        self._show_more()

    def display(self, text: str) -> None:
        """Shows a whole text; one that goes on from what is shown costs no more than what is new."""
        if text.startswith(self._whole):
            self.append(text[len(self._whole) :])
            return
        self._whole, self._shown_chars = text, 0
        self._highlighter = None
        self.clear()
        self._show_more()

    def set_open(self, is_open: bool) -> None:
        """Shows all of it, or the first lines."""
        self._is_open = is_open
        self._show_more()

    def color(self, language: str) -> None:
        """Has the settled text coloured as code, once its colours have come."""
        if len(self._whole) > _MOST_COLORED or self._shown_chars < len(self._whole):
            return
        question = code_question(self._whole, language)
        answer = typesetting().answer(question, self)
        if answer is None:
            if self._awaited is None:
                typesetting().answered.connect(self._take)
            self._awaited = question
        elif not answer.is_failure:
            self._highlighter = Highlighter(self.document(), answer, self)

    def _take(self, answered: list[Question]) -> None:
        question = self._awaited
        if question is None or question not in answered:
            return
        typesetting().answered.disconnect(self._take)
        self._awaited = None
        if question.text == self._whole:
            self.color(question.option)

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        self.resize(width, self.height())
        for part in (self, self.viewport()):  # hidden widgets are told of their size only when they are shown
            if part.testAttribute(Qt.WidgetAttribute.WA_PendingResizeEvent):
                QApplication.sendEvent(part, QResizeEvent(part.size(), part.size()))
        most = _MOST_LINES if self._is_open else FOLDED_LINES
        lines = self._count_lines(most + 1)
        self._has_more = lines > most or self._shown_chars < len(self._whole)
        policies = Qt.ScrollBarPolicy
        scrolls = self._is_open and self._has_more
        self.setVerticalScrollBarPolicy(
            policies.ScrollBarAsNeeded if scrolls else policies.ScrollBarAlwaysOff
        )
        self._lines = min(lines, most)
        return height_of(self, self._lines)

    def _count_lines(self, most: int) -> int:
        """Lines on the screen, counted no further than that: each that is counted is laid out."""
        layout, block, count = self.document().documentLayout(), self.document().firstBlock(), 0
        while block.isValid() and count < most:
            layout.blockBoundingRect(block)
            count += max(1, block.lineCount())
            block = block.next()
        return min(count, most)

    def _show_more(self) -> None:
        end = len(self._whole) if self._is_open else min(len(self._whole), _FOLDED_CHARS)
        if end <= self._shown_chars:
            return
        piece, self._shown_chars = self._whole[self._shown_chars : end], end
        if max(map(len, piece.split("\n"))) > _LONG_LINE:
            self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(clean_code(piece))
        rest_cursor(self)

    def restyle(self) -> None:
        """Colours or text size have changed."""
        self.setFont(theme().font("wire"))
        if self._highlighter is not None and self._awaited is None:
            self._highlighter.deleteLater()
            self._highlighter = None
            self.color("json")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Belongs to the transcript, unless the person has gone into a text that scrolls."""
        if self.hasFocus() and self.verticalScrollBar().maximum() > 0:
            super().wheelEvent(event)
        else:
            event.ignore()
