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
# Overrides, embeddings and isolates, which turn around what stands near them.
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
# One character each, so that places stay what they are.
_UNSAFE = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    **dict.fromkeys(_TURNING, "\u2060"),
    # A text document takes these for structure: paragraph ends, embedded objects, frame marks.
    0x2029: " ",
    0x85: " ",
    0xFFFC: "\ufffd",
    0xFDD0: "\ufffd",
    0xFDD1: "\ufffd",
}
_UNSAFE_IN_CODE = {**dict.fromkeys(_TURNING, "\ufffd"), 0x2028: "\u2424", 0x2029: "\u2424", 0x85: "\u2424"}
_SUSPECT = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\u2029-\u202e\u2066-\u2069\ufdd0\ufdd1\ufffc]"
)
_ABOVE = (
    "[\u0300-\u036f\u0483-\u0489\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\U000e0000-\U000e007f]{33,}")
"""Characters without a width, so many in a row that they are no spelling: words hidden from the reader."""
_TOWER = re.compile(f"(?<={_ABOVE}{{20}}){_ABOVE}")


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
    return getattr(block.content, "joint", None) is not None


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
    """The text as it can be shown: each character that is unsafe gives way to another one.

    Control characters become their pictures. Bidirectional overrides, embeddings and isolates become nothing
    that can be seen: the text then runs by its letters. Of marks above one another the first twenty stay.
    A long run of what has no width is shown as replacement characters, so that nothing long is hidden.
    """
    if _SUSPECT.search(text):
        text = text.translate(_UNSAFE)
    if not text.isascii():
        text = _HIDDEN.sub(_shown, text)
    return text if text.isascii() else _TOWER.sub("\u2060", text)


def _shown(hidden: re.Match[str]) -> str:
    return "\ufffd" * len(hidden[0])


def clean_code(text: str) -> str:
    """Code as it can be shown: like `clean_text`, but what would turn code around is seen."""
    return clean_text(text if text.isascii() else text.translate(_UNSAFE_IN_CODE))


def half_leading(role: str) -> int:
    """Half of what a line is higher than its letters: a text document puts all of it above them."""
    return max(0, int((theme().line_height(role) - QFontMetricsF(theme().font(role)).height()) / 2))


def scale_font(font: QFont, ratio: float) -> None:
    """Changes the size of a font, in whichever unit it is given."""
    if font.pointSizeF() > 0:
        font.setPointSizeF(font.pointSizeF() * ratio)
    else:
        font.setPixelSize(max(1, round(font.pixelSize() * ratio)))
