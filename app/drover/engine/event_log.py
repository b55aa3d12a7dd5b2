"""A stored exchange as a log: what came over the wire, event by event, each with its time and its meaning.

Finding the events is a search through bytes and costs some milliseconds for 50,000 of them; what they mean is
read only as far as somebody asks, with the decoder that read them when they came.
"""

from __future__ import annotations

import functools
import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from operator import itemgetter
from urllib.parse import urlsplit

from drover.domain.endpoint import Endpoint
from drover.domain.run import Exchange, Run, Usage
from drover.domain.stream import (
    ErrorReported,
    Finished,
    Identified,
    PicturesSent,
    ReasoningDelta,
    ReasoningKept,
    Refused,
    SourcesNamed,
    StreamEnded,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from drover.errors import ProtocolError
from drover.wire import chat
from drover.wire.unread import unread_keys

_LINE_BYTES = 600
"""What one line of a table may show of an event; an image can be one event of megabytes."""
_SEARCHED_BYTES = 64 * 1024
"""Up to which length an event is searched for keys that are not read, some microseconds for each kilobyte."""
_SAMPLED_EVENTS = 40
_BLANK_BYTES = 256
_BOM = b"\xef\xbb\xbf"
_THIN_SPACE = "\u202f"


class EventKind(StrEnum):
    """What an event is about; where it says several things, the first of these that it says."""

    ERROR = "error"
    TOOL_CALL = "tool call"
    REASONING = "reasoning"
    CONTENT = "content"
    FINISH = "finish"
    USAGE = "usage"
    DONE = "done"
    """The sentinel at the end of a stream."""
    COMMENT = "comment"
    """A line that servers send to keep the connection open."""
    OTHER = "other"
    SENT = "sent"
    CONNECTED = "connected"
    HEAD = "head"


_KINDS = tuple(EventKind)
_CODES = {kind: code for code, kind in enumerate(_KINDS)}
_WITHOUT_KEYS = (_CODES[EventKind.DONE], _CODES[EventKind.COMMENT])
_UNREAD = 255
_REPLY = (EventKind.TOOL_CALL, EventKind.REASONING, EventKind.CONTENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """One line of the log."""

    number: int | None
    """Counted from 1; None for the lines about the connection, which come first."""
    at_ms: float | None
    """When its last byte had arrived, since sending, to 0.1 ms; None if no time was recorded."""
    since_ms: float | None
    """Milliseconds since the line before, to 0.1 ms."""
    kind: EventKind | None
    """None as long as it is not read."""
    text: str
    """What it says, decoded: a piece of the reply as it is, anything else in a few words. Empty as long as it
    is not read, and where it says nothing that is known."""
    raw: str
    """Its bytes on one line, cut after some hundred."""
    unread: tuple[str, ...] = ()
    """The keys in it that say something and are not read, in their order. Of an event of a megabyte they are
    not looked for."""


class EventLog:
    """The lines about the connection, then every event of the body, comments and the sentinel included.

    A body that is no stream is one event, or one for each line where its lines are JSON documents. What the
    decoder does not know stays in `raw`. Reading goes from first to last, because an event may go on with
    what an earlier one began (a tag, a tool call); call `read_to` in slices until `is_read`.
    """

    def __init__(self, run: Run, exchange: Exchange, endpoint: Endpoint, reading: str = "") -> None:
        """`endpoint` is the one that the run was sent to, see `Workbench.endpoint_of`; `reading` is that of
        the message that is looked at."""
        self._new_decoder = functools.partial(
            chat.ReplyDecoder, endpoint, model_id=run.model_id, reading=reading
        )
        self._body = exchange.raw_stream
        self._times_ms: array[float] = array("d", map(itemgetter(0), exchange.chunk_marks))
        self._totals: array[int] = array("q", map(itemgetter(1), exchange.chunk_marks))
        self._lines = _connection_lines(run, exchange)
        self._form = _form_of(self._body)
        self._ends = _ends_of_events(self._body, self._form)
        self._codes = bytearray([_UNREAD]) * len(self._ends)
        self._texts: list[str] = []
        self._counts = [0] * len(_KINDS)
        self._decoder = self._new_decoder()
        self._decoder.begin(chat.prefill_of(run.request_body, run.adjustments))

    def __len__(self) -> int:
        return len(self._lines) + len(self._ends)

    @property
    def line_count(self) -> int:
        """The lines about the connection, before the first event."""
        return len(self._lines)

    @property
    def event_count(self) -> int:
        """The events of the body."""
        return len(self._ends)

    @property
    def read_count(self) -> int:
        """Up to which row everything is read."""
        return len(self._lines) + len(self._texts)

    @property
    def is_read(self) -> bool:
        """Whether everything is read."""
        return len(self._texts) == len(self._ends)

    @property
    def counts(self) -> Mapping[EventKind, int]:
        """How many of the events read so far are of each kind, without the kinds that have none."""
        return {kind: count for kind, count in zip(_KINDS, self._counts, strict=True) if count}

    def __getitem__(self, row: int) -> LoggedEvent:
        event = row - len(self._lines)
        if event < 0:
            return self._lines[row]
        code = self._codes[event]
        at_ms, before_ms = self._at_ms(event), self._before_ms(event)
        start, end = self._span(event)
        return LoggedEvent(
            number=event + 1,
            at_ms=at_ms,
            since_ms=None if at_ms is None or before_ms is None else round(at_ms - before_ms, 1),
            kind=None if code == _UNREAD else _KINDS[code],
            text=self._texts[event] if event < len(self._texts) else "",
            raw=_on_one_line(self._body[start : min(end, start + _LINE_BYTES)]),
            unread=tuple(unread_keys(self._body[start:end])) if self._may_hold_unread(event) else (),
        )

    def read_to(self, row: int) -> None:
        """Reads what is not read yet before this row; some 10 us an event."""
        last = min(row - len(self._lines), len(self._ends))
        for event in range(len(self._texts), last):
            kind, text = self._meaning(event)
            code = _CODES[kind]
            self._codes[event] = code
            self._counts[code] += 1
            self._texts.append(text)

    def unread_names(self) -> tuple[str, ...]:
        """The keys that are not read, as far as the first and the last few dozen events show them."""
        count = len(self._ends)
        events = [
            *range(min(count, _SAMPLED_EVENTS)),
            *range(max(_SAMPLED_EVENTS, count - _SAMPLED_EVENTS), count),
        ]
        spans = [self._span(event) for event in events]
        small = [self._body[start:end] for start, end in spans if end - start <= _SEARCHED_BYTES]
        return tuple(dict.fromkeys(name for raw in small for name in unread_keys(raw)))

    def raw(self, row: int) -> str:
        """All of an event as it came, without the blank line at its end."""
        event = row - len(self._lines)
        if event < 0:
            return ""
        start, end = self._span(event)
        return self._body[start:end].decode("utf-8", "replace").rstrip("\r\n")

    def spelled_out(self, row: int) -> str:
        """All of an event for reading: JSON is broken into indented lines, and not a character is lost."""
        lines = self.raw(row).splitlines()
        return "\n".join(_spelled_out(line) for line in lines)

    def matches(self, row: int, words: str, kinds: Collection[EventKind]) -> bool:
        """Whether the row is read, is of one of the kinds (of any if there are none), and holds the words.

        Words are looked for in what an event says and in its bytes, whatever the case of the letters.
        """
        event = row - len(self._lines)
        if event < 0:
            line = self._lines[row]
            return not kinds and words.casefold() in f"{line.kind} {line.text}".casefold()
        code = self._codes[event]
        if code == _UNREAD or (kinds and _KINDS[code] not in kinds):
            return False
        if not words or words.casefold() in self._texts[event].casefold():
            return True
        start, end = self._span(event)
        return words.lower().encode("utf-8", "replace") in self._body[start:end].lower()

    def _may_hold_unread(self, event: int) -> bool:
        start, end = self._span(event)
        is_json = event < len(self._texts) and self._codes[event] not in _WITHOUT_KEYS
        return is_json and end - start <= _SEARCHED_BYTES

    def _span(self, event: int) -> tuple[int, int]:
        return (self._ends[event - 1] if event else 0), self._ends[event]

    def _at_ms(self, event: int) -> float | None:
        if not self._times_ms:
            return None
        chunk = bisect_left(self._totals, self._whole_at(event))
        return round(self._times_ms[min(chunk, len(self._times_ms) - 1)], 1)

    def _whole_at(self, event: int) -> int:
        """The byte with which an event is whole; blank lines that follow may come much later."""
        start, end = self._span(event)
        tail = self._body[max(start, end - _BLANK_BYTES) : end]
        blank = tail[len(tail.rstrip(b"\r\n")) :]
        match = (_LINE_END if self._form.is_unspaced else _TWO_LINE_ENDS).match(blank)
        return end - len(blank) + (match.end() if match else len(blank))

    def _before_ms(self, event: int) -> float | None:
        return self._at_ms(event - 1) if event else self._lines[-1].at_ms

    def _meaning(self, event: int) -> tuple[EventKind, str]:
        start, end = self._span(event)
        raw = self._body[start:end]
        is_last = event == len(self._ends) - 1
        try:
            if self._form.is_stream:
                found = self._decoder.feed(raw + b"\n\n" if self._form.is_unspaced else raw)
                found += self._decoder.finish() if is_last else []
            else:
                decoder = self._new_decoder()
                found = decoder.feed(raw) + decoder.finish()
        except ProtocolError as error:
            return EventKind.ERROR, error.message
        return meaning(found) if found else (_silent_kind(raw), "")


def meaning(events: Sequence[StreamEvent]) -> tuple[EventKind, str]:
    """What one event of the wire says, as the decoder found it: its kind, and its words."""
    said = [_of_choice(event, *_said(event)) for event in events]
    kind = min((kind for kind, _ in said), key=_CODES.__getitem__)
    if kind in _REPLY:
        return kind, "".join(text for each, text in said if each in _REPLY)
    return kind, ", ".join(text for _, text in said if text)


def _of_choice(event: StreamEvent, kind: EventKind, text: str) -> tuple[EventKind, str]:
    """Whatever is not about the first choice says so."""
    choice = getattr(event, "choice", 0)
    return kind, f"[{choice}] {text}" if choice and text else text


def _said(event: StreamEvent) -> tuple[EventKind, str]:
    match event:
        case TextDelta(text=text):
            return EventKind.CONTENT, text
        case ReasoningDelta(text=text):
            return EventKind.REASONING, text
        case ToolCallDelta(name=name, arguments=arguments):
            return EventKind.TOOL_CALL, f"{name} {arguments}" if name and arguments else name or arguments
        case ReasoningKept():
            return EventKind.REASONING, ""
        case Refused():
            return EventKind.CONTENT, ""
        case PicturesSent(count=count):
            return EventKind.OTHER, f"[{count} pictures]" if count > 1 else "[picture]"
        case SourcesNamed(pages=pages):
            return EventKind.OTHER, ", ".join(url for url, _ in pages)
        case ErrorReported(message=message):
            return EventKind.ERROR, message
        case Finished(reason=reason):
            return EventKind.FINISH, reason
        case UsageReported(usage=usage):
            return EventKind.USAGE, _usage_words(usage)
        case StreamEnded():
            return EventKind.DONE, ""
        case Identified(model=model, fingerprint=fingerprint):
            return EventKind.OTHER, " ".join(filter(None, (model, fingerprint)))
        case _:
            return EventKind.OTHER, ""


def _usage_words(usage: Usage) -> str:
    counts = (
        (usage.prompt_tokens, "in"),
        (usage.completion_tokens, "out"),
        (usage.reasoning_tokens, "reasoning"),
        (usage.cached_tokens, "cached"),
    )
    return ", ".join(f"{_whole(count)} {word}" for count, word in counts if count is not None)


def _silent_kind(raw: bytes) -> EventKind:
    """The kind of an event that says nothing: a comment, or something held back or read over."""
    lines = [line for line in raw.replace(b"\r", b"\n").split(b"\n") if line]
    return EventKind.COMMENT if lines and all(line.startswith(b":") for line in lines) else EventKind.OTHER


def _connection_lines(run: Run, exchange: Exchange) -> list[LoggedEvent]:
    """What is known of the connection. The request line is always there."""
    method, _, url = exchange.request_line.partition(" ")
    size = f", {_whole(len(run.request_body))} bytes" if run.request_body else ""
    said: list[tuple[EventKind, float | None, str]] = [
        (EventKind.SENT, 0.0, f"{method} {urlsplit(url).path or url}{size}")
    ]
    timing = run.timing
    secure = f"{timing.tls or 'TLS'}, " if url.startswith("https:") else ""
    if timing.connect_ms is not None:
        said.append((EventKind.CONNECTED, timing.connect_ms, f"{secure}{exchange.http_version}".rstrip(", ")))
    elif exchange.response_status is not None:
        words = f"{secure if timing.tls else ''}{exchange.http_version}, over a connection that was open"
        said.append((EventKind.CONNECTED, 0.0, words))
    if exchange.response_status is not None:
        kind = next(
            (value for name, value in exchange.response_headers if name.lower() == "content-type"), ""
        )
        words = ", ".join(filter(None, (str(exchange.response_status), kind.partition(";")[0])))
        said.append((EventKind.HEAD, timing.first_byte_ms, words))
    lines: list[LoggedEvent] = []
    for kind, at_ms, text in said:
        before_ms = lines[-1].at_ms if lines else None
        since_ms = None if at_ms is None or before_ms is None else round(at_ms - before_ms, 1)
        lines.append(LoggedEvent(number=None, at_ms=at_ms, since_ms=since_ms, kind=kind, text=text, raw=""))
    return lines


@dataclass(frozen=True, slots=True)
class _Form:
    """How the body is to be taken apart."""

    is_stream: bool
    is_unspaced: bool = False
    """Its events, or its documents, are one a line without blank lines between them."""


def _form_of(body: bytes) -> _Form:
    start = body[: len(_BOM) + 4096].removeprefix(_BOM).lstrip()[:1]
    if start in (b"{", b"["):
        return _Form(is_stream=False, is_unspaced=_holds_documents(body.splitlines()))
    if start == b"<":
        return _Form(is_stream=False)
    block = _BLANK_LINES.split(body, 1)[0] if b"\r" in body else body.partition(b"\n\n")[0]
    lines = [line for line in block.splitlines() if line.startswith(b"data:")]
    return _Form(is_stream=True, is_unspaced=_holds_documents([line[5:] for line in lines]))


def _holds_documents(lines: Sequence[bytes]) -> bool:
    """Whether there are several lines, each of them a JSON document or the sentinel."""
    texts = [text for line in lines if (text := line.strip())]
    if len(texts) < 2 or any(text[:1] not in (b"{", b"[") for text in texts):
        return False
    return all(text.startswith(b"[DONE") or _is_json(text) for text in texts)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


_LINE_END = re.compile(rb"\r\n|\r|\n")
_LINE_ENDS = re.compile(rb"(?>\r\n|\r|\n)+")
_TWO_LINE_ENDS = re.compile(rb"(?>\r\n|\r|\n){2}")
_BLANK_LINES = re.compile(rb"(?>\r\n|\r|\n){2,}")
_BLANK_LINES_LF = re.compile(rb"\n\n+")


def _ends_of_events(body: bytes, form: _Form) -> array[int]:
    """Where each event ends, the blank lines after it included."""
    ends = array("q")
    if form.is_stream or form.is_unspaced:
        spaced = _BLANK_LINES if b"\r" in body else _BLANK_LINES_LF
        pattern = _LINE_ENDS if form.is_unspaced else spaced
        ends = array("q", [match.end() for match in pattern.finditer(body)])
        if ends and not body[: ends[0]].removeprefix(_BOM).strip():
            del ends[0]  # blank lines before the first event belong to it
    if body[ends[-1] if ends else 0 :].strip():
        ends.append(len(body))
    elif ends:
        ends[-1] = len(body)
    return ends


def _on_one_line(raw: bytes) -> str:
    return " ".join(raw.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()).strip()


_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def _spelled_out(line: str) -> str:
    """A line of an event with the JSON in it over several lines; any other line as it is."""
    field, colon, value = line.partition(":") if line[:1] not in "{[" else ("", "", line)
    document = value.strip()
    if document[:1] not in ("{", "[") or not _is_json(document.encode("utf-8", "replace")):
        return line
    return "\n".join(filter(None, (field + colon, _indented(document))))


def _indented(document: str) -> str:
    """Whole JSON, indented by two. Parsing and writing it would lose repeated keys and forms of numbers."""
    out: list[str] = []
    depth = 0
    tokens = _JSON_TOKEN.findall(document)
    for token, following in pairwise([*tokens, ""]):
        if token in ("{", "["):
            is_empty = following in ("}", "]")
            depth += not is_empty
            out.append(token if is_empty else f"{token}\n{'  ' * depth}")
        elif token in ("}", "]"):
            is_empty = bool(out) and out[-1] in ("{", "[")
            depth -= not is_empty
            out.append(token if is_empty else f"\n{'  ' * depth}{token}")
        elif token == ",":
            out.append(f",\n{'  ' * depth}")
        else:
            out.append(": " if token == ":" else token)
    return "".join(out)


def _whole(count: int) -> str:
    return f"{count:,}".replace(",", _THIN_SPACE)
