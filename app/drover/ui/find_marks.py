"""Colours hits in the text widgets of the transcript, whatever else their text shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from drover.ui.markdown_look import BREAK_HERE
from drover.ui.markdown_places import Place, position_at, utf16_length
from drover.ui.theme import theme

_OBJECT_CHARACTER = "\ufffc"
_FORMULA_ALPHA = 0.35


class Hits(Protocol):
    """The hits in one part of a message, in order."""

    @property
    def revision(self) -> int:
        """Another number after each change."""

    def count_between(self, first: Place, last: Place) -> int:
        """How many hits start at `first` or later and before `last`."""

    def between(self, first: Place, last: Place) -> Iterator[tuple[Place, Place]]:
        """The (start, end) of each of them."""


class Marks(Protocol):
    """What is to be coloured in the messages of a conversation."""

    def hits(self, message_id: str, part: str) -> Hits:
        """The hits in the "reasoning" or the "body" of a message."""

    def current_in(self, message_id: str, part: str) -> tuple[Place, Place] | None:
        """The hit gone to, if it stands there."""


def positions_at(text: str, offsets: Sequence[int], sources: Sequence[tuple[int, int]] = ()) -> list[int]:
    """`position_at` for many offsets in ascending order, without reading the text again for each."""
    if text.isascii() and not sources:
        return [min(offset, len(text)) for offset in offsets]
    if sources or BREAK_HERE in text:
        return [position_at(text, offset, sources) for offset in offsets]
    positions, position, done = [], 0, 0
    for offset in offsets:
        position += utf16_length(text[done:offset])
        done = max(done, min(offset, len(text)))
        positions.append(position)
    return positions


def show_marks(
    edit: QTextEdit | QPlainTextEdit, ranges: Sequence[tuple[int, int]], current: tuple[int, int] | None
) -> None:
    """Colours these (start, end) positions of the document, and one of them stronger; replaces all before."""
    document = edit.document()
    marks = []
    for place in ranges:
        start, end = place
        mark = QTextEdit.ExtraSelection()
        cursor = QTextCursor(document)
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        mark.cursor = cursor
        is_formula = end == start + 1 and document.characterAt(start) == _OBJECT_CHARACTER
        mark.format = _format(is_current=place == current, is_formula=is_formula)
        marks.append(mark)
    edit.setExtraSelections(marks)


def _format(*, is_current: bool, is_formula: bool) -> QTextCharFormat:
    look = QTextCharFormat()
    fill = theme().color("accent" if is_current else "hit")
    if is_formula:  # keeps its colour, in which it has been typeset
        fill.setAlphaF(_FORMULA_ALPHA if is_current else 1.0)
    else:
        look.setForeground(theme().color("on-accent" if is_current else "text"))
        look.setFontUnderline(theme().is_high_contrast and not is_current)
    look.setBackground(fill)
    return look
