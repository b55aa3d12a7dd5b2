"""The format of gpt-oss where a server leaves it in the content, with its markers or with them stripped.

Format: github.com/openai/harmony, docs/format.md. A message is a header (`<|start|>assistant`, a channel,
perhaps the recipient of a call), `<|message|>`, a body, and `<|end|>`, `<|call|>` or `<|return|>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, IntEnum, auto

MARKED_STARTS = ("<|channel|>", "<|start|>assistant")
"""How content begins that is in this format, markers and all."""

_MESSAGE = "<|message|>"
_HEADS = ("<|start|>", "<|channel|>")
_ENDS = ("<|end|>", "<|call|>", "<|return|>")
_MARKERS = (*_HEADS, *_ENDS)
_BARE_HEAD = "assistant<|channel|>"
"""A header behind an end whose `<|start|>` was lost."""
_LONGEST = max(map(len, (*_MARKERS, _BARE_HEAD)))
_HEADER_CHARS = 200
_HEADER_PATTERN = re.compile(r"[\w \t=.:\-/]*")
_MARKER_PATTERN = re.compile(r"<\|(?:start|channel|constrain|message)\|>|<\|?[a-z]*\|?$")
_HEAD_PATTERN = re.compile(
    r"(?:(?:<\|start\|>)?assistant[^<]*)?"
    r"(?:<\|channel\|>\s*(?:analysis|commentary|final)\b[^<]*)?(?:<\|constrain\|>[^<]*)?"
)
_RECIPIENT_PATTERN = re.compile(r"\bto=([^\s<]+)")
_CHANNEL_PATTERN = re.compile(r"<\|channel\|>\s*(\w+)")
_QUOTES = "`'\"“‘"
_CLOSING_QUOTES = "`'\"”’"


class Piece(IntEnum):
    """What a stretch of the content is. Answer and thinking are as False and True of `TagSplitter`."""

    ANSWER = 0
    THINKING = 1
    CALL = 2
    """The name of a call that begins."""
    ARGUMENTS = 3


class _State(Enum):
    HEADER = auto()
    BODY = auto()
    BETWEEN = auto()  # after an end, nothing but white space so far


class HarmonySplitter:
    """Splits content with markers. Text that only looks like a marker, or quotes one, comes out as it is."""

    def __init__(self) -> None:
        self._state = _State.BODY
        self._kind = Piece.ANSWER
        self._is_marked = False
        """Whether there was a header, so that an end means one."""
        self._held = ""
        self._last = " "
        """The character before what comes next, to tell a marker that is quoted."""

    @property
    def is_in_answer(self) -> bool:
        """Always False: a marker may come at any time."""
        return False

    def feed(self, text: str) -> list[tuple[int, str]]:
        """Stretches of (piece, text)."""
        out: list[tuple[int, str]] = []
        if not self._held and self._state is _State.BODY and "<" not in text:
            self._emit(text, out)
            return out
        text, self._held = self._held + text, ""
        at = 0
        while at < len(text):
            match self._state:
                case _State.HEADER:
                    at = self._header(text, at, out)
                case _State.BODY:
                    at = self._body(text, at, out)
                case _State.BETWEEN:
                    at = self._between(text, at)
        return out

    def flush(self) -> list[tuple[int, str]]:
        """What was held back. Call at the end of the content."""
        out: list[tuple[int, str]] = []
        held, self._held = self._held, ""
        if self._state is _State.BODY and held in _ENDS:
            self._state = _State.BETWEEN  # held only to see whether a quotation goes on behind it
        if self._state is not _State.BETWEEN:
            self._state = _State.BODY
            self._emit(held, out)
        return out

    def _emit(self, text: str, out: list[tuple[int, str]]) -> None:
        if text:
            self._last = text[-1]
            out.append((self._kind, text))

    # Each of these takes the text from a place on, and returns from where it goes on.

    def _header(self, text: str, at: int, out: list[tuple[int, str]]) -> int:
        """Reads a header up to its end; one that turns out to be none is text."""
        window = text[at : at + _HEADER_CHARS]
        head, marker, _ = window.partition(_MESSAGE)
        self._state = _State.BODY
        if marker and _HEAD_PATTERN.fullmatch(head) and _may_be_header(head):
            self._begin(head, out)
            return at + len(head) + len(marker)
        if not marker and len(window) < _HEADER_CHARS and _may_be_header(head):
            self._state = _State.HEADER
            self._held = window
            return len(text)
        cut = window.find(">") + 1 or len(window)
        self._emit(window[:cut], out)
        return at + cut

    def _begin(self, head: str, out: list[tuple[int, str]]) -> None:
        self._is_marked = True
        recipient, channel = _RECIPIENT_PATTERN.search(head), _CHANNEL_PATTERN.search(head)
        if recipient is not None:
            self._kind = Piece.ARGUMENTS
            out.append((Piece.CALL, recipient.group(1).removeprefix("functions.")))
        else:
            is_thinking = channel is not None and channel.group(1) == "analysis"
            self._kind = Piece.THINKING if is_thinking else Piece.ANSWER
        self._last = " "

    def _body(self, text: str, start: int, out: list[tuple[int, str]]) -> int:
        """Emits the text up to a marker, or up to what may become one."""
        at = text.find("<|", start)
        while at >= 0:
            is_behind_quote = (text[at - 1] if at > start else self._last) in _QUOTES
            markers = self._markers(is_behind_quote=is_behind_quote)
            marker = next((marker for marker in markers if text.startswith(marker, at)), "")
            end = at + len(marker)
            if marker and not (is_behind_quote and text[end : end + 1] in _CLOSING_QUOTES):
                self._emit(text[start:at], out)
                is_head = marker in _HEADS
                self._state = _State.HEADER if is_head else _State.BETWEEN
                return at if is_head else end
            if (marker and end == len(text)) or (
                len(text) - at < _LONGEST and _may_become(text[at:], markers)
            ):
                self._emit(text[start:at], out)
                self._held = text[at:]
                return len(text)
            at = text.find("<|", at + 2)
        end = len(text) - text.endswith("<")
        self._emit(text[start:end], out)
        self._held = text[end:]
        return len(text)

    def _markers(self, *, is_behind_quote: bool) -> tuple[str, ...]:
        """What counts as a marker here. Behind a quotation mark only an end is meant."""
        if is_behind_quote:
            return _ENDS if self._is_marked else ()
        return _MARKERS if self._is_marked else _HEADS

    def _between(self, text: str, at: int) -> int:
        while at < len(text) and text[at].isspace():
            at += 1
        if text.startswith((*_HEADS, _BARE_HEAD), at):
            self._state = _State.HEADER
        elif ended := next((marker for marker in _ENDS if text.startswith(marker, at)), ""):
            return at + len(ended)
        elif len(text) - at < _LONGEST and _may_become(text[at:], (*_MARKERS, _BARE_HEAD)):
            self._held = text[at:]
            return len(text)
        else:
            self._state, self._kind, self._last = _State.BODY, Piece.ANSWER, " "
        return at


def _may_become(text: str, starts: Iterable[str]) -> bool:
    return any(start.startswith(text) for start in starts)


def _may_be_header(head: str) -> bool:
    """Whether this may become a header, as far as it goes."""
    return _HEADER_PATTERN.fullmatch(_MARKER_PATTERN.sub("", head)) is not None


_CHANNELS = ("analysis", "commentary", "final")
_SEPARATORS = tuple(f"assistant{channel}" for channel in _CHANNELS)
_NEVER_AFTER_A_CHANNEL = ":,.;!?)]}-–—'’*_/|\"`"
_STRIPPED_CALL = re.compile(r"\s*to=([\w.\-]+)\s*(?:json|code)?\s*")


def begins_stripped(body: str) -> bool | None:
    """Whether text is content without markers; None as long as it is too short to tell.

    Only meaningful for a model that writes this format: the words alone are ordinary ones.
    """
    if body.startswith((*_SEPARATORS, "commentary to=")):
        return True
    if body.startswith("analysis") and len(body) > len("analysis"):
        following = body[len("analysis")]
        return not following.isspace() and following not in _NEVER_AFTER_A_CHANNEL
    if any(start.startswith(body) for start in (*_SEPARATORS, "commentary to=", "analysis")):
        return None
    return False


class _StrippedState(Enum):
    START = auto()
    CALL = auto()  # after `commentary`: the header of a call, or words
    BODY = auto()
    FINAL = auto()


class StrippedSplitter:
    """Splits content whose markers were stripped: `analysisHmmassistantfinalHi`."""

    def __init__(self) -> None:
        self._state = _StrippedState.START
        self._kind = Piece.ANSWER
        self._held = ""

    @property
    def is_in_answer(self) -> bool:
        """Whether all further text belongs to the answer."""
        return self._state is _StrippedState.FINAL

    def feed(self, text: str) -> list[tuple[int, str]]:
        """Stretches of (piece, text)."""
        out: list[tuple[int, str]] = []
        text, self._held = self._held + text, ""
        at = 0
        while at < len(text):
            match self._state:
                case _StrippedState.START:
                    at = self._start(text)
                case _StrippedState.CALL:
                    at = self._call(text, at, out)
                case _StrippedState.BODY:
                    at = self._body(text, at, out)
                case _StrippedState.FINAL:
                    out.append((Piece.ANSWER, text[at:]))
                    break
        return out

    def flush(self) -> list[tuple[int, str]]:
        """What was held back. Call at the end of the content."""
        held, self._held = self._held, ""
        return [(self._kind, held)] if held else []

    # Each of these takes the text from a place on, and returns from where it goes on.

    def _start(self, text: str) -> int:
        body = text.lstrip()
        named = body.removeprefix("assistant")
        channel = next((channel for channel in _CHANNELS if named.startswith(channel)), None)
        if channel is not None:
            self._enter(channel)
            return len(text) - len(named) + len(channel)
        if _may_become(body, (*_CHANNELS, *_SEPARATORS)):
            self._held = text
            return len(text)
        self._state = _StrippedState.BODY
        return 0

    def _enter(self, channel: str) -> None:
        self._kind = Piece.THINKING if channel == "analysis" else Piece.ANSWER
        states = {"final": _StrippedState.FINAL, "commentary": _StrippedState.CALL}
        self._state = states.get(channel, _StrippedState.BODY)

    def _call(self, text: str, at: int, out: list[tuple[int, str]]) -> int:
        window = text[at : at + _HEADER_CHARS]
        body = window.lstrip()
        brace = window.find("{")
        header = _STRIPPED_CALL.fullmatch(window[:brace]) if brace >= 0 else None
        if header is not None:
            out.append((Piece.CALL, header.group(1).removeprefix("functions.")))
            self._kind = Piece.ARGUMENTS
            at += brace
        elif brace < 0 and len(window) < _HEADER_CHARS and ("to=".startswith(body) or body.startswith("to=")):
            self._held = window
            return len(text)
        self._state = _StrippedState.BODY
        return at

    def _body(self, text: str, start: int, out: list[tuple[int, str]]) -> int:
        """Emits the text up to the next channel, or up to what may become one."""
        at = text.find("assistant", start)
        while at >= 0:
            after = at + len("assistant")
            channel = next((channel for channel in _CHANNELS if text.startswith(channel, after)), None)
            if channel is not None:
                if at > start:
                    out.append((self._kind, text[start:at]))
                self._enter(channel)
                return after + len(channel)
            at = text.find("assistant", after)
        cut = max(start, _possible_start(text))
        if cut > start:
            out.append((self._kind, text[start:cut]))
        self._held = text[cut:]
        return len(text)


def _possible_start(text: str) -> int:
    """Where what may become a separator begins at the end of the text; its length if nothing may."""
    at = text.find("a", max(0, len(text) - len("assistantcommentary") + 1))
    while at >= 0:
        if any(separator.startswith(text[at:]) for separator in _SEPARATORS):
            return at
        at = text.find("a", at + 1)
    return len(text)
