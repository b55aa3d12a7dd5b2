"""The transport against real sockets: what arrives, when, and in which words trouble is told."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.provider import (
    CHAT_PATH,
    EVENT_STREAM,
    MODELS_PATH,
    Close,
    Flag,
    Head,
    Provider,
    Reset,
    Send,
    Stall,
    Wait,
    event,
    raw_server,
    self_signed_certificate,
)

from drover.engine.transport import HttpRequest, Transport, headers_as_sent
from drover.errors import ConfigurationError, ConnectionFailed, ProtocolError

STREAM_HEAD = Head(headers={"Content-Type": EVENT_STREAM})
KEY = "sk-test-0123456789abcdef"


def request_to(url: str, **changes: Any) -> HttpRequest:
    """A chat request with a key."""
    options: dict[str, Any] = {"body": b'{"stream": true}', "headers": (("Authorization", f"Bearer {KEY}"),)}
    return HttpRequest(url=url, **{**options, **changes})


@asynccontextmanager
async def open_transport() -> AsyncIterator[Transport]:
    transport = Transport()
    try:
        yield transport
    finally:
        await transport.aclose()


async def read_all(transport: Transport, request: HttpRequest) -> bytes:
    """The whole body of a stream."""
    async with transport.stream(request) as response:
        return b"".join([chunk async for _, chunk in response.chunks()])


async def failure_of(request: HttpRequest) -> ConnectionFailed:
    """How a stream that cannot succeed fails."""
    async with open_transport() as transport:
        with pytest.raises(ConnectionFailed) as caught:
            await read_all(transport, request)
    assert KEY not in str(caught.value)
    assert caught.value.hint
    return caught.value


async def misconfiguration_of(request: HttpRequest) -> ConfigurationError:
    """How a request that cannot be sent as configured is refused."""
    async with open_transport() as transport:
        with pytest.raises(ConfigurationError) as caught:
            await read_all(transport, request)
    assert KEY not in str(caught.value)
    return caught.value


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def open_sockets() -> int:
    """TCP sockets of this process."""
    links = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(path.readlink()))
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return sum(link.startswith("socket:") for link in links)


# What is sent and what arrives


async def test_a_stream_arrives_byte_for_byte_with_rising_times(provider: Provider) -> None:
    parts = [
        event({"n": 1}),
        b": still thinking\n\n",
        event({"text": "\u2028 and \u0085 stay"}),
        event("[DONE]"),
    ]
    provider.script(STREAM_HEAD, *(Send(part) for part in parts))
    async with (
        open_transport() as transport,
        transport.stream(request_to(provider.url(CHAT_PATH))) as response,
    ):
        assert (response.status, response.http_version) == (200, "HTTP/1.1")
        assert response.header("content-type") == EVENT_STREAM
        marked = [mark async for mark in response.chunks()]
    assert b"".join(chunk for _, chunk in marked) == b"".join(parts)
    times = [response.connect_ms or 0.0, response.first_byte_ms, *(at_ms for at_ms, _ in marked)]
    assert times == sorted(times)
    assert times[0] > 0.0
    assert times[-1] < 5000.0


async def test_the_exact_body_and_the_headers_for_a_stream_are_sent(provider: Provider) -> None:
    provider.answers("hello")
    body = '{"stream": true, "text": "\u00e9"}'.encode()
    request = request_to(provider.url(CHAT_PATH), body=body)
    async with open_transport() as transport:
        await read_all(transport, request)
    sent = await provider.request()
    assert (sent.method, sent.path, sent.body, sent.bearer) == ("POST", CHAT_PATH, body, KEY)
    assert sent.headers["accept"] == EVENT_STREAM
    assert sent.headers["accept-encoding"] == "identity"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["user-agent"].startswith("Drover/")
    assert {name.lower(): value for name, value in headers_as_sent(request)}.items() <= sent.headers.items()


async def test_headers_of_the_caller_take_the_place_of_defaults(provider: Provider) -> None:
    provider.answers("hello")
    request = request_to(provider.url(CHAT_PATH), headers=(("accept", "*/*"), ("X-Title", "Drover")))
    async with open_transport() as transport:
        await read_all(transport, request)
    sent = await provider.request()
    assert (sent.headers["accept"], sent.headers["x-title"]) == ("*/*", "Drover")


async def test_an_error_status_is_a_response_whose_body_can_be_read(provider: Provider) -> None:
    provider.fails(429, {"error": {"message": "slow down"}}, {"Retry-After": "7"})
    async with (
        open_transport() as transport,
        transport.stream(request_to(provider.url(CHAT_PATH))) as response,
    ):
        assert (response.status, response.header("retry-after")) == (429, "7")
        assert await response.read(1000) == b'{"error": {"message": "slow down"}}'


async def test_reading_stops_at_the_limit(provider: Provider) -> None:
    provider.fails(500, "x" * 5000)
    async with (
        open_transport() as transport,
        transport.stream(request_to(provider.url(CHAT_PATH))) as response,
    ):
        assert await response.read(100) == b"x" * 100


async def test_fetch_returns_a_small_response_whole(provider: Provider) -> None:
    provider.models(["a-model"])
    async with open_transport() as transport:
        request = HttpRequest(method="GET", url=provider.url(MODELS_PATH))
        status, headers, body = await transport.fetch(request)
    assert status == 200
    assert ("Content-Type", "application/json") in headers
    assert body == b'{"object": "list", "data": [{"id": "a-model", "object": "model"}]}'
    assert (await provider.request()).method == "GET"


async def test_fetch_refuses_a_body_over_the_limit(provider: Provider) -> None:
    provider.models(["a-model"])
    async with open_transport() as transport:
        with pytest.raises(ProtocolError, match="larger than 20 bytes"):
            await transport.fetch(HttpRequest(method="GET", url=provider.url(MODELS_PATH)), limit_bytes=20)


async def test_a_finished_connection_is_used_again_and_reports_no_connect_time(provider: Provider) -> None:
    provider.answers("hello")
    request = request_to(provider.url(CHAT_PATH))
    async with open_transport() as transport:
        await read_all(transport, request)
        async with transport.stream(request) as response:
            assert response.connect_ms is None
            await response.read(100_000)
        assert provider.open_connections == 1


async def test_compressed_bytes_are_decompressed_though_nobody_asked_for_them(provider: Provider) -> None:
    import gzip

    data = gzip.compress(b"data: 1\n\n")
    provider.script(Head(headers={"Content-Encoding": "gzip"}), Send(data))
    async with open_transport() as transport:
        assert await read_all(transport, request_to(provider.url(CHAT_PATH))) == b"data: 1\n\n"


async def test_a_broken_compression_is_told_in_words(provider: Provider) -> None:
    provider.script(Head(headers={"Content-Encoding": "gzip"}), Send(b"this is no gzip"))
    async with open_transport() as transport:
        with pytest.raises(ProtocolError, match=r"answer of 127\.0\.0\.1:\d+ is compressed in a way that"):
            await read_all(transport, request_to(provider.url(CHAT_PATH)))


async def test_it_works_on_the_event_loop_of_qt(
    provider: Provider, qt_loop: asyncio.AbstractEventLoop
) -> None:
    gate = provider.answers("one two three", pause_after=2)
    async with open_transport() as transport:
        async with transport.stream(request_to(provider.url(CHAT_PATH))) as response:
            chunks = response.chunks()
            _, first = await anext(chunks)
            gate.set()
            rest = b"".join([chunk async for _, chunk in chunks])
        assert b"[DONE]" in first + rest
        with pytest.raises(ConnectionFailed):
            await read_all(transport, request_to(f"http://127.0.0.1:{free_port()}/v1"))


async def test_cookies_are_not_kept(provider: Provider) -> None:
    provider.fails(200, "hello", {"Set-Cookie": "route=7; Path=/"})
    async with open_transport() as transport:
        for _ in range(2):
            await read_all(transport, request_to(provider.url(CHAT_PATH)))
    assert "cookie" not in provider.requests[1].headers


# Connections that do not come about


async def test_a_refused_connection_names_host_and_port() -> None:
    port = free_port()
    failure = await failure_of(request_to(f"http://127.0.0.1:{port}/v1/chat/completions"))
    assert failure.phase == "tcp"
    assert str(failure) == f"No connection to 127.0.0.1:{port}: the connection was refused."


async def test_a_name_that_does_not_exist_is_told_as_such() -> None:
    failure = await failure_of(request_to("https://no-such-host.invalid/v1/chat/completions"))
    assert failure.phase == "name"
    assert str(failure) == "The name no-such-host.invalid was not found."


async def test_a_slow_look_up_ends_at_the_connect_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    released = Flag()

    def stuck(*_arguments: object, **_options: object) -> None:
        released.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    failure = await failure_of(request_to("http://slow.invalid/v1", connect_timeout_s=0.05))
    released.set()
    assert failure.phase == "name"
    assert str(failure) == "The name slow.invalid was not found within 0.05 s."


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's way with a full backlog")
async def test_a_port_that_accepts_nobody_ends_at_the_connect_limit() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:  # a full backlog makes Linux drop the handshake silently
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            failure = await failure_of(request_to(f"http://127.0.0.1:{port}/v1", connect_timeout_s=0.1))
        finally:
            for filler in fillers:
                filler.close()
    assert failure.phase == "tcp"
    assert str(failure) == f"127.0.0.1:{port} did not accept a connection within 0.1 s."
    assert 0.09 < failure.elapsed_s < 2.0


async def test_a_server_that_speaks_no_http_is_told_as_such() -> None:
    async with raw_server(b"220 mail.example ESMTP\r\n\r\n") as port:
        failure = await failure_of(request_to(f"http://127.0.0.1:{port}/v1"))
    assert failure.phase == "http"
    assert str(failure) == f"127.0.0.1:{port} does not answer in HTTP."


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "host/v1", "http://", "http://host:port/v1", "http://[::1/v1", ""]
)
async def test_what_is_no_address_is_refused_in_words(url: str) -> None:
    assert "is not an http or https address" in str(await misconfiguration_of(request_to(url)))


# Connections that break


async def test_a_server_that_hangs_up_without_an_answer(provider: Provider) -> None:
    provider.script(Close())
    failure = await failure_of(request_to(provider.url(CHAT_PATH)))
    assert failure.phase == "first_byte"
    assert str(failure) == f"127.0.0.1:{provider.port} closed the connection without an answer."


@pytest.mark.parametrize("ending", [Close(), Reset()])
async def test_a_server_gone_in_mid_answer_leaves_what_had_arrived(
    provider: Provider, ending: Close | Reset
) -> None:
    gate = Flag()
    provider.script(STREAM_HEAD, Send(event("1")), Wait(gate), ending)
    async with (
        open_transport() as transport,
        transport.stream(request_to(provider.url(CHAT_PATH))) as response,
    ):
        chunks = response.chunks()
        _, arrived = await anext(chunks)
        gate.set()
        with pytest.raises(ConnectionFailed) as caught:
            await anext(chunks)
    assert arrived == event("1")
    assert caught.value.phase == "stream"
    assert str(caught.value).startswith(
        f"127.0.0.1:{provider.port} broke off in the middle of the answer, after "
    )
    assert 0.0 < caught.value.elapsed_s < 5.0


async def test_a_server_gone_after_the_head_counts_as_broken_off(provider: Provider) -> None:
    provider.script(STREAM_HEAD, Close())
    assert (await failure_of(request_to(provider.url(CHAT_PATH)))).phase == "stream"


async def test_silence_before_the_head_ends_at_the_first_byte_limit(provider: Provider) -> None:
    provider.script(Stall())
    failure = await failure_of(request_to(provider.url(CHAT_PATH), first_byte_timeout_s=0.1))
    assert failure.phase == "first_byte"
    assert str(failure) == f"127.0.0.1:{provider.port} sent no byte of an answer within 0.1 s."
    assert 0.09 < failure.elapsed_s < 2.0
    await (await provider.request()).closed.reached()


async def test_silence_after_an_early_head_still_has_the_first_byte_limit(provider: Provider) -> None:
    gate = Flag()
    provider.script(STREAM_HEAD, Wait(gate), Send(event("1")))
    request = request_to(provider.url(CHAT_PATH), idle_timeout_s=0.01, first_byte_timeout_s=30.0)
    async with open_transport() as transport, transport.stream(request) as response:
        first = asyncio.ensure_future(anext(response.chunks()))
        done, _ = await asyncio.wait({first}, timeout=0.1)  # ten times the idle limit
        assert done == set()
        gate.set()
        assert (await first)[1] == event("1")


async def test_silence_in_the_answer_ends_at_the_idle_limit(provider: Provider) -> None:
    provider.script(STREAM_HEAD, Send(event("1")), Stall())
    failure = await failure_of(request_to(provider.url(CHAT_PATH), idle_timeout_s=0.1))
    assert failure.phase == "idle"
    assert str(failure) == f"127.0.0.1:{provider.port} fell silent for 0.1 s in the middle of the answer."
    await (await provider.request()).closed.reached()


async def test_comments_keep_an_answer_alive_beyond_the_idle_limit(provider: Provider) -> None:
    gates = [Flag() for _ in range(6)]
    steps = [step for gate in gates for step in (Send(b": alive\n\n"), Wait(gate))]
    provider.script(STREAM_HEAD, *steps, Send(event("1")))
    request = request_to(provider.url(CHAT_PATH), idle_timeout_s=0.4)
    received = b""
    async with open_transport() as transport, transport.stream(request) as response:
        loop = asyncio.get_running_loop()
        started_s = time.monotonic()
        chunks = response.chunks()
        for gate in gates:
            _, chunk = await anext(chunks)
            received += chunk
            loop.call_later(0.08, gate.set)  # a server that thinks; six of these exceed the limit
        received += b"".join([chunk async for _, chunk in chunks])
    assert time.monotonic() - started_s > 0.4
    assert received == b": alive\n\n" * 6 + event("1")


# Cancellation


async def test_a_cancelled_stream_closes_its_socket(provider: Provider) -> None:
    provider.script(STREAM_HEAD, Send(event("1")), Stall())
    started = asyncio.Event()

    async def consume(transport: Transport) -> None:
        async with transport.stream(request_to(provider.url(CHAT_PATH))) as response:
            async for _ in response.chunks():
                started.set()

    async with open_transport() as transport:
        task = asyncio.create_task(consume(transport))
        await started.wait()
        received = await provider.request()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await received.closed.reached()


@pytest.mark.parametrize("steps", [[Stall()], [STREAM_HEAD, Stall()]])
async def test_cancelling_before_the_first_byte_closes_the_socket(
    provider: Provider, steps: list[Any]
) -> None:
    provider.script(*steps)
    async with open_transport() as transport:
        task = asyncio.create_task(read_all(transport, request_to(provider.url(CHAT_PATH))))
        received = await provider.request()
        await received.paused.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await received.closed.reached()


async def test_cancelling_again_and_again_leaks_nothing(provider: Provider) -> None:
    provider.script(STREAM_HEAD, Send(event("1")), Stall())
    async with open_transport() as transport:
        task = asyncio.create_task(read_all(transport, request_to(provider.url(CHAT_PATH))))
        received = await provider.request()
        await received.paused.reached()
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        assert task.cancelled()
        await received.closed.reached()


async def test_leaving_a_stream_early_closes_its_socket(provider: Provider) -> None:
    provider.script(STREAM_HEAD, Send(event("1")), Stall())
    async with open_transport() as transport:
        async with transport.stream(request_to(provider.url(CHAT_PATH))) as response:
            async for _ in response.chunks():
                break
        await (await provider.request()).closed.reached()


async def test_closing_the_transport_ends_a_running_stream_in_words(provider: Provider) -> None:
    provider.script(STREAM_HEAD, Send(event("1")), Stall())
    async with open_transport() as transport:
        task = asyncio.create_task(read_all(transport, request_to(provider.url(CHAT_PATH))))
        await (await provider.request()).paused.reached()
        await transport.aclose()
        with pytest.raises(ConnectionFailed, match="was closed"):
            await task


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts sockets through /proc")
async def test_two_hundred_cancelled_streams_leave_no_socket(provider: Provider) -> None:
    provider.script(STREAM_HEAD, Send(event("1")), Stall())
    async with open_transport() as transport:
        before = open_sockets()
        for turn in range(20):
            tasks = [
                asyncio.create_task(read_all(transport, request_to(provider.url(CHAT_PATH))))
                for _ in range(10)
            ]
            received = [await provider.request(10 * turn + index) for index in range(10)]
            for each in received[: turn % 10]:  # some have their first bytes, others not even a head
                await each.paused.reached()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in received:
                await each.closed.reached()
        assert len(provider.requests) == 200
        assert open_sockets() == before


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_reported_with_the_new_address_and_not_followed(
    provider: Provider, status: int
) -> None:
    provider.fails(
        status, "moved", {"Location": "https://elsewhere.example/v2/chat/completions?token=abcdefgh"}
    )
    error = await misconfiguration_of(request_to(provider.url(CHAT_PATH)))
    assert str(error) == (
        f"127.0.0.1:{provider.port} redirects to https://elsewhere.example/v2/chat/completions."
    )
    assert len(provider.requests) == 1


async def test_a_relative_redirect_is_told_as_a_whole_address(provider: Provider) -> None:
    provider.fails(308, "moved", {"Location": "/login"})
    error = await misconfiguration_of(request_to(provider.url(CHAT_PATH)))
    assert f"redirects to http://127.0.0.1:{provider.port}/login." in str(error)


# Headers


@pytest.mark.parametrize(
    "value", ["Bearer a\nb", "Bearer k\u00e9y", "Bearer \u2026", "Bearer a ", "a\0b", "Bearer a\r"]
)
async def test_a_value_that_cannot_be_sent_is_refused_without_quoting_it(
    provider: Provider, value: str
) -> None:
    request = request_to(provider.url(CHAT_PATH), headers=(("Authorization", value),))
    error = await misconfiguration_of(request)
    assert str(error) == "The value of the header Authorization holds characters that cannot be sent."
    assert provider.requests == []


async def test_a_name_that_cannot_be_a_header_is_refused(provider: Provider) -> None:
    request = request_to(provider.url(CHAT_PATH), headers=(("X Title", "a"),))
    assert str(await misconfiguration_of(request)) == "'X Title' cannot be the name of a header."


def test_a_request_shows_no_headers_when_printed() -> None:
    assert KEY not in repr(request_to("http://127.0.0.1/v1"))


async def test_the_key_is_in_no_log_line(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    provider.answers("hello")
    with caplog.at_level(logging.DEBUG, logger="drover"):
        async with open_transport() as transport:
            await read_all(transport, request_to(provider.url(CHAT_PATH)))
    assert KEY not in "".join(record.getMessage() for record in caplog.records if "drover" in record.name)


# Proxies


async def test_loopback_is_never_reached_through_a_proxy(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    provider.answers("hello")
    async with open_transport() as transport:
        for host in ("127.0.0.1", "localhost"):
            url = provider.url(CHAT_PATH).replace("127.0.0.1", host)
            assert b"[DONE]" in await read_all(transport, request_to(url))


async def test_other_hosts_are_reached_through_the_proxy(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{provider.port}")
    provider.fails(418, "I am a proxy", path="http://model.invalid/v1/chat/completions")
    request = request_to("http://model.invalid/v1/chat/completions")
    async with open_transport() as transport, transport.stream(request) as response:
        assert response.status == 418


async def test_a_host_in_no_proxy_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "model.invalid")
    assert (await failure_of(request_to("https://model.invalid/v1"))).phase == "name"


async def test_a_proxy_that_refuses_is_named_without_its_password(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:hidden-word@127.0.0.1:{provider.port}")
    provider.fails(407, "no", path="model.invalid:443")
    failure = await failure_of(request_to("https://model.invalid/v1"))
    assert failure.phase == "proxy"
    assert (
        str(failure)
        == f"The proxy http://127.0.0.1:{provider.port} does not accept the user name and the password."
    )
    assert "hidden-word" not in str(failure)


async def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{port}")
    failure = await failure_of(request_to("https://model.invalid/v1"))
    assert failure.phase == "proxy"
    assert "the connection was refused" in str(failure)
    assert f"http://127.0.0.1:{port}" in str(failure)


@pytest.mark.parametrize(
    "address",
    [
        "socks://127.0.0.1:9",
        "socks4://user:hidden-word@127.0.0.1:9",
        "ftp://127.0.0.1:9",
        "http://",
        "http://h:port",
    ],
)
async def test_a_nonsense_proxy_is_named_at_use_and_spares_loopback(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", address)
    error = await misconfiguration_of(request_to("https://model.invalid/v1"))
    assert "from ALL_PROXY cannot be used" in str(error)
    assert "hidden-word" not in str(error)
    provider.answers("hello")
    async with open_transport() as transport:
        assert b"[DONE]" in await read_all(transport, request_to(provider.url(CHAT_PATH)))


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    return self_signed_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_provider(certificate: Path) -> Iterator[Provider]:
    """A scripted server behind that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Provider(tls=context) as provider:
        yield provider


async def test_a_certificate_that_nobody_vouches_for_is_named(tls_provider: Provider) -> None:
    failure = await failure_of(request_to(tls_provider.url(CHAT_PATH)))
    assert failure.phase == "tls"
    assert str(failure).startswith(f"The certificate of 127.0.0.1:{tls_provider.port} is not trusted: self")
    assert tls_provider.requests == []


async def test_a_certificate_in_ssl_cert_file_is_trusted(
    tls_provider: Provider, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_provider.answers("hello")
    async with open_transport() as transport:
        request = request_to(tls_provider.url(CHAT_PATH))
        async with transport.stream(request) as response:
            assert response.connect_ms is not None
            assert b"[DONE]" in await response.read(100_000)


async def test_a_certificate_for_another_name_is_refused(
    tls_provider: Provider, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = tls_provider.url(CHAT_PATH).replace("127.0.0.1", "localhost")
    failure = await failure_of(request_to(url))
    assert failure.phase == "tls"
    assert "ostname mismatch" in str(failure)


async def test_https_to_a_server_without_tls_is_told_as_such() -> None:
    async with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        failure = await failure_of(request_to(f"https://127.0.0.1:{port}/v1"))
    assert failure.phase == "tls"
    assert str(failure) == f"127.0.0.1:{port} does not speak TLS."


async def test_a_stale_ssl_cert_file_is_named_at_use_and_spares_plain_http(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    provider.answers("hello")
    async with open_transport() as transport:
        assert b"[DONE]" in await read_all(transport, request_to(provider.url(CHAT_PATH)))
    error = await misconfiguration_of(request_to("https://model.invalid/v1"))
    assert (
        str(error)
        == f"SSL_CERT_FILE names {tmp_path / 'gone.pem'}, which is not a readable file of certificates."
    )


# Start-up


def test_importing_the_module_imports_no_http_library() -> None:
    code = "import sys, drover.engine.transport, drover.engine.secrets; print(sorted(sys.modules))"
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    for name in ("httpx", "httpcore", "anyio", "truststore", "keyring"):
        assert f"'{name}'" not in done.stdout


async def test_a_body_that_nobody_takes_waits_at_the_server() -> None:
    sent_bytes = 0

    def serve(listening: socket.socket) -> None:
        nonlocal sent_bytes
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.settimeout(0.5)
            with suppress(TimeoutError):
                while sent_bytes < 200_000_000:
                    sent_bytes += connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(asyncio.to_thread(serve, listening))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        async with open_transport() as transport, transport.stream(request_to(url)) as response:
            assert response.status == 200
            await serving

    assert sent_bytes < 50_000_000
