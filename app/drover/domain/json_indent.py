"""JSON over several lines while it still arrives: only white space between its tokens changes."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r'[^\s{}\[\],:"]+|\s+|[{}\[\],:"]')
_STRING_STOP = re.compile(r'["\\]')
_INDENT = "  "


class JsonIndenter:
    """Gives pieces of JSON back with line breaks and indentation; what was given back never changes.

    Numbers, strings and escapes stay as they were written. Text that does not begin like an object or an
    array stays as it is.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._has_begun = self._is_plain = False
        self._is_opened = False
        """The last token was an opening bracket, of which nothing is known yet but that it is there."""
        self._is_in_string = self._is_escaped = False

    def feed(self, text: str) -> str:
        """The next piece, laid out. Costs no more than the piece is long."""
        if not self._has_begun:
            text = text.lstrip()
            if not text:
                return ""
            self._has_begun, self._is_plain = True, text[0] not in "{["
        return text if self._is_plain else "".join(self._laid_out(text))

    def _laid_out(self, text: str) -> Iterator[str]:
        at = 0
        while at < len(text):
            if self._is_in_string:
                end = self._end_of_string(text, at)
                yield text[at:end]
                at = end
                continue
            found = _TOKEN.match(text, at)
            assert found is not None
            at = found.end()
            token = found[0]
            if not token.isspace():
                yield from self._placed(token)

    def _end_of_string(self, text: str, at: int) -> int:
        """Where the string ends, or the text."""
        if self._is_escaped:
            self._is_escaped = False
            at += 1
        while (found := _STRING_STOP.search(text, at)) is not None:
            if found[0] == '"':
                self._is_in_string = False
                return found.end()
            at = found.end() + 1
            if at > len(text):
                self._is_escaped = True
        return len(text)

    def _placed(self, token: str) -> Iterator[str]:
        if token in "}]":
            self._depth = max(0, self._depth - 1)
            if not self._is_opened:
                yield self._new_line()
            self._is_opened = False
            yield token
            return
        if self._is_opened:
            self._is_opened = False
            yield self._new_line()
        yield token
        if token in "{[":
            self._depth += 1
            self._is_opened = True
        elif token == ",":
            yield self._new_line()
        elif token == ":":
            yield " "
        elif token == '"':
            self._is_in_string = True

    def _new_line(self) -> str:
        return "\n" + _INDENT * min(self._depth, 40)


def indented(text: str) -> str:
    """A whole text over several lines."""
    return JsonIndenter().feed(text)
