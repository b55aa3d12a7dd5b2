"""Parts of a body of Markdown as text again: Markdown that means the same, or what a reader sees.

A whole paragraph, heading or cell is given as it was received. What is cut is written anew from its spans.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import groupby

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
    parse,
)
from drover.ui.markdown_inline import Span, SpanKind, Style, parse_inline
from drover.ui.markdown_places import CellRange, Place, cells_between, shown_text
from drover.ui.markdown_spans import shown_characters

_SPECIAL = re.compile(r"[\\`*_~\[\]<$&]|!(?=\[|\Z)|(?<=ht)tp(?=s?://)|(?<=w)ww\.")
_LINE_START = re.compile(r"(?m)^(\d{1,9})([.)])|^([-+*#>=~`|$•:\[])")
_IMAGES = (SpanKind.IMAGE, SpanKind.PARTIAL_IMAGE)
_TICKS = re.compile(r"`+")
_MARKS = ((Style.BOLD, "**"), (Style.ITALIC, "*"), (Style.STRIKE, "~~"))


@dataclass(frozen=True, slots=True)
class Piece:
    """A block, or a part of it: the characters of its shown text between two offsets."""

    block: Block
    start: int | None = None
    """None if it reaches beyond the beginning of the block."""
    end: int | None = None
    """None if it reaches beyond the end."""
    is_open: bool = False
    """Whether the block may still grow."""
    following: tuple[Piece, ...] = ()
    """What continues the paragraph in further blocks."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the block is missing."""
        is_whole = not self.start and (self.end is None or self.end >= self._length())
        return is_whole and all(piece.is_whole for piece in self.following)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the block is there."""
        if not self.start and self.end is None:
            return False
        return (self.start or 0) >= (self._length() if self.end is None else self.end)

    def _length(self) -> int:
        return len(shown_text(self.block, is_open=self.is_open))

    def spans(self) -> list[Span]:
        """The inline content of a paragraph or heading, as far as it belongs to the piece."""
        text = getattr(self.block.content, "text", "")
        found = sliced(parse_inline(text, is_open=self.is_open), self.start, self.end)
        for piece in self.following:
            joint = getattr(piece.block.content, "joint", "")
            found += [Span(joint, SpanKind.BREAK if joint == "\n" else SpanKind.TEXT)] if joint else []
            found += piece.spans()
        return found

    def source(self) -> str:
        """The whole paragraph or heading as received."""
        text = str(getattr(self.block.content, "text", ""))
        return text + "".join(
            f"{getattr(piece.block.content, 'joint', '')}{piece.source()}" for piece in self.following
        )

    def code(self) -> str:
        """The same of a block of code."""
        content = self.block.content
        return content.code[self.start : self.end] if isinstance(content, CodeBlock) else ""

    def cells(self) -> CellRange:
        """The same of a table."""
        assert isinstance(self.block.content, Table)
        return cells_between(self.block.content, self.start, self.end)


def pieces_between(
    blocks: Sequence[Block], start: Place | None, end: Place | None, *, settled_count: int | None = None
) -> list[Piece]:
    """What lies between two places; None stands for the beginning and for the end of the body.

    Blocks from `settled_count` on may still grow.
    """
    first, last = start.block if start else 0, min(end.block, len(blocks) - 1) if end else len(blocks) - 1
    found = []
    for index in range(first, last + 1):
        begin = start.offset if start is not None and index == start.block else None
        stop = end.offset if end is not None and index == end.block else None
        is_open = settled_count is not None and index >= settled_count
        piece = Piece(blocks[index], begin, stop, is_open)
        if not piece.is_empty:
            found.append(piece)
    return found


def sliced(spans: Iterable[Span], start: int | None, end: int | None) -> list[Span]:
    """The spans between two offsets; pictures, formulas and footnotes are not divided."""
    begin, stop = start or 0, end
    found, at = [], 0
    for span in spans:
        shown = shown_characters(span)
        low, high = max(0, begin - at), len(shown) if stop is None else min(len(shown), stop - at)
        at += len(shown)
        if low >= high:
            continue
        if (low == 0 and high == len(shown)) or span.kind not in (SpanKind.TEXT, SpanKind.CODE):
            found.append(span)
        else:
            found.append(replace(span, text=shown[low:high]))
    return found


def markdown(pieces: Sequence[Piece], *, is_alone: bool = True) -> str:
    """The pieces as Markdown.

    What lies inside one block is given without the marks of that block, unless other text stands around it:
    code as it is, running text with its emphasis only.
    """
    joined = joined_pieces(pieces)
    if len(joined) == 1 and is_alone:
        return _alone(joined[0])
    return _stacked(joined, _block_markdown)


def plain(pieces: Sequence[Piece]) -> str:
    """What a reader sees of the pieces; cells divided by tabs, formulas as TeX."""
    joined = joined_pieces(pieces)
    if len(joined) == 1:
        return _block_plain(joined[0])
    return _stacked(joined, _block_plain)


def _alone(piece: Piece) -> str:
    match piece.block.content:
        case Paragraph() | Heading():
            return piece.source() if piece.is_whole else inline_markdown(piece.spans())
        case CodeBlock():
            return piece.code()
        case Table():
            found = piece.cells()
            return inline_markdown(cell_spans(found.cell)) if found.cell else _block_markdown(piece)
        case _:
            return _block_markdown(piece)


def cell_spans(cell: tuple[int, int, str]) -> list[Span]:
    """The inline content of a part of a cell; see `CellRange.cell`."""
    start, end, source = cell
    return sliced(parse_inline(source, breaks_at_tags=True), start, end)


# Blocks


def _stacked(pieces: Sequence[Piece], write: Callable[..., str]) -> str:
    lines: list[str] = []
    delimiters: dict[int, tuple[int, str]] = {}
    before: Block | None = None
    for piece in prepared(pieces):
        block = piece.block
        if before is not None and not _is_tight(before, block):
            lines.append(_prefix(_shared(before, block)).rstrip())
        opens_item = bool(block.opened) and isinstance(block.containers[-1], Item)
        text = write(piece, opens_item=opens_item)
        first, rest = _first_prefix(block, delimiters), _prefix(block.containers)
        for number, line in enumerate(text.split("\n")):
            prefix = rest if number else first
            lines.append(prefix + line if line else prefix.rstrip())
        before = block
    return "\n".join(lines)


def prepared(pieces: Sequence[Piece]) -> list[Piece]:
    """The joined pieces as a body of their own: without the quotes and items that hold them all."""
    return _without_inherited(pieces) if pieces else []


def _without_inherited(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces without the containers that began before the first of them and hold them all."""
    first = pieces[0].block
    inherited = len(first.containers) - (0 if pieces[0].start else first.opened)
    for piece in pieces[1:]:
        inherited = min(inherited, len(piece.block.containers) - piece.block.opened)
    kept: list[Piece] = []
    for piece in pieces:
        containers = piece.block.containers[inherited:]
        opened = min(piece.block.opened, len(containers)) if kept else len(containers)
        kept.append(replace(piece, block=replace(piece.block, containers=containers, opened=opened)))
    return kept


def joined_pieces(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces, in which what continues a table or a paragraph is part of it."""
    joined: list[Piece] = []
    for piece in pieces:
        content, last = piece.block.content, joined[-1] if joined else None
        if isinstance(content, Table) and content.is_continued and last is not None:
            before = last.block.content
            if isinstance(before, Table):
                rows = (*before.rows, *_kept_rows(piece, content))
                whole = replace(before, rows=rows)
                joined[-1] = replace(last, block=replace(last.block, content=whole), end=None)
                continue
        if isinstance(content, Paragraph) and content.joint is not None and last is not None:
            joined[-1] = replace(last, following=(*last.following, piece))
            continue
        joined.append(piece)
    return joined


def _kept_rows(piece: Piece, table: Table) -> tuple[tuple[str, ...], ...]:
    found = piece.cells()
    return table.rows[found.rows.start : found.rows.stop]


def _shared(before: Block, block: Block) -> tuple[Container, ...]:
    """The containers that both stand in."""
    kept = len(block.containers) - block.opened
    return block.containers[: min(kept, len(before.containers))]


def _is_tight(before: Block, block: Block) -> bool:
    """Whether no blank line need stand between two blocks: items of a list without spaces."""
    opens_item = bool(block.opened) and isinstance(block.containers[-block.opened], Item)
    follows_item = bool(before.containers) and isinstance(before.containers[-1], Item)
    return (
        opens_item
        and follows_item
        and not block.is_spaced
        and isinstance(before.content, Paragraph | CodeBlock)
    )


def _prefix(containers: Sequence[Container]) -> str:
    return "".join("> " if isinstance(each, Quote) else " " * _indent(each) for each in containers)


def _indent(item: Item) -> int:
    """Columns by which the text of an item is moved in; with more of them it would be code."""
    if item.label:
        return 4
    return 2 if item.number is None else min(8, len(str(item.number)) + 2)


def _marker(item: Item, delimiter: str = ".") -> str:
    if item.label:
        return f"[^{item.label}]: "
    box = "" if item.is_checked is None else "[x] " if item.is_checked else "[ ] "
    return (f"{item.number}{delimiter} " if item.number is not None else "- ") + box


def _first_prefix(block: Block, delimiters: dict[int, tuple[int, str]]) -> str:
    """What stands before the first line: the markers of the items that begin here.

    `delimiters` holds per depth the last number and the sign behind it; a list that begins to count anew
    takes another sign, because it would otherwise go on with the one before.
    """
    kept = len(block.containers) - block.opened
    numbered = {
        depth for depth, each in enumerate(block.containers) if getattr(each, "number", None) is not None
    }
    for depth in [depth for depth in delimiters if depth > kept or depth not in numbered]:
        del delimiters[depth]
    text = _prefix(block.containers[:kept])
    for depth, container in enumerate(block.containers[kept:], kept):
        if isinstance(container, Item):
            last, delimiter = delimiters.get(depth, (-1, "."))
            if container.number is not None:
                if container.number <= last:
                    delimiter = ")" if delimiter == "." else "."
                delimiters[depth] = container.number, delimiter
            text += _marker(container, delimiter)
        else:
            text += "> "
    return text


def _block_markdown(piece: Piece, *, opens_item: bool = False) -> str:
    content = piece.block.content
    match content:
        case Paragraph() | Heading():
            inline = piece.source() if piece.is_whole else inline_markdown(piece.spans())
            return _line_safe(content, inline, opens_item=opens_item)
        case CodeBlock(language=language):
            return _fenced(piece.code(), language)
        case Table():
            found = piece.cells()
            return inline_markdown(cell_spans(found.cell)) if found.cell else _table_markdown(content, found)
        case MathBlock(tex=tex) if not tex:
            return "$$ $$"
        case MathBlock(tex=tex):
            return f"\\[\n{tex}\n\\]" if "$$" in tex else f"$$\n{tex}\n$$"
        case Rule():
            return "***" if opens_item else "---"
        case Source(text=text):
            return text


def _block_plain(piece: Piece, *, opens_item: bool = False) -> str:
    match piece.block.content:
        case Paragraph() | Heading():
            return plain_spans(piece.spans())
        case CodeBlock():
            return piece.code()
        case Table(header=header, rows=rows):
            found = piece.cells()
            if found.cell is not None:
                return plain_spans(cell_spans(found.cell))
            lines = ([header] if found.has_header else []) + list(rows[found.rows.start : found.rows.stop])
            return "\n".join(
                "\t".join(
                    plain_spans(parse_inline(cell, breaks_at_tags=True)).replace("\n", " ")
                    for cell in line[found.columns.start : found.columns.stop]
                )
                for line in lines
            )
        case MathBlock(tex=tex):
            return tex
        case Source(text=text):
            return text
        case Rule():
            return "---"


def _line_safe(content: Paragraph | Heading, inline: str, *, opens_item: bool) -> str:
    """The running text of a block, so written that no line of it begins another kind of block."""
    heading = content if isinstance(content, Heading) else None
    for text in (inline, _LINE_START.sub(_escaped_start, inline)):
        written = _titled(heading, text)
        lead = "- " if opens_item else ""
        found = parse(lead + written.replace("\n", "\n  ") if lead else written)
        if (
            all(getattr(block.content, "joint", None) is not None for block in found[1:])
            and found
            and type(found[0].content) is type(content)
            and len(found[0].containers) == len(lead) // 2
        ):
            return written
    return written


def _titled(heading: Heading | None, text: str) -> str:
    if heading is None:
        return text
    if "\n" in text:
        return f"{text}\n{'===' if heading.level == 1 else '---'}"
    return f"{'#' * heading.level} {text}".rstrip()


def _escaped_start(match: re.Match[str]) -> str:
    return f"{match[1]}\\{match[2]}" if match[1] else f"\\{match[3]}"


def _fenced(code: str, language: str) -> str:
    mark = "~" if "`" in language else "`"
    longest = max((len(run.group()) for run in re.finditer(re.escape(mark) + "+", code)), default=0)
    fence = mark * max(3, longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _table_markdown(table: Table, found: CellRange) -> str:
    columns = slice(found.columns.start, found.columns.stop)
    header = table.header[columns] if found.has_header else ("",) * len(found.columns)
    rules = {"left": ":---", "center": ":---:", "right": "---:"}
    lines = [header, tuple(rules.get(each, "---") for each in table.alignments[columns])]
    lines += [row[columns] for row in table.rows[found.rows.start : found.rows.stop]]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# Running text


def plain_spans(spans: Iterable[Span]) -> str:
    """What a reader sees of running text; formulas as TeX."""
    maths = (SpanKind.MATH, SpanKind.DISPLAY_MATH)
    return "".join(span.text if span.kind in maths else shown_characters(span) for span in spans)


def inline_markdown(spans: Sequence[Span]) -> str:
    """Running text as Markdown that gives the same spans, with as few escapes as that takes."""
    wanted = _normal(spans)
    text = ""
    for escape in (_verbatim, _escaped, _referenced):
        text = _nested(spans, escape)
        if _normal(parse_inline(text)) == wanted:
            break
    return text


def _normal(spans: Iterable[Span]) -> list[tuple[str, Span]]:
    """The spans in a form in which the look of white space, which nobody sees, makes no difference."""
    normal: list[tuple[str, Span]] = []
    for span in spans:
        if span.kind is not SpanKind.TEXT:
            normal.append((span.text, replace(span, text="")))
            continue
        for is_space, run in groupby(span.text, str.isspace):
            look = Span("", link=span.link if not is_space else "") if is_space else replace(span, text="")
            text = "".join(run)
            if normal and normal[-1][1] == look:
                text = normal.pop()[0] + text
            normal.append((text, look))
    return normal


def _verbatim(text: str) -> str:
    return text


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_with_backslash, text)


def _referenced(text: str) -> str:
    """The same, where escaped brackets would be taken for those of a formula."""
    return _escaped(text).replace("\\[", "&#91;")


def _with_backslash(match: re.Match[str]) -> str:
    found = match.group()
    if found[0].isalpha():  # an address that is no link here: one letter as a character reference
        return f"&#{ord(found[0])};{found[1:]}"
    return "\\" + found


def _nested(spans: Sequence[Span], escape: Callable[[str], str]) -> str:
    """Writes spans with their emphasis and links, the one that reaches furthest outermost."""
    written = []
    index = 0
    while index < len(spans):
        span = spans[index]
        looks: list[Style | str] = [style for style, _ in _MARKS if span.style & style]
        looks += [span.link] if span.link and span.kind not in _IMAGES else []
        if not looks:
            written.append(_bare(span, escape))
            index += 1
            continue
        ends = {look: _end_of(spans, index, look) for look in looks}
        look = max(looks, key=ends.__getitem__)
        run = [_without(each, look) for each in spans[index : ends[look]]]
        written.append(_wrapped(_nested(run, escape), look, run, escape))
        index = ends[look]
    return "".join(written)


def _end_of(spans: Sequence[Span], start: int, look: Style | str) -> int:
    end = start
    while end < len(spans) and (
        spans[end].style & look
        if isinstance(look, Style)
        else spans[end].link == look and spans[end].kind not in _IMAGES
    ):
        end += 1
    return end


def _without(span: Span, look: Style | str) -> Span:
    return replace(span, style=span.style & ~look) if isinstance(look, Style) else replace(span, link="")


def _wrapped(inner: str, look: Style | str, run: Sequence[Span], escape: Callable[[str], str]) -> str:
    if isinstance(look, str):
        words = "".join(span.text for span in run)
        if escape is _verbatim and look in (words, f"http://{words}" if words.startswith("www.") else ""):
            return words
        if look in (words, f"mailto:{words}") and not re.search(r"[\s<>]", words):
            return f"<{words}>"
        return f"[{inner}]({_target(look)})"
    mark = dict(_MARKS)[look]
    core = inner.strip()
    if not core:
        return inner
    lead = inner[: len(inner) - len(inner.lstrip())]
    return f"{lead}{mark}{core}{mark}{inner[len(lead) + len(core) :]}"


def _target(url: str) -> str:
    """An address as it stands in the brackets of a link."""
    if unescape(url) != url:
        url = url.replace("&", "&amp;")
    if re.search(r"\s", url):
        return "<" + url.replace("\\", "\\\\") + ">"
    return re.sub(r"[\\()<]", r"\\\g<0>", url)


def _bare(span: Span, escape: Callable[[str], str]) -> str:
    match span.kind:
        case SpanKind.TEXT:
            return escape(span.text)
        case SpanKind.CODE:
            longest = max((len(run) for run in _TICKS.findall(span.text)), default=0)
            ticks = "`" * (longest + 1 if longest else 1)
            is_padded = span.text[:1] == "`" or span.text[-1:] == "`" or (
                span.text[:1] == span.text[-1:] == " " and bool(span.text.strip())
            )  # fmt: skip
            return f"{ticks} {span.text} {ticks}" if is_padded else ticks + span.text + ticks
        case SpanKind.MATH:
            is_plain = escape is _verbatim and "$" not in span.text
            return f"${span.text}$" if is_plain else f"\\({span.text}\\)"
        case SpanKind.DISPLAY_MATH:
            return (
                f"\\[{span.text}\\]" if "$$" in span.text or escape is not _verbatim else f"$${span.text}$$"
            )
        case SpanKind.IMAGE | SpanKind.PARTIAL_IMAGE:
            return f"![{escape(span.text)}]({_target(span.link)})"
        case SpanKind.FOOTNOTE:
            return f"[^{span.text}]"
        case SpanKind.BREAK:
            return "\n"
