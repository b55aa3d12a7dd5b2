"""How Markdown is set: sizes, gaps, indents, and the little that follows from the text itself."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from PySide6.QtGui import QFont, QFontMetricsF

from drover.markdown_blocks import Block, Container, Heading, Item, Paragraph, Quote
from drover.ui.theme import theme

BREAK_HERE = "\u200b"
"""Stands in endless words; left out of what is copied."""
_ENDLESS = re.compile(r"\S{400}")
_BULLET_INDENT, _NUMBER_INDENT, _DIGIT = 24, 28, 9
QUOTE_INDENT = 17
# A text document takes these for structure: paragraph ends, frame marks, embedded objects.
_UNSAFE = {
    0x2029: " ",
    0x0085: " ",
    0x0C: " ",
    0x0B: " ",
    0xFFFC: "\ufffd",
    0xFDD0: "\ufffd",
    0xFDD1: "\ufffd",
}


@dataclass(frozen=True, slots=True)
class TextLook:
    """How a body of text is set."""

    role: str = "body"
    """Role of the running text in the theme."""
    token: str = "text"
    """Colour of the running text."""
    paragraph_gap: int = 12
    base_size: int = 15
    """Size of the role at 100 %, to which headings and code relate."""


ANSWER = TextLook()
REASONING = TextLook(role="column", token="text-2", paragraph_gap=8, base_size=14)


def gap_between(before: Block | None, block: Block, look: TextLook) -> int:
    """Logical pixels at 100 % between two neighbouring blocks."""
    if before is None or goes_on(block):
        return 0
    paragraph = look.paragraph_gap
    if isinstance(block.content, Heading):
        return paragraph + (8 if block.content.level <= 2 else 4)
    if isinstance(before.content, Heading):
        return min(8, paragraph)
    in_list = any(isinstance(entry, Item) for entry in block.containers)
    was_in_list = any(isinstance(entry, Item) for entry in before.containers)
    follows_text = isinstance(before.content, Paragraph) and isinstance(block.content, Paragraph)
    if block.opened and in_list and not block.is_spaced and follows_text:
        return 4 if was_in_list else min(8, paragraph)
    if in_list and was_in_list and follows_text:
        return min(8, paragraph)
    return paragraph


def goes_on(block: Block) -> bool:
    """Whether it is the continuation of a long paragraph."""
    return isinstance(block.content, Paragraph) and block.content.joint is not None


def indent_of(block: Block) -> int:
    """Logical pixels at 100 % by which quotes and lists move a block in."""
    return sum(map(_indent, block.containers))


def _indent(container: Container) -> int:
    """A number needs more room than a bullet, and one of three digits more still."""
    if isinstance(container, Quote):
        return QUOTE_INDENT
    digits = len(container.label or str(container.number or ""))
    return _BULLET_INDENT if not digits else _NUMBER_INDENT + max(0, digits - 2) * _DIGIT


def quote_offsets(block: Block) -> tuple[int, ...]:
    """Where the rules of the quotes around a block stand, from its left edge before any indent."""
    offsets, x = [], 0
    for entry in block.containers:
        if isinstance(entry, Quote):
            offsets.append(x)
        x += _indent(entry)
    return tuple(offsets)


def is_right_to_left(text: str) -> bool:
    """Whether the first letter with a direction runs to the left."""
    for character in text[:200]:
        direction = unicodedata.bidirectional(character)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False


def breakable_text(text: str) -> str:
    """Clean text in which an endless word may break: line breaking takes quadratic time within a word."""
    return _ENDLESS.sub("\\g<0>" + BREAK_HERE, clean_text(text))


def clean_text(text: str) -> str:
    """The text without characters that a text document takes for structure."""
    return text if text.isascii() and "\x0b" not in text and "\x0c" not in text else text.translate(_UNSAFE)


def half_leading(role: str) -> int:
    """Half of what a line is higher than its letters: a text document puts all of it above them."""
    return max(0, int((theme().line_height(role) - QFontMetricsF(theme().font(role)).height()) / 2))


def scale_font(font: QFont, ratio: float) -> None:
    """Changes the size of a font, in whichever unit it is given."""
    if font.pointSizeF() > 0:
        font.setPointSizeF(font.pointSizeF() * ratio)
    else:
        font.setPixelSize(max(1, round(font.pixelSize() * ratio)))
