"""A thousand streams broken off at every stage: how soon the server sees it, and what is left of them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench._machine import machine
from tests.network import Authority, ScriptedProxy, running, serving
from tests.provider import CHAT_PATH, EVENT_STREAM, Head, Provider, Send, Stall, Step, event

from drover.domain.network import NetworkSettings, ProxyMode
from drover.engine.transport import HttpRequest, NetworkAccess, Transport

_ROUNDS = 100
_AT_ONCE = 10
_HEAD = Head(headers={"Content-Type": EVENT_STREAM})
_STAGES: dict[str, Sequence[Step]] = {
    "before the head": [Stall()],
    "after the head": [_HEAD, Stall()],
    "in the answer": [_HEAD, Send(event({"n": 1})), Stall()],
    "in half an event": [_HEAD, Send(b"data: {"), Stall()],
}


def measure() -> dict[str, object]:
    """Milliseconds from the cancellation to the end of the connection at the server; then, what is left."""
    return asyncio.run(_measure())


async def _measure() -> dict[str, object]:
    took_ms: dict[str, list[float]] = {}
    before = (_sockets(), len(asyncio.all_tasks()))
    transport = Transport()
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        context = serving(authority.issue("server"))
        trusting = NetworkAccess(settings=NetworkSettings(ca_file=str(authority.file)))
        with Provider() as plain, Provider(tls=context) as encrypted:
            for round_ in range(_ROUNDS):
                name, steps = list(_STAGES.items())[round_ % len(_STAGES)]
                is_tls = round_ % 3 == 2
                provider, access = (encrypted, trusting) if is_tls else (plain, NetworkAccess())
                provider.script(*steps)
                times = await _broken_off(transport, provider, access)
                took_ms.setdefault(f"{name}, TLS" if is_tls else name, []).extend(times)
            took_ms["at a proxy"] = await _at_a_proxy(transport)
            pooled = sum(map(_pooled, transport._clients.values()))
            await transport.aclose()
    await asyncio.sleep(0)
    after = (_sockets(), len(asyncio.all_tasks()))
    return {
        "machine": machine(),
        "cancelled": sum(map(len, took_ms.values())),
        "seconds": round(time.monotonic() - started_s, 1),
        "closed_after_ms": {
            name: {"median": round(sorted(times)[len(times) // 2], 1), "worst": round(max(times), 1)}
            for name, times in took_ms.items()
        },
        "connections_left_in_pools": pooled,
        "sockets_left": after[0] - before[0],
        "tasks_left": after[1] - before[1],
    }


async def _broken_off(transport: Transport, provider: Provider, access: NetworkAccess) -> list[float]:
    first = len(provider.requests)
    request = HttpRequest(url=provider.url(CHAT_PATH), body=b"{}", network=access)
    tasks = [asyncio.create_task(_read(transport, request)) for _ in range(_AT_ONCE)]
    received = [await provider.request(first + index) for index in range(_AT_ONCE)]
    for each in received:
        await each.paused.reached()
    cancelled_s = time.monotonic()
    for task in tasks:
        task.cancel()

    async def closed(index: int) -> float:
        await received[index].closed.reached()
        return (time.monotonic() - cancelled_s) * 1000

    times = await asyncio.gather(*map(closed, range(_AT_ONCE)))
    await asyncio.gather(*tasks, return_exceptions=True)
    return times


async def _at_a_proxy(transport: Transport) -> list[float]:
    times = []
    for is_socks in (False, True):
        async with running(ScriptedProxy(0, stalls=True), is_socks=is_socks) as proxy:
            scheme = "socks5" if is_socks else "http"
            settings = NetworkSettings(
                proxy_mode=ProxyMode.MANUAL, proxy_url=f"{scheme}://127.0.0.1:{proxy.port}"
            )
            request = HttpRequest(
                url="https://model.invalid/v1", body=b"{}", network=NetworkAccess(settings=settings)
            )
            for _ in range(_AT_ONCE):
                proxy.reached.clear()
                proxy.ended.clear()
                task = asyncio.create_task(_read(transport, request))
                await proxy.reached.wait()
                cancelled_s = time.monotonic()
                task.cancel()
                await proxy.ended.wait()
                times.append((time.monotonic() - cancelled_s) * 1000)
                await asyncio.gather(task, return_exceptions=True)
    return times


async def _read(transport: Transport, request: HttpRequest) -> None:
    async with transport.stream(request) as response:
        async for _ in response.chunks():
            pass


def _pooled(client: Any) -> int:
    """Connections that a pool holds, ended ones too."""
    return len(client.http._transport._pool.connections)


def _sockets() -> int:
    found = 0
    for path in Path("/proc/self/fd").iterdir():
        try:
            found += str(path.readlink()).startswith("socket:")
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return found
