"""A chat-completions server in a process of its own, which plays what the request orders, as fast as it can.

The last message of the request holds the JSON of a `RecordingOrder` or of an `EventsOrder`. On standard
output it prints its port. Connections are kept alive.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.wire import recordings
from tests.wire.replies import pieces

_NOTATIONS = tuple(recordings.notations())


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOrder:
    """A recorded stream in another notation, cut into pieces that are flushed one by one."""

    recording: str
    notation: int
    """Its place in `recordings.notations()`."""
    cuts: int = 0
    """How many, at random; 0 sends it whole."""

    @property
    def body(self) -> bytes:
        """What is sent."""
        return _NOTATIONS[self.notation].write(recordings.body(self.recording))

    def pieces(self) -> Sequence[bytes]:
        """The same in the pieces in which it is sent; the same order gives the same cuts."""
        body = self.body
        chance = random.Random(f"{self.recording} {self.notation}")
        return pieces(body, [chance.randrange(len(body)) for _ in range(self.cuts)])

    def request(self) -> bytes:
        """The body of a request for it."""
        return _request(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsOrder:
    """An answer in the chunks of OpenAI, a word each."""

    events: int
    write_bytes: int = 0
    """How much of the stream goes out in one write; 0 flushes event by event."""
    pace_s: float = 0.0
    """The least time from one write to the next, so that a client is woken for each."""

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(map(_word, range(self.events)))

    def pieces(self) -> Sequence[bytes]:
        """What is sent, write by write."""
        events = [_event(number) for number in range(self.events)]
        events += [_event(self.events, "stop"), b"data: [DONE]\n\n"]
        body = b"".join(events)
        size = self.write_bytes
        return [body[at : at + size] for at in range(0, len(body), size)] if size else events

    def request(self) -> bytes:
        """The body of a request for it."""
        return _request(asdict(self))


def _word(number: int) -> str:
    return f" word{number % 97}"


def _event(number: int, finish_reason: str | None = None) -> bytes:
    delta = {"content": _word(number)} if finish_reason is None else {}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    chunk = {
        "id": "chatcmpl-8f14e45fceea167a", "object": "chat.completion.chunk", "created": 1_760_000_000,
        "model": "bench-model", "service_tier": "default", "system_fingerprint": "fp_44709d6fcb",
        "choices": [choice], "usage": None, "obfuscation": "x" * (1 + number % 11),
    }  # fmt: skip
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _request(order: dict[str, Any]) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": json.dumps(order)}]}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # as servers of streams do: each write is a packet

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        pace_s, sent = _chunks(asked["messages"][-1]["content"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        started_s = time.monotonic()
        try:
            for number, chunk in enumerate(sent):
                while time.monotonic() < started_s + number * pace_s:
                    time.sleep(0)
                self.wfile.write(chunk)
        except OSError:  # the client has had enough
            self.close_connection = True


@lru_cache(maxsize=4)
def _chunks(asked: str) -> tuple[float, list[bytes]]:
    """The pace and the writes of an order."""
    values = json.loads(asked)
    order = RecordingOrder(**values) if "recording" in values else EventsOrder(**values)
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in order.pieces() if piece]
    return getattr(order, "pace_s", 0.0), [*chunks, b"0\r\n\r\n"]


def main() -> None:
    """Serves until it is killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
