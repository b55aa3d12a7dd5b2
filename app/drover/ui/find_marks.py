"""Colours hits in the text widgets of the transcript.

They are painted by hand, and only those in view: a text editor draws its text once more for each extra
selection, which takes a tenth of a second for a hundred of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol, TypeAlias

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QTextBlock, QTextDocument, QTextLine

from drover.ui.markdown_look import BREAK_HERE
from drover.ui.markdown_places import Place, position_at, utf16_length
from drover.ui.theme import theme

_OBJECT_CHARACTER = "\ufffc"
_FORMULA_ALPHA = 0.35
_RADIUS = 2


class Hits(Protocol):
    """The hits in one part of a message, in order."""

    @property
    def revision(self) -> int:
        """Another number after each change."""

    def near(self, first: Place, last: Place) -> Iterator[tuple[Place, Place]]:
        """The (start, end) of each hit that starts from `first` to `last`, and of the one before them."""


class Marks(Protocol):
    """What is to be coloured in the messages of a conversation."""

    def hits(self, message_id: str, part: str) -> Hits:
        """The hits in the "reasoning" or the "body" of a message."""

    def current_in(self, message_id: str, part: str) -> tuple[Place, Place] | None:
        """The hit gone to, if it stands there."""


@dataclass(frozen=True, slots=True)
class WidgetHits:
    """Those of the hits in a body that stand in one of its widgets."""

    hits: Hits
    revision: int
    """Of the hits: what has been painted before that is out of date."""
    current: tuple[Place, Place] | None
    first_block: int
    """Of the widget, among all blocks; in what is told here it counts as the first."""

    def near(self, first: Place, last: Place) -> list[tuple[Place, Place, bool]]:
        """The (start, end) of each hit about these places, and whether it is the one gone to."""
        base = self.first_block
        first, last = Place(first.block + base, first.offset), Place(last.block + base, last.offset)
        found = []
        for start, end in self.hits.near(first, last):
            if start.block >= base:
                place = Place(start.block - base, start.offset), Place(end.block - base, end.offset)
                found.append((*place, (start, end) == self.current))
        return found


class HitRange(NamedTuple):
    """A hit in a text document, by positions."""

    start: int
    end: int
    is_current: bool


HitsIn: TypeAlias = Callable[[QRect], list[HitRange]]
"""The hits about a rectangle of a viewport."""


def positions_at(text: str, offsets: Sequence[int], sources: Sequence[tuple[int, int]] = ()) -> list[int]:
    """`position_at` for many offsets in ascending order, without reading the text again for each."""
    if text.isascii() and not sources:
        return [min(offset, len(text)) for offset in offsets]
    if sources or BREAK_HERE in text:
        return [position_at(text, offset, sources) for offset in offsets]
    steps = pairwise([0, *offsets])
    positions, position = [], 0
    for before, offset in steps:
        position += utf16_length(text[before:offset])
        positions.append(position)
    return positions


def paint_hits(
    painter: QPainter, document: QTextDocument, hits: Sequence[HitRange],
    origin_of: Callable[[QTextBlock], QPointF], *, is_behind: bool,
) -> None:  # fmt: skip
    """Fills the hits, which are in order, and writes their text on it.

    Formulas are filled by another call, `is_behind`, before the text is painted.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    index = 0
    while index < len(hits):
        block = document.findBlock(hits[index].start)
        first, beyond = index, block.position() + max(1, block.length())
        while index < len(hits) and hits[index].start < beyond:
            index += 1
        has_formulas = _OBJECT_CHARACTER in block.text()
        if has_formulas or not is_behind:
            chosen = [
                hit for hit in hits[first:index]
                if (has_formulas and _is_formula(document, hit)) is is_behind
            ]  # fmt: skip
            (_fill_formulas if is_behind else _write)(painter, block, origin_of(block), chosen)


def _is_formula(document: QTextDocument, hit: HitRange) -> bool:
    return hit.end == hit.start + 1 and document.characterAt(hit.start) == _OBJECT_CHARACTER


def _write(painter: QPainter, block: QTextBlock, origin: QPointF, hits: Sequence[HitRange]) -> None:
    """Fills the hits of a block of text, as high as its letters, and writes their text in its colour."""
    metrics = QFontMetricsF(block.charFormat().font())
    ascent, height, start = metrics.ascent(), metrics.height(), block.position()
    inks = {True: theme().color("on-accent"), False: theme().color("text")}
    fills = {True: theme().color("accent"), False: theme().color("hit")}
    # In high contrast the fill of a hit is that of the window.
    edge = inks[False] if theme().is_high_contrast else Qt.PenStyle.NoPen
    for hit in hits:
        for line, first, last in _lines(block, hit.start - start, hit.end - start):
            x1, x2 = sorted((_x(line, first), _x(line, last)))
            top = origin.y() + line.y() + line.ascent() - ascent
            painter.setPen(edge)
            painter.setBrush(fills[hit.is_current])
            painter.drawRoundedRect(QRectF(origin.x() + x1, top, x2 - x1, height), _RADIUS, _RADIUS)
            painter.setPen(inks[hit.is_current])
            for run in line.glyphRuns(first, last - first):
                painter.drawGlyphRun(origin, run)


def _fill_formulas(painter: QPainter, block: QTextBlock, origin: QPointF, hits: Sequence[HitRange]) -> None:
    """Fills what lies behind formulas; they keep the colour in which they have been typeset."""
    start = block.position()
    painter.setPen(Qt.PenStyle.NoPen)
    for hit in hits:
        fill = theme().color("accent" if hit.is_current else "hit")
        fill.setAlphaF(_FORMULA_ALPHA if hit.is_current else 1.0)
        painter.setBrush(fill)
        for line, first, last in _lines(block, hit.start - start, hit.end - start):
            x1, x2 = sorted((_x(line, first), _x(line, last)))
            rect = QRectF(origin.x() + x1, origin.y() + line.y(), x2 - x1, line.height())
            painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), _RADIUS, _RADIUS)


def _lines(block: QTextBlock, start: int, end: int) -> Iterator[tuple[QTextLine, int, int]]:
    """The lines in which a stretch of a block stands, each with what of it stands there."""
    layout = block.layout()
    line = layout.lineForTextPosition(start)
    while line.isValid():
        beyond = line.textStart() + line.textLength()
        if start < min(end, beyond):
            yield line, start, min(end, beyond)
        if beyond >= end or line.lineNumber() + 1 >= layout.lineCount():
            return
        start = beyond
        line = layout.lineAt(line.lineNumber() + 1)


def _x(line: QTextLine, position: int) -> float:
    """The x of a position in a line; the binding returns the position beside it."""
    found: Any = line.cursorToX(position)
    return float(found[0] if isinstance(found, tuple | list) else found)
