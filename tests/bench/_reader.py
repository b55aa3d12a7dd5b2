"""One way to read a stream, in a process of its own, that measures the processor time it takes.

The argument names the way. Each line on standard input is [port, order, text that must arrive]; the answer
is the processor time in seconds, user and system, from the request to the last event.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from tests.bench._player import EventsOrder
from tests.bench.recordings import received

from drover.domain.conversation import Message, Part
from drover.domain.endpoint import Endpoint
from drover.domain.parameters import UNSET
from drover.domain.run import Adjustment, Exchange, LiveRun, Run, RunRequest, RunStatus
from drover.engine.retries import RetryPolicy
from drover.engine.runner import Address, Runner
from drover.engine.transport import HttpRequest, Transport
from drover.log import register_secret
from drover.wire.chat import EncodedRequest

_KEY = "sk-bench-0123456789abcdef"


async def openai(base_url: str, order: EventsOrder) -> str:
    """The official SDK."""
    from openai import AsyncOpenAI

    asked = json.loads(order.request())
    texts: list[str] = []
    async with AsyncOpenAI(base_url=base_url, api_key=_KEY) as client:
        stream = await client.chat.completions.create(
            model=asked["model"], messages=asked["messages"], stream=True
        )
        async for chunk in stream:
            if chunk.choices:
                texts.append(chunk.choices[0].delta.content or "")
    return "".join(texts)


async def drover(base_url: str, order: EventsOrder) -> str:
    """Transport, decoder and builder."""
    transport = Transport()
    builder = await received(transport, HttpRequest(url=f"{base_url}/chat/completions", body=order.request()))
    await transport.aclose()
    return builder.answer


class _NoJournal:
    """Takes what a run would store, and stores nothing."""

    async def start(self, run_id: str, request_body: bytes, adjustments: tuple[Adjustment, ...]) -> None:
        """Before a byte leaves."""

    async def keep(self, run_id: str, parts: tuple[Part, ...]) -> None:
        """The reply so far."""

    async def settle(self, run: Run, message: Message, exchange: Exchange | None) -> None:
        """The outcome."""


async def run(base_url: str, order: EventsOrder) -> str:
    """A whole run: with a key to be masked, news for a view and the exchange, but without a journal."""
    endpoint = Endpoint(id="server", name="Server", base_url=base_url)
    live = LiveRun(
        Run(
            id="R", conversation_id="C", parent_id="Q", message_id="M", endpoint_id="server",
            endpoint_name="Server", base_url=base_url, model_id="m", parameters=UNSET, system_prompt="",
            status=RunStatus.QUEUED, created_at=datetime.now(UTC),
        ),
        time.monotonic(),
    )  # fmt: skip
    transport = Transport()
    runner = Runner(
        live,
        RunRequest(endpoint=endpoint, model_id="m", branch=(), parameters=UNSET),
        transport=transport,
        journal=_NoJournal(),
        locate=lambda: _located(base_url),
        advanced=lambda: None,
        retries=RetryPolicy(),
        encoded=EncodedRequest(body=order.request(), adjustments=()),
    )
    await runner.execute()
    await transport.aclose()
    return live.builder.answer


async def _located(base_url: str) -> Address:
    return Address(base_url=base_url, key=_KEY, key_variable="KEY")


WAYS: dict[str, Callable[[str, EventsOrder], Awaitable[str]]] = {
    "openai": openai,
    "drover": drover,
    "run": run,
}


async def _measured(
    way: Callable[[str, EventsOrder], Awaitable[str]], port: int, order: EventsOrder
) -> float:
    wanted = order.text
    started_s = time.process_time()
    text = await way(f"http://127.0.0.1:{port}/v1", order)
    spent_s = time.process_time() - started_s
    if text != wanted:
        raise RuntimeError(f"the text is not what was sent: {len(text)} characters for {len(wanted)}")
    return spent_s


def main() -> None:
    """Answers line by line until standard input ends."""
    way = WAYS[sys.argv[1]]
    register_secret(_KEY)
    for line in sys.stdin:
        port, values = json.loads(line)
        print(json.dumps(asyncio.run(_measured(way, port, EventsOrder(**values)))), flush=True)


if __name__ == "__main__":
    main()
