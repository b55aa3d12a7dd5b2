"""Places in a body of Markdown, and how they relate to positions in the documents that show it.

A place counts the characters that a reader sees. A text document counts UTF-16 units, and holds marks that
let endless words break; where a formula cannot be typeset it holds its source.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from drover.markdown_blocks import Block, CodeBlock, Heading, MathBlock, Paragraph, Rule, Source, Table
from drover.ui.markdown_inline import parse_inline
from drover.ui.markdown_look import BREAK_HERE, clean_code
from drover.ui.markdown_spans import OBJECT_CHARACTER, shown_characters


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place between two characters, in reading order."""

    block: int
    """Index among the blocks of the body, or of the widget that shows some of them."""
    offset: int
    """Characters of `shown_text` before it."""


Range: TypeAlias = tuple[Place | None, Place | None]
"""From and to; None stands for the beginning or the end of a body, or of the widget that shows some of it."""

END = Place(sys.maxsize, 0)
"""The end of a body, however much there is of it."""


def shown_text(block: Block, *, is_open: bool = False) -> str:
    """What a reader sees of a block, in code points: inline markup resolved, a formula as one U+FFFC, "\\n"
    for a line break, cells joined by tabs and rows by "\\n". Markers of items are no part of it.

    `is_open` says that the block is the tail of a text that still grows, as in `parse_inline`.
    """
    match block.content:
        case Paragraph(text=text) | Heading(text=text):
            return "".join(map(shown_characters, parse_inline(text, is_open=is_open)))
        case CodeBlock(code=code):
            return clean_code(code)
        case Table(header=header, rows=rows, is_continued=is_continued):
            lines: Sequence[Sequence[str]] = rows if is_continued else (header, *rows)
            return "\n".join("\t".join(map(shown_cell, line)) for line in lines)
        case MathBlock(tex=tex):
            return OBJECT_CHARACTER if tex.strip() else ""
        case Source(text=text):
            return clean_code(text).replace(BREAK_HERE, "").replace("\r", "\n")
        case Rule():
            return ""


def shown_cell(cell: str) -> str:
    """What a reader sees of a cell of a table."""
    return "".join(map(shown_characters, parse_inline(cell, breaks_at_tags=True)))


@dataclass(frozen=True, slots=True)
class CellRange:
    """The cells of a table that are selected: a rectangle, or a part of one cell."""

    rows: range
    """Among the rows under the header."""
    columns: range
    has_header: bool
    cell: tuple[int, int, str] | None = None
    """(from, to, source) where both ends are in one cell: the offsets in what it shows."""


def cell_rectangle(
    start: tuple[int, int] | None, end: tuple[int, int] | None, rows: int, columns: int
) -> tuple[range, range]:
    """The rows and columns between two cells, given as (row, column).

    None stands for a selection that comes from before the table or goes on behind it, and takes whole rows.
    """
    first, last = start[0] if start else 0, end[0] if end else rows - 1
    if start is None or end is None:
        return range(first, last + 1), range(columns)
    low, high = sorted((start[1], end[1]))
    return range(first, last + 1), range(low, high + 1)


def cells_between(table: Table, start: int | None, end: int | None) -> CellRange:
    """The cells between two offsets in the shown text; None stands for beyond the table."""
    lines = list(table.rows) if table.is_continued else [table.header, *table.rows]
    first = _cell_at(lines, start, is_end=False) if start is not None else None
    last = _cell_at(lines, end, is_end=True) if end is not None else None
    rows, columns = cell_rectangle(first and first[:2], last and last[:2], len(lines), len(table.header))
    cell = None
    if first is not None and last is not None and first[:2] == last[:2]:
        cell = first[2], last[2], lines[first[0]][first[1]]
    if table.is_continued:
        return CellRange(rows, columns, False, cell)
    return CellRange(range(max(0, rows.start - 1), rows.stop - 1), columns, rows.start == 0, cell)


def _cell_at(lines: Sequence[Sequence[str]], offset: int, *, is_end: bool) -> tuple[int, int, int]:
    """(row, column, offset inside the cell); an end at the beginning of a cell belongs to the one before."""
    begin, row, column, length = 0, 0, 0, 0
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            length = len(shown_cell(cell))
            if offset <= begin + length or (is_end and offset == begin + length + 1):
                return row, column, min(length, offset - begin)
            begin += length + 1
    return row, column, length


def offset_at(text: str, position: int, sources: Sequence[tuple[int, int]] = ()) -> int:
    """The characters shown before a position in a text of a document.

    `position` counts UTF-16 units, as do `sources`: the stretches that show a formula by its source.
    """
    offset = 0
    for start, piece, is_source in _pieces(text, sources):
        length = utf16_length(piece)
        if position >= start + length:
            offset += 1 if is_source else _visible(piece)
            continue
        if is_source:
            return offset + (1 if 2 * (position - start) > length else 0)
        return offset + _visible(utf16_prefix(piece, max(0, position - start)))
    return offset


def position_at(text: str, offset: int, sources: Sequence[tuple[int, int]] = ()) -> int:
    """The position, in UTF-16 units, of an offset in a text of a document; the end if there is none."""
    left, end = offset, 0
    for start, piece, is_source in _pieces(text, sources):
        if left <= 0:
            return start
        length, shown = utf16_length(piece), 1 if is_source else _visible(piece)
        end = start + length
        if left < shown:
            return start + utf16_length(_first_visible(piece, left))
        left -= shown
    return end


def _pieces(text: str, sources: Sequence[tuple[int, int]]) -> Iterator[tuple[int, str, bool]]:
    """(start in UTF-16 units, text, whether it is the source of a formula)."""
    rest, done = text, 0
    for start, end in sources:
        before = utf16_prefix(rest, start - done)
        source = utf16_prefix(rest[len(before) :], end - start)
        if before:
            yield done, before, False
        yield start, source, True
        rest, done = rest[len(before) + len(source) :], end
    if rest:
        yield done, rest, False


def utf16_length(text: str) -> int:
    """The length as a text document counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_prefix(text: str, units: int) -> str:
    """The characters that lie wholly within the first UTF-16 units."""
    if text.isascii():
        return text[:units]
    return text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore")


def _visible(text: str) -> int:
    return len(text) - (0 if text.isascii() else text.count(BREAK_HERE))


def _first_visible(text: str, count: int) -> str:
    """The beginning of the text with so many visible characters."""
    end = count
    while (found := _visible(text[:end])) < count:
        end += count - found
    return text[:end]
