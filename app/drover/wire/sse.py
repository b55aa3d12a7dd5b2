"""Server-sent events from bytes, by the rules of the WHATWG HTML standard, section 9.2.

Incremental over bytes: however the stream is cut into chunks, the events are the same. Two things are more
lenient than the standard, because chat servers need it: an unfinished last event counts if it is whole JSON
or `[DONE]`, and a line that begins with `{` is data although the field name is missing.
"""

from __future__ import annotations

import json
from itertools import takewhile
from typing import NamedTuple

from drover.errors import ProtocolError

MAX_EVENT_BYTES = 64 * 1024 * 1024
"""The longest event accepted: an image can be one line of many megabytes."""

_BOM = b"\xef\xbb\xbf"
_DEFAULT_NAME = "message"


class ServerEvent(NamedTuple):
    """One dispatched event. A tuple, because one is made for every token."""

    event: str
    """The event type, `message` where the stream names none."""
    data: str
    """The data lines joined by LF; may be empty (a bare `data:` is a heartbeat on some gateways)."""


class SSEDecoder:
    """Bytes in, events out. Comments, `id` and `retry` are read over; invalid UTF-8 becomes U+FFFD."""

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._pending = bytearray()  # the unfinished event, line ends already made LF
        self._ends_with_lf = False
        self._swallows_lf = False
        self._is_at_start = True
        self._fed_bytes = 0

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events that these bytes finish, in order.

        A CR at the end of the bytes finishes its line at once; an LF that follows later is swallowed.
        Raises ProtocolError for an event beyond the limit.
        """
        self._fed_bytes += len(data)
        if self._swallows_lf and data:
            self._swallows_lf = False
            if data[0] == 0x0A:
                data = data[1:]
        if b"\r" in data:
            self._swallows_lf = data[-1] == 0x0D
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._is_at_start and data:
            data = self._without_bom(data)
        if not data:
            return []
        is_finished = b"\n\n" in data or (self._ends_with_lf and data[0] == 0x0A)
        self._ends_with_lf = data[-1] == 0x0A
        if not is_finished or self._pending:
            self._pending += data
        if is_finished:
            return self._dispatch(bytes(self._pending) if self._pending else data)
        self._check_size(self._pending)
        return []

    def finish(self) -> list[ServerEvent]:
        """The unfinished last event, if its data is whole JSON or `[DONE]`. Feed nothing afterwards."""
        event = _event_of(self._pending.decode("utf-8", "replace"))
        self._pending.clear()
        if event is None or not event.data:
            return []
        if _is_whole(event.data):
            return [event]
        # Where the server leaves out blank lines, each line is an event of its own, the last one perhaps cut.
        lines = [line for line in event.data.split("\n") if line.strip()]
        return [ServerEvent(event.event, line) for line in takewhile(_is_whole, lines)]

    def _without_bom(self, data: bytes) -> bytes:
        head = bytes(self._pending) + data
        self._pending.clear()
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._pending += head
            return b""
        self._is_at_start = False
        return head.removeprefix(_BOM)

    def _dispatch(self, body: bytes) -> list[ServerEvent]:
        finished, _, rest = body.rpartition(b"\n\n")
        if len(body) > self._max_event_bytes:
            for block in finished.split(b"\n\n"):
                self._check_size(block)
        self._pending = bytearray(rest)
        events: list[ServerEvent] = []
        # In one go, since a line end can be no part of a character, whole or broken.
        for text in finished.decode("utf-8", "replace").split("\n\n"):
            # The one shape that makes up nearly all of a stream: a single data line.
            if text.startswith("data:") and "\n" not in text:
                events.append(ServerEvent(_DEFAULT_NAME, text[6:] if text[5:6] == " " else text[5:]))
            elif (event := _event_of(text)) is not None:
                events.append(event)
        self._check_size(rest)
        return events

    def _check_size(self, block: bytes | bytearray) -> None:
        if len(block) > self._max_event_bytes:
            limit_mib = self._max_event_bytes / 1024 / 1024
            raise ProtocolError(
                f"One event of the stream is longer than {limit_mib:g} MiB.",
                offending=bytes(block[:200]),
                offset=self._fed_bytes,
                hint="The server does not end its events as the protocol asks.",
            )


def _is_whole(data: str) -> bool:
    if data.lstrip().startswith("[DONE"):
        return True
    try:
        json.loads(data, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _event_of(text: str) -> ServerEvent | None:
    """The event of the lines of one block (LF only, without the blank line at its end)."""
    text = text.lstrip("\n")
    if text.startswith("{"):
        return ServerEvent(_DEFAULT_NAME, text.rstrip("\n"))
    name = ""
    data: list[str] = []
    for line in text.split("\n"):
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
        elif line.startswith("{"):
            data.append(line)
    return ServerEvent(name or _DEFAULT_NAME, "\n".join(data)) if data else None
