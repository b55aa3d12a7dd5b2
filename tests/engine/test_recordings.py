"""What real servers sent, in any notation and through a real socket, is read for what it is.

`python -m tests.bench recordings` does the same with every recording in every notation.
"""

from __future__ import annotations

import random

import pytest
from tests.bench.recordings import received
from tests.provider import CHAT_PATH, EVENT_STREAM, Head, Provider, Send
from tests.wire.recordings import body, names, notations, outcome, outcome_of
from tests.wire.replies import pieces

from drover.engine.transport import HttpRequest, Transport

pytestmark = pytest.mark.skipif(not names(), reason="the folder of recorded streams is not here")

_HEAD = Head(headers={"Content-Type": EVENT_STREAM})


@pytest.mark.parametrize("name", names())
async def test_a_recording_over_a_socket_ends_as_expected(name: str, provider: Provider) -> None:
    chance = random.Random(name)
    notation = chance.choice(list(notations()))
    written = notation.write(body(name))
    cuts = [chance.randrange(len(written)) for _ in range(50)]
    provider.script(_HEAD, Send(written))
    provider.script(_HEAD, *map(Send, filter(None, pieces(written, cuts))))
    request = HttpRequest(url=provider.url(CHAT_PATH), body=b"{}")
    transport = Transport()

    whole = await received(transport, request)
    cut = await received(transport, request)
    await transport.aclose()

    assert outcome_of(whole) == outcome(name), str(notation)
    assert outcome_of(cut) == outcome(name), str(notation)
