"""Fetching a picture: what is sent, what is taken, and who is never asked."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.pictures import breaks_off, gif, png, serves
from tests.provider import Head, Provider, Send

from drover.domain.pictures import picture_format
from drover.engine.pictures import MOST_BYTES, fetch_picture
from drover.engine.reach import PublicOnly
from drover.engine.transport import Transport
from drover.errors import ConfigurationError, ConnectionFailed, DroverError, ProtocolError, Redirected

LOOPBACK = PublicOnly(except_for=(ipaddress.ip_network("127.0.0.0/8"),))


@asynccontextmanager
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    try:
        yield made
    finally:
        await made.aclose()


async def fetch(url: str, reach: PublicOnly = LOOPBACK) -> bytes:
    async with transport() as made:
        return await fetch_picture(made, url, reach)


async def refusal(url: str, reach: PublicOnly = LOOPBACK) -> DroverError:
    with pytest.raises(DroverError) as caught:
        await fetch(url, reach)
    return caught.value


async def test_one_request_brings_the_picture_and_tells_its_host_nothing(provider: Provider) -> None:
    url = serves(provider, "/cat.png?v=2", png())
    assert await fetch(url) == png()
    (request,) = provider.requests
    assert (request.method, request.path, request.body) == ("GET", "/cat.png?v=2", b"")
    assert set(request.headers) == {"host", "accept", "accept-encoding", "user-agent", "connection"}
    assert request.headers["accept-encoding"] == "identity"


async def test_a_cookie_is_never_sent_back(provider: Provider) -> None:
    head = Head(headers={"Set-Cookie": "who=you; Path=/", "Content-Type": "image/png"})
    provider.script(head, Send(png()), path="/a.png")
    async with transport() as made:
        for _ in range(2):
            await fetch_picture(made, provider.url("/a.png"), LOOPBACK)
    assert all("cookie" not in request.headers for request in provider.requests)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "0177.0.0.1",
        "[::ffff:127.0.0.1]", "192.168.1.1", "10.0.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "[fe80::1]", "[fd00::1]", "224.0.0.1", "255.255.255.255", "[2002:7f00:1::]", "[64:ff9b::7f00:1]",
    ],
)  # fmt: skip
async def test_this_machine_and_its_network_are_never_asked(provider: Provider, host: str) -> None:
    error = await refusal(f"http://{host}:{provider.port}/a.png", PublicOnly())
    assert "is this computer or one in its own network" in error.message
    assert provider.requests == []
    assert provider.open_connections == 0


async def test_a_name_that_moves_home_between_look_up_and_connection_is_refused(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    serves(provider, "/a.png", png())
    answers = iter(["93.184.215.14"])
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if host not in ("pictures.localhost", b"pictures.localhost"):
            return real(host, port, *rest, **options)
        address = next(answers, "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    error = await refusal(f"http://pictures.localhost:{provider.port}/a.png", PublicOnly())
    assert "own network" in error.message
    assert provider.requests == []


def test_public_addresses_are_allowed_and_exceptions_are_no_wider_than_they_say() -> None:
    assert PublicOnly().allows(ipaddress.ip_address("93.184.215.14"))
    assert PublicOnly().allows(ipaddress.ip_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c"))
    assert LOOPBACK.allows(ipaddress.ip_address("127.0.0.1"))
    assert not LOOPBACK.allows(ipaddress.ip_address("192.168.0.1"))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://e.org/a.png", "//e.org/a.png", "a.png", "http://["]
)
async def test_only_http_and_https_are_asked(url: str) -> None:
    assert "not an http or https address" in (await refusal(url)).message


async def test_an_address_with_a_password_is_not_asked(provider: Provider) -> None:
    error = await refusal(f"http://me:secret@127.0.0.1:{provider.port}/a.png")
    assert isinstance(error, ConfigurationError)
    assert "secret" not in error.words
    assert provider.requests == []


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "not told"])
async def test_what_is_too_large_is_given_up(provider: Provider, is_told: bool) -> None:
    raw = png() + b"\0" * MOST_BYTES
    head = {"Content-Type": "image/png"} | ({"Content-Length": str(len(raw))} if is_told else {})
    pieces = [Send(raw[at : at + 1_000_000]) for at in range(0, len(raw), 1_000_000)]
    provider.script(Head(headers=head), *pieces, path="/big.png")
    error = await refusal(provider.url("/big.png"))
    assert error.message == "The picture is larger than 20 MB."


async def test_a_redirect_is_told_and_not_followed(provider: Provider) -> None:
    serves(provider, "/there.png", png())
    provider.script(
        Head(status=302, headers={"Location": "/there.png", "Content-Length": "0"}), path="/here.png"
    )
    error = await refusal(provider.url("/here.png"))
    assert isinstance(error, Redirected)
    assert error.location == provider.url("/there.png")
    assert [request.path for request in provider.requests] == ["/here.png"]


async def test_a_redirect_to_nonsense_is_told_too(provider: Provider) -> None:
    provider.script(
        Head(status=302, headers={"Location": "http://[", "Content-Length": "0"}), path="/here.png"
    )
    error = await refusal(provider.url("/here.png"))
    assert isinstance(error, Redirected)
    assert error.location == ""


@pytest.mark.parametrize(
    ("kind", "raw", "words"),
    [
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        ("image/png", b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
        ("text/html; charset=utf-8", b"<!doctype html><p>Sign in", "a web page, not a picture"),
        ("image/avif", b"\0\0\0\x20ftypavif", "a picture of the type image/avif"),
        ("image/png", b"MZ\x90\0", "something that is no PNG, JPEG, WebP or GIF"),
        ("image/png", b"", "nothing"),
    ],
)
async def test_what_is_no_picture_is_said_in_words(
    provider: Provider, kind: str, raw: bytes, words: str
) -> None:
    error = await refusal(serves(provider, "/a", raw, kind))
    assert isinstance(error, ProtocolError)
    assert words in error.message


async def test_a_packed_body_is_not_unpacked(provider: Provider) -> None:
    head = Head(headers={"Content-Encoding": "gzip", "Content-Type": "image/png"})
    provider.script(head, Send(b"\x1f\x8b"), path="/a.png")
    assert "packed" in (await refusal(provider.url("/a.png"))).message


async def test_a_refusal_names_its_status(provider: Provider) -> None:
    provider.fails(404, "gone", path="/a.png")
    error = await refusal(provider.url("/a.png"))
    assert error.message == f"127.0.0.1:{provider.port} answered 404 Not Found."


async def test_half_a_picture_is_no_picture(provider: Provider) -> None:
    error = await refusal(breaks_off(provider, "/a.png", png()[:30], 5000))
    assert isinstance(error, ConnectionFailed)
    assert "broke off in the middle" in error.message


def test_the_first_bytes_tell_the_format() -> None:
    assert [picture_format(raw) for raw in (png(), gif(), b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBPVP8 ")] == [
        "png", "gif", "jpeg", "webp",
    ]  # fmt: skip
    assert picture_format(b"RIFF\0\0\0\0WAVE") == picture_format(b"<svg/>") == picture_format(b"") == ""
