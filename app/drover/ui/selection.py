"""What is selected in the transcript, and how mouse and keyboard change it.

A selection runs from an anchor to a focus, both places in messages, whether these have widgets or not. The
widgets there are show their part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from PySide6.QtCore import QElapsedTimer, QObject, QPoint, QRect, QTextBoundaryFinder, QTimer
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication

from drover.markdown_blocks import Block, CodeBlock, Table
from drover.ui.markdown_places import END, Place, Range, utf16_length, utf16_prefix
from drover.ui.message_view import MessageView
from drover.ui.rich_copy import Excerpt

PARTS = ("reasoning", "body")
_SCROLL_MS = 25
_MOST_STEP_PX = 60
_PROBE_PX = 5
_FURTHEST_PX = 700


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the transcript."""

    message_id: str
    part: str
    """One of `PARTS`."""
    place: Place


class Unit(Enum):
    """What a drag selects whole."""

    CHARACTER = 1
    WORD = 2
    BLOCK = 3


class Page(Protocol):
    """What a selection needs of the transcript. Points and rectangles are those of its viewport."""

    def count(self) -> int:
        """How many messages there are."""

    def id_at(self, index: int) -> str:
        """The id of a message."""

    def index_of(self, message_id: str) -> int | None:
        """Where the message stands; None if it is not shown."""

    def view_at(self, index: int) -> MessageView:
        """What shows a message; it is made if need be."""

    def views(self) -> Iterator[tuple[int, MessageView]]:
        """The messages that have a view, with their indices."""

    def spot_at(self, point: QPoint) -> Spot | None:
        """The place nearest to a point; None in an empty conversation."""

    def line_at(self, spot: Spot) -> QRect:
        """The line's height at a place."""

    def show_place(self, message_id: str, part: str, place: Place) -> None:
        """Scrolls so that the place can be seen."""

    def height_in_view(self) -> int:
        """Of what can be seen."""

    def excerpt(self, index: int, part: str, selected: Range) -> Excerpt | None:
        """What of a part of a message lies between two places; None if that is nothing, or not shown."""

    def scroll_by(self, pixels: int) -> int:
        """Scrolls down, or up; by how much it did."""

    def hold_still(self) -> None:
        """Stops following the end."""


class TranscriptSelection(QObject):
    """The selection of one transcript. Its owner hands on events of the mouse and keys."""

    def __init__(self, page: Page, parent: QObject) -> None:
        super().__init__(parent)
        self._page = page
        self._anchor: Spot | None = None
        self._focus: Spot | None = None
        self._unit = Unit.CHARACTER
        self._origin: tuple[Spot, Spot] | None = None  # the word or block where a drag began
        self._pressed_at: QPoint | None = None
        self._pointer = QPoint()
        self._has_moved = False
        self._goal_x: int | None = None
        self._step = 0
        self._since_double = QElapsedTimer()
        self._scrolling = QTimer(self, interval=_SCROLL_MS)
        self._scrolling.timeout.connect(self._scroll_on)

    # What is selected

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to copy."""
        return self._anchor == self._focus

    def ends(self) -> tuple[Spot, Spot] | None:
        """The first and the last place, in reading order; None if nothing is selected."""
        if self._anchor is None or self._focus is None or self.is_empty:
            return None
        first, last = sorted((self._anchor, self._focus), key=self._order)
        return first, last

    def ranges_in(self, index: int) -> dict[str, Range]:
        """What of the parts of a message is selected."""
        ends = self.ends()
        return ranges_between(self._order(ends[0]), self._order(ends[1]), index) if ends is not None else {}

    def apply_to(self, index: int, view: MessageView) -> None:
        """Shows in a view what of it is selected."""
        ranges = self.ranges_in(index)
        view.select(ranges.get("reasoning"), ranges.get("body"))

    def clear(self) -> None:
        """Selects nothing."""
        self._set(None, None)

    def forget_missing(self) -> None:
        """Selects nothing if an end is in a message that is no longer there."""
        for spot in (self._anchor, self._focus):
            if spot is not None and self._page.index_of(spot.message_id) is None:
                self._stop_drag()
                self._set(None, None)
                return

    def select_message(self, message_id: str, part: str = "body") -> None:
        """Selects the whole text of a message."""
        self._set(Spot(message_id, part, Place(0, 0)), Spot(message_id, part, END))
        self.offer()

    def select_all(self) -> None:
        """Selects the conversation, without reading it."""
        count = self._page.count()
        if count:
            first, last = self._page.id_at(0), self._page.id_at(count - 1)
            self._set(Spot(first, PARTS[0], Place(0, 0)), Spot(last, PARTS[-1], END))
            self.offer()

    def select_more(self) -> None:
        """Selects the message in which the keyboard is; if that is selected already, the conversation."""
        spot = self._focus
        if spot is None:
            return
        whole = Spot(spot.message_id, spot.part, Place(0, 0)), Spot(spot.message_id, spot.part, END)
        if (self._anchor, self._focus) == whole or self._reaches_beyond(spot.message_id):
            self.select_all()
        else:
            self.select_message(spot.message_id, spot.part)

    def _reaches_beyond(self, message_id: str) -> bool:
        return self._anchor is not None and self._anchor.message_id != message_id

    def _set(self, anchor: Spot | None, focus: Spot | None) -> None:
        self._anchor, self._focus, self._goal_x = anchor, focus, None
        for index, view in self._page.views():
            self.apply_to(index, view)

    def _order(self, spot: Spot) -> tuple[int, int, Place]:
        return self._page.index_of(spot.message_id) or 0, PARTS.index(spot.part), spot.place

    def offer(self) -> None:
        """Makes the selection what the middle button pastes, where the system knows such a thing."""
        clipboard = QGuiApplication.clipboard()
        ends = self.ends()
        if ends is not None and clipboard.supportsSelection():
            from drover.ui.transcript_copy import LazyExcerpt

            clipboard.setMimeData(LazyExcerpt(self._page, ends), clipboard.Mode.Selection)

    # Mouse

    def press(self, point: QPoint, *, extends: bool = False, is_double: bool = False) -> None:
        """The left button went down, perhaps twice; a third click soon after selects a block."""
        spot = self._page.spot_at(point)
        is_third = not self._since_double.hasExpired(QApplication.doubleClickInterval()) and (
            (point - self._pointer).manhattanLength() < QApplication.startDragDistance()
        )
        if is_double:
            self._since_double.start()
        elif is_third:
            self._since_double.invalidate()
        self._pressed_at, self._pointer, self._has_moved = point, point, False
        if spot is None:
            return
        if extends and self._anchor is not None:
            self._has_moved = True
            self._extend_to(spot)
            return
        self._unit = Unit.WORD if is_double else Unit.BLOCK if is_third else Unit.CHARACTER
        self._origin = None
        if self._unit is Unit.CHARACTER:
            self._set(spot, spot)
        else:
            self._has_moved = True
            self._origin = self._around(spot)
            self._set(*self._origin)

    def drag(self, point: QPoint) -> None:
        """The pointer moved with the button down."""
        height = self._page.height_in_view()
        if self._pressed_at is None:
            return
        self._pointer = point
        if not self._has_moved:
            if (point - self._pressed_at).manhattanLength() < QApplication.startDragDistance():
                return
            self._has_moved = True
            self._page.hold_still()
        beyond = min(0, point.y()) or max(0, point.y() - height)
        self._step = max(-_MOST_STEP_PX, min(_MOST_STEP_PX, beyond))
        if not beyond:
            self._scrolling.stop()
        elif not self._scrolling.isActive():
            self._scrolling.start()
        spot = self._page.spot_at(QPoint(point.x(), max(0, min(height - 1, point.y()))))
        if spot is not None:
            self._extend_to(spot)

    def release(self) -> bool:
        """The button went up; whether that was a plain click."""
        was_click = self._pressed_at is not None and not self._has_moved
        self._stop_drag()
        if not was_click:
            self.offer()
        return was_click

    def _stop_drag(self) -> None:
        self._pressed_at = None
        self._scrolling.stop()

    def _scroll_on(self) -> None:
        """The pointer is held beyond an edge: goes on, and faster the further out it is."""
        if not self._page.scroll_by(self._step):
            self._scrolling.stop()
        edge = 0 if self._step < 0 else self._page.height_in_view() - 1
        spot = self._page.spot_at(QPoint(self._pointer.x(), edge))
        if spot is not None:
            self._extend_to(spot)

    def _extend_to(self, spot: Spot) -> None:
        if self._origin is None:
            self._set(self._anchor or spot, spot)
            return
        first, last = self._origin
        before, after = self._around(spot)
        if self._order(before) < self._order(first):
            self._set(last, before)
        else:
            self._set(first, max(after, last, key=self._order))

    def _around(self, spot: Spot) -> tuple[Spot, Spot]:
        """The word or the block around a place."""
        block = self._block_at(spot)
        text, offset = block[1] if block else "", spot.place.offset
        if self._unit is Unit.WORD:
            start, end = word_around(text, offset)
        else:
            separators = {CodeBlock: "\n", Table: "\t\n"}.get(type(block[0].content), "") if block else ""
            start, end = stretch_around(text, offset, separators)
        number = spot.place.block
        return (
            Spot(spot.message_id, spot.part, Place(number, start)),
            Spot(spot.message_id, spot.part, Place(number, end)),
        )

    def _block_at(self, spot: Spot) -> tuple[Block, str] | None:
        """The block at a place, and what it shows."""
        index = self._page.index_of(spot.message_id)
        part = self._page.view_at(index).part(spot.part) if index is not None else None
        return part.shown_block(spot.place.block) if part is not None else None

    # Keyboard

    def go_to_message(self, message_id: str) -> None:
        """The keyboard is in this message: keys go from its beginning, if nothing was clicked in it."""
        if self.is_empty and (self._focus is None or self._focus.message_id != message_id):
            self._anchor = self._focus = Spot(message_id, "body", Place(0, 0))

    def take_key(self, event: QKeyEvent, spot: Spot | None) -> bool:
        """Does what a key asks for; whether it asked for anything. From `spot` it goes where nothing was
        clicked or selected before."""
        if self._focus is None:
            self._anchor = self._focus = spot
        for sequence, move in _MOVES.items():
            if event.matches(sequence):
                return self._move(move)
        if event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_more()
            return True
        if event.matches(QKeySequence.StandardKey.Cancel) and not self.is_empty:
            self.clear()
            return True
        return False

    def _move(self, move: str) -> bool:
        focus = self._resolved(self._focus)
        if focus is None:
            return False
        goal_x = self._goal_x
        target = self._moved(focus, move)
        if target is not None:
            is_vertical = move in ("line down", "line up", "page down", "page up")
            self._set(self._resolved(self._anchor) or focus, target)
            if is_vertical:
                self._goal_x = goal_x if goal_x is not None else self._page.line_at(focus).x()
            self._page.show_place(target.message_id, target.part, target.place)
            self.offer()
        return True

    def _moved(self, focus: Spot, move: str) -> Spot | None:
        match move:
            case "character right" | "character left" | "word right" | "word left":
                return self._stepped(focus, move)
            case "line down" | "line up":
                return self._on_other_line(focus, 1 if move == "line down" else -1)
            case "page down" | "page up":
                return self._on_other_page(focus, 1 if move == "page down" else -1)
            case "line start" | "line end":
                return self._at_line_end(focus, is_end=move == "line end")
            case "start":
                return Spot(self._page.id_at(0), PARTS[0], Place(0, 0))
            case _:
                last = Spot(self._page.id_at(self._page.count() - 1), PARTS[-1], END)
                return self._resolved(last)

    def _resolved(self, spot: Spot | None) -> Spot | None:
        """The place, with its real block and offset where it says only "the end"."""
        if spot is None or spot.place != END:
            return spot
        index = self._page.index_of(spot.message_id)
        part = self._page.view_at(index).part(spot.part) if index is not None else None
        return Spot(spot.message_id, spot.part, part.end()) if part is not None else None

    def _stepped(self, focus: Spot, move: str) -> Spot | None:
        """A character or a word further, also into the next block, part or message."""
        is_forward, by_word = move.endswith("right"), move.startswith("word")
        block = self._block_at(focus)
        if block is not None:
            offset = next_boundary(block[1], focus.place.offset, by_word=by_word, is_forward=is_forward)
            if offset is not None:
                return Spot(focus.message_id, focus.part, Place(focus.place.block, offset))
        return self._in_next_block(focus, 1 if is_forward else -1)

    def _in_next_block(self, focus: Spot, step: int) -> Spot | None:
        """The beginning of the next block with text, or the end of the one before."""
        index = self._page.index_of(focus.message_id)
        assert index is not None
        number, part = focus.place.block + step, focus.part
        while True:
            spot = Spot(self._page.id_at(index), part, Place(number, 0))
            block = self._block_at(spot) if number >= 0 else None
            if block is not None and block[1]:
                offset = 0 if step > 0 else len(block[1])
                return Spot(spot.message_id, part, Place(number, offset))
            if block is not None:
                number += step
                continue
            entered = self._next_part(index, part, step)
            if entered is None:
                return None
            index, part = entered
            shown = self._page.view_at(index).part(part)
            number = 0 if step > 0 or shown is None else shown.end().block

    def _next_part(self, index: int, part: str, step: int) -> tuple[int, str] | None:
        """The next part that is shown, in this message or the next."""
        number = PARTS.index(part) + step
        while 0 <= index < self._page.count():
            view = self._page.view_at(index)
            while 0 <= number < len(PARTS):
                if view.part(PARTS[number]) is not None:
                    return index, PARTS[number]
                number += step
            index, number = index + step, 0 if step > 0 else len(PARTS) - 1
        return None

    def _on_other_line(self, focus: Spot, step: int) -> Spot | None:
        """The place on the next line under or above this one, whatever lies in between."""
        self._page.show_place(focus.message_id, focus.part, focus.place)
        rect = self._page.line_at(focus)
        x = self._goal_x if self._goal_x is not None else rect.x()
        y = rect.bottom() if step > 0 else rect.top()
        for _ in range(0, _FURTHEST_PX, _PROBE_PX):
            y += step * _PROBE_PX
            spot = self._page.spot_at(QPoint(x, y))
            if spot is None or (self._order(spot) > self._order(focus)) is (step < 0) or spot == focus:
                continue
            line = self._page.line_at(spot)
            if line.top() <= y <= line.bottom() and line.top() != rect.top():
                return spot
        return self._in_next_block(focus, step) or self._at_line_end(focus, is_end=step > 0)

    def _on_other_page(self, focus: Spot, step: int) -> Spot | None:
        self._page.show_place(focus.message_id, focus.part, focus.place)
        rect = self._page.line_at(focus)
        x = self._goal_x if self._goal_x is not None else rect.x()
        if not self._page.scroll_by(step * self._page.height_in_view() * 9 // 10):
            return self._moved(focus, "end" if step > 0 else "start")
        return self._page.spot_at(QPoint(x, rect.center().y()))

    def _at_line_end(self, focus: Spot, *, is_end: bool) -> Spot | None:
        block = self._block_at(focus)
        if block is None:
            return None
        separators = {CodeBlock: "\n", Table: "\t\n"}.get(type(block[0].content))
        if separators is not None:
            offset = stretch_around(block[1], focus.place.offset, separators)[is_end]
            return Spot(focus.message_id, focus.part, Place(focus.place.block, offset))
        self._page.show_place(focus.message_id, focus.part, focus.place)
        y = self._page.line_at(focus).center().y()
        return self._page.spot_at(QPoint(10_000 if is_end else 0, y))


_KEYS = QKeySequence.StandardKey
_MOVES = {
    _KEYS.SelectNextChar: "character right",
    _KEYS.SelectPreviousChar: "character left",
    _KEYS.SelectNextWord: "word right",
    _KEYS.SelectPreviousWord: "word left",
    _KEYS.SelectNextLine: "line down",
    _KEYS.SelectPreviousLine: "line up",
    _KEYS.SelectNextPage: "page down",
    _KEYS.SelectPreviousPage: "page up",
    _KEYS.SelectStartOfLine: "line start",
    _KEYS.SelectEndOfLine: "line end",
    _KEYS.SelectStartOfDocument: "start",
    _KEYS.SelectEndOfDocument: "end",
}


def ranges_between(
    first: tuple[int, int, Place], last: tuple[int, int, Place], index: int
) -> dict[str, Range]:
    """What of the parts of a message lies between two places, given by message, part and place."""
    found: dict[str, Range] = {}
    for number, part in enumerate(PARTS):
        key = index, number
        if first[:2] <= key <= last[:2]:
            start = first[2] if key == first[:2] and first[2] != Place(0, 0) else None
            end = last[2] if key == last[:2] and last[2] != END else None
            found[part] = start, end
    return found


def word_around(text: str, offset: int) -> tuple[int, int]:
    """The word, the white space or the sign at an offset, by the rules of Unicode."""
    finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Word, text)
    position = utf16_length(text[:offset])
    finder.setPosition(position)
    start = position if finder.isAtBoundary() else finder.toPreviousBoundary()
    finder.setPosition(position)
    end = finder.toNextBoundary()
    if end < 0:  # at the end of the text: the last word
        finder.setPosition(position)
        end, start = position, finder.toPreviousBoundary()
    return len(utf16_prefix(text, max(0, start))), len(utf16_prefix(text, end))


def stretch_around(text: str, offset: int, separators: str) -> tuple[int, int]:
    """The stretch between two separators; the whole text if there are none."""
    start = max((text.rfind(each, 0, offset) for each in separators), default=-1) + 1
    ends = [found for each in separators if (found := text.find(each, offset)) >= 0]
    return start, min(ends, default=len(text))


def next_boundary(text: str, offset: int, *, by_word: bool, is_forward: bool) -> int | None:
    """The offset one character, or to where the next word begins; None at the end of the text."""
    kinds = QTextBoundaryFinder.BoundaryType
    finder = QTextBoundaryFinder(kinds.Word if by_word else kinds.Grapheme, text)
    finder.setPosition(utf16_length(text[:offset]))
    while True:
        found = finder.toNextBoundary() if is_forward else finder.toPreviousBoundary()
        if found < 0:
            return None
        reached = len(utf16_prefix(text, found))
        if not by_word or reached in (0, len(text)) or not text[reached].isspace():
            return reached
