"""Reading a whole reply in one step, for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from drover.domain.endpoint import Endpoint
from drover.domain.stream import ResponseBuilder, StreamEvent
from drover.wire.chat import ReplyDecoder

SERVER = Endpoint(id="server", name="Server", base_url="https://host.example/v1")


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The bytes cut at these places."""
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def decoded(chunks: Sequence[bytes], endpoint: Endpoint = SERVER) -> list[StreamEvent]:
    """Everything that the chunks say, their end included."""
    decoder = ReplyDecoder(endpoint)
    events: list[StreamEvent] = []
    for chunk in chunks:
        events += decoder.feed(chunk)
    return events + decoder.finish()


def built(chunks: Sequence[bytes], endpoint: Endpoint = SERVER) -> ResponseBuilder:
    """The reply that the chunks add up to."""
    builder = ResponseBuilder()
    for event in decoded(chunks, endpoint):
        builder.feed(event, 0.0)
    return builder


def sse(*chunks: object, done: bool = True) -> bytes:
    """A stream with one event for each JSON value."""
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    return body + b"data: [DONE]\n\n" if done else body


def delta(*, index: int = 0, finish: str | None = None, **fields: object) -> dict[str, Any]:
    """A chunk with one choice."""
    return {"choices": [{"index": index, "delta": fields, "finish_reason": finish}]}
