"""Markdown on the clipboard: its source, and beside it rich text for programs that take that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

from drover.markdown_blocks import parse
from drover.ui.markdown_html import html
from drover.ui.markdown_source import Piece, markdown, pieces_between, plain

# Rich text is made on the thread of the window, at about half a megabyte a second.
_MOST_CHARS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A message, or what is selected of it."""

    author: str
    source: str
    """The whole message as received."""
    pieces: Sequence[Piece] | None = None
    """What is selected; None if that is all of it."""

    @property
    def size(self) -> int:
        """About how many characters it has."""
        if self.pieces is None:
            return len(self.source)
        return sum(_size(piece) for piece in self.pieces)

    def parts(self) -> Sequence[Piece]:
        """Its blocks, as far as they are selected."""
        return self.pieces if self.pieces is not None else pieces_between(parse(self.source), None, None)


def _size(piece: Piece) -> int:
    content = piece.block.content
    rows = getattr(content, "rows", ())
    text = getattr(content, "text", "") or getattr(content, "code", "") or getattr(content, "tex", "")
    return len(text) + sum(len(cell) for row in rows for cell in row)


def copy(markdown_source: str) -> None:
    """Puts the source on the clipboard as plain text, and as HTML where that can be made quickly."""
    copy_excerpts([Excerpt(author="", source=markdown_source)])


def copy_excerpts(excerpts: Sequence[Excerpt], *, names_authors: bool = False) -> None:
    """The same for parts of messages; of several, each is introduced by its author."""
    data = QMimeData()
    data.setText(as_markdown(excerpts, names_authors=names_authors))
    rich = as_html(excerpts, names_authors=names_authors)
    if rich is not None:
        data.setHtml(rich)
    QGuiApplication.clipboard().setMimeData(data)


def copy_plain(excerpts: Sequence[Excerpt]) -> None:
    """Puts what a reader sees on the clipboard, without any markup."""
    QGuiApplication.clipboard().setText(as_plain(excerpts))


def as_markdown(excerpts: Sequence[Excerpt], *, names_authors: bool = False) -> str:
    """Whole messages verbatim, parts of them as Markdown that means the same."""
    if len(excerpts) == 1 and not names_authors:
        only = excerpts[0]
        return only.source if only.pieces is None else markdown(only.pieces)
    return "\n\n".join(
        f"**{each.author}:**\n\n"
        + (each.source if each.pieces is None else markdown(each.pieces, is_alone=False)).strip("\n")
        for each in excerpts
    )


def as_plain(excerpts: Sequence[Excerpt]) -> str:
    """What a reader sees; code and formulas as they were written."""
    if len(excerpts) == 1:
        return plain(excerpts[0].parts())
    return "\n\n".join(f"{each.author}:\n\n{plain(each.parts())}" for each in excerpts)


def as_html(excerpts: Sequence[Excerpt], *, names_authors: bool = False) -> str | None:
    """HTML for programs that take it; None where it would keep the window waiting.

    A model's own HTML is text in it, images are their words, links go to sites only.
    """
    if sum(each.size for each in excerpts) > _MOST_CHARS:
        return None
    if len(excerpts) == 1 and not names_authors:
        only = excerpts[0]
        return html(only.parts(), is_alone=only.pieces is not None)
    return "".join(
        f"<p><strong>{escape(each.author, quote=False)}:</strong></p>{html(each.parts(), is_alone=False)}"
        for each in excerpts
    )
