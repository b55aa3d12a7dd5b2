"""Places in a body of Markdown, and how they relate to positions in the documents that show it.

A place counts the characters that a reader sees. A text document counts UTF-16 units, and holds marks that
let endless words break; where a formula cannot be typeset it holds its source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drover.markdown_blocks import Block, CodeBlock, Heading, MathBlock, Paragraph, Rule, Table
from drover.ui.markdown_inline import parse_inline
from drover.ui.markdown_look import BREAK_HERE, clean_text
from drover.ui.markdown_spans import OBJECT_CHARACTER, shown_characters


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place between two characters, in reading order."""

    block: int
    """Index among the blocks of the body, or of the widget that shows some of them."""
    offset: int
    """Characters of `shown_text` before it."""


def shown_text(block: Block, *, is_open: bool = False) -> str:
    """What a reader sees of a block, in code points: inline markup resolved, a formula as one U+FFFC, "\\n"
    for a line break, cells joined by tabs and rows by "\\n". Markers of items are no part of it.

    `is_open` says that the block is the tail of a text that still grows, as in `parse_inline`.
    """
    match block.content:
        case Paragraph(text=text) | Heading(text=text):
            return "".join(map(shown_characters, parse_inline(text, is_open=is_open)))
        case CodeBlock(code=code):
            return clean_text(code)
        case Table(header=header, rows=rows, is_continued=is_continued):
            lines: Sequence[Sequence[str]] = rows if is_continued else (header, *rows)
            return "\n".join("\t".join(map(shown_cell, line)) for line in lines)
        case MathBlock(tex=tex):
            return OBJECT_CHARACTER if tex.strip() else ""
        case Rule():
            return ""


def shown_cell(cell: str) -> str:
    """What a reader sees of a cell of a table."""
    return "".join(map(shown_characters, parse_inline(cell, breaks_at_tags=True)))


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
