"""The reply from its bytes: tells the form of the body, takes the events out of it, and reads them."""

from __future__ import annotations

import json
import re
from enum import Enum, auto

from drover.domain.endpoint import Endpoint
from drover.domain.reading import Reading
from drover.domain.stream import ErrorReported, StreamEnded, StreamEvent, Unknown
from drover.errors import ProtocolError
from drover.log import redact
from drover.wire.chunks import ChunkReader
from drover.wire.error_body import page_title, read_error
from drover.wire.failures import UNREADABLE_EVENT
from drover.wire.quirks import quirks_for
from drover.wire.sse import MAX_EVENT_BYTES, ServerEvent, SSEDecoder
from drover.wire.surrogates import SurrogateMender

_HEAD_BYTES = 8 * 1024
_PAGE_BYTES = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_DONE = "[DONE"
_scan = json.JSONDecoder(strict=False).raw_decode
"""Without the white-space patterns that `json.loads` runs on every call."""


class _Form(Enum):
    UNDECIDED = auto()
    STREAM = auto()
    JSON = auto()
    PAGE = auto()


class ReplyDecoder:
    """The bytes of one response with status 200 in, what they say out.

    The form is told from the first bytes, not from the content type: a stream, a whole completion or an
    error document although a stream was asked for, or a web page. Any cut of the bytes gives the same events.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model_id: str = "",
        reading: str = "",
        content_type: str = "",
        reads_tokens: bool = False,
    ) -> None:
        """`model_id` is the model that was asked for; `reading` is how its text is read, see
        `Message.reading`. `content_type` is only quoted where nothing in the body makes sense. With
        `reads_tokens` the events hold the probabilities of tokens as well."""
        self._endpoint = endpoint
        self._content_type = content_type
        self._chunks = ChunkReader(
            quirks_for(endpoint), model_id=model_id, reading=Reading.of(reading), reads_tokens=reads_tokens
        )
        self._sse = SSEDecoder()
        self._surrogates = SurrogateMender()
        self._form = _Form.UNDECIDED
        self._body = bytearray()
        """The start of the body until the form is known; all of it if it is not a stream."""
        self._head = b""
        self._has_events = False
        self.is_done = False
        """The sentinel was read. Whatever follows is ignored; the connection may be closed."""

    def begin(self, prefill: str) -> list[StreamEvent]:
        """What the beginning says that the reply was given, see `RunRequest.prefill`: it is not in the bytes,
        which only go on with it. Call before the first `feed`."""
        out: list[StreamEvent] = []
        self._chunks.begin(prefill, out)
        return out

    def feed(self, data: bytes) -> list[StreamEvent]:
        """What these bytes say, in order. Raises ProtocolError for what is beyond all tolerance."""
        if self.is_done:
            return []
        if self._form is not _Form.STREAM:
            data = self._take(data)
            if not data:
                return []
        elif not self._has_events and len(self._head) < _HEAD_BYTES:
            self._head += data[:_HEAD_BYTES]
        out: list[StreamEvent] = []
        for event in self._sse.feed(data):
            self._event(event, out)
            if self.is_done:
                break
        return out

    def finish(self) -> list[StreamEvent]:
        """What the end of the body still says. Raises ProtocolError if the body was no answer in any form."""
        if self.is_done:
            return []
        out: list[StreamEvent] = []
        match self._form:
            case _Form.UNDECIDED:
                return []
            case _Form.PAGE:
                raise self._page_error()
            case _Form.JSON:
                self._whole(bytes(self._body), out)
            case _Form.STREAM:
                for event in self._sse.finish():
                    self._event(event, out)
                if not self._has_events:
                    self._check_head()
        if not self.is_done:
            self._chunks.flush(out)
        return out

    def _take(self, data: bytes) -> bytes:
        """Keeps the bytes until the form is known; returns what belongs to a stream."""
        self._body += data
        if len(self._body) > MAX_EVENT_BYTES:
            raise ProtocolError("The answer is too large to be one.", offending=bytes(self._body[:200]))
        if self._form is not _Form.UNDECIDED:
            return b""
        # Blank lines that keep a connection alive come before a stream and before a whole completion.
        while (rest := self._body.lstrip().removeprefix(_BOM)) != self._body:
            self._body = rest
        if len(self._body) < len(_BOM) and _BOM.startswith(self._body):
            return b""
        start = bytes(self._body[:1])
        if start in (b"{", b"["):
            self._form = _Form.JSON
            return b""
        if start == b"<":
            self._form = _Form.PAGE
            return b""
        self._form = _Form.STREAM
        body = bytes(self._body)
        self._head = body[:_HEAD_BYTES]
        self._body.clear()
        return body

    def _event(self, event: ServerEvent, out: list[StreamEvent]) -> None:
        name, raw = event
        before = len(out)
        try:
            try:
                chunk, end = _scan(raw)
            except ValueError:
                self._odd_event(name, raw, out)
                return
            if end != len(raw) and raw[end:].strip():
                self._odd_event(name, raw, out)
                return
            self._has_events = True
            # The search for one character is several times as fast as that for two.
            if ("\\" in raw and "\\u" in raw) or self._surrogates.waits:
                chunk = self._surrogates.mend(chunk)
            self._read(chunk, name, raw, out)
        except RecursionError:  # nested too deeply for the parser, or for what reads its values
            self._has_events = True
            del out[before:]
            _append_unreadable(raw, out)

    def _read(self, chunk: object, name: str, raw: str, out: list[StreamEvent]) -> None:
        """Appends what one JSON value says."""
        if type(chunk) is dict:
            self._chunks.read(chunk, raw, name, out)
        elif isinstance(chunk, list) and chunk and all(isinstance(item, dict) for item in chunk):
            for item in chunk:
                self._chunks.read(item, raw, name, out)
        elif name == "error":
            out.append(ErrorReported(message=read_error(chunk).words or "The server reported an error."))
        else:
            out.append(Unknown(raw_json=raw))

    def _odd_event(self, name: str, raw: str, out: list[StreamEvent]) -> None:
        """An event whose data is not one JSON value."""
        text = raw.strip()
        if not text:
            return
        self._has_events = True
        if text.startswith(_DONE):
            self._end(out)
        elif text != raw and ("\n" not in text or _is_readable(text)):
            self._event(ServerEvent(name, text), out)
        elif "\n" in text and all(_is_readable(line) for line in text.split("\n") if line.strip()):
            # Some servers leave out the blank line between events.
            for line in text.split("\n"):
                if line.strip() and not self.is_done:
                    self._event(ServerEvent(name, line.strip()), out)
        elif name == "error":
            out.append(ErrorReported(message=read_error(text).words))
        elif text[0] in "{[":
            _append_unreadable(text, out)
        else:
            out.append(Unknown(raw_json=raw))

    def _end(self, out: list[StreamEvent]) -> None:
        self._chunks.flush(out)
        out.append(StreamEnded())
        self.is_done = True

    def _whole(self, body: bytes, out: list[StreamEvent]) -> None:
        """A body that is JSON: one completion, one error, or chunks a line each."""
        text = body.decode("utf-8-sig", "replace").strip()
        # Not `splitlines`, which cuts at characters that JSON may hold.
        lines = [text] if _is_readable(text) else [x for x in re.split(r"[\r\n]+", text) if x.strip()]
        if not _is_readable(lines[0]):
            raise ProtocolError(
                f"{self._endpoint.name} sent an answer that is cut off or is not JSON.",
                offending=body[:200],
                hint="Retry. If it happens again, check the base URL of the endpoint.",
            )
        if not _is_readable(lines[-1]):
            lines.pop()  # broken off; what came before counts, as in a stream
        for line in lines:
            if not self.is_done:
                self._event(ServerEvent("message", line.strip()), out)
        if self._chunks.is_whole and len(lines) == 1 and not self.is_done:
            self._end(out)  # a document that is whole says so by itself

    def _page_error(self) -> ProtocolError:
        title = page_title(self._body[:_PAGE_BYTES].decode("utf-8", "replace"))
        named = f" titled “{redact(title)}”" if title else ""
        return ProtocolError(
            f"{self._endpoint.name} sent a web page{named} instead of an answer.",
            offending=bytes(self._body[:_HEAD_BYTES]),
            hint="Check the base URL; it often ends in /v1. On a guest network, sign in to it first.",
        )

    def _check_head(self) -> None:
        """Raises ProtocolError if the body held anything besides comments and blank lines."""
        lines = [line for line in self._head.replace(b"\r", b"\n").split(b"\n") if line.strip()]
        if len(self._head) >= _HEAD_BYTES:
            lines = lines[:-1] or lines  # the last one is cut anywhere
        if all(line.startswith((b":", b"id", b"retry", b"event", b"data")) for line in lines):
            return
        words = redact(self._head.decode("utf-8", "replace"))
        said = " ".join(words.split())[:200]
        kind = f" ({self._content_type})" if self._content_type else ""
        raise ProtocolError(
            f"{self._endpoint.name} sent something that is not an answer{kind}: “{said}”.",
            offending=self._head[:200],
            hint="Check the base URL; it often ends in /v1.",
        )


def _append_unreadable(text: str, out: list[StreamEvent]) -> None:
    message = f"An event could not be read: {redact(text.strip()[:200])}"
    out.append(ErrorReported(message=message, code=UNREADABLE_EVENT))


def _is_readable(text: str) -> bool:
    """Whether the text is one JSON value or the sentinel."""
    if text.strip().startswith(_DONE):
        return True
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True
