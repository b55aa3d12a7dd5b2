"""Parts of a body of Markdown as HTML for other programs, in time linear in the text.

A model's own HTML is text in it, pictures are their words, formulas their TeX; links go to
sites and mail only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from drover.markdown_blocks import (
    Block,
    CodeBlock,
    Container,
    Heading,
    Item,
    MathBlock,
    Paragraph,
    Quote,
    Rule,
    Source,
    Table,
)
from drover.ui.markdown_inline import Span, SpanKind, Style, parse_inline, safe_link
from drover.ui.markdown_source import Piece, cell_spans, joined_pieces, prepared
from drover.ui.markdown_spans import shown_characters

_TAGS = ((Style.BOLD, "strong"), (Style.ITALIC, "em"), (Style.STRIKE, "del"))


def html(pieces: Sequence[Piece], *, is_alone: bool = True) -> str:
    """The pieces as HTML. A part of one paragraph or cell alone is inline."""
    joined = joined_pieces(pieces)
    if len(joined) == 1 and is_alone:
        return _alone(joined[0])
    written: list[str] = []
    around: list[Container] = []
    for piece in prepared(joined):
        written += _moved(around, piece.block)
        around = list(piece.block.containers)
        written.append(_block(piece))
    written += [_end(container) for container in reversed(around)]
    return "".join(written)


def _alone(piece: Piece) -> str:
    match piece.block.content:
        case Paragraph():
            return _inline(piece.spans())
        case Heading() if not piece.is_whole:
            return _inline(piece.spans())
        case Table():
            cell = piece.cells().cell
            return _inline(cell_spans(cell)) if cell is not None else _block(piece)
        case _:
            return _block(piece)


def _moved(around: list[Container], block: Block) -> list[str]:
    """The tags between two blocks: what ends, and what begins."""
    kept = min(len(block.containers) - block.opened, len(around))
    ended, begun = around[kept:], block.containers[kept:]
    if ended and begun and _is_next(ended[0], begun[0]):
        item = begun[0]
        assert isinstance(item, Item)
        tags = [_end(container) for container in reversed(ended[1:])]
        return [*tags, "</li>", _item(item), *map(_start, begun[1:])]
    return [*(_end(container) for container in reversed(ended)), *map(_start, begun)]


def _is_next(before: Container, after: Container) -> bool:
    """Whether an item goes on with the list of another."""
    if not isinstance(before, Item) or not isinstance(after, Item):
        return False
    if before.number is None or after.number is None:
        return before.number is after.number
    return after.number > before.number


def _start(container: Container) -> str:
    if isinstance(container, Quote):
        return "<blockquote>"
    if container.number is None:
        return "<ul>" + _item(container)
    return ("<ol>" if container.number == 1 else f'<ol start="{container.number}">') + _item(container)


def _item(item: Item) -> str:
    if item.is_checked is not None:
        return "<li>" + ("☑ " if item.is_checked else "☐ ")
    return f"<li>{escape(item.label)}: " if item.label else "<li>"


def _end(container: Container) -> str:
    if isinstance(container, Quote):
        return "</blockquote>"
    return "</li></ul>" if container.number is None else "</li></ol>"


def _block(piece: Piece) -> str:
    content = piece.block.content
    match content:
        case Paragraph():
            text = _inline(piece.spans())
            opens_item = bool(piece.block.opened) and isinstance(piece.block.containers[-1], Item)
            return text if opens_item else f"<p>{text}</p>"
        case Heading(level=level):
            return f"<h{level}>{_inline(piece.spans())}</h{level}>"
        case CodeBlock(language=language):
            name = f' class="language-{escape(language)}"' if language else ""
            return f"<pre><code{name}>{escape(piece.code(), quote=False)}\n</code></pre>"
        case Table():
            return _table(content, piece)
        case MathBlock(tex=tex):
            return f"<p>$${escape(tex)}$$</p>"
        case Source(text=text):
            return f"<pre>{escape(text)}</pre>"
        case Rule():
            return "<hr>"


def _table(table: Table, piece: Piece) -> str:
    found = piece.cells()
    columns = slice(found.columns.start, found.columns.stop)
    looks = [f' style="text-align:{each}"' if each else "" for each in table.alignments[columns]]
    head = f"<thead>{_row('th', table.header[columns], looks)}</thead>" if found.has_header else ""
    rows = "".join(_row("td", row[columns], looks) for row in table.rows[found.rows.start : found.rows.stop])
    return f"<table>{head}<tbody>{rows}</tbody></table>"


def _row(tag: str, cells: Iterable[str], looks: Iterable[str]) -> str:
    written = (
        f"<{tag}{look}>{_inline(parse_inline(cell, breaks_at_tags=True))}</{tag}>"
        for cell, look in zip(cells, looks, strict=True)
    )
    return f"<tr>{''.join(written)}</tr>"


def _inline(spans: Iterable[Span]) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    match span.kind:
        case SpanKind.BREAK:
            return "<br>"
        case SpanKind.MATH:
            text = escape(f"${span.text}$")
        case SpanKind.DISPLAY_MATH:
            text = escape(f"$${span.text}$$")
        case SpanKind.CODE:
            text = f"<code>{escape(shown_characters(span), quote=False)}</code>"
        case SpanKind.FOOTNOTE:
            text = f"<sup>{escape(span.text)}</sup>"
        case _:
            text = escape(shown_characters(span), quote=False).replace("\n", "<br>")
    for style, tag in _TAGS:
        if span.style & style:
            text = f"<{tag}>{text}</{tag}>"
    is_image = span.kind in (SpanKind.IMAGE, SpanKind.PARTIAL_IMAGE)
    link = "" if is_image else safe_link(span.link)
    return f'<a href="{escape(link)}">{text}</a>' if link else text
