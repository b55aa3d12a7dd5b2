"""Splits Markdown into blocks while it arrives: settled blocks never change, the tail is the one still open.

The rules are CommonMark's with GitHub's tables and task lists, bent towards what models really write: lists
nest from two columns on, a fence inside a list survives unindented code, formulas in `$$` are blocks, HTML is
text. Blocks come as a flat sequence of leaves, each with the quotes and list items it stands in. So a
list settles item by item, nothing recurses, and a line costs no more than its length times the limited depth.
No block grows without end, except code: a long paragraph or table goes on in further blocks.

Deliberate differences from CommonMark: definitions of links are text, because a block that has settled could
not take one that comes later (their addresses are links all the same); a list may follow a line of text
directly and nests from two columns on; numbers that do not grow count on; text moved in below an item
is code only from seven columns on; a row of a table keeps all its cells; a table of hundreds of columns, and
quotes or items in more than `MAX_DEPTH` others, are text.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, replace
from typing import TypeAlias

MAX_DEPTH = 24
"""Quotes and list items inside one another; deeper markers are text."""

MAX_TABLE_ROWS = 80
"""A longer table goes on in a further Table with `is_continued`, so that no block grows without end."""
MAX_TABLE_CELLS = 240
"""The same for a table of many columns."""
MAX_TABLE_COLUMNS = 60
"""What has more is text."""

MAX_PARAGRAPH_CHARS = 6000
"""A longer paragraph goes on in a further Paragraph with a `joint`; so does the rest of a longer line."""
MAX_PARAGRAPH_LINES = 100
MAX_PARAGRAPH_MARKS = 600
"""The same for a paragraph of so many characters that may be markup: each costs more than a letter."""
_MAX_DATA_CHARS = 8_000_000


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; inline markup is left as written."""

    text: str
    joint: str | None = None
    """What stood between this and the paragraph of the block before, of which it is the continuation: a line
    break, a space or nothing. None for a paragraph of its own."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A title of level 1 to 6."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Fenced or indented code."""

    language: str
    """First word of the info string, as written; empty if there is none."""
    code: str
    """Without a final line break."""
    is_closed: bool
    """False while the closing fence has not arrived (which may be for ever)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells hold inline markup. Every row has as many cells as the header."""

    header: tuple[str, ...]
    alignments: tuple[str, ...]
    """Per column "", "left", "center" or "right"."""
    rows: tuple[tuple[str, ...], ...]
    is_continued: bool = False
    """Whether this goes on with the table of the block before; the header is repeated for its widths only."""


@dataclass(frozen=True, slots=True)
class MathBlock:
    """A displayed formula, in TeX, without its delimiters."""

    tex: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal rule."""


@dataclass(frozen=True, slots=True)
class Source:
    """A run of lines to be shown as written. No text is parsed to this: see `ui.source_splitter`."""

    text: str
    joint: str | None = None
    """As that of a Paragraph; None for the first run."""


Content: TypeAlias = Paragraph | Heading | CodeBlock | Table | MathBlock | Rule | Source


@dataclass(frozen=True, slots=True)
class Quote:
    """A block quote."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list."""

    number: int | None
    """None for a bullet."""
    is_checked: bool | None = None
    """The state of a task; None for an ordinary item."""
    label: str = ""
    """The label of a footnote; empty for an ordinary item."""


Container: TypeAlias = Quote | Item


@dataclass(frozen=True, slots=True)
class Block:
    """A leaf and where it stands."""

    content: Content
    containers: tuple[Container, ...] = ()
    """Outermost first."""
    opened: int = 0
    """How many of the innermost containers begin with this block; an item shows its marker there."""
    is_spaced: bool = False
    """Whether a blank line stands before it in the source: a loose list shows more space."""


MARK = re.compile(r"[\\`*_~\[\]!<$&]")
"""A character that may be inline markup."""
DATA_SO_FAR = "so-far"
"""In the tail: the parameter of a `data:` address that tells the length of what has come of it."""

_ATX = re.compile(r"(#{1,6})(?=[ \t]|\Z)")
_ATX_END = re.compile(r"(?:\A|[ \t])#+\Z")
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*(.*)\Z")
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})\Z")
_SETEXT = re.compile(r"(=+|-+)[ \t]*\Z")
_BULLET = re.compile(r"([-*+•])(?=[ \t]|\Z)")
_NUMBER = re.compile(r"(\d{1,9})([.)])(?=[ \t]|\Z)")
_TASK = re.compile(r"\[([ xX])\](?:[ \t]+|\Z)")
_FOOTNOTE = re.compile(r"\[\^([^\]\s]{1,40})\]:(?:[ \t]+|\Z)")
_DELIMITER_CELL = re.compile(r"[ \t]*(:?)-+(:?)[ \t]*\Z")
_BAR = re.compile(r"\\.|\|", re.DOTALL)
_BAR_OUTSIDE_CODE = re.compile(r"\\.|`[^`]*`|\|", re.DOTALL)  # for rows that have too many cells otherwise
_ENVIRONMENT = re.compile(r"\\begin\{((?:equation|align|gather|multline|eqnarray|alignat|flalign)\*?)\}")
_ONLY_MARKERS = re.compile(r"[-=*_+`~$#>|:•\\\[\]() \t]*(?:\d{1,9}[.)]?)?[ \t]*\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DATA = re.compile(r"\]\([ \t]*<?data:image/[^\s()<>\[\]]*")
_DATA_REST = 600  # what may follow the data before the image is closed: a title
_WRAPPED_DATA = re.compile(r"\]\([ \t]*<?data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/]*+\Z")
_DATA_LINE = re.compile(r"[ \t]*(?=\S)[A-Za-z0-9+/]*+=*+[ \t]*+(?P<rest>>?[ \t]*\).*|[\"'].*)?\Z")
_DATA_END = re.compile(r"[\s()<>\[\]]")
_STOPS = ("", ".", ",", ";", ":")
_FORMULA_LIMIT = 20_000


class BlockSplitter:
    """Feed it text in any pieces; the final blocks do not depend on where the pieces were cut."""

    def __init__(self) -> None:
        self.settled: list[Block] = []
        """Blocks that will never change. Only ever appended to."""
        self._partial: list[str] = []
        self._held = 0  # characters in it
        self._limit = MAX_PARAGRAPH_CHARS  # from which on the beginning of an endless line is taken
        self._is_in_data = False
        self._goes_on = False  # whether it is the rest of a line of which the beginning has been taken
        self._wrapped: list[str] = []  # lines with the data of an image, which the next one may go on with
        self._wrapped_chars = 0
        self._state = _State()
        self._is_finished = False

    @property
    def tail(self) -> list[Block]:
        """What follows the settled blocks for now: mostly one block, empty after `finish`."""
        partial = "".join(self._partial)
        self._partial = [partial] if partial else []
        state = self._state
        if self._wrapped:
            beginning = "".join(self._wrapped)
            self._wrapped = [beginning]
            if not partial or _DATA_LINE.match(partial):
                partial = beginning + partial.strip()
            else:
                state = state.clone()
                state.take(beginning)
        if not state.is_in_source:
            partial = _without_open_data(partial)
        if partial and (self._goes_on or not state.withholds(partial)):
            state = state.clone()
            (state.take_on if self._goes_on else state.take)(clean_line(partial.rstrip("\r")))
        return state.preview()

    def feed(self, text: str) -> None:
        """Takes the next piece."""
        start = 0
        while (end := text.find("\n", start)) >= 0:
            self._hold(text[start:end])
            self._take_line()
            start = end + 1
        if start < len(text):
            self._hold(text[start:])

    def finish(self) -> None:
        """Says that nothing follows: all blocks settle. Feeding on afterwards is an error."""
        if self._is_finished:
            return
        self._is_finished = True
        if self._partial:
            self._take_line()
        self._take_wrapped()
        self._state.close_all()
        self._collect()

    def _hold(self, piece: str) -> None:
        """Keeps a piece of a line; of one without end the beginning is taken already."""
        if self._is_in_data:
            end = _DATA_END.search(piece)
            if end is None and self._held + len(piece) <= _MAX_DATA_CHARS:
                self._partial.append(piece)
                self._held += len(piece)
                return
            self._is_in_data = False
            data_end = self._held + end.start() if end is not None else _MAX_DATA_CHARS
            self._limit = min(data_end, _MAX_DATA_CHARS) + MAX_PARAGRAPH_CHARS
        self._partial.append(piece)
        self._held += len(piece)
        # One character more than is taken, so that the two halves of a surrogate pair stay together.
        while self._held > self._limit and not self._state.keeps_lines_whole:
            line = "".join(self._partial)
            head = line[: self._limit]
            if self._limit == MAX_PARAGRAPH_CHARS and _ends_in_data(head):
                self._partial, self._held = [head], len(head)
                self._is_in_data = True
                self._hold(line[len(head) :])
                return
            if "\ud800" <= head[-1] <= "\udbff":
                head = head[:-1]
            self._take_wrapped()
            (self._state.take_on if self._goes_on else self._state.take)(clean_line(head))
            self._collect()
            self._goes_on = True
            self._partial, self._held = [line[len(head) :]], len(line) - len(head)
            self._limit = MAX_PARAGRAPH_CHARS

    def _take_line(self) -> None:
        line, goes_on = clean_line("".join(self._partial).rstrip("\r")), self._goes_on
        self._partial.clear()
        self._held, self._limit = 0, MAX_PARAGRAPH_CHARS
        self._is_in_data = self._goes_on = False
        if self._wrapped and (data := _DATA_LINE.match(line)) and self._wrapped_chars < _MAX_DATA_CHARS:
            self._wrapped.append(line.strip())
            self._wrapped_chars += len(line)
            if data["rest"]:
                self._take_wrapped()
            return
        self._take_wrapped()
        if goes_on:
            self._state.take_on(line)
        elif not self._state.is_in_source and _WRAPPED_DATA.search(line):
            self._wrapped.append(line)
            self._wrapped_chars = len(line)
        else:
            self._state.take(line)
        self._collect()

    def _take_wrapped(self) -> None:
        """Takes lines over which the data of an image were wrapped as the one line that they stand for."""
        if self._wrapped:
            self._state.take("".join(self._wrapped))
            self._wrapped.clear()
            self._collect()

    def _collect(self) -> None:
        if self._state.done:
            self.settled.extend(self._state.done)
            self._state.done.clear()


def parse(text: str) -> list[Block]:
    """The blocks of a whole text."""
    splitter = BlockSplitter()
    splitter.feed(text)
    splitter.finish()
    return splitter.settled


def clean_line(line: str) -> str:
    """The line without what no text view can hold: NUL, lone surrogates, carriage returns."""
    if line.isascii():
        return line.replace("\0", "\ufffd").replace("\r", " ") if "\0" in line or "\r" in line else line
    if _SURROGATE.search(line):
        line = line.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return line.replace("\0", "\ufffd").replace("\r", " ")


@dataclass(slots=True)
class _Open:
    """A container that is still open."""

    container: Container
    marker_column: int = 0
    """Where an item's marker stands; the text of its children starts at least two columns further right."""
    symbol: str = ""
    """Bullet or delimiter: another one starts another list."""


@dataclass(slots=True)
class _Leaf:
    """The block that is still open."""

    kind: str
    """One of paragraph, code, indented, table, math."""
    lines: list[str]
    depth: int
    """Containers around it."""
    opened: int
    is_spaced: bool
    fence: str = ""
    column: int = 0
    info: str = ""
    opener: str = ""
    closer: str = ""
    header: tuple[str, ...] = ()
    alignments: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] | None = None
    is_continued: bool = False
    is_closed: bool = False
    size: int = 0
    """Characters of a paragraph or formula."""
    marks: int = 0
    """Of a paragraph."""
    joint: str | None = None


class _State:
    """The open containers, the open leaf, and the blocks that have closed since the last look."""

    def __init__(self) -> None:
        self.done: list[Block] = []
        self._open: list[_Open] = []
        self._fresh = 0  # innermost open containers that have no leaf yet
        self._leaf: _Leaf | None = None
        self._is_after_blank = False

    def clone(self) -> _State:
        """A copy that may be fed without touching this one."""
        twin = _State()
        twin._open = list(self._open)
        twin._fresh = self._fresh
        twin._is_after_blank = self._is_after_blank
        if self._leaf is not None:
            twin._leaf = copy.copy(self._leaf)
            twin._leaf.lines = list(self._leaf.lines)
            twin._leaf.rows = None if self._leaf.rows is None else list(self._leaf.rows)
        return twin

    @property
    def keeps_lines_whole(self) -> bool:
        """Whether even an endless line is taken only as a whole."""
        return self._leaf is not None and self._leaf.kind == "code"

    @property
    def is_in_source(self) -> bool:
        """Whether what comes next is code or a formula, in which nothing has a meaning of its own."""
        return self._leaf is not None and self._leaf.kind in ("code", "indented", "math")

    def withholds(self, partial: str) -> bool:
        """Whether an unfinished line should not be shown yet, as its next character decides what it is."""
        leaf = self._leaf
        if leaf is not None and leaf.kind == "code":
            return bool(leaf.fence) and set(partial.strip()) <= {leaf.fence[0]}
        if leaf is not None and leaf.kind == "math":
            return False
        return len(partial) < 200 and _ONLY_MARKERS.match(partial) is not None

    def preview(self) -> list[Block]:
        """What has closed in this copy and what is open, as blocks."""
        blocks = list(self.done)
        leaf = self._leaf
        if leaf is None:
            return blocks
        if leaf.kind == "paragraph":
            # The last line may be the header of a table whose delimiter row has yet to come.
            lines = leaf.lines
            if lines[-1].lstrip().startswith("|") and (len(lines) > 1 or leaf.joint is None):
                leaf = copy.copy(leaf)
                leaf.lines = lines[:-1]
            if leaf.lines:
                blocks += self._paragraphs(leaf)
            return blocks
        if leaf.kind == "math":
            tex = "\n".join(leaf.lines)
            blocks.append(self._block(leaf, MathBlock(tex.removeprefix(leaf.opener).strip())))
            return blocks
        blocks.append(self._block(leaf, self._content(leaf)))
        return blocks

    def close_all(self) -> None:
        """The end of the text."""
        self._close_leaf()
        self._close_containers(0)

    # Lines

    def take(self, line: str) -> None:
        """One whole line, without its end."""
        leaf = self._leaf
        if leaf is not None and leaf.kind == "code" and self._take_code(leaf, line):
            return
        text, column, matched = self._match_containers(line)
        if not text:
            self._take_blank(matched)
            return
        leaf = self._leaf
        if leaf is not None and leaf.kind == "math" and matched == leaf.depth:
            self._take_math(leaf, text)
            return
        if leaf is not None and leaf.kind == "indented":
            if matched == leaf.depth and column - self._content_column(matched) >= 4:
                leaf.lines.append(" " * (column - self._content_column(matched) - 4) + text)
                return
            self._close_leaf()
        self._take_text(text, column, matched)
        self._is_after_blank = False

    def take_on(self, text: str) -> None:
        """More of the line that was taken last: text, whatever it looks like."""
        leaf = self._leaf
        if leaf is not None and leaf.kind in ("code", "indented"):
            if leaf.lines:
                leaf.lines[-1] += text
            else:
                leaf.info += text
            return
        if leaf is not None and leaf.kind == "math":
            self._turn_into_text(leaf)
        if leaf is None or leaf.kind != "paragraph":
            leaf = self._start("paragraph", [""], len(self._open))
        leaf.lines[-1] += text
        self._bound(leaf, text)

    def _take_code(self, leaf: _Leaf, line: str) -> bool:
        """A line while a fence is open; False if it left the quote that held the fence."""
        rest, column = line, 0
        for entry in self._open[: leaf.depth]:
            if isinstance(entry.container, Quote):
                match = re.match(r"[ \t]*>[ ]?", rest)
                if match is None:
                    return False
                column = 0
                rest = rest[match.end() :]
        stripped = rest.lstrip(" \t") if leaf.column else rest
        column = _width(rest[: len(rest) - len(stripped)])
        body = stripped.strip(" \t")
        if body and set(body) == {leaf.fence[0]} and len(body) >= len(leaf.fence):
            leaf.is_closed = True
            self._close_leaf()
            self._is_after_blank = False
            return True
        if body:
            leaf.column = min(leaf.column, column)  # code that does not keep the indentation of its fence
        if column > leaf.column:
            leaf.lines.append(rest if not leaf.column else " " * (column - leaf.column) + stripped)
        else:
            leaf.lines.append(stripped)
        return True

    def _match_containers(self, line: str) -> tuple[str, int, int]:
        """(rest of the line, its column, how many open containers it continues)."""
        text, column = _outdented(line, 0)
        is_blank = not text
        matched = 0
        for entry in self._open:
            if isinstance(entry.container, Quote):
                if not text.startswith(">"):
                    break
                text, column = _outdented(text[1:], column + 1)
                is_blank = not text
            elif not is_blank and column < entry.marker_column + 2:
                break
            matched += 1
        return text, column, matched

    def _content_column(self, depth: int) -> int:
        """The column from which indentation counts inside this many containers."""
        column = 0
        for entry in self._open[:depth]:
            column = entry.marker_column + 2
        return column

    def _take_blank(self, matched: int) -> None:
        leaf = self._leaf
        if leaf is not None and leaf.kind == "indented" and matched == leaf.depth:
            leaf.lines.append("")
        else:
            self._close_leaf()
            quotes = [n for n, entry in enumerate(self._open) if isinstance(entry.container, Quote)]
            if any(index >= matched for index in quotes):
                self._close_containers(next(index for index in quotes if index >= matched))
        self._is_after_blank = True

    def _take_text(self, text: str, column: int, matched: int) -> None:
        """A line that is not blank, inside `matched` containers: new containers first, then its leaf."""
        leaf = self._leaf
        is_inside = leaf is not None and matched == leaf.depth
        if is_inside and leaf is not None:
            if leaf.kind == "table" and self._take_row(leaf, text):
                return
            if leaf.kind == "paragraph" and self._take_underline(leaf, text):
                return
        while len(self._open) < MAX_DEPTH or matched < len(self._open):
            opened = self._open_container(text, column, matched)
            if opened is None:
                break
            text, column = opened
            matched = len(self._open)
            if not text:
                return
        self._take_leaf(text, column, matched)

    def _open_container(self, text: str, column: int, matched: int) -> tuple[str, int] | None:
        """Opens the quote or item that starts here, if one does; the text after its marker."""
        if text.startswith(">"):
            self._enter(_Open(Quote(), column), matched)
            return _outdented(text[1:], column + 1)
        item = self._item_at(text, column, matched)
        if item is None:
            return None
        entry, length = item
        self._count_on(entry, matched)
        rest, next_column = _outdented(text[length:], column + length)
        task = _TASK.match(rest)
        if task and isinstance(entry.container, Item) and not entry.container.label:
            entry.container = replace(entry.container, is_checked=task.group(1) != " ")
            rest, next_column = rest[task.end() :], next_column + task.end()
        self._enter(entry, matched)
        return rest, next_column

    def _item_at(self, text: str, column: int, matched: int) -> tuple[_Open, int] | None:
        if _RULE.match(text):
            return None
        is_in_list = any(isinstance(entry.container, Item) for entry in self._open[: matched + 1])
        if not is_in_list and column - self._content_column(matched) >= 4:
            return None
        is_in_paragraph = self._leaf is not None and self._leaf.kind == "paragraph"
        if match := _BULLET.match(text):
            if is_in_paragraph and not is_in_list and not text[1:].strip():
                return None
            return _Open(Item(None), column, match.group(1)), 1
        if match := _NUMBER.match(text):
            if (
                is_in_paragraph
                and not is_in_list
                and (int(match.group(1)) != 1 or not text[match.end() :].strip())
            ):
                return None
            return _Open(Item(int(match.group(1))), column, match.group(2)), match.end()
        if not matched and (match := _FOOTNOTE.match(text)):
            return _Open(Item(None, label=match.group(1)), column, "^"), match.end()
        return None

    def _count_on(self, entry: _Open, matched: int) -> None:
        """Numbers an item after the one before it, as lists are often written with 1. throughout."""
        before = self._open[matched] if matched < len(self._open) else None
        if before is None or before.symbol != entry.symbol:
            return
        if isinstance(before.container, Item) and isinstance(entry.container, Item):
            last, number = before.container.number, entry.container.number
            if last is not None and number is not None and number <= last:
                entry.container = replace(entry.container, number=last + 1)

    def _enter(self, entry: _Open, matched: int) -> None:
        self._close_leaf()
        self._close_containers(matched)
        self._open.append(entry)
        self._fresh += 1

    # Leaves

    def _take_leaf(self, text: str, column: int, matched: int) -> None:
        leaf = self._leaf
        is_paragraph = leaf is not None and leaf.kind == "paragraph"
        if (
            not is_paragraph
            and not self._fresh
            and column - self._content_column(matched) >= 4 + self._item_slack(matched)
        ):
            indent = column - self._content_column(matched) - 4
            self._start("indented", [" " * indent + text], matched)
        elif match := _ATX.match(text):
            title = _ATX_END.sub("", text[match.end() :].strip(" \t"), count=1).rstrip(" \t")
            self._place(Heading(len(match.group(1)), title), matched)
        elif _RULE.match(text):
            self._place(Rule(), matched)
        elif (match := _FENCE.match(text)) and not ("`" in match.group(1) and "`" in match.group(2)):
            fresh = self._start("code", [], matched)
            fresh.fence, fresh.info = match.group(1), match.group(2).strip()
            fresh.column = max(0, column - self._quote_column(matched))
        elif (opener := _math_opener(text)) is not None:
            self._start_math(text, opener, matched)
        elif leaf is not None and is_paragraph:
            # Inside the same containers, or lazily without their markers: the paragraph goes on.
            leaf.lines.append(text)
            self._bound(leaf, text)
        else:
            self._bound(self._start("paragraph", [text], matched), text)

    def _bound(self, leaf: _Leaf, added: str) -> None:
        """Divides a paragraph that has become too long, at the end of a line if it can be."""
        leaf.size += len(added)
        leaf.marks += len(MARK.findall(added))
        if not _is_too_long(leaf):
            return
        if len(leaf.lines) > 1:
            self._divide(leaf, "\n".join(leaf.lines[:-1]), leaf.lines[-1], "\n")
        while _is_too_long(leaf):
            line = leaf.lines[0]
            cut = _cut_of(line)
            if cut >= len(line):
                return
            joint = " " if line.startswith(" ", cut) else ""
            self._divide(leaf, line[:cut], line[cut + len(joint) :], joint)

    def _divide(self, leaf: _Leaf, text: str, rest: str, joint: str) -> None:
        head = copy.copy(leaf)
        head.lines = [text]
        self.done += self._paragraphs(head)
        leaf.lines, leaf.joint, leaf.opened, leaf.is_spaced = [rest], joint, 0, False
        leaf.size, leaf.marks = len(rest), len(MARK.findall(rest))

    def _item_slack(self, depth: int) -> int:
        """Extra columns before text in an item counts as code: content may stand well right of its marker."""
        innermost = self._open[depth - 1] if depth else None
        return 3 if innermost is not None and isinstance(innermost.container, Item) else 0

    def _quote_column(self, depth: int) -> int:
        """The column at which the content of the innermost quote starts."""
        quotes = [entry for entry in self._open[:depth] if isinstance(entry.container, Quote)]
        return quotes[-1].marker_column + 2 if quotes else 0

    def _start(self, kind: str, lines: list[str], depth: int) -> _Leaf:
        self._close_leaf()
        self._close_containers(depth)
        leaf = _Leaf(kind, lines, depth, min(self._fresh, depth), self._is_after_blank)
        self._fresh = 0
        self._leaf = leaf
        return leaf

    def _place(self, content: Content, depth: int) -> None:
        """A leaf of one line."""
        leaf = self._start("placed", [], depth)
        self._leaf = None
        self.done.append(self._block(leaf, content))

    def _take_underline(self, leaf: _Leaf, text: str) -> bool:
        """What may follow a paragraph line in its containers: `===`, or the row under a table's header."""
        if match := _SETEXT.match(text):
            self._leaf = None
            level = 1 if match.group(1)[0] == "=" else 2
            self.done.append(self._block(leaf, Heading(level, "\n".join(leaf.lines))))
            return True
        alignments = _delimiter_row(text)
        if alignments is None or "|" not in leaf.lines[-1]:
            return False
        header = _cells(leaf.lines[-1])
        if len(header) != len(alignments) or len(header) > MAX_TABLE_COLUMNS:
            return False
        if len(leaf.lines) > 1:
            leaf.lines.pop()
            self._close_leaf()
        opened, is_spaced = (leaf.opened, leaf.is_spaced) if self._leaf is leaf else (0, False)
        self._leaf = _Leaf(
            "table", [], leaf.depth, opened, is_spaced, header=header, alignments=alignments, rows=[]
        )
        return True

    def _take_row(self, leaf: _Leaf, text: str) -> bool:
        """A line after a table's header; False if something else starts here."""
        if "|" not in text and (
            text[0] in "#>`~" or _RULE.match(text) or _BULLET.match(text) or _NUMBER.match(text)
        ):
            return False
        assert leaf.rows is not None
        if len(leaf.rows) >= max(4, min(MAX_TABLE_ROWS, MAX_TABLE_CELLS // len(leaf.header))):
            self._close_leaf()
            leaf = _Leaf(
                "table", [], leaf.depth, 0, False,
                header=leaf.header, alignments=leaf.alignments, rows=[], is_continued=True,
            )  # fmt: skip
            self._leaf = leaf
        assert leaf.rows is not None
        columns = len(leaf.header)
        cells = _cells(text)
        if len(cells) > columns:
            cells = _cells(text, _BAR_OUTSIDE_CODE)
        if len(cells) > columns:
            cells = (*cells[: columns - 1], " | ".join(cells[columns - 1 :]))
        leaf.rows.append((*cells, *[""] * (columns - len(cells))))
        return True

    def _start_math(self, text: str, opener: str, depth: int) -> None:
        leaf = self._start("math", [], depth)
        leaf.opener = opener
        leaf.closer = {"$$": "$$", "\\[": "\\]"}.get(opener, opener.replace("\\begin", "\\end"))
        self._take_math(leaf, text, start=len(opener))

    def _turn_into_text(self, leaf: _Leaf) -> None:
        """What began as a formula and never ended."""
        lines, leaf.lines = leaf.lines, []
        leaf.kind, leaf.size = "paragraph", 0
        for line in lines:
            leaf.lines.append(line)
            self._bound(leaf, line)

    def _take_math(self, leaf: _Leaf, text: str, start: int = 0) -> None:
        leaf.lines.append(text)
        leaf.size += len(text)
        end = text.find(leaf.closer, start)
        if end < 0:
            if leaf.size > _FORMULA_LIMIT:
                self._turn_into_text(leaf)
            return
        after = text[end + len(leaf.closer) :]
        stop = after.strip(" \t")
        leaf.lines[-1] = text[:end]
        tex = "\n".join(leaf.lines)
        if leaf.opener.startswith("\\begin"):
            tex += leaf.closer
        else:
            tex = tex[len(leaf.opener) :]
        if stop in _STOPS:
            tex = f"{tex.rstrip()} {stop}"
        self._leaf = None
        self.done.append(self._block(leaf, MathBlock(tex.strip())))
        if stop not in _STOPS:
            self._is_after_blank = False
            self._take_leaf(stop, self._content_column(leaf.depth), leaf.depth)

    # Closing

    def _close_leaf(self) -> None:
        leaf = self._leaf
        if leaf is None:
            return
        if leaf.kind == "math":
            self._turn_into_text(leaf)
        self._leaf = None
        if leaf.kind == "paragraph":
            self.done += self._paragraphs(leaf)
        else:
            self.done.append(self._block(leaf, self._content(leaf)))

    def _paragraphs(self, leaf: _Leaf) -> list[Block]:
        """The paragraph; a line that is an image stands alone, so that a picture can take its place."""
        text = "\n".join(leaf.lines).rstrip()
        if "![" not in text:
            return [self._block(leaf, Paragraph(text, leaf.joint))]
        groups: list[list[str]] = []
        was_image = True
        for line in text.split("\n"):
            is_image = _is_image(line)
            if is_image or was_image:
                groups.append([line])
            else:
                groups[-1].append(line)
            was_image = is_image
        paragraphs = [Paragraph("\n".join(lines).rstrip()) for lines in groups]
        first, rest = self._block(leaf, replace(paragraphs[0], joint=leaf.joint)), paragraphs[1:]
        return [first, *(replace(first, content=content, opened=0, is_spaced=False) for content in rest)]

    def _content(self, leaf: _Leaf) -> Content:
        match leaf.kind:
            case "code":
                words = leaf.info.split(None, 1)
                return CodeBlock(words[0] if words else "", "\n".join(leaf.lines), leaf.is_closed)
            case "indented":
                return CodeBlock("", "\n".join(leaf.lines).rstrip("\n"), True)
            case "table":
                return Table(leaf.header, leaf.alignments, tuple(leaf.rows or ()), leaf.is_continued)
            case _:
                raise AssertionError(leaf.kind)

    def _close_containers(self, depth: int) -> None:
        """Leaves all containers beyond `depth`; an item that never got any text still shows its marker."""
        if len(self._open) > depth:
            fresh = self._open[len(self._open) - self._fresh :]
            if any(isinstance(entry.container, Item) for entry in fresh):
                empty = _Leaf("paragraph", [""], len(self._open), self._fresh, self._is_after_blank)
                self.done.append(self._block(empty, Paragraph("")))
            del self._open[depth:]
            self._fresh = 0

    def _block(self, leaf: _Leaf, content: Content) -> Block:
        containers = tuple(entry.container for entry in self._open[: leaf.depth])
        return Block(content, containers, leaf.opened, leaf.is_spaced)


def _ends_in_data(text: str) -> bool:
    start = text.rfind("](")
    return start >= 0 and (found := _DATA.match(text, start)) is not None and found.end() == len(text)


def _is_too_long(leaf: _Leaf) -> bool:
    return (
        leaf.size > MAX_PARAGRAPH_CHARS
        or leaf.marks > MAX_PARAGRAPH_MARKS
        or len(leaf.lines) > MAX_PARAGRAPH_LINES
    )


def _cut_of(line: str) -> int:
    """Where to divide a line that is too long for one paragraph: at a space, if there is one near, but never
    within a picture. The length of the line if it cannot be told yet."""
    end = min(len(line) - 1, MAX_PARAGRAPH_CHARS)
    for count, mark in enumerate(MARK.finditer(line, 0, end)):
        if count == MAX_PARAGRAPH_MARKS:
            end = mark.start()
            break
    for data in _DATA.finditer(line):
        if data.start() < end < data.end() + _DATA_REST:
            closed = line.find(")", data.end(), data.end() + _DATA_REST)
            if closed >= 0:
                return closed + 1
            return data.end() if len(line) > data.end() + _DATA_REST else len(line)
    space = line.rfind(" ", end // 2, end + 1)
    return space if space > 0 else end


def _width(spaces: str) -> int:
    """Columns that leading white space takes, with tab stops every four."""
    return len(spaces.expandtabs(4))


def _outdented(text: str, column: int) -> tuple[str, int]:
    """The text without leading white space, and the column at which it then starts."""
    for index, character in enumerate(text):
        if character == " ":
            column += 1
        elif character == "\t":
            column += 4 - column % 4
        else:
            return text[index:], column
    return "", column


def _without_open_data(line: str) -> str:
    """The line; where it ends in the data of an image that are still arriving, their length stands for them.

    Otherwise each look at the tail would read megabytes that nobody sees.
    """
    start = line.rfind("](data:image/")
    comma = line.find(",", start, start + 200)
    if start < 0 or comma < 0 or len(line) - start < 1000:
        return line
    if any(line.find(mark, start) >= 0 for mark in ") <>\t"):
        return line
    return f"{line[:comma]};{DATA_SO_FAR}={len(line) - start - 2},"


def _is_image(line: str) -> bool:
    """Whether a line seems to hold an image and nothing else."""
    return line.startswith("![") and line.rstrip(" \t").endswith(")") and "](" in line


def _math_opener(text: str) -> str | None:
    """The delimiter of a displayed formula that starts here; if it ends here too, only a stop may follow."""
    if text.startswith("$$") and not text.startswith("$$$"):
        opener, closer = "$$", "$$"
    elif text.startswith("\\["):
        opener, closer = "\\[", "\\]"
    elif match := _ENVIRONMENT.match(text):
        opener, closer = match.group(0), match.group(0).replace("\\begin", "\\end")
    else:
        return None
    end = text.find(closer, len(opener))
    return opener if end < 0 or text[end + len(closer) :].strip(" \t") in _STOPS else None


def _delimiter_row(text: str) -> tuple[str, ...] | None:
    """The alignments that a row such as `|:--|--:|` declares; None if it is no such row."""
    if "-" not in text or text.strip(" \t|:-"):
        return None
    alignments = []
    for cell in _cells(text):
        match = _DELIMITER_CELL.match(cell)
        if match is None:
            return None
        alignments.append({"::": "center", ":": "left"}.get(match.group(1) + match.group(2), ""))
        if match.group(2) and not match.group(1):
            alignments[-1] = "right"
    if len(alignments) == 1 and "|" not in text:
        return None
    return tuple(alignments)


def _cells(line: str, bar: re.Pattern[str] = _BAR) -> tuple[str, ...]:
    """The cells of a table row; an escaped bar does not divide."""
    text = line.strip(" \t")
    if text.startswith("|"):
        text = text[1:]
    cells: list[str] = []
    start = 0
    for match in bar.finditer(text):
        if match.group() == "|":
            cells.append(text[start : match.start()])
            start = match.end()
    if text[start:].strip(" \t") or not cells:
        cells.append(text[start:])
    return tuple(cell.strip(" \t").replace("\\|", "|") for cell in cells)
