"""A chat-completions server in a process of its own, which streams text at the pace of a clock.

What it sends is ordered by the last message of the request: the JSON of an `Order`. On standard output it
prints its port, and then a line for each `Mark` of a stream.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.bench._prose import Prose

MODEL = "bench-model"
CHARACTERS_PER_TOKEN = 4
_TURN_S = 0.002
_TENTHS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to stream, and how fast."""

    reasoning: int
    """Characters."""
    answer: int
    """Characters."""
    tokens_per_s: float = 3000.0
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point of a stream: `tenth` 0 before its first delta, 10 after the last one."""

    tenth: int
    at_s: float
    """On the clock of `time.monotonic`, which all processes of a machine share."""
    late_s: float
    """The most that the server was behind its pace so far."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # as servers of streams do: each write is a packet

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        self._answer(json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        order = Order(**json.loads(asked["messages"][-1]["content"]))
        events = list(map(_chunked, events_of(order)))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._stream(events, order.tokens_per_s)
        ended = _event({}, "stop"), b"data: [DONE]\n\n"
        self.wfile.write(b"".join(map(_chunked, ended)) + b"0\r\n\r\n")

    def _stream(self, events: list[bytes], tokens_per_s: float) -> None:
        started_s = time.monotonic()
        sent = tenth = 0
        late_s = 0.0
        _tell(Mark(tenth=0, at_s=started_s, late_s=0.0))
        while sent < len(events):
            due = min(len(events), int((time.monotonic() - started_s) * tokens_per_s) + 1)
            late_s = max(late_s, time.monotonic() - started_s - sent / tokens_per_s)
            if due > sent:
                self.wfile.write(b"".join(events[sent:due]))
                sent = due
            while tenth < sent * _TENTHS // len(events):
                tenth += 1
                _tell(Mark(tenth=tenth, at_s=time.monotonic(), late_s=late_s))
            time.sleep(_TURN_S)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def events_of(order: Order) -> list[bytes]:
    """The deltas of the stream that an order asks for, one a token."""
    prose = Prose(order.seed)
    texts = (
        ("reasoning_content", prose.reasoning(order.reasoning)),
        ("content", prose.answer(order.answer)),
    )
    return [
        _event({field: text[at : at + CHARACTERS_PER_TOKEN]})
        for field, text in texts
        for at in range(0, len(text), CHARACTERS_PER_TOKEN)
    ]


def _event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    chunk = {
        "id": "chatcmpl-8f14e45fceea167a", "object": "chat.completion.chunk", "created": 1_760_000_000,
        "model": MODEL, "system_fingerprint": "fp_44709d6fcb", "choices": [choice],
    }  # fmt: skip
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _tell(mark: Mark) -> None:
    print(json.dumps(asdict(mark)), flush=True)


def main() -> None:
    """Serves until it is killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
