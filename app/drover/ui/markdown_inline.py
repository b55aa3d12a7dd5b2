"""Inline Markdown to a flat list of styled spans, in time linear in the text.

CommonMark's rules for emphasis, code, links and escapes; GitHub's strikethrough and bare links; formulas by
pandoc's rule, so that "$5 and $6" is money. HTML is text. A line break in the source is a line break: models
do not wrap their lines. Only http, https and mailto become links; any other link is left as it was written,
and so is one that hides something. References to links are text; `\\[x\\](y)` is an escaped link, no formula.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntFlag
from itertools import groupby


class SpanKind(Enum):
    """What a span stands for."""

    TEXT = "text"
    CODE = "code"
    MATH = "math"
    """`text` is TeX."""
    DISPLAY_MATH = "display math"
    IMAGE = "image"
    """`text` is the alternative text, `link` the address, of any scheme."""
    PARTIAL_IMAGE = "partial image"
    """An image whose data have not come to their end; `link` is the address so far."""
    BREAK = "break"
    FOOTNOTE = "footnote"
    """`text` is the label."""


class Style(IntFlag):
    """Emphasis, any combination."""

    PLAIN = 0
    BOLD = 1
    ITALIC = 2
    STRIKE = 4


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text with one look."""

    text: str
    kind: SpanKind = SpanKind.TEXT
    style: Style = Style.PLAIN
    link: str = ""


_SPECIAL = re.compile(r"[\\`*_~\[\]!<$&\n]|https?://|www\.(?=\w)")
_TICKS = re.compile(r"`+")
_RUN = re.compile(r"\*+|_+|~+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# In an address nothing that cannot be seen, turns text around, or is taken for something else by a browser.
_UNSEEN = r"\s\\\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_ANGLE_LINK = re.compile(rf"<((?:https?://|mailto:)[^{_UNSEEN}<>]{{1,2000}})>", re.IGNORECASE)
_ANGLE_MAIL = re.compile(r"<([\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})>")
_BARE_MAIL = re.compile(
    r"(?<![\w.+/:@-])[A-Za-z0-9][A-Za-z0-9.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w@-]|:\S)"
)
_LINE_BREAK_TAG = re.compile(r"<br ?/?>", re.IGNORECASE)
_BARE_LINK = re.compile(rf"(?:https?://|www\.)[^{_UNSEEN}<>`]{{1,2000}}")
_DOLLAR = re.compile(r"(?<!\\)\$")
_DESTINATION = re.compile(
    r"\([ \t\n]*+(?:<([^<>\n]{0,2000})>|((?:[^\s()\\<]|\\.|\((?:[^\s()\\]|\\.){0,500}\)){0,2000}))"
    r"(?:[ \t\n]++(?:\"[^\"]{0,500}\"|'[^']{0,500}'))?[ \t\n]*+\)"
)
# In data there are no brackets, so that what one attempt has passed over is not looked at by another.
_IMAGE_DATA = re.compile(
    r"\([ \t]*+<?(data:image/[^\s()<>\[\]]*+)>?(?:[ \t]++(?:\"[^\"]{0,500}\"|'[^']{0,500}'))?[ \t]*+(\)?)"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_FOOTNOTE = re.compile(r"\[\^([^\[\]\s]{1,40})\]")
_SAFE_LINK = re.compile(rf"(?:https?://|mailto:)[^{_UNSEEN}]+", re.IGNORECASE)
_PICTURE_SCHEME = re.compile(r"https?://[^\s\x00-\x1f]|data:image/", re.IGNORECASE)
_MAX_FORMULA = 2000
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def safe_link(url: str) -> str:
    """The address if it may be offered to a browser or mail program, else an empty text."""
    return url if _SAFE_LINK.fullmatch(url) else ""


def parse_inline(text: str, *, is_open: bool = False, breaks_at_tags: bool = False) -> list[Span]:
    """The spans of a paragraph, heading or cell.

    `is_open` says that more text may follow: bold and code that have only begun are then shown as such.
    `breaks_at_tags` takes `<br>` as a line break, the only way to write one inside a table.
    """
    if not _SPECIAL.search(text):
        return [Span(text)] if text else []
    return _Scanner(text, is_open=is_open, breaks_at_tags=breaks_at_tags).spans()


def is_picture(url: str) -> bool:
    """Whether a picture with this address can be offered: it is on the web, or in the address itself."""
    return _PICTURE_SCHEME.match(url) is not None


def pictures_in(text: str) -> list[Span]:
    """The images of a paragraph that consists of nothing else.

    Empty if there is anything to read in it, or an address that is neither of the web nor of data.
    """
    if not text.startswith("!["):
        return []
    blank = (SpanKind.TEXT, SpanKind.BREAK)
    spans = [span for span in parse_inline(text) if span.kind not in blank or span.text.strip()]
    are_pictures = all(span.kind is SpanKind.IMAGE and is_picture(span.link) for span in spans)
    return spans if are_pictures else []


def plain_text(spans: list[Span]) -> str:
    """What a reader sees, without markup."""
    return "".join("\n" if span.kind is SpanKind.BREAK else span.text for span in spans)


@dataclass(slots=True)
class _Node:
    text: str
    kind: SpanKind = SpanKind.TEXT
    link: str = ""


@dataclass(slots=True)
class _Delimiter:
    """A run of `*`, `_` or `~` that may open or close emphasis."""

    node: int
    mark: str
    count: int
    length: int
    can_open: bool
    can_close: bool


class _Scanner:
    def __init__(self, text: str, *, is_open: bool, breaks_at_tags: bool) -> None:
        self._text = text
        self._is_open = is_open
        self._breaks_at_tags = breaks_at_tags
        self._nodes: list[_Node] = []
        self._delimiters: list[_Delimiter] = []
        self._brackets: list[tuple[int, int, bool]] = []  # node, delimiters before it, is an image
        self._styles: list[tuple[int, int, Style]] = []
        self._links: list[tuple[int, int, str]] = []
        self._absent: set[str] = set()  # closers that no longer occur
        self._ticks: dict[int, list[int]] | None = None

    def spans(self) -> list[Span]:
        text, position = self._text, 0
        while match := _SPECIAL.search(text, position):
            self._add_plain(position, match.start())
            position = self._take(match.group(), match.start())
        self._add_plain(position, len(text))
        self._pair(0)
        return self._flatten()

    def _add_plain(self, start: int, end: int) -> None:
        """Text without markup, in which addresses of mail are links."""
        if self._text.find("@", start, end) >= 0:
            for match in _BARE_MAIL.finditer(self._text, start, end):
                self._add(self._text[start : match.start()])
                self._add(match.group(), link="mailto:" + match.group())
                start = match.end()
        if start < end:
            self._add(self._text[start:end])

    def _add(self, text: str, kind: SpanKind = SpanKind.TEXT, link: str = "") -> None:
        self._nodes.append(_Node(text, kind, link))

    def _take(self, mark: str, at: int) -> int:
        """Handles the special character at this place; where to go on."""
        match mark:
            case "\\":
                return self._take_backslash(at)
            case "`":
                return self._take_code(at)
            case "*" | "_" | "~":
                return self._take_run(at)
            case "[":
                return self._take_bracket(at)
            case "!":
                if self._text.startswith("[", at + 1):
                    self._brackets.append((len(self._nodes), len(self._delimiters), True))
                    self._add("![")
                    return at + 2
                self._add("!")
                return at + 1
            case "]":
                return self._take_closing_bracket(at)
            case "<":
                return self._take_angle(at)
            case "$":
                return self._take_dollar(at)
            case "&":
                entity = _ENTITY.match(self._text, at)
                self._add(html.unescape(entity.group()) if entity else "&")
                return entity.end() if entity else at + 1
            case "\n":
                if self._nodes and self._nodes[-1].kind is SpanKind.TEXT:
                    self._nodes[-1].text = self._nodes[-1].text.rstrip(" ")
                self._add("\n", SpanKind.BREAK)
                return at + 1
            case _:
                return self._take_bare_link(at)

    def _take_backslash(self, at: int) -> int:
        text = self._text
        following = text[at + 1 : at + 2]
        if following == "(":
            end = self._find("\\)", at + 2)
            if 0 <= end <= at + _MAX_FORMULA:
                self._add(text[at + 2 : end].strip(), SpanKind.MATH)
                return end + 2
        if following == "[":
            end = self._find("\\]", at + 2)
            if 0 <= end <= at + _MAX_FORMULA and not text.startswith("(", end + 2):  # else an escaped link
                self._add(text[at + 2 : end].strip(), SpanKind.DISPLAY_MATH)
                return end + 2
        if following == "\n":
            self._add("\n", SpanKind.BREAK)
            return at + 2
        if following in _PUNCTUATION and following:
            self._add(following)
            return at + 2
        self._add("\\")
        return at + 1

    def _find(self, closer: str, start: int) -> int:
        """Where the closer comes next, or -1; never searches twice for what is not there."""
        if closer in self._absent:
            return -1
        end = self._text.find(closer, start)
        if end < 0:
            self._absent.add(closer)
        return end

    def _take_code(self, at: int) -> int:
        text = self._text
        if self._ticks is None:
            self._ticks = {}
            for match in reversed(list(_TICKS.finditer(text))):
                self._ticks.setdefault(match.end() - match.start(), []).append(match.start())
        run = _TICKS.match(text, at)
        assert run is not None
        length = run.end() - at
        places = self._ticks.get(length, [])  # behind a backslash a run is shorter than it was counted
        while places and places[-1] <= at:
            places.pop()
        if places:
            end = places[-1]
        elif self._is_open and length == 1 and run.end() < len(text):
            end = len(text)
        else:
            self._add(run.group())
            return run.end()
        code = text[run.end() : end].replace("\n", " ")
        if len(code) > 2 and code[0] == code[-1] == " " and code.strip(" "):
            code = code[1:-1]
        self._add(code, SpanKind.CODE)
        return min(end + length, len(text))

    def _take_run(self, at: int) -> int:
        text = self._text
        run = _RUN.match(text, at)
        assert run is not None
        mark, end = text[at], run.end()
        before = text[at - 1] if at else "\n"
        after = text[end] if end < len(text) else "\n"
        opens = not after.isspace() and (not _is_punctuation(after) or _is_loose(before))
        closes = not before.isspace() and (not _is_punctuation(before) or _is_loose(after))
        if mark == "_":
            opens, closes = (
                opens and (not closes or _is_punctuation(before)),
                closes and (not opens or _is_punctuation(after)),
            )
        length = end - at
        if mark == "*" and length >= 2:  # "**Note:**text" is written often and means what it looks like
            opens, closes = not after.isspace(), not before.isspace()
        if mark != "~" or length == 2:
            self._delimiters.append(_Delimiter(len(self._nodes), mark, length, length, opens, closes))
        self._add(run.group())
        return end

    def _take_bracket(self, at: int) -> int:
        footnote = _FOOTNOTE.match(self._text, at)
        if footnote:
            self._add(footnote.group(1), SpanKind.FOOTNOTE)
            return footnote.end()
        self._brackets.append((len(self._nodes), len(self._delimiters), False))
        self._add("[")
        return at + 1

    def _take_closing_bracket(self, at: int) -> int:
        if not self._brackets:
            self._add("]")
            return at + 1
        node, delimiters, is_image = self._brackets.pop()
        if is_image and (data := _IMAGE_DATA.match(self._text, at + 1)):
            is_whole = bool(data.group(2))
            if is_whole or data.end() == len(self._text):
                kind = SpanKind.IMAGE if is_whole else SpanKind.PARTIAL_IMAGE
                self._replace(node, delimiters, kind, data.group(1))
                return data.end()
        match = _DESTINATION.match(self._text, at + 1)
        if match is None:
            self._add("]")
            return at + 1
        url = html.unescape(_ESCAPE.sub(r"\1", match.group(1) or match.group(2) or ""))
        if is_image:
            self._replace(node, delimiters, SpanKind.IMAGE, url)
            return match.end()
        self._pair(delimiters)
        if safe_link(url):
            self._nodes[node].text = ""
            self._links.append((node + 1, len(self._nodes), url))
            self._brackets.clear()  # a link holds no links
        else:
            self._add(self._text[at : match.end()])
        return match.end()

    def _replace(self, node: int, delimiters: int, kind: SpanKind, url: str) -> None:
        """Puts an image where its alternative text was written, whose emphasis is not shown."""
        styles = len(self._styles)
        self._pair(delimiters)
        del self._styles[styles:]
        alternative = "".join(piece.text for piece in self._nodes[node + 1 :])
        del self._nodes[node:]
        self._add(alternative, kind, url)

    def _take_angle(self, at: int) -> int:
        text = self._text
        if match := _ANGLE_LINK.match(text, at):
            self._add(match.group(1).removeprefix("mailto:"), link=match.group(1))
            return match.end()
        if match := _ANGLE_MAIL.match(text, at):
            self._add(match.group(1), link="mailto:" + match.group(1))
            return match.end()
        if self._breaks_at_tags and (match := _LINE_BREAK_TAG.match(text, at)):
            self._add("\n", SpanKind.BREAK)
            return match.end()
        self._add("<")
        return at + 1

    def _take_dollar(self, at: int) -> int:
        text = self._text
        if text.startswith("$$", at):
            end = self._find("$$", at + 2)
            if at + 2 < end <= at + _MAX_FORMULA:
                self._add(text[at + 2 : end].strip(), SpanKind.DISPLAY_MATH)
                return end + 2
            self._add("$$")
            return at + 2
        following = text[at + 1 : at + 2]
        if following and not following.isspace() and "$" not in self._absent:
            match = _DOLLAR.search(text, at + 2)
            if match is None:
                self._absent.add("$")
            elif self._is_formula(at + 1, match.start()):
                self._add(text[at + 1 : match.start()], SpanKind.MATH)
                return match.end()
        self._add("$")
        return at + 1

    def _is_formula(self, start: int, end: int) -> bool:
        """Pandoc's rule: no space before the closing dollar, no digit after it; and no code in between."""
        text = self._text
        return (
            end - start <= _MAX_FORMULA
            and not text[end - 1].isspace()
            and not text[end + 1 : end + 2].isdigit()
            and "`" not in text[start:end]
        )

    def _take_bare_link(self, at: int) -> int:
        text = self._text
        match = _BARE_LINK.match(text, at)
        if match is None or (at and (text[at - 1].isalnum() or text[at - 1] in "_/")):
            self._add(text[at])
            return at + 1
        url = match.group()
        while url:
            if url[-1] in "?!.,:;*_~'\"|$\\]" or (url[-1] == ")" and url.count(")") > url.count("(")):
                url = url[:-1]
            else:
                break
        if len(url) <= len("https://"):
            self._add(text[at])
            return at + 1
        self._add(url, link=url if url.startswith("http") else "http://" + url)
        return at + len(url)

    # Emphasis

    def _pair(self, bottom: int) -> None:
        """Pairs the delimiters from `bottom` on, by CommonMark's procedure, and forgets them."""
        stack: list[_Delimiter] = []
        lowest: dict[tuple[str, bool, int], int] = {}
        for closer in self._delimiters[bottom:]:
            if closer.can_close:
                self._close(closer, stack, lowest)
            if closer.count and (closer.can_open or not closer.can_close):
                stack.append(closer)
        if self._is_open and bottom == 0:
            for opener in stack:
                if opener.can_open and opener.mark != "~" and opener.count == 2:
                    self._apply(opener.node, len(self._nodes), opener, Style.BOLD)
        del self._delimiters[bottom:]

    def _close(
        self, closer: _Delimiter, stack: list[_Delimiter], lowest: dict[tuple[str, bool, int], int]
    ) -> None:
        key = (closer.mark, closer.can_open, closer.length % 3)
        while closer.count:
            index = len(stack) - 1
            floor = min(lowest.get(key, 0), len(stack))
            while index >= floor and not _fits(stack[index], closer):
                index -= 1
            if index < floor:
                lowest[key] = len(stack)
                return
            opener = stack[index]
            del stack[index + 1 :]
            if closer.mark == "~":
                style = Style.STRIKE
            else:
                style = Style.BOLD if opener.count >= 2 and closer.count >= 2 else Style.ITALIC
            self._apply(opener.node, closer.node, opener, style)
            used = 1 if style is Style.ITALIC else 2
            closer.count -= used
            self._nodes[closer.node].text = closer.mark * closer.count
            if not opener.count:
                stack.pop()

    def _apply(self, start: int, end: int, opener: _Delimiter, style: Style) -> None:
        opener.count -= 1 if style is Style.ITALIC else 2
        self._nodes[start].text = opener.mark * opener.count
        self._styles.append((start + 1, end, style))

    # Result

    def _flatten(self) -> list[Span]:
        """The spans; texts of one look that follow each other are one span."""
        spans: list[Span] = []
        for (is_text, style, link), nodes in groupby(self._styled_nodes(), key=_look_of):
            if is_text:
                spans.append(Span("".join(node.text for node, _, _ in nodes), SpanKind.TEXT, style, link))
            else:
                spans += [Span(node.text, node.kind, style, link) for node, _, _ in nodes]
        return spans

    def _styled_nodes(self) -> Iterator[tuple[_Node, Style, str]]:
        """The nodes that show anything, each with its style and its link."""
        count = len(self._nodes) + 1
        depth = (
            {style: [0] * count for style in (Style.BOLD, Style.ITALIC, Style.STRIKE)} if self._styles else {}
        )
        for start, end, style in self._styles:
            depth[style][start] += 1
            depth[style][end] -= 1
        links = {start: (end, url) for start, end, url in self._links}
        running = dict.fromkeys(depth, 0)
        link_end, link = 0, ""
        for index, node in enumerate(self._nodes):
            style = Style.PLAIN
            for kind, steps in depth.items():
                running[kind] += steps[index]
                if running[kind]:
                    style |= kind
            if index in links:
                link_end, link = links[index]
            elif index >= link_end:
                link = ""
            if node.text or node.kind is not SpanKind.TEXT:
                yield node, style, node.link or link


def _look_of(styled: tuple[_Node, Style, str]) -> tuple[bool, Style, str]:
    node, style, link = styled
    return node.kind is SpanKind.TEXT, style, link


def _fits(opener: _Delimiter, closer: _Delimiter) -> bool:
    if opener.mark != closer.mark or not opener.can_open:
        return False
    if closer.mark == "~":
        return True
    is_ambiguous = opener.can_close or closer.can_open
    return not (
        is_ambiguous and (opener.length + closer.length) % 3 == 0 and (opener.length % 3 or closer.length % 3)
    )


def _is_punctuation(character: str) -> bool:
    if character < "\x80":
        return character in _PUNCTUATION
    return unicodedata.category(character)[0] in "PS"


def _is_loose(character: str) -> bool:
    """Whether emphasis may begin or end beside it although punctuation stands on the other side.

    Chinese, Japanese and Korean do not put spaces between words, so their letters count as well.
    """
    return character.isspace() or _is_punctuation(character) or character >= "\u2e80"
