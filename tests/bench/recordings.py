"""Every recorded stream in every notation and cut, read as a run reads it, against what it must end in."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

from tests.bench._player import RecordingOrder
from tests.bench._process import Child
from tests.wire import recordings
from tests.wire.replies import SERVER, built, pieces

from drover.domain.stream import ResponseBuilder
from drover.engine.transport import HttpRequest, Transport
from drover.wire.chat import ReplyDecoder

_SHORT_BYTES = 6 * 1024
_CUTS = 200
_NOTATIONS = tuple(recordings.notations())
_PLAIN = {
    recordings.Notation(line_end=end, has_bom=bom) for end in recordings.LINE_ENDS for bom in (False, True)
}


class _Tally:
    """Streams read, by the way they were cut, and those that did not end as expected."""

    def __init__(self) -> None:
        self.streams: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self.mismatches: list[str] = []

    def take(self, name: str, notation: recordings.Notation, cut: str, builder: ResponseBuilder) -> None:
        """Notes one stream."""
        self.streams[cut] += 1
        if recordings.outcome_of(builder) != recordings.outcome(name):
            self.mismatches.append(f"{name}: {notation}; {cut}")
            print(f"mismatch: {self.mismatches[-1]}", file=sys.stderr)


def measure() -> dict[str, object]:
    """How many streams were read in which way, and the mismatches, of which there are to be none."""
    names = recordings.names()
    if not names:
        return {"skipped": "the folder of recorded streams is not here"}
    tally = _Tally()
    started_s = time.monotonic()
    with Child("tests.bench._player") as player:
        asyncio.run(_over_a_socket(names, player.hear(), tally))
    socket_s = time.monotonic() - started_s
    _at_the_decoder(names, tally)
    count = sum(tally.streams.values())
    return {
        "summary": f"streams x variants: {count}, mismatches: {len(tally.mismatches)}",
        "recordings": len(names),
        "notations": len(_NOTATIONS),
        "streams": dict(tally.streams),
        "mismatches": tally.mismatches[:20],
        "socket_s": round(socket_s, 1),
        "total_s": round(time.monotonic() - started_s, 1),
        "holds": not tally.mismatches,
    }


async def _over_a_socket(names: Sequence[str], port: int, tally: _Tally) -> None:
    """Each recording in each notation, whole and in pieces that the server flushes one by one."""
    transport = Transport()
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    for name, number, cuts in product(names, range(len(_NOTATIONS)), (0, _CUTS)):
        order = RecordingOrder(recording=name, notation=number, cuts=cuts)
        builder = await received(transport, HttpRequest(url=url, body=order.request()))
        cut = f"over a socket, {f'{cuts} flushed cuts' if cuts else 'whole'}"
        tally.take(name, _NOTATIONS[number], cut, builder)
    await transport.aclose()


async def received(transport: Transport, request: HttpRequest) -> ResponseBuilder:
    """The reply, read past its sentinel so that the connection serves the next request too."""
    builder, decoder = ResponseBuilder(), ReplyDecoder(SERVER)
    async with transport.stream(request) as response:
        async for at_ms, data in response.chunks():
            for event in decoder.feed(data):
                builder.feed(event, at_ms / 1000)
    for event in decoder.finish():
        builder.feed(event, 0.0)
    return builder


def _at_the_decoder(names: Sequence[str], tally: _Tally) -> None:
    """Where the cuts are, and not where the network joins them again."""
    for name, notation in product(names, _NOTATIONS):
        body = notation.write(recordings.body(name))
        is_short = len(recordings.body(name)) <= _SHORT_BYTES
        for cut, chunks in _cuts(body, is_short=is_short, is_plain=notation in _PLAIN):
            tally.take(name, notation, cut, built(chunks))


def _cuts(body: bytes, *, is_short: bool, is_plain: bool) -> Iterator[tuple[str, Sequence[bytes]]]:
    chance = random.Random(len(body))
    yield f"{_CUTS} cuts", pieces(body, [chance.randrange(len(body)) for _ in range(_CUTS)])
    if is_short:
        yield "byte by byte", [body[at : at + 1] for at in range(len(body))]
    if is_plain and is_short:
        for at in range(1, len(body)):
            yield "in two, at each byte", [body[:at], body[at:]]
    elif is_plain:
        for at in sorted(chance.sample(range(1, len(body)), _CUTS)):
            yield f"in two, at {_CUTS} places", [body[:at], body[at:]]
