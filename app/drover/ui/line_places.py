"""Places in laid-out text that outlast a new layout: from a height to a character, and back."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QTextDocument


class Anchor(NamedTuple):
    """A place inside a message, to be found again whatever has been laid out above it."""

    part: str
    """What of the message it lies in: body, reasoning, toggle, top or foot."""
    segment: int = 0
    """The segment of a body of Markdown."""
    position: int = -1
    """A character of the segment's document in the anchored line; -1 where there is no such line."""
    offset: int = 0
    """Pixels below the top of that line, or else of the segment or part."""
    share: float = 0.0
    """The place in the height of the segment, from 0 to 1: an estimate while the segment has no widget."""


def line_at(document: QTextDocument, y: float) -> tuple[int, float]:
    """(a character in the middle of the line at this height, the top of that line)."""
    layout = document.documentLayout()
    position = layout.hitTest(QPointF(0, y), Qt.HitTestAccuracy.FuzzyHit)
    block = document.findBlock(max(0, position))
    line = block.layout().lineForTextPosition(max(0, position) - block.position())
    if not line.isValid():
        return max(0, position), layout.blockBoundingRect(block).top()
    # In the middle: text that is rewritten before it, such as markup that has closed, may move it a little.
    middle = block.position() + line.textStart() + line.textLength() // 2
    return middle, layout.blockBoundingRect(block).top() + line.y()


def top_of_line(document: QTextDocument, position: int) -> float:
    """The top of the line that holds this character; of the last line if the text has become shorter."""
    block = document.findBlock(min(position, max(0, document.characterCount() - 1)))
    line = block.layout().lineForTextPosition(position - block.position())
    top = document.documentLayout().blockBoundingRect(block).top()
    return top + line.y() if line.isValid() else top
