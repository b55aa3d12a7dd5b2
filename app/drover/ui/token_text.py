"""The text of a reply with each token colored by its probability, and a cursor that walks over the tokens."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QTextBlock,
    QTextLine,
)
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from drover.domain.probabilities import ScoredText, TokenChoice
from drover.ui.theme import theme

BOUNDS = (0.9, 0.5, 0.2, 0.05)
"""Below each of these probabilities a token is colored one step stronger."""
_NUMBERS = tuple(-math.log(bound) for bound in BOUNDS)
_FILLS = ("", "doubt-1", "doubt-2", "doubt-3", "doubt-4")
_LINES = {3: Qt.PenStyle.DotLine, 4: Qt.PenStyle.DashLine}
_BREAK_WIDTH = 6.0
"""What stands for the end of a line that is a token, or part of one."""


def level(choice: TokenChoice) -> int:
    """How strongly a token is colored: 0 for a likely one to 4."""
    return bisect_left(_NUMBERS, -choice.logprob)


class TokenText(QPlainTextEdit):
    """A read-only text whose tokens are backed by color, the unlikely ones underlined too.

    Left and Right go from token to token, all other keys move as in any text; the token at the cursor is
    framed. Only what is in sight is painted, whatever the length. To assistive technology it is a text.

    Signals:
        token_chosen: another token is at the cursor (its index)
        token_hovered: the pointer is on a token (its index), or on none any more (-1)
        alternatives_requested: Enter was pressed on the token at the cursor
    """

    token_chosen = Signal(int)
    token_hovered = Signal(int)
    alternatives_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scored = ScoredText(text="")
        self._starts: Sequence[int] = array("q")
        self._ends: Sequence[int] = array("q")
        self._levels = bytearray()
        self._chosen = self._hovered = -1
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        flags = Qt.TextInteractionFlag
        self.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
        self.setCursorWidth(0)  # the frame around the token is the cursor
        self.setProperty("bare", True)
        self.setAccessibleName(QCoreApplication.translate("tokens", "Tokens of the reply"))
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.document().setDocumentMargin(2)
        self.viewport().setMouseTracking(True)
        self.cursorPositionChanged.connect(self._follow_cursor)
        theme().changed.connect(self._restyle)
        self._restyle()

    @property
    def chosen(self) -> int:
        """The token at the cursor; -1 if there is none."""
        return self._chosen

    def display(self, scored: ScoredText) -> None:
        """Shows a text with its tokens, the first one chosen."""
        self._scored = scored
        self._starts, self._ends = _in_utf16(scored)
        self._levels = bytearray(map(level, scored.tokens))
        self._chosen = self._hovered = -1
        self.setPlainText(_in_lines(scored.text))
        self.choose(0)

    def choose(self, index: int) -> None:
        """Puts the cursor on a token and shows it; nothing happens for one that is not there."""
        if not 0 <= index < len(self._starts):
            return
        cursor = self.textCursor()
        cursor.setPosition(self._starts[index])
        self._take(index)  # before the cursor moves: several tokens may begin there
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def find_next(self, words: str) -> bool:
        """Goes to the next place of these words after the cursor, from the start after the last one."""
        text, needle = self.toPlainText().casefold(), words.casefold()
        if len(text) != len(self.toPlainText()) or not needle:
            text, needle = self.toPlainText(), words
        start = self._scored.ends[self._chosen] if self._chosen >= 0 else 0
        at = text.find(needle, start) if needle else -1
        at = text.find(needle) if at < 0 and needle else at
        index = self._scored.token_at(at) if at >= 0 else None
        if index is not None:
            self.choose(index)
        return index is not None

    def sizeHint(self) -> QSize:
        """Some lines at least."""
        return QSize(200, theme().px(240))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right go from token to token, Enter to the alternatives; the rest as in any text."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is not None and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.choose(min(max(0, self._chosen + step), len(self._starts) - 1))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.alternatives_requested.emit()
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tells which token the pointer is on."""
        super().mouseMoveEvent(event)
        self._hover(self._token_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer is on no token any more."""
        super().leaveEvent(event)
        self._hover(-1)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The frame becomes that of a cursor."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The frame becomes quiet."""
        super().focusOutEvent(event)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The fills of the tokens in sight, the text, and the frames."""
        painter = QPainter(self.viewport())
        self._paint_tokens(painter, event)
        painter.end()
        super().paintEvent(event)

    def _paint_tokens(self, painter: QPainter, event: QPaintEvent) -> None:
        bottom = event.rect().bottom()
        block, offset = self.firstVisibleBlock(), self.contentOffset()
        while block.isValid():
            place = self.blockBoundingGeometry(block).translated(offset)
            if place.top() > bottom:
                return
            layout, origin = block.layout(), place.topLeft()
            for number in range(layout.lineCount()):
                line = layout.lineAt(number)
                top = origin.y() + line.y()
                if top + line.height() < event.rect().top():
                    continue
                if top > bottom:
                    return
                self._paint_line(painter, block, line, origin)
            block = block.next()

    def _paint_line(self, painter: QPainter, block: QTextBlock, line: QTextLine, origin: QPointF) -> None:
        start = block.position() + line.textStart()
        end = start + line.textLength()
        is_last = line.textStart() + line.textLength() >= block.length() - 1
        index = bisect_right(self._ends, start)
        while index < len(self._starts) and self._starts[index] < end + is_last:
            strength = self._levels[index]
            is_marked = index in (self._chosen, self._hovered)
            if strength or is_marked:
                area = self._area(index, block, line, origin, end)
                if strength:
                    paint_level(painter, area, strength)
                if is_marked:
                    self._frame(painter, area, is_cursor=index == self._chosen)
            index += 1

    def _area(self, index: int, block: QTextBlock, line: QTextLine, origin: QPointF, end: int) -> QRectF:
        """Where a token stands on a line; with a mark behind the line where the token ends it."""
        first = max(self._starts[index], block.position() + line.textStart()) - block.position()
        last = min(self._ends[index], end) - block.position()
        left, right = _x(line, first), _x(line, last)
        left, right = min(left, right), max(left, right)
        if self._ends[index] > end and end == block.position() + block.length() - 1:
            right = max(right, line.naturalTextRect().right()) + _BREAK_WIDTH
        return QRectF(origin.x() + left, origin.y() + line.y(), max(1.0, right - left - 1), line.height())

    def _frame(self, painter: QPainter, area: QRectF, *, is_cursor: bool) -> None:
        width = 2 if is_cursor and self.hasFocus() else 1
        # Around the token, not on it: a comma is no wider than two lines of the frame.
        around = area.adjusted(-width / 2, width / 2, width / 2, -width / 2)
        painter.setPen(QPen(theme().color("accent" if is_cursor else "strong"), width))
        painter.drawRect(around)

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            self.viewport().update()
            self.token_hovered.emit(index)

    def _token_at(self, point: QPoint) -> int:
        cursor = self.cursorForPosition(point)
        place = self.cursorRect(cursor)
        if abs(point.y() - place.center().y()) > place.height():
            return -1
        position = cursor.position()
        if point.x() < place.x() and position > 0:
            position -= 1
        index = bisect_right(self._ends, position)
        return index if index < len(self._starts) and self._starts[index] <= position else -1

    def _follow_cursor(self) -> None:
        cursor = self.textCursor()
        position = cursor.position()
        if 0 <= self._chosen < len(self._starts) and self._starts[self._chosen] == position:
            return
        index = min(bisect_right(self._ends, position), len(self._starts) - 1)
        self._take(index)

    def _take(self, index: int) -> None:
        if index != self._chosen:
            self._chosen = index
            self.viewport().update()
            self.token_chosen.emit(index)

    def _restyle(self) -> None:
        self.setFont(theme().font("column"))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Text, theme().color("text"))
        self.setPalette(palette)


def paint_level(painter: QPainter, area: QRectF, strength: int) -> None:
    """What lies below a token of this `level`, 1 to 4: a fill, and a line where it is unlikely."""
    painter.fillRect(area, theme().color(_FILLS[strength]))
    style = _LINES.get(strength)
    if style is not None:
        painter.setPen(QPen(theme().color("caution"), 1.5, style))
        bottom = area.bottom() - 1
        painter.drawLine(QPointF(area.left() + 1, bottom), QPointF(area.right() - 1, bottom))


def _x(line: QTextLine, position: int) -> float:
    found: Any = line.cursorToX(position)  # PySide returns the position too, and its stubs say object
    return float(found[0])


def _in_lines(text: str) -> str:
    """The text with as many characters, and with one kind of line ends, as the document keeps it."""
    return text.replace("\r\n", " \n").replace("\r", "\n")


def _in_utf16(scored: ScoredText) -> tuple[Sequence[int], Sequence[int]]:
    """Where the tokens start and end as Qt counts characters."""
    wide = [index for index, character in enumerate(scored.text) if character > "\uffff"]
    if not wide:
        return scored.starts, scored.ends
    starts = array("q", [start + bisect_left(wide, start) for start in scored.starts])
    ends = array("q", [end + bisect_left(wide, end) for end in scored.ends])
    return starts, ends
