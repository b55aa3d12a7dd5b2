"""A chat-completions server in a process of its own, which plays what the request orders, as fast as it can.

The last message of the request holds the JSON of a `RecordingOrder`. On standard output it prints its port.
Connections are kept alive.
"""

from __future__ import annotations

import json
import random
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


def _request(order: dict[str, Any]) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": json.dumps(order)}]}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # as servers of streams do: each write is a packet

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        sent = _chunks(asked["messages"][-1]["content"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for chunk in sent:
                self.wfile.write(chunk)
        except OSError:  # the client has had enough
            self.close_connection = True


@lru_cache(maxsize=4)
def _chunks(order: str) -> list[bytes]:
    cut = RecordingOrder(**json.loads(order)).pieces()
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in cut if piece] + [b"0\r\n\r\n"]


def main() -> None:
    """Serves until it is killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
